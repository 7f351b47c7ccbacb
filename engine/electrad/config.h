// config.yml: what a chain is made of and how its gateway runs.
//
// Two kinds of keys stand in one file. Those of the chain (chain id, accounts, meters, metering, prices, limits) are
// copied into genesis.json by `init` and never read again; those of the gateway (clock, listen, verify, batches,
// journal, connections, log) are read at every start. docs/configuration.md documents each key.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/electrad/document.h"
#include "engine/state/types.h"

namespace electra::app {

// A holder that is active from the first moment: a person or a meter.
struct HolderConfig {
  std::string name{};  // of its key file, and its serial number in the directory
  std::uint32_t roles = 0;
  std::uint32_t phases = 0;  // bit set; 0 = no meter
  std::uint64_t balance = 0;
  std::uint64_t register_modulus = 0;
  std::uint64_t max_wh_per_interval = 0;
  std::string owner{};  // whose wallet pays and is paid; empty = its own
  unsigned line = 0;
};

struct Config {
  std::string chain_id = "electra-testnet-0";
  std::optional<std::uint64_t> genesis_time_s;  // nothing: the cycle in which `init` runs
  std::string development_seed = "electra development seed: never use for real meters";

  HolderConfig gateway{.name = "GRID", .roles = state::kRoleMeter | state::kRoleGateway, .phases = 1};
  HolderConfig grid_operator{.name = "operator", .roles = state::kRoleOperator};
  std::vector<HolderConfig> accounts;
  std::vector<HolderConfig> meters;
  state::Params params;
  state::Limits limits;

  bool replay_clock = false;
  std::string listen_host = "127.0.0.1";
  std::uint16_t listen_port = 26600;
  bool listen_udp = false;
  std::uint64_t udp_buffer_bytes = 8U << 20;
  std::string verify_backend = "auto";
  std::uint64_t table_memory_bytes = 512U << 20;
  std::uint32_t table_kib = 0;  // 0: chosen from the number of keys and the memory
  std::uint32_t verify_threads = 0;
  std::uint32_t parallel_batch_min = 64;
  std::uint32_t batch_messages_max = 8192;
  std::uint32_t batches_max = 8;
  std::uint32_t connections_max = 1024;
  std::uint32_t hello_timeout_s = 10;
  std::optional<std::uint32_t> sender_messages_per_second;  // nothing: 10, and no limit with a replay clock
  std::uint32_t sender_burst = 10'000;
  std::uint64_t segment_bytes = 64U << 20;
  std::uint32_t records_in_flight = 4;
  std::uint64_t journal_reserve_bytes = 64U << 20;  // of the disk, for operators; 0 = none
  std::uint64_t snapshot_every_bytes = 64U << 20;   // 0 = none are made
  std::uint32_t snapshots_kept = 2;
  std::string old_segments = "keep";                  // or archive, drop
  std::string archive_directory = "journal-archive";  // relative: to the home
  std::uint32_t block_interval_s = 1;
  std::uint32_t unsigned_blocks_max = 600;
  std::string log_level = "info";
  bool log_json = false;
};

// The table that reads config.yml. In the order of docs/configuration.md.
[[nodiscard]] std::span<const KeyRow<Config>> config_table();

// The names of roles as they are written, in the order of their bits: "meter|owner|producer|gateway|operator|auditor".
inline constexpr std::string_view kRoleNames = "meter|owner|producer|gateway|operator|auditor";
[[nodiscard]] std::vector<std::string> role_names(std::uint32_t roles);

// `file` is the name in complaints. On an error: one line a complaint.
[[nodiscard]] std::expected<Config, std::string> parse_config(std::string_view file, const std::string& text);

// The documented configuration that `init` and `serve` use when they find none.
[[nodiscard]] std::string_view default_config_text();

// The whole file, or a sentence that names it. Refuses more than `bytes_max`.
[[nodiscard]] std::expected<std::string, std::string> read_text_file(const std::filesystem::path& path,
                                                                     std::size_t bytes_max = 64U << 20);

}  // namespace electra::app
