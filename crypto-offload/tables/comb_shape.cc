#include "crypto-offload/tables/comb_shape.h"

#include "meter-proto/base/assert.h"

namespace electra::crypto {

void require_valid(const CombShape& shape) noexcept { ELECTRA_ASSERT(valid(shape)); }

}  // namespace electra::crypto
