// A session: the yardsticks, and the shapes that are run one after the other.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "bench/e2e/report.h"
#include "bench/e2e/run.h"
#include "bench/e2e/shapes.h"

namespace electra::bench {

struct SessionOptions {
  std::string directory = ".";  // a directory of our own is made in it
  std::string backend = "auto";
  std::uint32_t verify_threads = 0;
  std::uint32_t runs = 0;  // of each shape; 0: 5, or 1 of the quick ones
  bool quick = false;      // few messages
  std::string command;     // for the report
  std::string commit;
};

class Session {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<Session>, std::string> open(const SessionOptions& options);
  // Removes its directory.
  ~Session();

  // All runs of a shape. The summary lives as long as the session.
  [[nodiscard]] std::expected<const ShapeSummary*, std::string> run(const Shape& shape);

  // The curve of latency against offered load: rises until the gateway no longer keeps up.
  [[nodiscard]] std::string sweep();

  [[nodiscard]] std::string head() const;  // one sentence for people
  [[nodiscard]] const SessionFacts& facts() const noexcept { return facts_; }
  [[nodiscard]] std::vector<ShapeSummary> summaries() const;
  [[nodiscard]] const std::vector<LoadPoint>& load_curve() const noexcept { return load_curve_; }

 private:
  explicit Session(const SessionOptions& options) : options_(options) {}
  [[nodiscard]] std::expected<const Scenario*, std::string> scenario(const ScenarioOptions& options);
  [[nodiscard]] std::expected<RunResult, std::string> run_variant(const Variant& variant);
  struct Both {
    RunResult measured;
    std::optional<RunResult> beside;
  };
  [[nodiscard]] std::expected<Both, std::string> run_both(const Shape& shape, std::uint32_t run);

  const SessionOptions options_;
  Bench bench_;
  SessionFacts facts_;
  // The last ones that were signed: many shapes send the same.
  std::vector<std::unique_ptr<Scenario>> scenarios_;
  std::vector<std::unique_ptr<ShapeSummary>> summaries_;
  std::vector<LoadPoint> load_curve_;
};

}  // namespace electra::bench
