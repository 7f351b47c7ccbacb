#include "bench/verify/matrix.h"

#include <fmt/core.h>

#include <array>

#include "bench/common/measure.h"
#include "bench/verify/peers.h"

namespace electra::bench {
namespace {

constexpr std::array<std::uint32_t, 7> kTableKib = {64, 32, 16, 4, 2, 1, 0};
constexpr std::array<std::uint32_t, 4> kKeys = {100, 1'000, 10'000, 100'000};
constexpr std::uint32_t kBuildKeys = 10'000;
constexpr std::uint64_t kMemoryLeftAlone = std::uint64_t{1} << 30;
constexpr std::size_t kBatch = 256;

struct Cell {
  std::unique_ptr<Case> figures;  // null: does not fit
  double build_per_second = 0;    // 0: nothing was built
  crypto::TableStatus tables;
};

bool fits(std::uint32_t keys, std::uint32_t table_kib) {
  const std::uint64_t available = memory_available_bytes();
  return available == 0 || budget_for(keys, table_kib) + kMemoryLeftAlone <= available;
}

std::expected<Cell, std::string> measure_cell(Arena& arena, std::uint32_t keys, std::uint32_t table_kib) {
  const Options& options = arena.options();
  const Workload& workload = arena.workload(keys);
  Cell cell;
  if (!fits(keys, table_kib)) return cell;
  const auto ready = table_kib == 0 ? learn_nothing(options.backend)
                                    : learn_all(workload, {.backend = options.backend,
                                                           .table_kib = table_kib,
                                                           .budget_bytes = budget_for(keys, table_kib)});
  if (!ready) return std::unexpected(ready.error());
  cell.tables = ready->tables;
  if (cell.tables.tables > 0) cell.build_per_second = keys / ready->seconds;
  cell.figures = std::make_unique<Case>();
  cell.figures->contestant = verify_batches(workload, *ready->verifier, kBatch, true);
  cell.figures->peer = sodium_verify(workload);
  cell.figures->warms_up = cell.tables.table_bytes != 0;
  for (std::uint32_t run = 0; run <= options.runs; ++run) {
    const auto done = run_once(*cell.figures, run, options.quick);
    if (!done) return std::unexpected(done.error());
    if (run == 0) cell.figures->forget();
  }
  cell.figures->contestant.reset();  // refers to the verifier
  return cell;
}

}  // namespace

std::expected<nlohmann::json, std::string> measure_matrix(Arena& arena) {
  nlohmann::json matrix = nlohmann::json::array();
  nlohmann::json build = nlohmann::json::array();
  fmt::print(
      "Verifications/s on one core, batches of {}, random key order (times libsodium); tables made a second.\n\n",
      kBatch);
  fmt::print("{:<10}", "a table");
  for (const std::uint32_t count : kKeys) fmt::print("{:>20}", fmt::format("{} keys", arena.keys(count)));
  fmt::print("{:>14}\n", "made/s");
  for (const std::uint32_t table_kib : kTableKib) {
    fmt::print("{:<10}", table_kib == 0 ? "none" : fmt::format("{} KiB", table_kib));
    double made_per_second = 0;
    for (const std::uint32_t count : kKeys) {
      const std::uint32_t keys = arena.keys(count);
      const auto cell = measure_cell(arena, keys, table_kib);
      if (!cell) return std::unexpected(cell.error());
      if (!cell->figures) {
        fmt::print("{:>20}", "no memory");
        continue;
      }
      const Case& figures = *cell->figures;
      fmt::print("{:>20}", fmt::format("{:.0f} ({:.1f})", median(figures.rates), median(figures.ratios)));
      std::fflush(stdout);
      matrix.push_back({{"table_kib", table_kib},
                        {"keys", keys},
                        {"per_second", median(figures.rates)},
                        {"ratio", median(figures.ratios)},
                        {"cpu_ratio", median(figures.cpu_ratios)},
                        {"spread", spread(figures.ratios)},
                        {"table_memory_bytes", cell->tables.memory_bytes},
                        {"pages", cell->tables.pages}});
      if (count == kBuildKeys && cell->build_per_second > 0) {
        made_per_second = cell->build_per_second;
        build.push_back({{"table_kib", table_kib}, {"keys", keys}, {"per_second", made_per_second}});
      }
    }
    fmt::print("{:>14}\n", made_per_second > 0 ? fmt::format("{:.0f}", made_per_second) : "-");
  }
  return nlohmann::json{{"matrix", matrix}, {"build", build}};
}

}  // namespace electra::bench
