// In which states a verifier is tested: every backend of this machine, without tables and with tables of each size.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "crypto-offload/verifier.h"

namespace electra::crypto {

// A backend, and the size of the tables it is told to make. 0: no key is learned, everything takes the general path.
struct Setting {
  std::string_view backend;
  std::uint32_t table_kib = 0;
};

// Every backend of this machine without tables, and those that learn keys also with tables of each size.
[[nodiscard]] std::vector<Setting> settings();
// Only those with tables.
[[nodiscard]] std::vector<Setting> settings_with_tables();

// libsodium's backend works message by message at 40 µs each: what is about lanes and batches needs no long run of it.
[[nodiscard]] inline bool works_in_lanes(const Setting& setting) { return setting.backend != "sodium"; }

// A verifier in this setting. With tables it learns the keys under the numbers 1, 2, … and waits until they are there;
// kSpareNumbers more may be learned. Throws if the verifier does not come or a table is missing.
inline constexpr std::uint32_t kSpareNumbers = 100;
[[nodiscard]] std::unique_ptr<Verifier> make_verifier(const Setting& setting, std::span<const Bytes32> keys);

}  // namespace electra::crypto
