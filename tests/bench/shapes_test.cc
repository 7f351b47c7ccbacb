#include "bench/e2e/shapes.h"

#include <gmock/gmock.h>

#include "bench/e2e/report.h"

namespace electra::bench {
namespace {

Shape shape_of(Figure figure, double bar, double aim, double bar_p99 = 0, double aim_p99 = 0) {
  return {.name = "s",
          .text = "",
          .figure = figure,
          .bar = bar,
          .aim = aim,
          .bar_p99 = bar_p99,
          .aim_p99 = aim_p99,
          .measured = {},
          .beside = {}};
}

TEST(Shapes, AreThoseOfTheTable) {
  for (const bool quick : {false, true}) {
    std::vector<std::string> names;
    for (const Shape& shape : all_shapes(quick)) {
      names.push_back(shape.name);
      const bool higher = higher_is_better(shape.figure);
      if (shape.name == "transfers_udp") {  // for information
        EXPECT_EQ(verdict_of(shape, 1, 0), Verdict::none);
        EXPECT_TRUE(shape.measured.plan.udp);
        continue;
      }
      EXPECT_GT(shape.bar, 0) << shape.name;
      EXPECT_EQ(higher ? shape.aim > shape.bar : shape.aim < shape.bar, true) << shape.name;
      const bool compared = shape.figure == Figure::p999_beside || shape.figure == Figure::cost_beside ||
                            shape.figure == Figure::rate_beside;
      EXPECT_EQ(compared, shape.beside.has_value()) << shape.name;
    }
    EXPECT_THAT(names, testing::IsSupersetOf({"transfers", "transfers_unverified", "readings", "single_32", "single_1",
                                              "latency_10v", "hostile", "slow_disk", "slow_clients", "restart",
                                              "snapshots", "memory", "accounts_1m", "transfers_udp"}));
  }
}

TEST(Shapes, CompareTroubleWithTheSameLoadWithoutIt) {
  for (const bool quick : {false, true}) {
    std::vector<std::string> names;
    for (const Shape& shape : all_shapes(quick)) {
      if (shape.figure != Figure::rate_beside) continue;
      names.push_back(shape.name);
      EXPECT_FALSE(shape.measured == *shape.beside) << shape.name;
      Variant spared = shape.measured;
      spared.scenario.forged_per_mille = 0;
      spared.plan.refusals_max = shape.beside->plan.refusals_max;
      spared.plan.flush_delay_us = 0;
      spared.plan.slow_clients = 0;
      EXPECT_TRUE(spared == *shape.beside) << shape.name << ": messages, keys, connections and the rest are the same";
    }
    EXPECT_THAT(names, testing::ElementsAre("hostile", "slow_disk", "slow_clients"));
  }
}

TEST(Shapes, AreJudgedByTheirOwnFigure) {
  RunResult result;
  result.verify_per_second = 20'000;
  result.disk_us = 100;
  result.per_second = 400'000;
  result.latency = {.p50_us = 250, .p99_us = 900, .p999_us = 1500};
  result.process_cpu_us = 3;
  result.restart_ms = 700;
  result.rss_bytes = 300U << 20;
  RunResult beside = result;
  beside.latency.p999_us = 1000;
  beside.process_cpu_us = 2;
  beside.per_second = 500'000;
  beside.latency.p99_us = 450;
  struct Case {
    Figure figure;
    double ratio;
    double ratio_p99;
  };
  const Case cases[] = {
      {Figure::rate_v, 20, 0},       {Figure::p50_d, 2.5, 0},       {Figure::p50_p99_d, 2.5, 9},
      {Figure::p999_beside, 1.5, 0}, {Figure::cost_beside, 1.5, 0}, {Figure::rate_beside, 0.8, 2},
      {Figure::restart_s, 0.7, 0},   {Figure::rss_mib, 300, 0},
  };
  for (const Case& c : cases) {
    const ShapeRun run = judge(shape_of(c.figure, 1, 1), result, beside);
    EXPECT_DOUBLE_EQ(run.ratio, c.ratio) << unit_of(c.figure);
    EXPECT_DOUBLE_EQ(run.ratio_p99, c.ratio_p99) << unit_of(c.figure);
  }
}

TEST(Shapes, ReachTheirBarsFromTheRightSide) {
  const Shape higher = shape_of(Figure::rate_v, 26, 40);
  const Shape lower = shape_of(Figure::p50_d, 2.5, 1.6);
  const Shape two = shape_of(Figure::p50_p99_d, 4, 2.5, 15, 8);
  struct Case {
    const Shape& shape;
    double ratio;
    double ratio_p99;
    Verdict expected;
  };
  const Case cases[] = {
      {higher, 25.9, 0, Verdict::missed}, {higher, 26, 0, Verdict::reached},
      {higher, 40, 0, Verdict::aim},      {lower, 2.6, 0, Verdict::missed},
      {lower, 2.5, 0, Verdict::reached},  {lower, 1.6, 0, Verdict::aim},
      {two, 2, 7, Verdict::aim},          {two, 2, 9, Verdict::reached},
      {two, 2, 16, Verdict::missed},      {two, 3, 7, Verdict::reached},
      {two, 5, 7, Verdict::missed},       {shape_of(Figure::rate_v, 0, 0), 1, 0, Verdict::none},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(verdict_of(c.shape, c.ratio, c.ratio_p99), c.expected) << c.ratio << " " << c.ratio_p99;
  }
}

TEST(Summary, SaysWhatFullBatchesMayWrite) {
  for (const Shape& shape : all_shapes(false)) {
    ShapeRun run;
    run.result.bytes_ratio = 1.1;
    const ShapeSummary summary = summarise(shape, {run});
    EXPECT_EQ(summary.bytes_ratio, 1.1);
    const bool partly_filled = shape.name.starts_with("single_") || shape.name == "latency_10v" ||
                               shape.name == "snapshots" || shape.name == "transfers_udp";
    EXPECT_EQ(summary.bytes_ratio_bar, partly_filled ? 0 : 1.2) << shape.name;
  }
}

TEST(Summary, HasMediansOfTheRunsRatios) {
  std::vector<ShapeRun> runs(5);
  const double ratios[] = {30, 10, 50, 20, 40};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    runs[i].ratio = ratios[i];
    runs[i].result.per_second = 1000 * ratios[i];
    runs[i].result.latency.p50_us = static_cast<double>(i);
  }
  const ShapeSummary summary = summarise(shape_of(Figure::rate_v, 26, 40), runs);
  EXPECT_EQ(summary.ratio, 30);
  EXPECT_EQ(summary.per_second, 30'000);
  EXPECT_DOUBLE_EQ(summary.ratio_spread, 40.0 / 30.0);
  EXPECT_EQ(summary.verdict, Verdict::reached);
  EXPECT_EQ(summary.middle().ratio, 30);
  EXPECT_EQ(summary.median_of([](const RunResult& r) { return r.latency.p50_us; }), 2);
}

}  // namespace
}  // namespace electra::bench
