// Which entries of the tables of its key a scalar adds up: what recoding gives and the comb takes. Plain memory.
#pragma once

#include <cstdint>

#include "crypto-offload/tables/comb_shape.h"

namespace electra::crypto {

// The digits of 8 scalars, as comb_shape.h defines them: digit [r · tables + j] belongs to row r and table j.
struct alignas(64) CombDigits {
  // j · 2^(teeth−1) + e: the place of entry e of table j when the tables lie one after the other.
  std::uint16_t entry[kCombDigitsMax][8];
  // Bit `lane`: the entry is subtracted.
  std::uint8_t negative[kCombDigitsMax];
};

}  // namespace electra::crypto
