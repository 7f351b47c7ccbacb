// The stages of verification that have no points, of each vector backend, for tests that run over all of them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <string>

#include "crypto-offload/avx2/scalar.h"
#include "crypto-offload/avx2/sha512.h"
#include "crypto-offload/avx2/supported.h"
#include "crypto-offload/avx512/scalar.h"
#include "crypto-offload/avx512/sha512.h"
#include "crypto-offload/avx512/supported.h"

namespace electra::crypto {

struct Stages {
  const char* backend;
  bool (*supported)();
  void (*sha512_lanes)(const Sha512Item*, std::size_t count, LaneWords<8>*);
  void (*store_digests)(const LaneWords<8>&, std::size_t count, Bytes64*);
  void (*sha512_many)(const Sha512Item*, std::size_t count, Bytes64*);
  void (*reduce)(const LaneWords<8>&, LaneWords<4>*);
  std::uint8_t (*below_order)(const LaneWords<4>&);
  void (*recode)(const LaneWords<4>&, const CombShape&, CombDigits*);
};
inline void PrintTo(const Stages* stages, std::ostream* out) { *out << stages->backend; }

inline constexpr Stages kAvx512Stages = {
    .backend = "avx512",
    .supported = avx512::supported,
    .sha512_lanes = avx512::sha512_lanes,
    .store_digests = avx512::store_digests,
    .sha512_many = avx512::sha512_many,
    .reduce = avx512::reduce,
    .below_order = avx512::below_order,
    .recode = avx512::recode,
};
inline constexpr Stages kAvx2Stages = {
    .backend = "avx2",
    .supported = avx2::supported,
    .sha512_lanes = avx2::sha512_lanes,
    .store_digests = avx2::store_digests,
    .sha512_many =
        [](const Sha512Item* items, std::size_t count, Bytes64* digests) {
          for (std::size_t at = 0; at < count; at += 8) {
            LaneWords<8> group;
            const std::size_t taken = std::min<std::size_t>(count - at, 8);
            avx2::sha512_lanes(items + at, taken, &group);
            avx2::store_digests(group, taken, digests + at);
          }
        },
    .reduce = avx2::reduce,
    .below_order = avx2::below_order,
    .recode = avx2::recode,
};

// Skips without the instructions.
class StagesTest : public testing::TestWithParam<const Stages*> {
 protected:
  void SetUp() override {
    if (!stages().supported()) GTEST_SKIP() << "this CPU cannot run the " << stages().backend << " backend";
  }
  [[nodiscard]] static const Stages& stages() { return *GetParam(); }
};
// Says that a suite derived from StagesTest runs over every backend.
#define ELECTRA_EVERY_STAGES(suite)                                                        \
  INSTANTIATE_TEST_SUITE_P(Backends, suite, testing::Values(&kAvx512Stages, &kAvx2Stages), \
                           [](const auto& instance) { return std::string(instance.param->backend); })

}  // namespace electra::crypto
