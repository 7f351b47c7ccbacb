#define ELECTRA_CHECK_LIMB_RANGES
#include "crypto-offload/avx2/field.h"
#include "crypto-offload/avx2/supported.h"
#include "tests/crypto-offload/lane_probe.h"

namespace electra::crypto::avx2 {
namespace {

// Tests see the limbs of a Wide without their offset.
template <typename T>
T load_limbs(const lane_probe::Limbs& limbs, int first) {
  T out;
  for (int k = 0; k < kLimbs; ++k) {
    for (int i = 0; i < kLanes; ++i) {
      const std::int64_t limb = limbs.limb[k][first + i];
      if constexpr (__is_same(T, Field)) {
        out.limb[k][i] = static_cast<double>(limb);
      } else {
        out.limb[k][i] = limb + static_cast<std::int64_t>(kOffset);
      }
    }
  }
  return out;
}
template <typename T>
void store_limbs(lane_probe::Limbs& out, int first, const T& value) {
  for (int k = 0; k < kLimbs; ++k) {
    for (int i = 0; i < kLanes; ++i) {
      auto limb = static_cast<std::int64_t>(value.limb[k][i]);
      if constexpr (__is_same(T, Wide)) limb -= static_cast<std::int64_t>(kOffset);
      out.limb[k][first + i] = limb;
    }
  }
}

}  // namespace
}  // namespace electra::crypto::avx2

#include "tests/crypto-offload/lane_probe_body.h"

namespace electra::crypto {
namespace avx2 {
namespace {

void check_limbs(const char* function, const std::int64_t (*limbs)[kLanes], std::int64_t least, std::int64_t bound) {
  for (int k = 0; k < kLimbs; ++k) {
    for (int i = 0; i < kLanes; ++i) expect_in_range(function, k, i, limbs[k][i], {least, bound});
  }
}

// What is no integer, or far out of every range, counts as the greatest.
void check_limbs(const char* function, const double (*limbs)[kLanes], std::int64_t least, std::int64_t bound) {
  std::int64_t integers[kLimbs][kLanes];
  for (int k = 0; k < kLimbs; ++k) {
    for (int i = 0; i < kLanes; ++i) {
      const double limb = limbs[k][i];
      const bool sane = limb > -0x1p62 && limb < 0x1p62;
      integers[k][i] = sane ? static_cast<std::int64_t>(limb) : INT64_MAX;
      if (sane && static_cast<double>(integers[k][i]) != limb) integers[k][i] = INT64_MAX;
    }
  }
  check_limbs(function, integers, least, bound);
}

constexpr lane_probe::Range within(std::int64_t bound) { return {1 - bound, bound}; }
constexpr lane_probe::Range wide(std::int64_t least, std::int64_t bound) {
  return {least - static_cast<std::int64_t>(kOffset), bound - static_cast<std::int64_t>(kOffset)};
}

}  // namespace
}  // namespace avx2

constinit const lane_probe::Probe lane_probe::kAvx2Probe =
    avx2::make_probe("avx2", avx2::supported,
                     {.carried = avx2::within(avx2::kCarriedBound),
                      .factor = avx2::within(avx2::kFactorBound),
                      .product = avx2::wide(std::int64_t{1} << 50, avx2::kProductBound),
                      .wide = avx2::wide(0, avx2::kWideBound),
                      .carried_product = avx2::wide(std::int64_t{1} << 50, (std::int64_t{1} << 60) - (1 << 14)),
                      .reducible = avx2::within(avx2::kFactorBound),
                      .canonical = {0, std::int64_t{1} << 51}});

}  // namespace electra::crypto
