// What the gateway's process is told: a file of JSON that the bench writes and `electra-bench serve` reads.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>

#include "bench/e2e/scenario.h"

namespace electra::bench {

struct ServeSettings {
  std::filesystem::path directory;  // journal, headers and what the process leaves behind
  ScenarioOptions scenario;         // for the genesis; the keys stand in keys_file()
  std::string verifier = "auto";
  std::uint32_t verify_threads = 0;  // 0: as many as the machine has
  std::uint32_t table_kib = 0;       // 0: as the verifier thinks best
  std::uint32_t connections_max = 64;
  std::uint32_t refusals_max = 64;   // of a session
  bool accept_all = false;           // computes ids and calls every signature good: the engine's ceiling
  std::uint64_t flush_delay_us = 0;  // every durable write completes so much later: a slow disk

  bool udp = false;  // takes datagrams, too

  std::optional<std::uint64_t> snapshot_every;  // bytes of the journal; 0: none; nothing: as the product does

  [[nodiscard]] std::filesystem::path snapshots() const { return directory / "snapshots"; }
  [[nodiscard]] std::filesystem::path journal() const { return directory / "journal"; }
  [[nodiscard]] std::filesystem::path headers_file() const { return directory / "headers.bin"; }
  [[nodiscard]] std::filesystem::path signed_height_file() const { return directory / "gateway.signed"; }
  [[nodiscard]] std::filesystem::path settings_file() const { return directory / "serve.json"; }
  [[nodiscard]] std::filesystem::path keys_file() const { return directory / "keys.bin"; }
  [[nodiscard]] std::filesystem::path balances_file() const { return directory / "balances.bin"; }
  [[nodiscard]] std::filesystem::path report_file() const { return directory / "report.json"; }
};

// Empty, or what failed, with the file's name.
[[nodiscard]] std::string write_settings(const ServeSettings& settings, const std::vector<Bytes32>& public_keys);
[[nodiscard]] std::expected<ServeSettings, std::string> read_settings(const std::filesystem::path& file);
[[nodiscard]] std::expected<std::vector<Bytes32>, std::string> read_keys(const std::filesystem::path& file);

// What the process says when it stops.
struct ServeReport {
  std::uint64_t batches = 0;
  std::uint64_t messages = 0;
  std::uint64_t refused = 0;
  std::uint64_t largest_batch = 0;
  std::uint64_t record_bytes = 0;  // journal records with padding
  std::uint64_t zero_bytes = 0;    // written ahead of records
  std::uint64_t snapshot_bytes = 0;
  std::uint64_t snapshots = 0;    // sealed
  std::uint64_t snapshot_ns = 0;  // CPU
  // Of its start: from a snapshot, and from the journal behind it.
  std::uint64_t restored_leaves = 0;
  std::uint64_t restored_ns = 0;
  std::uint64_t replayed_messages = 0;
  std::uint64_t replayed_ns = 0;
  std::uint64_t decode_ns = 0;        // CPU
  std::uint64_t verify_ns = 0;        // CPU
  std::uint64_t execute_ns = 0;       // CPU
  std::uint64_t journal_wait_ns = 0;  // from submit to durable, summed over batches
  std::uint64_t height = 0;
  std::uint64_t state_bytes = 0;
  std::uint64_t keys_bytes = 0;
  std::uint64_t batches_bytes = 0;
  std::uint64_t sessions_bytes = 0;
  std::uint32_t tables = 0;
  std::uint32_t table_bytes = 0;
  // Datagrams: received, lost before the gateway, dropped by it, answers that it could not send.
  std::uint64_t datagrams = 0;
  std::uint64_t datagrams_lost = 0;
  std::uint64_t datagrams_dropped = 0;
  std::uint64_t datagrams_sent = 0;
  std::uint64_t datagrams_unsent = 0;
  std::string verifier;
  std::string settlement_digest;  // hex
};
[[nodiscard]] std::string write_report(const ServeReport& report, const std::filesystem::path& file);
[[nodiscard]] std::expected<ServeReport, std::string> read_report(const std::filesystem::path& file);

}  // namespace electra::bench
