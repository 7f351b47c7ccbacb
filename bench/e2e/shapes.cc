#include "bench/e2e/shapes.h"

#include <algorithm>

namespace electra::bench {
namespace {

constexpr std::uint32_t kMany = 10'000;  // sender keys
constexpr std::uint32_t kConnections = 64;
constexpr std::uint32_t kNoEnd = 1U << 30;  // refusals of a session
constexpr std::uint64_t kSlowFlushUs = 5000;
constexpr std::uint32_t kSlowClients = 8;    // of each kind
constexpr std::uint32_t kFewSenders = 1000;  // of the shapes that compare numbers of accounts
constexpr std::uint32_t kMillion = 1'000'000;
constexpr double kOpenRateV = 10;
constexpr double kSnapshotsTimes = 1.5;  // as long as latency_10v
constexpr double kSnapshotsSecondsMin = 2.5;
constexpr std::uint64_t kSnapshotsMessagesMin = 700'000;
constexpr double kSweepS = 2;
constexpr double kSweepQuickS = 0.2;
// Some 65,000 messages under way fill a batch behind each of those that the gateway has in hand.
constexpr std::uint32_t kBulkBatch = 512;
constexpr std::uint32_t kBulkDepth = 2;
constexpr std::uint32_t kDatagramBatch = 128;
constexpr std::uint32_t kDatagramDepth = 2;
// What a connection of an open loop writes at once.
constexpr std::uint32_t kOpenBatch = 16;

// Of the full table, and of a look whether everything works.
struct Sizes {
  std::uint32_t senders;  // where the full table has 10,000
  std::uint64_t bulk;     // messages of the bulk shapes
  std::uint64_t beyond;   // more, for what goes on behind them
  std::uint64_t accounts;
  std::uint64_t single_32;
  std::uint64_t single_1;
  double open_loop_s;
  std::uint64_t snapshots;                      // sealed within bulk messages, at least
  std::optional<std::uint64_t> snapshot_every;  // where there would be none else
};
constexpr Sizes kFull{kMany, 10'000'000, 500'000, 4'000'000, 400'000, 40'000, 6, 10, {}};
constexpr Sizes kQuick{1000, 300'000, 30'000, 150'000, 20'000, 3000, 0.5, 1, 6U << 20};

// What most shapes send; the same frames serve them all.
Variant bulk(const Sizes& sizes) {
  return {.scenario = {.load = Load::transfers,
                       .senders = sizes.senders,
                       .connections = kConnections,
                       .messages = sizes.bulk + sizes.beyond},
          .plan = {.load = {.batch = kBulkBatch, .depth = kBulkDepth, .messages = sizes.bulk},
                   .snapshot_every = sizes.snapshot_every,
                   .snapshots_min = sizes.snapshots}};
}

Variant one_at_a_time(std::uint32_t senders, std::uint64_t messages) {
  return {.scenario = {.senders = senders, .connections = senders, .messages = messages},
          .plan = {.load = {.batch = 1, .depth = 1}, .snapshot_every = {}}};
}

Variant open_loop(const Sizes& sizes) {
  Variant variant = bulk(sizes);
  variant.plan.snapshots_min = 0;
  variant.plan.load = {.batch = kOpenBatch};
  variant.plan.rate_v = kOpenRateV;
  variant.plan.seconds = sizes.open_loop_s;
  return variant;
}

// A state that takes a snapshot a while.
Variant million_accounts(const Sizes& sizes) {
  Variant variant = bulk(sizes);
  variant.scenario.accounts = kMillion - 2 * sizes.senders;  // two more each are no wallets
  variant.scenario.messages = sizes.accounts;
  variant.plan.load.messages = 0;
  variant.plan.snapshots_min = 0;
  return variant;
}

Variant with_accounts(const Sizes& sizes, std::uint32_t accounts) {
  return {.scenario = {.senders = kFewSenders,
                       .connections = kConnections,
                       .accounts = accounts,
                       .messages = sizes.accounts},
          .plan = {.load = {.batch = kBulkBatch, .depth = kBulkDepth}, .snapshot_every = {}}};
}

std::vector<Shape> bulk_shapes(const Sizes& sizes) {
  std::vector<Shape> shapes;
  shapes.push_back({.name = "transfers",
                    .text = "signed, durable, 64 connections, 10,000 keys, full batches, 10 M messages, 10 snapshots",
                    .figure = Figure::rate_v,
                    .bar = 26,
                    .aim = 40,
                    .measured = bulk(sizes),
                    .beside = {}});
  Shape unverified{.name = "transfers_unverified",
                   .text = "the same without the arithmetic of signatures, ids computed: the engine's ceiling",
                   .figure = Figure::rate_v,
                   .bar = 50,
                   .aim = 75,
                   .measured = bulk(sizes),
                   .beside = {}};
  unverified.measured.plan.accept_all = true;
  // It is over in a fraction of the time that the disk has for the others' snapshots.
  unverified.measured.plan.snapshots_min = (sizes.snapshots + 1) / 2;
  shapes.push_back(std::move(unverified));
  Shape readings{.name = "readings",
                 .text = "signed readings of 10,000 meters, else as transfers",
                 .figure = Figure::rate_v,
                 .bar = 26,
                 .aim = 40,
                 .measured = bulk(sizes),
                 .beside = {}};
  readings.measured.scenario.load = Load::readings;
  shapes.push_back(std::move(readings));
  return shapes;
}

// Fewer messages under way than by TCP, whose windows hold senders back: a socket has room for some thousand datagrams.
Shape datagram_shape(const Sizes& sizes) {
  Shape shape{.name = "transfers_udp",
              .text = "as transfers, by datagrams; for information",
              .figure = Figure::rate_v,
              .measured = bulk(sizes),
              .beside = {}};
  shape.measured.plan.udp = true;
  shape.measured.plan.load.batch = kDatagramBatch;
  shape.measured.plan.load.depth = kDatagramDepth;
  return shape;
}

std::vector<Shape> latency_shapes(const Sizes& sizes) {
  std::vector<Shape> shapes;
  shapes.push_back({.name = "single_32",
                    .text = "one message at a time, 32 senders",
                    .figure = Figure::rate_v,
                    .bar = 2,
                    .aim = 4,
                    .measured = one_at_a_time(32, sizes.single_32),
                    .beside = {}});
  shapes.push_back({.name = "single_1",
                    .text = "one message at a time, one sender: p50",
                    .figure = Figure::p50_d,
                    .bar = 2.5,
                    .aim = 1.6,
                    .measured = one_at_a_time(1, sizes.single_1),
                    .beside = {}});
  shapes.push_back({.name = "latency_10v",
                    .text = "open loop at 10 V, 64 connections: p50 (and p99)",
                    .figure = Figure::p50_p99_d,
                    .bar = 4,
                    .aim = 2.5,
                    .bar_p99 = 15,
                    .aim_p99 = 8,
                    .measured = open_loop(sizes),
                    .beside = {}});
  return shapes;
}

// Each beside the same load without the trouble.
std::vector<Shape> trouble_shapes(const Sizes& sizes) {
  std::vector<Shape> shapes;
  Shape hostile{.name = "hostile",
                .text = "half of the traffic forged: good messages a second",
                .figure = Figure::rate_beside,
                .bar = 0.45,
                .aim = 0.48,
                .measured = bulk(sizes),
                .beside = {}};
  hostile.measured.plan.snapshots_min = 0;  // what is refused is not written
  hostile.beside = hostile.measured;
  hostile.measured.scenario.forged_per_mille = 500;
  hostile.measured.plan.refusals_max = kNoEnd;
  shapes.push_back(std::move(hostile));
  Shape slow{.name = "slow_disk",
             .text = "every durable write takes 5 ms more: messages a second",
             .figure = Figure::rate_beside,
             .bar = 0.90,
             .aim = 0.97,
             .measured = bulk(sizes),
             .beside = bulk(sizes)};
  slow.measured.plan.flush_delay_us = kSlowFlushUs;
  shapes.push_back(std::move(slow));
  Shape clients{
      .name = "slow_clients",
      .text = "40 clients that never read, hardly read, stop in a frame, are silent or reset: messages a second",
      .figure = Figure::rate_beside,
      .bar = 0.90,
      .aim = 0.97,
      .measured = bulk(sizes),
      .beside = {}};
  clients.measured.plan.load.messages = sizes.accounts;
  clients.measured.plan.snapshots_min = 0;
  clients.beside = clients.measured;
  clients.measured.plan.slow_clients = kSlowClients;
  shapes.push_back(std::move(clients));
  Shape restart{.name = "restart",
                .text = "kill -9 under full load at 10 M messages: until the first new acknowledgement",
                .figure = Figure::restart_s,
                .bar = 2,
                .aim = 0.5,
                .measured = bulk(sizes),
                .beside = {}};
  restart.measured.plan.load.messages = 0;
  restart.measured.plan.snapshots_min = 0;  // its report is the successor's
  restart.measured.plan.kill_after = sizes.bulk;
  shapes.push_back(std::move(restart));
  return shapes;
}

std::vector<Shape> size_shapes(const Sizes& sizes) {
  std::vector<Shape> shapes;
  Shape snapshots{.name = "snapshots",
                  .text = "open loop at 10 V over 1 M accounts: p99.9 with snapshots over p99.9 without",
                  .figure = Figure::p999_beside,
                  .bar = 1.5,
                  .aim = 1.1,
                  .measured = million_accounts(sizes),
                  .beside = {}};
  RunPlan& plan = snapshots.measured.plan;
  plan.load = {.batch = kOpenBatch};
  plan.rate_v = kOpenRateV;
  // One takes some two seconds at its pace.
  plan.seconds = std::max(kSnapshotsTimes * sizes.open_loop_s, kSnapshotsSecondsMin);
  snapshots.measured.scenario.messages = std::max(sizes.accounts, kSnapshotsMessagesMin);
  plan.snapshots_min = sizes.snapshots > 1 ? 2 : 1;
  snapshots.beside = snapshots.measured;
  snapshots.beside->plan.snapshot_every = 0;
  snapshots.beside->plan.snapshots_min = 0;
  shapes.push_back(std::move(snapshots));
  Shape memory{.name = "memory",
               .text = "1 M accounts, 10,000 keys with tables of 4 KiB: resident memory",
               .figure = Figure::rss_mib,
               .bar = 512,
               .aim = 300,
               .measured = million_accounts(sizes),
               .beside = {}};
  memory.measured.plan.table_kib = 4;
  shapes.push_back(std::move(memory));
  shapes.push_back({.name = "accounts_1m",
                    .text = "CPU a message at 1 M accounts over that at 1 k",
                    .figure = Figure::cost_beside,
                    .bar = 1.5,
                    .aim = 1.3,
                    .measured = with_accounts(sizes, kMillion),
                    .beside = with_accounts(sizes, kFewSenders)});
  return shapes;
}

}  // namespace

std::vector<Shape> all_shapes(bool quick) {
  const Sizes& sizes = quick ? kQuick : kFull;
  std::vector<Shape> shapes;
  for (auto* some : {&bulk_shapes, &latency_shapes, &trouble_shapes, &size_shapes}) {
    for (Shape& shape : some(sizes)) shapes.push_back(std::move(shape));
  }
  shapes.push_back(datagram_shape(sizes));
  return shapes;
}

Variant sweep_variant(bool quick, double rate_v) {
  Variant variant = open_loop(quick ? kQuick : kFull);
  variant.plan.rate_v = rate_v;
  variant.plan.seconds = quick ? kSweepQuickS : kSweepS;
  return variant;
}

Shape free_shape(Variant variant) {
  const bool open = variant.plan.rate_v > 0 || variant.plan.load.rate > 0;
  return {.name = "free",
          .text = "a run of one's own",
          .figure = open ? Figure::p50_p99_d : Figure::rate_v,
          .measured = std::move(variant),
          .beside = {}};
}

bool higher_is_better(Figure figure) noexcept { return figure == Figure::rate_v || figure == Figure::rate_beside; }

std::string_view unit_of(Figure figure) noexcept {
  switch (figure) {
    case Figure::rate_v:      return "V";
    case Figure::p50_d:
    case Figure::p50_p99_d:   return "D";
    case Figure::p999_beside: return "x without";
    case Figure::cost_beside: return "x 1 k accounts";
    case Figure::rate_beside: return "x without";
    case Figure::restart_s:   return "s";
    case Figure::rss_mib:     return "MiB";
  }
  return "";
}

ShapeRun judge(const Shape& shape, RunResult result, std::optional<RunResult> beside) {
  ShapeRun run;
  switch (shape.figure) {
    case Figure::rate_v:      run.ratio = result.per_second / result.verify_per_second; break;
    case Figure::p50_p99_d:   run.ratio_p99 = result.latency.p99_us / result.disk_us; [[fallthrough]];
    case Figure::p50_d:       run.ratio = result.latency.p50_us / result.disk_us; break;
    case Figure::p999_beside: run.ratio = result.latency.p999_us / beside->latency.p999_us; break;
    case Figure::cost_beside: run.ratio = result.process_cpu_us / beside->process_cpu_us; break;
    case Figure::rate_beside:
      run.ratio = result.per_second / beside->per_second;
      run.ratio_p99 = result.latency.p99_us / beside->latency.p99_us;
      break;
    case Figure::restart_s: run.ratio = result.restart_ms / 1000.0; break;
    case Figure::rss_mib:   run.ratio = static_cast<double>(result.rss_bytes) / (1024.0 * 1024.0); break;
  }
  run.result = std::move(result);
  run.beside = std::move(beside);
  return run;
}

Verdict verdict_of(const Shape& shape, double ratio, double ratio_p99) noexcept {
  if (shape.bar == 0) return Verdict::none;
  const auto good = [&shape](double value, double limit) {
    return higher_is_better(shape.figure) ? value >= limit : value <= limit;
  };
  const bool two = shape.figure == Figure::p50_p99_d;
  if (good(ratio, shape.aim) && (!two || good(ratio_p99, shape.aim_p99))) return Verdict::aim;
  if (good(ratio, shape.bar) && (!two || good(ratio_p99, shape.bar_p99))) return Verdict::reached;
  return Verdict::missed;
}

std::string_view verdict_name(Verdict verdict) noexcept {
  if (verdict == Verdict::none) return "";
  return verdict == Verdict::aim ? "aim" : verdict == Verdict::reached ? "reached" : "MISSED";
}

}  // namespace electra::bench
