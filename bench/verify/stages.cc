#include "bench/verify/stages.h"

#include <fmt/core.h>

#include "bench/common/measure.h"
#include "bench/verify/stage_loops.h"
#include "crypto-offload/avx512/backend.h"
#include "crypto-offload/avx512/supported.h"
#include "crypto-offload/lanes/base_table.h"
#include "crypto-offload/tables/key_tables.h"

namespace electra::bench {
namespace {

namespace loops = crypto::stage_loops;

constexpr std::uint32_t kKeys = 10'000;
constexpr std::size_t kBatch = crypto::kLaneItemsMax;

std::uint32_t shape_of(std::uint32_t table_kib) {
  for (std::uint32_t i = 0; i < crypto::kTableShapeCount; ++i) {
    if (crypto::table_bytes(crypto::kTableShapes[i]) == table_kib << 10) return i;
  }
  return crypto::kNoTable;
}

// The messages of a workload as the backend takes them.
struct LaneItems {
  std::unique_ptr<crypto::KeyTables> tables;  // null: none
  std::unique_ptr<crypto::KeyTables::Reading> reading;
  std::vector<crypto::LaneItem> items;
};

std::expected<LaneItems, std::string> make_items(const Workload& workload, std::uint32_t table_kib) {
  LaneItems out;
  if (table_kib != 0) {
    crypto::KeyTables::Options options;
    options.keys_max = workload.keys();
    options.memory_bytes_max = budget_for(workload.keys(), table_kib);
    options.table_kib = table_kib;
    out.tables = std::make_unique<crypto::KeyTables>(options, crypto::avx512::kBackend.make_tables);
    for (std::uint32_t i = 0; i < workload.keys(); ++i) out.tables->learn(i + 1, workload.public_key(i));
    out.tables->settle();
    out.reading = std::make_unique<crypto::KeyTables::Reading>(*out.tables);
  }
  for (std::size_t i = 0; i < workload.messages().size(); ++i) {
    const Message& message = workload.messages()[i];
    const std::uint32_t key = workload.facts(i).key;
    crypto::LaneItem& item = out.items.emplace_back();
    item = {.signature = message.signature.data(),
            .key = workload.public_key(key).data(),
            .table = nullptr,
            .tag = workload.tag().data(),
            .sequence = Workload::sequence(i),
            .payload = message.payload().data(),
            .payload_bytes = static_cast<std::uint32_t>(message.payload().size())};
    if (!out.reading) continue;
    item.table = out.reading->find(key + 1, item.key).entries;
    if (item.table == nullptr) return std::unexpected("a key has no table");
  }
  return out;
}

std::size_t good_ones(const Workload& workload, std::size_t first) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < kBatch; ++i) count += workload.facts(first + i).valid() ? 1 : 0;
  return count;
}

// Nanoseconds a signature, one a batch.
struct Times {
  std::vector<double> hash, scalars, points, compare, whole, cycle;
};

std::expected<Times, std::string> time_stages(const Workload& workload, const LaneItems& lanes, std::uint32_t shape,
                                              const std::uint64_t* base, std::uint32_t runs) {
  Times times;
  const auto ns = [](std::uint64_t begin, std::uint64_t end) { return static_cast<double>(end - begin) / kBatch; };
  for (std::uint32_t run = 0; run <= runs; ++run) {
    if (run == 1) times = {};
    for (std::size_t at = 0; at + kBatch <= lanes.items.size(); at += kBatch) {
      const loops::Batch batch{&lanes.items[at], kBatch, shape, base};
      const std::uint64_t t0 = wall_ns();
      loops::hash(batch);
      const std::uint64_t hashed = wall_ns();
      loops::scalars(
          batch);  // not timed: those of t1 and of t2, which are subtracted, shall find the same in the caches
      const std::uint64_t t1 = wall_ns();
      loops::scalars(batch);
      const std::uint64_t t2 = wall_ns();
      loops::scalars_and_points(batch);
      const std::uint64_t t3 = wall_ns();
      const std::size_t good = loops::compare(batch);
      const std::uint64_t t4 = wall_ns();
      times.hash.push_back(ns(t0, hashed));
      times.scalars.push_back(ns(t1, t2));
      times.points.push_back(ns(t2, t3) - ns(t1, t2));
      times.compare.push_back(ns(t3, t4));
      if (good != good_ones(workload, at)) return std::unexpected("wrong verdicts, stage by stage");
    }
    for (std::size_t at = 0; at + kBatch <= lanes.items.size(); at += kBatch) {
      const std::uint64_t begin = wall_ns();
      const std::size_t good = loops::whole({&lanes.items[at], kBatch, shape, base});
      times.whole.push_back(ns(begin, wall_ns()));
      if (good != good_ones(workload, at)) return std::unexpected("wrong verdicts");
    }
    for (int i = 0; i < 9; ++i) times.cycle.push_back(loops::nanoseconds_of_a_cycle());
  }
  return times;
}

}  // namespace

std::expected<nlohmann::json, std::string> measure_stages(Arena& arena) {
  if (!crypto::avx512::supported()) return std::unexpected("this machine has no AVX-512 IFMA");
  const Workload& workload = arena.workload(arena.keys(kKeys));
  const crypto::AlignedWords base = crypto::make_base_table(crypto::avx512::kBackend.make_tables);
  nlohmann::json stages = nlohmann::json::array();
  double cycle_ns = 0;
  fmt::print("Of one signature in a batch of {}, {} keys in random order: ns (cycles of this core).\n\n{:<12}", kBatch,
             workload.keys(), "a table");
  for (const char* const name : {"hash", "reduce, recode", "points", "encode, compare", "sum", "in one piece"}) {
    fmt::print("{:>17}", name);
  }
  fmt::print("\n");
  for (const std::uint32_t table_kib : {64U, 4U, 0U}) {
    const auto items = make_items(workload, table_kib);
    if (!items) return std::unexpected(items.error());
    const auto times = time_stages(workload, *items, shape_of(table_kib), base.get(), arena.options().runs);
    if (!times) return std::unexpected(times.error());
    cycle_ns = median(times->cycle);
    fmt::print("{:<12}", table_kib == 0 ? "none" : fmt::format("{} KiB", table_kib));
    const auto report = [&](const char* stage, double ns) {
      fmt::print("{:>17}", fmt::format("{:.0f} ({:.0f})", ns, ns / cycle_ns));
      stages.push_back({{"table_kib", table_kib}, {"stage", stage}, {"ns", ns}, {"cycles", ns / cycle_ns}});
    };
    const double hash = median(times->hash), scalars = median(times->scalars), points = median(times->points),
                 compare = median(times->compare);
    report("hash", hash);
    report("scalars", scalars);
    report("points", points);
    report("compare", compare);
    report("sum", hash + scalars + points + compare);
    report("in_one_piece", median(times->whole));
    fmt::print("\n");
    std::fflush(stdout);
  }
  fmt::print("\nThe core ran at {:.2f} GHz, by a chain of multiplications.\n", 1 / cycle_ns);
  return nlohmann::json{{"stages", stages}, {"core_ghz", 1 / cycle_ns}};
}

}  // namespace electra::bench
