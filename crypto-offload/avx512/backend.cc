// The parts of lanes/ over vectors of 8 lanes. Compiled for instructions that not every machine has, and includes nothing
// with inline functions which other files could share.
#include "crypto-offload/avx512/backend.h"

#include "crypto-offload/avx512/field.h"
#include "crypto-offload/avx512/scalar.h"
#include "crypto-offload/avx512/sha512.h"
#include "crypto-offload/lanes/make_tables.h"
#include "crypto-offload/lanes/registration.h"
#include "crypto-offload/lanes/verify.h"

namespace electra::crypto::avx512 {
namespace {

std::uint8_t check_up_to_8(const std::uint8_t* const* keys, std::size_t count) {
  const std::uint8_t* all[kLanes];
  for (std::size_t i = 0; i < kLanes; ++i) all[i] = keys[i < count ? i : 0];
  return static_cast<std::uint8_t>(check_keys(load_words(all)) & ((1U << count) - 1));
}

}  // namespace

constinit const LaneBackend kBackend = {
    .name = "avx512", .verify = verify_items, .check_keys = check_up_to_8, .make_tables = make_tables_in_lanes};

}  // namespace electra::crypto::avx512
