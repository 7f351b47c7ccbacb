#include "engine/electrad/meter/report.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iterator>

#include "engine/electrad/amount.h"
#include "engine/electrad/meter/data_set.h"
#include "engine/electrad/meter/progress.h"

namespace electra::player {
namespace {

using Out = std::back_insert_iterator<std::string>;

std::string kwh_text(std::uint64_t wh) { return fmt::format("{}.{:03}", grouped(wh / 1000), wh % 1000); }

std::string elc_text(std::int64_t uelectra) {
  const auto magnitude = uelectra < 0 ? 0 - static_cast<std::uint64_t>(uelectra) : static_cast<std::uint64_t>(uelectra);
  return fmt::format("{}{}.{:06}", uelectra < 0 ? "-" : "", grouped(magnitude / app::kUelectraPerElc),
                     magnitude % app::kUelectraPerElc);
}

std::string share_text(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  return fmt::format("{:.2f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string price_text(std::uint64_t uelectra, std::uint64_t wh) {
  if (wh == 0) return "-";
  return fmt::format("{:.2f}", static_cast<double>(uelectra) / static_cast<double>(wh));
}

void energy_line(Out out, std::string_view what, std::uint64_t wh) {
  fmt::format_to(out, "  {:<26}{:>20}{:>20}\n", what, grouped(wh), kwh_text(wh));
}

void money_line(Out out, std::string_view what, std::int64_t uelectra) {
  fmt::format_to(out, "  {:<26}{:>20}{:>20}\n", what, grouped(uelectra), elc_text(uelectra));
}

void text_line(Out out, std::string_view what, const std::string& value) {
  fmt::format_to(out, "  {:<26}{:>20}\n", what, value);
}

double messages_per_s(const ReplayReport& report) {
  return report.seconds > 0 ? static_cast<double>(report.sent) / report.seconds : 0;
}

void table_of_run(Out out, const ReplayReport& report) {
  fmt::format_to(out, "\n  messages\n");
  text_line(out, "sent", grouped(report.sent));
  text_line(out, "acknowledged", grouped(report.acknowledged));
  text_line(out, "known to the gateway", grouped(report.repeated));
  for (const auto& [reason, count] : report.refused) text_line(out, "refused: " + reason, grouped(count));
  text_line(out, "lost connections", grouped(report.reconnects));
  fmt::format_to(out, "  {:<26}{:>20}   {} messages/s\n", "time", duration_text(report.seconds),
                 grouped(static_cast<std::uint64_t>(messages_per_s(report))));
  fmt::format_to(out, "  {:<26}{:>20}   p99 {:.2f} ms   p99.9 {:.2f} ms   longest {:.2f} ms\n", "sent to durable, p50",
                 fmt::format("{:.2f} ms", static_cast<double>(report.latency.quantile_ns(500)) / 1e6),
                 static_cast<double>(report.latency.quantile_ns(990)) / 1e6,
                 static_cast<double>(report.latency.quantile_ns(999)) / 1e6,
                 static_cast<double>(report.latency.max_ns()) / 1e6);
}

}  // namespace

std::string report_table(const ReplayReport& report) {
  std::string text;
  const Out out = std::back_inserter(text);
  const ChainTotals& totals = report.totals;
  const EnergySums& energy = totals.energy;
  fmt::format_to(out, "{}: {} to {}, {} meters, {} intervals of {} s, {}\n", report.chain_id,
                 format_time(report.start_s), format_time(report.end_s), grouped(report.meters),
                 grouped(report.intervals), report.interval_s,
                 report.complete ? fmt::format("{} cycles closed", grouped(totals.cycles))
                                 : fmt::format("stopped after {}; the same command goes on from there",
                                               grouped(report.answered == 0 ? 0 : report.answered - 1)));
  if (report.complete) {
    fmt::format_to(out, "\n  {:<26}{:>20}{:>20}\n", "energy", "Wh", "kWh");
    energy_line(out, "consumption", energy.consumption_wh);
    energy_line(out, "generation", energy.generation_wh);
    energy_line(out, "matched locally", energy.matched_wh);
    energy_line(out, "import", energy.import_wh);
    energy_line(out, "export", energy.export_wh);
    text_line(out, "local share of generation", share_text(energy.matched_wh, energy.generation_wh));
    text_line(out, "self-sufficiency", share_text(energy.matched_wh, energy.consumption_wh));
    fmt::format_to(out, "\n  {:<26}{:>20}{:>20}\n", "money", "uelectra", "ELC");
    money_line(out, "consumers pay", static_cast<std::int64_t>(totals.consumers_pay));
    money_line(out, "producers get", static_cast<std::int64_t>(totals.producers_get));
    money_line(out, "grid gets", totals.grid_gets);
    money_line(out, "owed by consumers", static_cast<std::int64_t>(totals.debt));
    fmt::format_to(out, "  {:<26}{:>20}   (retail {}, feed-in {})\n", "paid per Wh, average",
                   price_text(totals.consumers_pay, energy.consumption_wh), report.retail_price, report.feed_in_price);
    text_line(out, "received per Wh, average", price_text(totals.producers_get, energy.generation_wh));
  }
  table_of_run(out, report);
  if (report.complete) {
    fmt::format_to(out, "\n  state root         {}\n  settlement digest  {}\n", report.state_root,
                   report.settlement_digest);
    for (const std::string& difference : report.differences) fmt::format_to(out, "  DIFFERENT  {}\n", difference);
    if (report.differences.empty())
      fmt::format_to(out, "  The chain's totals equal the data's, to the Wh and the uelectra.\n");
  }
  return text;
}

std::string report_json(const ReplayReport& report, const ReplayOptions& options) {
  const ChainTotals& totals = report.totals;
  nlohmann::ordered_json json;
  json["chain_id"] = report.chain_id;
  json["complete"] = report.complete;
  json["messages"] = report.sent;
  json["seconds"] = report.seconds;
  json["messages_per_s"] = messages_per_s(report);
  json["acknowledged"] = report.acknowledged;
  json["repeated"] = report.repeated;
  json["refused"] = report.refused;
  json["reconnects"] = report.reconnects;
  json["chain_messages"] = report.chain_messages;
  json["meters"] = report.meters;
  json["intervals"] = report.intervals;
  json["resumed_at_boundary"] = report.resumed_at;
  json["shuffle"] = options.shuffle ? nlohmann::ordered_json(*options.shuffle) : nlohmann::ordered_json(nullptr);
  json["latency_ns"] = {{"p50", report.latency.quantile_ns(500)},
                        {"p99", report.latency.quantile_ns(990)},
                        {"p99_9", report.latency.quantile_ns(999)},
                        {"max", report.latency.max_ns()}};
  if (report.complete) {
    json["cycles"] = totals.cycles;
    json["settled_intervals"] = totals.intervals;
    json["consumption_wh"] = totals.energy.consumption_wh;
    json["generation_wh"] = totals.energy.generation_wh;
    json["matched_wh"] = totals.energy.matched_wh;
    json["import_wh"] = totals.energy.import_wh;
    json["export_wh"] = totals.energy.export_wh;
    json["unaccounted_wh"] = totals.unaccounted_wh;
    json["consumers_pay_uelectra"] = totals.consumers_pay;
    json["producers_get_uelectra"] = totals.producers_get;
    json["grid_gets_uelectra"] = totals.grid_gets;
    json["debt_uelectra"] = totals.debt;
    json["retail_uelectra_per_wh"] = report.retail_price;
    json["feed_in_uelectra_per_wh"] = report.feed_in_price;
    json["state_root"] = report.state_root;
    json["state_digest"] = report.state_digest;
    json["settlement_digest"] = report.settlement_digest;
    json["differences"] = report.differences;
  }
  return json.dump(2) + "\n";
}

std::expected<void, std::string> write_text_file(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::path beside = path;
  beside += ".new";
  std::FILE* file = std::fopen(beside.c_str(), "w");
  if (file == nullptr) return std::unexpected(fmt::format("{}: {}", beside.string(), std::strerror(errno)));
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool closed = std::fclose(file) == 0;
  std::error_code error;
  if (written && closed) std::filesystem::rename(beside, path, error);
  if (!written || !closed || error) {
    return std::unexpected(fmt::format("{}: {}", path.string(), error ? error.message() : std::strerror(errno)));
  }
  return {};
}

}  // namespace electra::player
