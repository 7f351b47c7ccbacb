// Brings a fleet of meters into the directory and fills the wallets of those that consume.
//
// Meter by meter: the operator registers serial number and key, the meter proves possession, the operator transfers a
// first amount. Meters go in groups of 32, each with a fixed range of 64 operator sequences, inside which a registration
// and a funding have fixed places; not_after follows from the chain's time in steps of a week. So a run that was killed
// anywhere is completed by the same command: what was taken is answered as repeated and never happens twice. A meter that
// is active and has (or had) money is left as it is.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>

#include "engine/electrad/meter/fleet.h"
#include "engine/electrad/meter/gateway_link.h"
#include "engine/electrad/meter/progress.h"

namespace electra::player {

inline constexpr std::uint64_t kDefaultFundUelectra = 500'000'000;       // 500 ELC
inline constexpr std::uint64_t kDefaultRegisterModulus = 1'000'000'000;  // Wh: six digits of kWh
inline constexpr std::uint64_t kDefaultMaxWhPerInterval = 25'000;        // 100 kW for 15 min

struct EnrollOptions {
  LinkOptions link;
  std::filesystem::path data;
  std::string seed;                                    // phrase of the development keys
  std::uint32_t count = 0;                             // meters; 0 = every series once
  std::optional<std::filesystem::path> operator_key;   // a key file; else the key named "operator" of the phrase
  std::uint64_t fund_uelectra = kDefaultFundUelectra;  // for each consumer; 0 = none
  std::uint64_t register_modulus = kDefaultRegisterModulus;
  std::uint64_t max_wh_per_interval = kDefaultMaxWhPerInterval;  // 0 = no limit
};

struct EnrollReport {
  std::uint32_t meters = 0;      // of the fleet, all active at the end
  std::uint32_t registered = 0;  // by this run
  std::uint32_t activated = 0;
  std::uint32_t funded = 0;
  std::uint64_t repeated = 0;  // messages that the gateway had already
  std::uint64_t messages = 0;
};

[[nodiscard]] std::expected<EnrollReport, std::string> run_enroll(const EnrollOptions& options, ProgressSink& progress);

// Where the operator's messages for a meter stand; `first_sequence` is the range of the meter's group.
inline constexpr std::uint32_t kMetersPerGroup = 32;
inline constexpr std::uint64_t kSequencesPerGroup = 2 * kMetersPerGroup;
inline constexpr std::uint64_t kFirstGroupSequence = 1024;  // below: for what a person does by hand before

[[nodiscard]] constexpr std::uint64_t group_sequence(std::uint32_t group) noexcept {
  return kFirstGroupSequence + std::uint64_t{group} * kSequencesPerGroup;
}
[[nodiscard]] constexpr std::uint64_t registration_sequence(std::uint64_t first_sequence,
                                                            std::uint32_t place) noexcept {
  return first_sequence + place;
}
[[nodiscard]] constexpr std::uint64_t funding_sequence(std::uint64_t first_sequence, std::uint32_t place) noexcept {
  return first_sequence + kMetersPerGroup + place;
}

// When a funding sent at `now_s` expires: a whole number of weeks after genesis, one to two weeks ahead.
[[nodiscard]] constexpr std::uint64_t funding_not_after(std::uint64_t genesis_s, std::uint64_t now_s) noexcept {
  constexpr std::uint64_t kWeek = 7 * 86'400;
  return genesis_s + ((now_s - genesis_s) / kWeek + 2) * kWeek;
}

}  // namespace electra::player
