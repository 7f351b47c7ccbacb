#include "bench/e2e/session.h"

#include <fmt/core.h>
#include <unistd.h>

#include "bench/e2e/interrupt.h"

namespace electra::bench {
namespace {

constexpr std::uint32_t kYardstickKeys = 1000;
constexpr std::uint32_t kRuns = 5;
constexpr std::uint64_t kBackendSliceNs = 500'000'000;
constexpr std::uint64_t kQuickSliceNs = 60'000'000;
// Offered loads, in V, and the median latency from which on the gateway does not keep up.
constexpr double kSweep[] = {1, 2, 4, 7, 10, 14, 18, 22, 26, 30, 35, 40, 50};
constexpr double kKeepsUpUs = 50'000;
// A shape with something beside it sends two.
constexpr std::size_t kScenariosKept = 2;

}  // namespace

std::expected<std::unique_ptr<Session>, std::string> Session::open(const SessionOptions& options) {
  std::unique_ptr<Session> session(new Session(options));
  Bench& bench = session->bench_;
  std::error_code error;
  bench.directory =
      std::filesystem::absolute(options.directory) / fmt::format("electra-bench-{}", static_cast<long>(getpid()));
  std::filesystem::create_directories(bench.directory, error);
  if (error) return std::unexpected(fmt::format("{}: {}", bench.directory.string(), error.message()));
  remove_when_interrupted(bench.directory);
  bench.verifier = options.backend;
  bench.verify_threads = options.verify_threads;
  if (options.quick) bench.slice_ns = kQuickSliceNs;
  auto sodium = VerifyYardstick::make("sodium", kYardstickKeys);
  if (!sodium) return std::unexpected(sodium.error());
  bench.verify = std::move(*sodium);
  auto disk = DiskYardstick::make(bench.directory);
  if (!disk) return std::unexpected(disk.error());
  bench.disk = std::move(*disk);
  const auto backend = VerifyYardstick::make(options.backend, kYardstickKeys);
  if (!backend) return std::unexpected(backend.error());
  const auto rate = (*backend)->measure(options.quick ? kQuickSliceNs : kBackendSliceNs);
  if (!rate) return std::unexpected(rate.error());
  session->facts_ = {.runs = options.runs != 0 ? options.runs
                             : options.quick   ? 1
                                               : kRuns,
                     .quick = options.quick,
                     .backend = (*backend)->backend(),
                     .backend_per_second = *rate,
                     .backend_table_kib = (*backend)->tables().table_bytes >> 10,
                     .direct_io = bench.disk->direct(),
                     .command = options.command,
                     .commit = options.commit};
  return session;
}

Session::~Session() {
  std::error_code ignored;
  std::filesystem::remove_all(bench_.directory, ignored);
}

std::string Session::head() const {
  return fmt::format(
      "{} verifies {:.0f} signatures/s on one core, with tables of {} KiB. {} of {}; gateway and load share the "
      "machine.",
      facts_.backend, facts_.backend_per_second, facts_.backend_table_kib, facts_.runs == 1 ? "One run" : "Medians",
      facts_.runs == 1 ? "each shape" : fmt::format("{} runs", facts_.runs));
}

std::vector<ShapeSummary> Session::summaries() const {
  std::vector<ShapeSummary> out;
  for (const auto& summary : summaries_) out.push_back(*summary);
  return out;
}

std::expected<const Scenario*, std::string> Session::scenario(const ScenarioOptions& options) {
  for (const auto& kept : scenarios_) {
    if (kept->options() == options) return kept.get();
  }
  if (scenarios_.size() == kScenariosKept) scenarios_.erase(scenarios_.begin());
  auto made = Scenario::make(options, [this](std::uint64_t done, std::uint64_t total) {
    bench_.progress.show("signing messages", done, total);
  });
  if (!made) return std::unexpected(made.error());
  scenarios_.push_back(std::move(*made));
  return scenarios_.back().get();
}

std::string Session::sweep() {
  for (const double offered_v : kSweep) {
    bench_.progress.set_title(fmt::format("load curve, {:g} V", offered_v));
    auto result = run_variant(sweep_variant(options_.quick, offered_v));
    if (!result) return fmt::format("at {:g} V: {}", offered_v, result.error());
    const bool keeps_up = result->latency.p50_us < kKeepsUpUs;
    load_curve_.push_back({.offered_v = offered_v, .result = std::move(*result)});
    if (!keeps_up) break;
  }
  bench_.progress.clear();
  return {};
}

std::expected<RunResult, std::string> Session::run_variant(const Variant& variant) {
  const auto made = scenario(variant.scenario);
  if (!made) return std::unexpected(made.error());
  return run_once(bench_, **made, variant.plan);
}

// Which of the two comes first changes from run to run. An open loop offers both the same rate.
std::expected<Session::Both, std::string> Session::run_both(const Shape& shape, std::uint32_t run) {
  const bool measured_first = !shape.beside || run % 2 == 0;
  auto first = run_variant(measured_first ? shape.measured : *shape.beside);
  if (!first) return std::unexpected(first.error());
  if (!shape.beside) return Both{.measured = std::move(*first), .beside = {}};
  Variant second = measured_first ? *shape.beside : shape.measured;
  if (second.plan.rate_v > 0) {
    second.plan.rate_v = 0;
    second.plan.load.rate = first->rate;
  }
  auto other = run_variant(second);
  if (!other) return std::unexpected(other.error());
  if (measured_first) return Both{.measured = std::move(*first), .beside = std::move(*other)};
  return Both{.measured = std::move(*other), .beside = std::move(*first)};
}

std::expected<const ShapeSummary*, std::string> Session::run(const Shape& shape) {
  std::vector<ShapeRun> runs;
  for (std::uint32_t i = 0; i < facts_.runs; ++i) {
    bench_.progress.set_title(fmt::format("{} {}/{}", shape.name, i + 1, facts_.runs));
    auto both = run_both(shape, i);
    if (!both) return std::unexpected(both.error());
    runs.push_back(judge(shape, std::move(both->measured), std::move(both->beside)));
  }
  bench_.progress.clear();
  summaries_.push_back(std::make_unique<ShapeSummary>(summarise(shape, std::move(runs))));
  return summaries_.back().get();
}

}  // namespace electra::bench
