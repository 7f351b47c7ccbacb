// Scalars as the tests of the vector backends put them into lanes, take them out and say them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

#include "crypto-offload/lanes/lane_words.h"
#include "meter-proto/base/bytes.h"
#include "tests/crypto-offload/reference_ed25519.h"

namespace electra::crypto::lane_scalars {

using reference::Integer;

inline constexpr std::size_t kLanes = 8;

inline Integer plus(const Integer& a, std::uint64_t b) { return reference::add(a, reference::integer(b)); }
inline Integer minus(const Integer& a, std::uint64_t b) { return reference::sub(a, reference::integer(b)); }

inline Integer random_integer(std::mt19937_64& random) {
  Integer out;
  for (std::uint64_t& limb : out.limb) limb = random();
  return out;
}
inline Integer random_scalar(std::mt19937_64& random) {
  return reference::multiply_add(random_integer(random), reference::integer(1), random_integer(random));
}

template <int kWords>
void set_lane(LaneWords<kWords>& words, std::size_t lane, const std::uint64_t* value) {
  for (std::size_t k = 0; k < kWords; ++k) words.word[k][lane] = value[k];
}
inline Integer lane_of(const LaneWords<4>& words, std::size_t lane) {
  Integer out;
  for (std::size_t k = 0; k < 4; ++k) out.limb[k] = words.word[k][lane];
  return out;
}

inline std::string hex(const Integer& value) { return to_hex(reference::store(value)) + " (little endian)"; }

}  // namespace electra::crypto::lane_scalars
