#define ELECTRA_CHECK_LIMB_RANGES
#include "crypto-offload/avx512/field.h"
#include "crypto-offload/avx512/sign_comb.h"
#include "crypto-offload/avx512/supported.h"
#include "tests/crypto-offload/lane_probe.h"

namespace electra::crypto::avx512 {
namespace {

template <typename T>
T load_limbs(const lane_probe::Limbs& limbs, int) {
  T out;
  for (int k = 0; k < kLimbs; ++k) out.limb[k] = _mm512_loadu_si512(limbs.limb[k]);
  return out;
}
template <typename T>
void store_limbs(lane_probe::Limbs& out, int, const T& value) {
  for (int k = 0; k < kLimbs; ++k) _mm512_storeu_si512(out.limb[k], value.limb[k]);
}

}  // namespace
}  // namespace electra::crypto::avx512

#include "tests/crypto-offload/lane_probe_body.h"

namespace electra::crypto {
namespace avx512 {
namespace {

void check_limbs(const char* function, const std::uint64_t (*limbs)[kLanes], std::uint64_t bound) {
  for (int k = 0; k < kLimbs; ++k) {
    for (int i = 0; i < kLanes; ++i) {
      expect_in_range(function, k, i, static_cast<std::int64_t>(limbs[k][i]), {0, static_cast<std::int64_t>(bound)});
    }
  }
}

constexpr lane_probe::Range below(std::uint64_t bound) { return {0, static_cast<std::int64_t>(bound)}; }

}  // namespace
}  // namespace avx512

constinit const lane_probe::Probe lane_probe::kAvx512Probe =
    avx512::make_probe("avx512", avx512::supported,
                       {.carried = avx512::below(avx512::kCarriedBound),
                        .factor = avx512::below(avx512::kFactorBound),
                        .product = avx512::below(avx512::kProductBound),
                        .wide = avx512::below(avx512::kWideBound),
                        .carried_product = avx512::below(std::uint64_t{1} << 59),
                        .reducible = avx512::below(avx512::kCarriedBound),
                        .canonical = avx512::below(std::uint64_t{1} << 51)});

void lane_probe::make_sign_tables(std::uint64_t* tables) { avx512::make_sign_tables(tables); }
lane_probe::PointLimbs lane_probe::multiply_base(const std::uint64_t* tables, const Bytes& signs) {
  PointLimbs out{};
  avx512::to(out, avx512::multiply_base(tables, avx512::from(signs)));
  return out;
}

}  // namespace electra::crypto
