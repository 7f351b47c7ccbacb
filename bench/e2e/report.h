// What is told of the runs: a line on the terminal, JSON for programs, a Markdown table for the documents.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "bench/common/measure.h"
#include "bench/e2e/shapes.h"

namespace electra::bench {

// Medians over the runs of a shape, and how far the runs were apart: (largest - smallest) / median.
struct ShapeSummary {
  Shape shape;
  std::vector<ShapeRun> runs;  // at least one
  double ratio = 0;
  double ratio_p99 = 0;
  double ratio_spread = 0;
  double per_second = 0;
  double per_second_spread = 0;
  double bytes_ratio = 0;      // records over the messages' own bytes
  double bytes_ratio_bar = 0;  // at most; 0: its batches are not full, and nothing is demanded
  Verdict verdict = Verdict::missed;

  // The median over the runs of something of each.
  template <typename F>
  [[nodiscard]] double median_of(F&& figure) const {
    std::vector<double> values;
    for (const ShapeRun& run : runs) values.push_back(static_cast<double>(figure(run.result)));
    return median(std::move(values));
  }
  // Of the runs the one whose ratio is the (lower) middle: for what cannot be averaged.
  [[nodiscard]] const ShapeRun& middle() const;
};
[[nodiscard]] ShapeSummary summarise(const Shape& shape, std::vector<ShapeRun> runs);

// A point of the curve of latency against offered load.
struct LoadPoint {
  double offered_v = 0;
  RunResult result;
};

struct SessionFacts {
  std::uint32_t runs = 0;
  bool quick = false;
  std::string backend;
  double backend_per_second = 0;  // of one core
  std::uint32_t backend_table_kib = 0;
  bool direct_io = true;
  std::string command;
  std::string commit;
};

[[nodiscard]] std::string table_head();
[[nodiscard]] std::string table_line(const ShapeSummary& summary);
[[nodiscard]] std::string table_foot();
[[nodiscard]] std::string load_curve_text(const std::vector<LoadPoint>& load_curve);

[[nodiscard]] nlohmann::json to_json(const SessionFacts& facts, const std::vector<ShapeSummary>& shapes,
                                     const std::vector<LoadPoint>& load_curve);
// For a document: machine, commit and command, then one row a shape.
[[nodiscard]] std::string to_markdown(const SessionFacts& facts, const std::vector<ShapeSummary>& shapes,
                                      const std::vector<LoadPoint>& load_curve);

}  // namespace electra::bench
