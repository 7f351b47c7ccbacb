#include "tests/crypto-offload/settings.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>

namespace electra::crypto {

std::vector<Setting> settings() {
  std::vector<Setting> out;
  for (const std::string_view backend : backend_names()) out.push_back({.backend = backend});
  std::ranges::copy(settings_with_tables(), std::back_inserter(out));
  return out;
}

std::vector<Setting> settings_with_tables() {
  std::vector<Setting> out;
  for (const std::string_view backend : backend_names()) {
    if (!works_in_lanes({.backend = backend})) continue;
    for (const std::uint32_t kib : {64U, 32U, 16U, 4U, 2U, 1U}) out.push_back({.backend = backend, .table_kib = kib});
  }
  return out;
}

std::unique_ptr<Verifier> make_verifier(const Setting& setting, std::span<const Bytes32> keys) {
  const auto count = static_cast<std::uint32_t>(keys.size());
  VerifierOptions options;
  options.backend = setting.backend;
  options.keys_max = setting.table_kib == 0 ? 0 : count + kSpareNumbers;
  options.table_kib = setting.table_kib;
  auto made = make_verifier(options);
  if (!made) throw std::runtime_error(made.error());
  std::unique_ptr<Verifier> verifier = std::move(*made);
  if (setting.table_kib == 0) return verifier;

  for (std::uint32_t i = 0; i < count; ++i) verifier->learn(i + 1, keys[i]);
  verifier->settle();
  const TableStatus status = verifier->tables();
  if (status.tables != count || status.table_bytes != setting.table_kib * 1024) {
    throw std::runtime_error(std::string(setting.backend) + " made " + std::to_string(status.tables) + " tables of " +
                             std::to_string(status.table_bytes) + " bytes for " + std::to_string(count) + " keys");
  }
  return verifier;
}

}  // namespace electra::crypto
