// The shapes of load that are measured, each with the figure that is told of it and what that shall reach.
//
// A shape is data: who sends what (scenario), how (plan), what is compared with what (figure). Where the figure is a
// comparison, each run is a round of two variants, one right after the other and in turns the first: a machine's speed
// changes from minute to minute, so nothing is compared with what was measured at another moment.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/e2e/run.h"

namespace electra::bench {

// What `ratio` is. "Higher" and "lower": which is better.
enum class Figure : std::uint8_t {
  rate_v,       // higher: accepted messages a second, in V
  p50_d,        // lower: median latency, in D
  p50_p99_d,    // lower: the same, and the 99th percentile against a bar of its own
  p999_beside,  // lower: 99.9th percentile over that of the second variant
  cost_beside,  // lower: CPU of the gateway a message over that of the second variant
  rate_beside,  // higher: messages a second over those of the second variant; the same of the 99th percentiles is told
  restart_s,    // lower: seconds from kill -9 to the first new acknowledgement
  rss_mib,      // lower: memory of the gateway after the load
};
[[nodiscard]] bool higher_is_better(Figure figure) noexcept;
// For tables: "V", "D", "x without", …
[[nodiscard]] std::string_view unit_of(Figure figure) noexcept;

struct Variant {
  ScenarioOptions scenario;
  RunPlan plan;
  bool operator==(const Variant&) const = default;
};

struct Shape {
  std::string name;
  std::string text;  // one line for people
  Figure figure = Figure::rate_v;
  double bar = 0;  // at least (or at most)
  double aim = 0;
  double bar_p99 = 0;  // p50_p99_d only
  double aim_p99 = 0;
  Variant measured;
  std::optional<Variant> beside;
};

// All of them. `quick`: a few hundred milliseconds each, to see that everything works.
[[nodiscard]] std::vector<Shape> all_shapes(bool quick);

// Latency against offered load: the open loop of latency_10v at another rate.
[[nodiscard]] Variant sweep_variant(bool quick, double rate_v);
// Nothing is demanded of it.
[[nodiscard]] Shape free_shape(Variant variant);

// One run of a shape.
struct ShapeRun {
  RunResult result;
  std::optional<RunResult> beside;
  double ratio = 0;
  double ratio_p99 = 0;
};
// beside: there where the figure is a comparison.
[[nodiscard]] ShapeRun judge(const Shape& shape, RunResult result, std::optional<RunResult> beside);

enum class Verdict : std::uint8_t { none, missed, reached, aim };  // none: nothing is demanded
[[nodiscard]] Verdict verdict_of(const Shape& shape, double ratio, double ratio_p99) noexcept;
[[nodiscard]] std::string_view verdict_name(Verdict verdict) noexcept;

}  // namespace electra::bench
