// The table for docs/benchmarks.md.
#include <fmt/core.h>

#include <thread>

#include "bench/e2e/report.h"

namespace electra::bench {
namespace {

std::string limits(const Shape& shape, double value, double value_p99) {
  if (value == 0) return "";
  const char* const sign = higher_is_better(shape.figure) ? "≥" : "≤";
  if (shape.figure != Figure::p50_p99_d) return fmt::format("{} {:g}", sign, value);
  return fmt::format("{} {:g} / {:g}", sign, value, value_p99);
}

std::string ratio_text(const ShapeSummary& s) {
  const std::string spread = s.runs.size() > 1 ? fmt::format(" ± {:.0f} %", 50 * s.ratio_spread) : "";
  if (s.shape.figure == Figure::p50_p99_d) {
    return fmt::format("**{:.2f} / {:.2f}** D{}", s.ratio, s.ratio_p99, spread);
  }
  return fmt::format("**{:.2f}** {}{}", s.ratio, unit_of(s.shape.figure), spread);
}

std::string mib(double bytes) { return fmt::format("{:.0f}", bytes / (1024.0 * 1024.0)); }

std::string shape_row(const ShapeSummary& s) {
  const auto us = [&s](double Percentiles::* which) {
    const double value = s.median_of([which](const RunResult& r) { return r.latency.*which; });
    return value < 10'000 ? fmt::format("{:.0f}", value) : fmt::format("{:.1f} ms", value / 1000);
  };
  const auto stage = [&s](std::uint64_t ServeReport::* which) {
    return s.median_of([which](const RunResult& r) {
      return r.gateway.messages == 0
                 ? 0.0
                 : static_cast<double>(r.gateway.*which) / static_cast<double>(r.gateway.messages) / 1000.0;
    });
  };
  const auto written = [&s](std::uint64_t ServeReport::* which) {
    return mib(s.median_of([which](const RunResult& r) { return r.gateway.*which; }));
  };
  return fmt::format(
      "| `{}` | {} | {} | {} | {} | {:.0f} | {} | {} | {} | {} | {} | {:.2f} / {:.2f} / {:.2f} / {:.2f} / {:.2f} | {} "
      "/ "
      "{} / {} | {} / {} |\n",
      s.shape.name, limits(s.shape, s.shape.bar, s.shape.bar_p99), limits(s.shape, s.shape.aim, s.shape.aim_p99),
      ratio_text(s), verdict_name(s.verdict), s.per_second, us(&Percentiles::p50_us), us(&Percentiles::p99_us),
      us(&Percentiles::p999_us), us(&Percentiles::p9999_us), us(&Percentiles::max_us), stage(&ServeReport::decode_ns),
      stage(&ServeReport::verify_ns), stage(&ServeReport::execute_ns),
      s.median_of([](const RunResult& r) { return r.process_cpu_us; }),
      s.median_of([](const RunResult& r) { return r.loader_cpu_us; }),
      written(&ServeReport::record_bytes) + fmt::format(" ({:.2f} x)", s.bytes_ratio),
      written(&ServeReport::zero_bytes), written(&ServeReport::snapshot_bytes),
      mib(s.median_of([](const RunResult& r) { return r.rss_bytes; })),
      mib(s.median_of([](const RunResult& r) { return r.rss_peak_bytes; })));
}

}  // namespace

std::string to_markdown(const SessionFacts& facts, const std::vector<ShapeSummary>& shapes,
                        const std::vector<LoadPoint>& load_curve) {
  std::vector<double> verify;
  std::vector<double> disk;
  for (const ShapeSummary& summary : shapes) {
    for (const ShapeRun& run : summary.runs) {
      verify.push_back(run.result.verify_per_second);
      disk.push_back(run.result.disk_us);
    }
  }
  std::string out =
      fmt::format("Machine: {}, {} cores, shared by gateway and load. Commit: {}. Command: `{}`. {}.\n\n", cpu_model(),
                  std::thread::hardware_concurrency(), facts.commit.empty() ? "not told" : facts.commit, facts.command,
                  facts.runs == 1 ? "One run of each shape" : fmt::format("Medians of {} runs", facts.runs));
  if (!verify.empty()) {
    out += fmt::format(
        "V = {:.0f} signatures/s (libsodium, one core); D = {:.0f} µs (4 KiB, durable{}); {} verifies {:.0f}/s on one "
        "core.\n\n",
        median(verify), median(disk), facts.direct_io ? ", O_DIRECT" : ", through the page cache", facts.backend,
        facts.backend_per_second);
  }
  out +=
      "| shape | at least | aim | measured | | messages/s | p50 µs | p99 | p99.9 | p99.99 | max | CPU µs a message: "
      "decode / verify / execute / process / loader | MiB written: records (x the messages' bytes, at most 1.2 at full "
      "batches) / zeros / snapshots | RSS / peak MiB |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const ShapeSummary& summary : shapes) out += shape_row(summary);
  if (load_curve.empty()) return out;
  out += "\n| offered | messages/s | answered/s | p50 µs | p99 | p99.9 | p99.99 |\n|---|---|---|---|---|---|---|\n";
  for (const LoadPoint& point : load_curve) {
    const RunResult& r = point.result;
    out += fmt::format("| {:g} V | {:.0f} | {:.0f} | {:.0f} | {:.0f} | {:.0f} | {:.0f} |\n", point.offered_v, r.rate,
                       r.per_second, r.latency.p50_us, r.latency.p99_us, r.latency.p999_us, r.latency.p9999_us);
  }
  return out;
}

}  // namespace electra::bench
