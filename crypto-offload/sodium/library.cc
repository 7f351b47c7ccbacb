#include "crypto-offload/sodium/library.h"

#include <sodium.h>

#include "meter-proto/base/assert.h"

namespace electra::crypto::sodium {

void require_library() { ELECTRA_ASSERT(sodium_init() >= 0); }

}  // namespace electra::crypto::sodium
