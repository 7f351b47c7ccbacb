// The parts of lanes/ over vectors of 4 lanes. Compiled for instructions that not every machine has, and includes nothing
// with inline functions which other files could share.
#include "crypto-offload/avx2/backend.h"

#include "crypto-offload/avx2/field.h"
#include "crypto-offload/avx2/scalar.h"
#include "crypto-offload/avx2/sha512.h"
#include "crypto-offload/lanes/make_tables.h"
#include "crypto-offload/lanes/registration.h"
#include "crypto-offload/lanes/verify.h"

namespace electra::crypto::avx2 {
namespace {

std::uint8_t check_up_to_8(const std::uint8_t* const* keys, std::size_t count) {
  unsigned passed = 0;
  for (std::size_t first = 0; first < count; first += kLanes) {
    const std::uint8_t* four[kLanes];
    for (std::size_t i = 0; i < kLanes; ++i) four[i] = keys[first + i < count ? first + i : first];
    passed |= unsigned{check_keys(load_words(four))} << first;
  }
  return static_cast<std::uint8_t>(passed & ((1U << count) - 1));
}

}  // namespace

constinit const LaneBackend kBackend = {
    .name = "avx2", .verify = verify_items, .check_keys = check_up_to_8, .make_tables = make_tables_in_lanes};

}  // namespace electra::crypto::avx2
