#include "bench/e2e/shapes.h"

#include <algorithm>

namespace electra::bench {
namespace {

constexpr std::uint32_t kMany = 10'000;  // sender keys
constexpr std::uint32_t kConnections = 64;
constexpr std::uint32_t kNoEnd = 1U << 30;  // refusals of a session
constexpr std::uint64_t kSlowFlushUs = 5000;

struct Sizes {
  std::uint32_t senders;  // where the full table has 10,000
  std::uint64_t bulk;     // messages of the bulk shapes
  std::uint64_t single_32;
  std::uint64_t single_1;
  std::uint64_t open_loop;
};
constexpr Sizes kFull{kMany, 10'000'000, 400'000, 40'000, 1'500'000};
constexpr Sizes kQuick{1000, 300'000, 20'000, 3000, 100'000};

Variant bulk(const Sizes& sizes, Load load) {
  return {.scenario = {.load = load, .senders = sizes.senders, .connections = kConnections, .messages = sizes.bulk},
          .plan = {.load = {.batch = 512, .depth = 2}}};
}

Variant one_at_a_time(std::uint32_t senders, std::uint64_t messages) {
  return {.scenario = {.senders = senders, .connections = senders, .messages = messages},
          .plan = {.load = {.batch = 1, .depth = 1}}};
}

}  // namespace

std::vector<Shape> all_shapes(bool quick) {
  const Sizes& sizes = quick ? kQuick : kFull;
  std::vector<Shape> shapes;
  const auto add = [&shapes](Shape shape) -> Shape& { return shapes.emplace_back(std::move(shape)); };

  add({.name = "transfers",
       .text = "signed, durable, 64 connections, 10,000 keys, full batches",
       .figure = Figure::rate_v,
       .bar = 26,
       .aim = 40,
       .measured = bulk(sizes, Load::transfers),
       .beside = {}});
  Shape& unverified = add({.name = "transfers_unverified",
                           .text = "the same without the arithmetic of signatures, ids computed: the engine's ceiling",
                           .figure = Figure::rate_v,
                           .bar = 50,
                           .aim = 75,
                           .measured = bulk(sizes, Load::transfers),
                           .beside = {}});
  unverified.measured.plan.accept_all = true;
  add({.name = "readings",
       .text = "signed readings of 10,000 meters, as transfers",
       .figure = Figure::rate_v,
       .bar = 26,
       .aim = 40,
       .measured = bulk(sizes, Load::readings),
       .beside = {}});
  add({.name = "single_32",
       .text = "one message at a time, 32 senders",
       .figure = Figure::rate_v,
       .bar = 2,
       .aim = 4,
       .measured = one_at_a_time(32, sizes.single_32),
       .beside = {}});
  add({.name = "single_1",
       .text = "one message at a time, one sender: p50",
       .figure = Figure::p50_d,
       .bar = 2.5,
       .aim = 1.6,
       .measured = one_at_a_time(1, sizes.single_1),
       .beside = {}});

  Shape& hostile = add({.name = "hostile",
                        .text = "half of the traffic forged: good messages",
                        .figure = Figure::rate_transfers,
                        .bar = 0.45,
                        .aim = 0.48,
                        .measured = bulk(sizes, Load::transfers),
                        .beside = {}});
  hostile.measured.scenario.forged_per_mille = 500;
  hostile.measured.plan.refusals_max = kNoEnd;
  Shape& slow = add({.name = "slow_disk",
                     .text = "every flush takes 5 ms more",
                     .figure = Figure::rate_transfers,
                     .bar = 0.90,
                     .aim = 0.97,
                     .measured = bulk(sizes, Load::transfers),
                     .beside = {}});
  slow.measured.plan.flush_delay_us = kSlowFlushUs;
  return shapes;
}

bool higher_is_better(Figure figure) noexcept { return figure == Figure::rate_v || figure == Figure::rate_transfers; }

std::string_view unit_of(Figure figure) noexcept {
  switch (figure) {
    case Figure::rate_v:         return "V";
    case Figure::p50_d:
    case Figure::p50_p99_d:      return "D";
    case Figure::rate_transfers: return "x transfers";
    case Figure::p999_beside:    return "x without";
    case Figure::cost_beside:    return "x 1 k accounts";
    case Figure::restart_s:      return "s";
    case Figure::rss_mib:        return "MiB";
  }
  return "";
}

ShapeRun judge(const Shape& shape, RunResult result, std::optional<RunResult> beside, double transfers_v) {
  ShapeRun run;
  const double rate_v = result.per_second / result.verify_per_second;
  switch (shape.figure) {
    case Figure::rate_v:         run.ratio = rate_v; break;
    case Figure::p50_p99_d:      run.ratio_p99 = result.latency.p99_us / result.disk_us; [[fallthrough]];
    case Figure::p50_d:          run.ratio = result.latency.p50_us / result.disk_us; break;
    case Figure::rate_transfers: run.ratio = rate_v / transfers_v; break;
    case Figure::p999_beside:    run.ratio = result.latency.p999_us / beside->latency.p999_us; break;
    case Figure::cost_beside:    run.ratio = result.process_cpu_us / beside->process_cpu_us; break;
    case Figure::restart_s:      run.ratio = result.restart_ms / 1000.0; break;
    case Figure::rss_mib:        run.ratio = static_cast<double>(result.rss_bytes) / (1024.0 * 1024.0); break;
  }
  run.result = std::move(result);
  run.beside = std::move(beside);
  return run;
}

Verdict verdict_of(const Shape& shape, double ratio, double ratio_p99) noexcept {
  const auto good = [&shape](double value, double limit) {
    return higher_is_better(shape.figure) ? value >= limit : value <= limit;
  };
  const bool two = shape.figure == Figure::p50_p99_d;
  if (good(ratio, shape.aim) && (!two || good(ratio_p99, shape.aim_p99))) return Verdict::aim;
  if (good(ratio, shape.bar) && (!two || good(ratio_p99, shape.bar_p99))) return Verdict::reached;
  return Verdict::missed;
}

std::string_view verdict_name(Verdict verdict) noexcept {
  return verdict == Verdict::aim ? "aim" : verdict == Verdict::reached ? "reached" : "MISSED";
}

}  // namespace electra::bench
