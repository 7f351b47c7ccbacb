#include "bench/e2e/settings.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <fstream>

namespace electra::bench {
namespace {

std::string write_text(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  return out.flush() ? std::string() : fmt::format("{}: cannot be written", file.string());
}

// Calls read(json) and turns a bad file into a sentence.
template <typename Value, typename Read>
std::expected<Value, std::string> read_json(const std::filesystem::path& file, Read&& read) {
  std::ifstream in(file);
  const auto json = nlohmann::json::parse(in, nullptr, false);
  if (json.is_discarded()) return std::unexpected(fmt::format("{}: no readable JSON", file.string()));
  try {
    return read(json);
  } catch (const nlohmann::json::exception& e) {
    return std::unexpected(fmt::format("{}: {}", file.string(), e.what()));
  }
}

nlohmann::json to_json(const ScenarioOptions& options) {
  return {{"load", static_cast<int>(options.load)},
          {"skew", static_cast<int>(options.skew)},
          {"senders", options.senders},
          {"connections", options.connections},
          {"accounts", options.accounts},
          {"messages", options.messages},
          {"forged_per_mille", options.forged_per_mille},
          {"seed", options.seed}};
}

ScenarioOptions scenario_of(const nlohmann::json& json) {
  return {.load = static_cast<Load>(json.at("load").get<int>()),
          .skew = static_cast<Skew>(json.at("skew").get<int>()),
          .senders = json.at("senders"),
          .connections = json.at("connections"),
          .accounts = json.at("accounts"),
          .messages = json.at("messages"),
          .forged_per_mille = json.at("forged_per_mille"),
          .seed = json.at("seed")};
}

}  // namespace

std::string write_settings(const ServeSettings& settings, const std::vector<Bytes32>& public_keys) {
  const nlohmann::json json = {
      {"directory", settings.directory.string()},
      {"scenario", to_json(settings.scenario)},
      {"verifier", settings.verifier},
      {"verify_threads", settings.verify_threads},
      {"table_kib", settings.table_kib},
      {"connections_max", settings.connections_max},
      {"refusals_max", settings.refusals_max},
      {"accept_all", settings.accept_all},
      {"flush_delay_us", settings.flush_delay_us},
      {"udp", settings.udp},
      {"snapshot_every", settings.snapshot_every ? nlohmann::json(*settings.snapshot_every) : nlohmann::json()}};
  std::string keys;
  for (const Bytes32& key : public_keys) keys.append(reinterpret_cast<const char*>(key.data()), key.size());
  if (std::string error = write_text(settings.keys_file(), keys); !error.empty()) return error;
  return write_text(settings.settings_file(), json.dump(2) + "\n");
}

std::expected<ServeSettings, std::string> read_settings(const std::filesystem::path& file) {
  return read_json<ServeSettings>(file, [](const nlohmann::json& json) {
    ServeSettings settings;
    settings.directory = json.at("directory").get<std::string>();
    settings.scenario = scenario_of(json.at("scenario"));
    settings.verifier = json.at("verifier");
    settings.verify_threads = json.at("verify_threads");
    settings.table_kib = json.at("table_kib");
    settings.connections_max = json.at("connections_max");
    settings.refusals_max = json.at("refusals_max");
    settings.accept_all = json.at("accept_all");
    settings.flush_delay_us = json.at("flush_delay_us");
    settings.udp = json.at("udp");
    if (const auto& every = json.at("snapshot_every"); !every.is_null()) settings.snapshot_every = every;
    return settings;
  });
}

std::expected<std::vector<Bytes32>, std::string> read_keys(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::vector<Bytes32> keys;
  Bytes32 key;
  while (in.read(reinterpret_cast<char*>(key.data()), static_cast<std::streamsize>(key.size()))) keys.push_back(key);
  if (keys.empty() || in.gcount() != 0) return std::unexpected(fmt::format("{}: no file of keys", file.string()));
  return keys;
}

std::string write_report(const ServeReport& report, const std::filesystem::path& file) {
  const nlohmann::json json = {{"batches", report.batches},
                               {"messages", report.messages},
                               {"refused", report.refused},
                               {"largest_batch", report.largest_batch},
                               {"record_bytes", report.record_bytes},
                               {"zero_bytes", report.zero_bytes},
                               {"snapshot_bytes", report.snapshot_bytes},
                               {"snapshots", report.snapshots},
                               {"snapshot_ns", report.snapshot_ns},
                               {"restored_leaves", report.restored_leaves},
                               {"restored_ns", report.restored_ns},
                               {"replayed_messages", report.replayed_messages},
                               {"replayed_ns", report.replayed_ns},
                               {"decode_ns", report.decode_ns},
                               {"verify_ns", report.verify_ns},
                               {"execute_ns", report.execute_ns},
                               {"journal_wait_ns", report.journal_wait_ns},
                               {"height", report.height},
                               {"state_bytes", report.state_bytes},
                               {"keys_bytes", report.keys_bytes},
                               {"batches_bytes", report.batches_bytes},
                               {"sessions_bytes", report.sessions_bytes},
                               {"tables", report.tables},
                               {"table_bytes", report.table_bytes},
                               {"datagrams", report.datagrams},
                               {"datagrams_lost", report.datagrams_lost},
                               {"datagrams_dropped", report.datagrams_dropped},
                               {"datagrams_sent", report.datagrams_sent},
                               {"datagrams_unsent", report.datagrams_unsent},
                               {"verifier", report.verifier},
                               {"settlement_digest", report.settlement_digest}};
  return write_text(file, json.dump(2) + "\n");
}

std::expected<ServeReport, std::string> read_report(const std::filesystem::path& file) {
  return read_json<ServeReport>(file, [](const nlohmann::json& json) {
    return ServeReport{.batches = json.at("batches"),
                       .messages = json.at("messages"),
                       .refused = json.at("refused"),
                       .largest_batch = json.at("largest_batch"),
                       .record_bytes = json.at("record_bytes"),
                       .zero_bytes = json.at("zero_bytes"),
                       .snapshot_bytes = json.at("snapshot_bytes"),
                       .snapshots = json.at("snapshots"),
                       .snapshot_ns = json.at("snapshot_ns"),
                       .restored_leaves = json.at("restored_leaves"),
                       .restored_ns = json.at("restored_ns"),
                       .replayed_messages = json.at("replayed_messages"),
                       .replayed_ns = json.at("replayed_ns"),
                       .decode_ns = json.at("decode_ns"),
                       .verify_ns = json.at("verify_ns"),
                       .execute_ns = json.at("execute_ns"),
                       .journal_wait_ns = json.at("journal_wait_ns"),
                       .height = json.at("height"),
                       .state_bytes = json.at("state_bytes"),
                       .keys_bytes = json.at("keys_bytes"),
                       .batches_bytes = json.at("batches_bytes"),
                       .sessions_bytes = json.at("sessions_bytes"),
                       .tables = json.at("tables"),
                       .table_bytes = json.at("table_bytes"),
                       .datagrams = json.at("datagrams"),
                       .datagrams_lost = json.at("datagrams_lost"),
                       .datagrams_dropped = json.at("datagrams_dropped"),
                       .datagrams_sent = json.at("datagrams_sent"),
                       .datagrams_unsent = json.at("datagrams_unsent"),
                       .verifier = json.at("verifier"),
                       .settlement_digest = json.at("settlement_digest")};
  });
}

}  // namespace electra::bench
