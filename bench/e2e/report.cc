#include "bench/e2e/report.h"

#include <fmt/core.h>

#include <algorithm>
#include <thread>

#include "bench/common/measure.h"

namespace electra::bench {
namespace {

double per_message_us(std::uint64_t ns, std::uint64_t messages) {
  return messages == 0 ? 0 : static_cast<double>(ns) / static_cast<double>(messages) / 1000.0;
}

double batch_mean(const ServeReport& report) {
  return report.batches == 0 ? 0 : static_cast<double>(report.messages) / static_cast<double>(report.batches);
}

double write_us(const ServeReport& report) { return per_message_us(report.journal_wait_ns, report.batches); }

// The issue's: what the journal writes for full batches.
constexpr double kBytesRatioMax = 1.2;
constexpr std::uint32_t kFullWrites = 256;  // messages of a client's write from which on batches are full

bool has_full_batches(const Shape& shape) {
  const RunPlan& plan = shape.measured.plan;
  return plan.load.batch >= kFullWrites && plan.load.rate == 0 && plan.rate_v == 0;
}

std::string limit(double value) { return value == 0 ? "-" : fmt::format("{:g}", value); }

nlohmann::json curve_json(const std::vector<CurvePoint>& curve) {
  nlohmann::json out = nlohmann::json::array();
  for (const CurvePoint& point : curve) out.push_back({point.share, point.us});
  return out;
}

}  // namespace

const ShapeRun& ShapeSummary::middle() const {
  std::vector<const ShapeRun*> order;
  for (const ShapeRun& run : runs) order.push_back(&run);
  std::ranges::sort(order, {}, [](const ShapeRun* run) { return run->ratio; });
  return *order[(order.size() - 1) / 2];
}

ShapeSummary summarise(const Shape& shape, std::vector<ShapeRun> runs) {
  ShapeSummary out{.shape = shape, .runs = std::move(runs)};
  std::vector<double> ratios;
  std::vector<double> ratios_p99;
  std::vector<double> rates;
  for (const ShapeRun& run : out.runs) {
    ratios.push_back(run.ratio);
    ratios_p99.push_back(run.ratio_p99);
    rates.push_back(run.result.per_second);
  }
  out.ratio = median(ratios);
  out.ratio_p99 = median(ratios_p99);
  out.ratio_spread = spread(ratios);
  out.per_second = median(rates);
  out.per_second_spread = spread(rates);
  out.bytes_ratio = out.median_of([](const RunResult& r) { return r.bytes_ratio; });
  if (has_full_batches(shape)) out.bytes_ratio_bar = kBytesRatioMax;
  out.verdict = verdict_of(shape, out.ratio, out.ratio_p99);
  return out;
}

std::string table_head() {
  return fmt::format(
      "{:<21}{:>9} {:<15}{:>6}{:>6}  {:<8}{:>10}{:>8}{:>8}{:>9}{:>9}{:>9}  {:>6}{:>7}{:>6}{:>8}{:>7}{:>9}{:>9}",
      "shape", "ratio", "of", "bar", "aim", "", "messages/s", "spread", "batch", "p50 us", "p99 us", "p99.9 us",
      "decode", "verify", "exec", "process", "loader", "RSS MiB", "written");
}

std::string table_line(const ShapeSummary& s) {
  const auto cpu = [&s](auto&& figure) { return s.median_of(figure); };
  return fmt::format(
      "{:<21}{:>9.2f} {:<15}{:>6}{:>6}  {:<8}{:>10.0f}{:>7.1f}%{:>8.1f}{:>9.0f}{:>9.0f}{:>9.0f}  {:>6.2f}{:>7.2f}"
      "{:>6.2f}{:>8.2f}{:>7.2f}{:>9.0f}{:>8.2f}{}",
      s.shape.name, s.ratio, unit_of(s.shape.figure), limit(s.shape.bar), limit(s.shape.aim), verdict_name(s.verdict),
      s.per_second, 100 * s.ratio_spread, s.median_of([](const RunResult& r) { return batch_mean(r.gateway); }),
      s.median_of([](const RunResult& r) { return r.latency.p50_us; }),
      s.median_of([](const RunResult& r) { return r.latency.p99_us; }),
      s.median_of([](const RunResult& r) { return r.latency.p999_us; }),
      cpu([](const RunResult& r) { return per_message_us(r.gateway.decode_ns, r.gateway.messages); }),
      cpu([](const RunResult& r) { return per_message_us(r.gateway.verify_ns, r.gateway.messages); }),
      cpu([](const RunResult& r) { return per_message_us(r.gateway.execute_ns, r.gateway.messages); }),
      cpu([](const RunResult& r) { return r.process_cpu_us; }), cpu([](const RunResult& r) { return r.loader_cpu_us; }),
      s.median_of([](const RunResult& r) { return static_cast<double>(r.rss_bytes) / (1024.0 * 1024.0); }),
      s.bytes_ratio, s.bytes_ratio > s.bytes_ratio_bar && s.bytes_ratio_bar > 0 ? '!' : ' ');
}

std::string table_foot() {
  return "V: what one core verifies with libsodium. D: the disk's median durable write of 4 KiB. Both measured before "
         "each run;\nratios per run, then medians; spread: largest less smallest ratio, over the median. decode … "
         "loader: CPU us a message,\nprocess is all of the gateway's. written: bytes of records over the messages' "
         "own, "
         "at most 1.2 at full batches (! if more).\nEvery run was audited, and all its balances compared with the "
         "model.";
}

std::string load_curve_text(const std::vector<LoadPoint>& load_curve) {
  std::string out = fmt::format("{:>9}{:>12}{:>12}{:>10}{:>10}{:>10}{:>10}{:>10}{:>12}\n", "offered V", "messages/s",
                                "answered/s", "p50 us", "p99 us", "p99.9 us", "p99.99", "max us", "loader late");
  for (const LoadPoint& point : load_curve) {
    const RunResult& r = point.result;
    out += fmt::format("{:>9g}{:>12.0f}{:>12.0f}{:>10.0f}{:>10.0f}{:>10.0f}{:>10.0f}{:>10.0f}{:>12.0f}\n",
                       point.offered_v, r.rate, r.per_second, r.latency.p50_us, r.latency.p99_us, r.latency.p999_us,
                       r.latency.p9999_us, r.latency.max_us, r.loader_late_us);
  }
  return out;
}

namespace {

nlohmann::json shape_json(const SessionFacts& facts, const ShapeSummary& s) {
  const ShapeRun& middle = s.middle();
  const ServeReport& gateway = middle.result.gateway;
  nlohmann::json ratios = nlohmann::json::array();
  for (const ShapeRun& run : s.runs) ratios.push_back(run.ratio);
  nlohmann::json out = {
      {"name", s.shape.name},
      {"text", s.shape.text},
      {"per_second", s.per_second},
      {"ratio", s.ratio},
      {"ratio_unit", unit_of(s.shape.figure)},
      {"ratios", ratios},
      {"bar", s.shape.bar},
      {"aim", s.shape.aim},
      {"higher_is_better", higher_is_better(s.shape.figure)},
      {"verdict", verdict_name(s.verdict)},
      {"spread", s.per_second_spread},
      {"ratio_spread", s.ratio_spread},
      {"libsodium_verify_per_second", s.median_of([](const RunResult& r) { return r.verify_per_second; })},
      {"disk_write_us", s.median_of([](const RunResult& r) { return r.disk_us; })},
      {"backend_ratio", facts.backend_per_second > 0 ? s.per_second / facts.backend_per_second : 0},
      {"tables", middle.result.tables},
      {"table_kib", middle.result.table_bytes >> 10},
      {"messages", middle.result.accepted},
      {"refused", middle.result.refused},
      {"seconds", s.median_of([](const RunResult& r) { return r.seconds; })},
      {"batch_mean", s.median_of([](const RunResult& r) { return batch_mean(r.gateway); })},
      {"batch_max", gateway.largest_batch},
      {"p50_us", s.median_of([](const RunResult& r) { return r.latency.p50_us; })},
      {"p90_us", s.median_of([](const RunResult& r) { return r.latency.p90_us; })},
      {"p99_us", s.median_of([](const RunResult& r) { return r.latency.p99_us; })},
      {"p999_us", s.median_of([](const RunResult& r) { return r.latency.p999_us; })},
      {"p9999_us", s.median_of([](const RunResult& r) { return r.latency.p9999_us; })},
      {"max_us", s.median_of([](const RunResult& r) { return r.latency.max_us; })},
      {"latency_curve", curve_json(middle.result.curve)},
      {"cpu_us_per_message",
       {{"decode",
         s.median_of([](const RunResult& r) { return per_message_us(r.gateway.decode_ns, r.gateway.messages); })},
        {"verify",
         s.median_of([](const RunResult& r) { return per_message_us(r.gateway.verify_ns, r.gateway.messages); })},
        {"execute",
         s.median_of([](const RunResult& r) { return per_message_us(r.gateway.execute_ns, r.gateway.messages); })},
        {"snapshot",
         s.median_of([](const RunResult& r) { return per_message_us(r.gateway.snapshot_ns, r.gateway.messages); })},
        {"process", s.median_of([](const RunResult& r) { return r.process_cpu_us; })},
        {"loader", s.median_of([](const RunResult& r) { return r.loader_cpu_us; })}}},
      {"journal_write_us", s.median_of([](const RunResult& r) { return write_us(r.gateway); })},
      {"bytes_written", gateway.record_bytes},
      {"zero_bytes_written", gateway.zero_bytes},
      {"snapshot_bytes_written", gateway.snapshot_bytes},
      {"snapshots", gateway.snapshots},
      {"disk_bytes_written", middle.result.disk_bytes},
      {"bytes_ratio", s.bytes_ratio},
      {"bytes_ratio_bar", s.bytes_ratio_bar},
      {"rss_bytes", s.median_of([](const RunResult& r) { return r.rss_bytes; })},
      {"rss_peak_bytes", s.median_of([](const RunResult& r) { return r.rss_peak_bytes; })}};
  if (s.shape.figure == Figure::p50_p99_d) {
    out.update({{"ratio_p99", s.ratio_p99}, {"bar_p99", s.shape.bar_p99}, {"aim_p99", s.shape.aim_p99}});
  }
  if (s.shape.figure == Figure::rate_beside) {
    out["ratio_p99"] = s.ratio_p99;
  }
  if (s.shape.measured.plan.slow_clients > 0) {
    out.update({{"slow_messages", s.median_of([](const RunResult& r) { return r.slow_messages; })},
                {"slow_connects", s.median_of([](const RunResult& r) { return r.slow_connects; })}});
  }
  if (middle.result.rate > 0) {
    out.update({{"offered_per_second", s.median_of([](const RunResult& r) { return r.rate; })},
                {"loader_late_us", s.median_of([](const RunResult& r) { return r.loader_late_us; })}});
  }
  if (middle.result.udp) {
    const auto count = [&s](auto&& figure) { return s.median_of(figure); };
    out["transport"] = "udp";
    out["resent"] = count([](const RunResult& r) { return r.resent; });
    out["datagrams"] = {{"received", count([](const RunResult& r) { return r.gateway.datagrams; })},
                        {"lost", count([](const RunResult& r) { return r.gateway.datagrams_lost; })},
                        {"dropped", count([](const RunResult& r) { return r.gateway.datagrams_dropped; })},
                        {"sent", count([](const RunResult& r) { return r.gateway.datagrams_sent; })},
                        {"unsent", count([](const RunResult& r) { return r.gateway.datagrams_unsent; })}};
  }
  if (middle.result.restart_ms > 0) {
    out["restart_ms"] = s.median_of([](const RunResult& r) { return r.restart_ms; });
    const RestartParts& parts = middle.result.restart;
    out["restart_parts_ms"] = {{"gone", parts.gone_ms},
                               {"listening", parts.listening_ms},
                               {"connected", parts.connected_ms},
                               {"answered", parts.answered_ms},
                               {"restored", static_cast<double>(gateway.restored_ns) / 1e6},
                               {"replayed", static_cast<double>(gateway.replayed_ns) / 1e6}};
    out["replayed_messages"] = gateway.replayed_messages;
  }
  if (middle.beside) {
    const RunResult& other = *middle.beside;
    out["beside"] = {{"per_second", other.per_second},         {"p50_us", other.latency.p50_us},
                     {"p99_us", other.latency.p99_us},         {"p999_us", other.latency.p999_us},
                     {"process_cpu_us", other.process_cpu_us}, {"latency_curve", curve_json(other.curve)}};
  }
  return out;
}

}  // namespace

nlohmann::json to_json(const SessionFacts& facts, const std::vector<ShapeSummary>& shapes,
                       const std::vector<LoadPoint>& load_curve) {
  std::vector<double> verify;
  std::vector<double> disk;
  nlohmann::json list = nlohmann::json::array();
  for (const ShapeSummary& summary : shapes) {
    for (const ShapeRun& run : summary.runs) {
      verify.push_back(run.result.verify_per_second);
      disk.push_back(run.result.disk_us);
    }
    list.push_back(shape_json(facts, summary));
  }
  nlohmann::json curve = nlohmann::json::array();
  for (const LoadPoint& point : load_curve) {
    const RunResult& result = point.result;
    curve.push_back({{"offered_v", point.offered_v},
                     {"offered_per_second", result.rate},
                     {"per_second", result.per_second},
                     {"disk_write_us", result.disk_us},
                     {"loader_late_us", result.loader_late_us},
                     {"p50_us", result.latency.p50_us},
                     {"p99_us", result.latency.p99_us},
                     {"p999_us", result.latency.p999_us},
                     {"p9999_us", result.latency.p9999_us},
                     {"max_us", result.latency.max_us}});
  }
  return {{"libsodium_verify_per_second", verify.empty() ? 0 : median(verify)},
          {"disk_write_us", disk.empty() ? 0 : median(disk)},
          {"direct_io", facts.direct_io},
          {"backend", facts.backend},
          {"backend_verify_per_second", facts.backend_per_second},
          {"backend_table_kib", facts.backend_table_kib},
          {"machine",
           {{"cpu", cpu_model()},
            {"cores", std::thread::hardware_concurrency()},
            {"memory_available_bytes", memory_available_bytes()},
            {"load_average", load_average()}}},
          {"command", facts.command},
          {"commit", facts.commit},
          {"runs", facts.runs},
          {"quick", facts.quick},
          {"shapes", list},
          {"load_curve", curve}};
}

}  // namespace electra::bench
