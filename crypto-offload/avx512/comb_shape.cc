#include "crypto-offload/avx512/comb_shape.h"

#include "meter-proto/base/assert.h"

namespace electra::crypto::avx512 {

void require_valid(const CombShape& shape) noexcept { ELECTRA_ASSERT(valid(shape)); }

}  // namespace electra::crypto::avx512
