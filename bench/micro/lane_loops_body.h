// The loops of lane_loops.h over the field of a backend. Include its field.h first; the .cc that does is compiled for its
// instructions, and includes nothing with inline functions that other files share.
#pragma once

#include "bench/micro/lane_loops.h"
#include "crypto-offload/lanes/general.h"
#include "crypto-offload/lanes/make_tables.h"
#include "crypto-offload/lanes/point.h"
#include "crypto-offload/lanes/registration.h"

namespace electra::crypto::ELECTRA_LANES {
namespace {

using lane_loops::Loop;

constexpr int kRounds = 128;
constexpr int kOperands = 8;

// Two cache lines a lane, as a table of a known key has them; every round reads others, 16 KiB for each lane.
alignas(64) std::uint64_t entries[kRounds][kLanes][kEntryWords];
Field operand[kOperands];

Field some_field() { return add(operand[0], all(kFourD)); }

template <Field (*kStep)(const Field&, const Field&)>
void chain() {
  const Field b = some_field();
  Field a = operand[0];
  for (int i = 0; i < kRounds; ++i) a = kStep(a, b);
  operand[0] = a;
}
template <Field (*kStep)(const Field&, const Field&)>
void parallel() {
  const Field b = some_field();
  for (int i = 0; i < kRounds / kOperands; ++i) {
    for (Field& a : operand) a = kStep(a, b);
  }
}

[[gnu::always_inline]] inline Field multiply_step(const Field& a, const Field& b) { return multiply(a, b); }
[[gnu::always_inline]] inline Field square_step(const Field& a, const Field&) { return square(a); }
void invert_once() { operand[0] = invert(some_field()); }

template <Point (*kStep)(const Point&, int)>
void points() {
  Point p = from_affine(some_field(), all(kTwoD));
  for (int i = 0; i < kRounds; ++i) p = kStep(p, i);
  operand[0] = p.sum;
}

[[gnu::always_inline]] inline Point mixed_step(const Point& p, int round) {
  const std::uint64_t* entry[kLanes];
  for (int i = 0; i < kLanes; ++i) entry[i] = entries[round][i];
  return add_mixed<NeedT::yes>(p, load_entries(entry), static_cast<Mask>(round & kAllLanes));
}
// Memory that was never written would be one page of zeros for all rounds.
void loaded_entries() {
  if (entries[0][0][0] == 0) {
    std::uint64_t* entry[kLanes];
    for (auto& round : entries) {
      for (int i = 0; i < kLanes; ++i) entry[i] = round[i];
      store_entries(entry, {all(kD), all(kTwoD), all(kFourD)});
    }
  }
  points<mixed_step>();
}

[[gnu::always_inline]] inline Point mixed_in_registers_step(const Point& p, int round) {
  return add_mixed<NeedT::yes>(p, {all(kD), all(kTwoD), all(kFourD)}, static_cast<Mask>(round & kAllLanes));
}
[[gnu::always_inline]] inline Point twice_step(const Point& p, int) { return twice<NeedT::yes>(p); }
[[gnu::always_inline]] inline Point add_step(const Point& p, int) {
  return add<NeedT::yes>(p, {all(kD), all(kTwoD), all(kFourD), all(kRootOfMinusOne)});
}

// A key for every lane, for which the base point stands: nothing depends on the bytes.
constexpr std::uint8_t kKey[32] = {0x58, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
                                   0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
                                   0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66};
alignas(64) std::uint64_t tables[kLanes][kComb64KiB.entries() * kEntryWords];
alignas(64) std::uint8_t scratch[kMakeScratchBytes];

template <std::uint32_t kShape>
void tables_of_shape() {
  const std::uint8_t* keys[kLanes];
  std::uint64_t* to[kLanes];
  std::uint64_t checksums[kLanes];
  for (int i = 0; i < kLanes; ++i) {
    keys[i] = kKey;
    to[i] = tables[i];
  }
  make_tables_in_lanes(keys, kLanes, kTableShapes[kShape], to, checksums, scratch);
}

Words keys() {
  const std::uint8_t* key[kLanes];
  for (auto& one : key) one = kKey;
  return load_words(key);
}

// A signature in every lane. Its digits, and the table of B, are any that are in range.
alignas(64) std::uint64_t base_table[kCombBase.entries() * kEntryWords];

void general() {
  static LaneWords<4> h;
  static CombDigits s;
  if (h.word[0][0] == 0) {
    std::uint64_t random = 1;
    const auto next = [&random] { return (random = random * 6364136223846793005U + 1442695040888963407U) >> 13; };
    for (std::uint64_t& word : base_table) word = next();
    for (auto& word : h.word) {
      for (std::uint64_t& lane : word) lane = next();
    }
    for (auto& digit : s.entry) {
      for (std::uint16_t& lane : digit) lane = static_cast<std::uint16_t>(next() % kCombBase.entries());
    }
    for (std::uint8_t& mask : s.negative) mask = static_cast<std::uint8_t>(next());
  }
  Point out;
  (void)multiply_general(keys(), h, s, base_table, 0, out);
  operand[0] = out.sum;
}

void registration() {
  if (check_keys(keys()) != kAllLanes) __builtin_trap();
}

constexpr Loop kLoops[] = {
    {"multiply/chain", kRounds, chain<multiply_step>},
    {"multiply/parallel", kRounds, parallel<multiply_step>},
    {"square/chain", kRounds, chain<square_step>},
    {"square/parallel", kRounds, parallel<square_step>},
    {"invert", 1, invert_once},
    {"add_mixed/entry_constant", kRounds, points<mixed_in_registers_step>},
    {"add_mixed/entry_loaded", kRounds, loaded_entries},
    {"add", kRounds, points<add_step>},
    {"twice", kRounds, points<twice_step>},
    {"general", 1, general},
    {"registration", 1, registration},
    {"make_tables/64KiB", 1, tables_of_shape<0>},
    {"make_tables/32KiB", 1, tables_of_shape<1>},
    {"make_tables/16KiB", 1, tables_of_shape<2>},
    {"make_tables/4KiB", 1, tables_of_shape<3>},
    {"make_tables/2KiB", 1, tables_of_shape<4>},
    {"make_tables/1KiB", 1, tables_of_shape<5>},
};

}  // namespace
}  // namespace electra::crypto::ELECTRA_LANES
