// All leaves of a machine, to be changed by hand and made a machine again.
#pragma once

#include "engine/state/restorer.h"
#include "tests/state/workload.h"

namespace electra::state::test {

struct Dump {
  std::array<Leaves, kTables> tables;

  Leaves& of(Table table) { return tables[static_cast<std::size_t>(table)]; }
  LeafCounts counts() const {
    LeafCounts counts{};
    for (std::size_t table = 0; table < kTables; ++table)
      counts[table] = static_cast<std::uint32_t>(tables[table].size());
    return counts;
  }
};

inline Dump dump(const Machine& machine) {
  Dump all;
  for (std::size_t table = 0; table < kTables; ++table)
    all.tables[table] = leaves_of(machine, static_cast<Table>(table));
  return all;
}

// In an order that `seed` makes; 0 = as they stand.
inline std::expected<std::unique_ptr<Machine>, std::string> restore(const Dump& all, const Genesis& genesis,
                                                                    RulesRange known, std::uint64_t seed = 0) {
  auto restorer = Machine::Restorer::create(genesis, known, all.counts());
  if (!restorer) return std::unexpected(restorer.error());
  std::vector<std::pair<std::size_t, std::uint32_t>> order;
  for (std::size_t table = 0; table < kTables; ++table)
    for (std::uint32_t index = 0; index < all.tables[table].size(); ++index) order.emplace_back(table, index);
  std::mt19937_64 dice(seed);
  if (seed != 0) std::ranges::shuffle(order, dice);
  for (const auto& [table, index] : order)
    if (auto good = restorer->load(static_cast<Table>(table), index, all.tables[table][index]); !good)
      return std::unexpected(good.error());
  return restorer->finish();
}

}  // namespace electra::state::test
