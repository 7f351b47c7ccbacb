#include "engine/electrad/config.h"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>

#include "io/journal/journal_writer.h"
#include "io/journal/record_format.h"

namespace electra::app {
namespace {

constexpr std::uint64_t kU32Max = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kU64Max = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kDay = 86400;
constexpr std::uint64_t kMoneyMax = std::uint64_t{1} << 62;  // uelectra, all that a genesis may issue
constexpr std::uint64_t kSnapshotEveryMin = 64U << 10;       // bytes of journal
constexpr std::uint64_t kPriceMax = 1'000'000'000;           // uelectra/Wh: with 2^32 Wh it stays far inside 64 bits

std::uint32_t u32(const Value& value) { return static_cast<std::uint32_t>(value.number); }

constexpr std::uint32_t kTableKib[] = {0, 64, 32, 16, 4, 2, 1};  // as the choices of verify.table_size; 0: chosen

HolderConfig& account(Config& config) { return config.accounts.back(); }
HolderConfig& meter(Config& config) { return config.meters.back(); }

using C = Config;
using V = Value;

// One line a key: where it stands, what it is, range, choices, required; what it sets.
// clang-format off
const std::array kTable = std::to_array<KeyRow<Config>>({
    // the chain: read by `init` alone
    {{"genesis", Kind::section}, nullptr},
    {{"genesis.chain_id", Kind::name}, [](C& c, const V& v) { c.chain_id = v.text; }},
    {{"genesis.time", Kind::instant}, [](C& c, const V& v) { c.genesis_time_s = v.number; }},
    {{"development_seed", Kind::text, 8, 256}, [](C& c, const V& v) { c.development_seed = v.text; }},

    {{"accounts", Kind::list}, [](C& c, const V& v) { c.accounts.push_back({.roles = state::kRoleOwner, .line = v.line}); }},
    {{"accounts[].name", Kind::name, 0, 0, "", true}, [](C& c, const V& v) { account(c).name = v.text; }},
    {{"accounts[].coins", Kind::coins}, [](C& c, const V& v) { account(c).balance = v.number; }},
    {{"accounts[].roles", Kind::flags, 0, 0, kRoleNames}, [](C& c, const V& v) { account(c).roles = u32(v); }},
    {{"accounts[].phases", Kind::phases}, [](C& c, const V& v) { account(c).phases = u32(v); }},

    {{"meters", Kind::list}, [](C& c, const V& v) { c.meters.push_back({.roles = state::kRoleMeter, .phases = 1, .line = v.line}); }},
    {{"meters[].serial", Kind::name, 0, 0, "", true}, [](C& c, const V& v) { meter(c).name = v.text; }},
    {{"meters[].phases", Kind::phases}, [](C& c, const V& v) { meter(c).phases = u32(v); }},
    {{"meters[].roles", Kind::flags, 0, 0, kRoleNames}, [](C& c, const V& v) { meter(c).roles = u32(v); }},
    {{"meters[].coins", Kind::coins}, [](C& c, const V& v) { meter(c).balance = v.number; }},
    {{"meters[].owner", Kind::name}, [](C& c, const V& v) { meter(c).owner = v.text; }},
    {{"meters[].register_modulus", Kind::number, 0, kU64Max}, [](C& c, const V& v) { meter(c).register_modulus = v.number; }},
    {{"meters[].max_wh_per_interval", Kind::number, 0, kU64Max}, [](C& c, const V& v) { meter(c).max_wh_per_interval = v.number; }},

    {{"gateway", Kind::section}, nullptr},
    {{"gateway.serial", Kind::name}, [](C& c, const V& v) { c.gateway.name = v.text; }},
    {{"gateway.phases", Kind::phases}, [](C& c, const V& v) { c.gateway.phases = u32(v); }},
    {{"gateway.coins", Kind::coins}, [](C& c, const V& v) { c.gateway.balance = v.number; }},
    {{"operator", Kind::section}, nullptr},
    {{"operator.name", Kind::name}, [](C& c, const V& v) { c.grid_operator.name = v.text; }},
    {{"operator.coins", Kind::coins}, [](C& c, const V& v) { c.grid_operator.balance = v.number; }},

    {{"metering", Kind::section}, nullptr},
    {{"metering.interval", Kind::seconds, 1, kDay}, [](C& c, const V& v) { c.params.interval_s = u32(v); }},
    {{"metering.cycle", Kind::seconds, 1, kDay}, [](C& c, const V& v) { c.params.cycle_s = u32(v); }},
    {{"metering.grace", Kind::seconds, 0, kDay}, [](C& c, const V& v) { c.params.grace_s = u32(v); }},
    {{"metering.future_tolerance", Kind::seconds, 0, kDay}, [](C& c, const V& v) { c.params.future_tolerance_s = u32(v); }},
    {{"prices", Kind::section}, nullptr},
    {{"prices.retail", Kind::number, 0, kPriceMax}, [](C& c, const V& v) { c.params.retail_price = v.number; }},
    {{"prices.feed_in", Kind::number, 0, kPriceMax}, [](C& c, const V& v) { c.params.feed_in_price = v.number; }},
    {{"limits", Kind::section}, nullptr},
    {{"limits.holders", Kind::number, 2, 1U << 20}, [](C& c, const V& v) { c.limits.holders_max = u32(v); }},
    {{"limits.accounts", Kind::number, 8, 1U << 24}, [](C& c, const V& v) { c.limits.accounts_max = u32(v); }},
    {{"limits.pending_transfers", Kind::number, 1, 1U << 24}, [](C& c, const V& v) { c.limits.pending_transfers_max = u32(v); }},
    {{"limits.correction_horizon", Kind::seconds, 3600, 366 * kDay}, [](C& c, const V& v) { c.limits.correction_horizon_s = u32(v); }},
    {{"limits.pending_timeout", Kind::seconds, 1, 366 * kDay}, [](C& c, const V& v) { c.limits.pending_timeout_max_s = u32(v); }},
    {{"limits.not_after", Kind::seconds, 60, 366 * kDay}, [](C& c, const V& v) { c.limits.not_after_max_s = u32(v); }},
    {{"limits.timer_visits", Kind::number, 1, 1U << 20}, [](C& c, const V& v) { c.limits.timer_visits_per_batch_max = u32(v); }},

    // the gateway: read at every start
    {{"clock", Kind::choice, 0, 0, "real|replay"}, [](C& c, const V& v) { c.replay_clock = v.number == 1; }},
    {{"listen", Kind::endpoint}, [](C& c, const V& v) { c.listen_host = v.text; c.listen_port = static_cast<std::uint16_t>(v.number); }},
    {{"udp", Kind::section}, nullptr},
    {{"udp.listen", Kind::choice, 0, 0, "off|on"}, [](C& c, const V& v) { c.listen_udp = v.number == 1; }},
    {{"udp.socket_buffer", Kind::bytes, 64U << 10, 1U << 30}, [](C& c, const V& v) { c.udp_buffer_bytes = v.number; }},
    {{"verify", Kind::section}, nullptr},
    {{"verify.backend", Kind::choice, 0, 0, "auto|avx512|avx2|sodium"}, [](C& c, const V& v) { c.verify_backend = v.text; }},
    {{"verify.table_memory", Kind::bytes, 0, 1ULL << 40}, [](C& c, const V& v) { c.table_memory_bytes = v.number; }},
    {{"verify.table_size", Kind::choice, 0, 0, "auto|64KiB|32KiB|16KiB|4KiB|2KiB|1KiB"}, [](C& c, const V& v) { c.table_kib = kTableKib[v.number]; }},
    {{"verify.threads", Kind::number, 0, 1024}, [](C& c, const V& v) { c.verify_threads = u32(v); }},
    {{"verify.parallel_from", Kind::number, 1, kU32Max}, [](C& c, const V& v) { c.parallel_batch_min = u32(v); }},
    {{"batches", Kind::section}, nullptr},
    {{"batches.messages", Kind::number, 2, 8192}, [](C& c, const V& v) { c.batch_messages_max = u32(v); }},
    {{"batches.pool", Kind::number, 2, 64}, [](C& c, const V& v) { c.batches_max = u32(v); }},
    {{"connections", Kind::section}, nullptr},
    {{"connections.limit", Kind::number, 1, 65536}, [](C& c, const V& v) { c.connections_max = u32(v); }},
    {{"connections.hello_timeout", Kind::seconds, 1, 3600}, [](C& c, const V& v) { c.hello_timeout_s = u32(v); }},
    {{"senders", Kind::section}, nullptr},
    {{"senders.messages_per_second", Kind::number, 0, 1U << 20}, [](C& c, const V& v) { c.sender_messages_per_second = u32(v); }},
    {{"senders.burst", Kind::number, 1, 1U << 20}, [](C& c, const V& v) { c.sender_burst = u32(v); }},
    {{"journal", Kind::section}, nullptr},
    {{"journal.segment_bytes", Kind::bytes, 1U << 20, 16ULL << 30}, [](C& c, const V& v) { c.segment_bytes = v.number; }},
    {{"journal.records_in_flight", Kind::number, 1, io::kRecordsInFlightMax}, [](C& c, const V& v) { c.records_in_flight = u32(v); }},
    {{"journal.reserve", Kind::bytes, 0, 1ULL << 40}, [](C& c, const V& v) { c.journal_reserve_bytes = v.number; }},
    {{"snapshots", Kind::section}, nullptr},
    {{"snapshots.every", Kind::bytes, 0, 1ULL << 40}, [](C& c, const V& v) { c.snapshot_every_bytes = v.number; }},
    {{"snapshots.keep", Kind::number, 2, 64}, [](C& c, const V& v) { c.snapshots_kept = u32(v); }},
    {{"snapshots.old_segments", Kind::choice, 0, 0, "keep|archive|drop"}, [](C& c, const V& v) { c.old_segments = v.text; }},
    {{"snapshots.archive_directory", Kind::text, 1, 4096}, [](C& c, const V& v) { c.archive_directory = v.text; }},
    {{"blocks", Kind::section}, nullptr},
    {{"blocks.interval", Kind::seconds, 1, 3600}, [](C& c, const V& v) { c.block_interval_s = u32(v); }},
    {{"blocks.max_unsigned", Kind::number, 1, 1U << 20}, [](C& c, const V& v) { c.unsigned_blocks_max = u32(v); }},
    {{"log", Kind::section}, nullptr},
    {{"log.level", Kind::choice, 0, 0, "debug|info|warning|error"}, [](C& c, const V& v) { c.log_level = v.text; }},
    {{"log.format", Kind::choice, 0, 0, "text|json"}, [](C& c, const V& v) { c.log_json = v.number == 1; }},
});
// clang-format on

// Rules that need more than one key. Complaints are added to the report, at the line of the key to change.
class CrossCheck {
 public:
  CrossCheck(std::string_view file, const Config& config, DocumentReport& report)
      : file_(file), config_(config), report_(report) {}

  void run() {
    check_times();
    check_prices();
    check_holders();
    if (config_.segment_bytes % io::kRecordAlignment != 0) {
      complain("journal.segment_bytes", fmt::format("expected a multiple of {} bytes", io::kRecordAlignment));
    }
    if (config_.snapshot_every_bytes != 0 && config_.snapshot_every_bytes < kSnapshotEveryMin) {
      complain("snapshots.every", "expected 0 (no snapshots) or at least 64KiB");
    }
    const std::uint64_t settled_after_s = std::uint64_t{config_.params.cycle_s} + config_.params.grace_s;
    if (config_.limits.correction_horizon_s < settled_after_s) {
      complain("limits.correction_horizon",
               fmt::format("expected at least metering.cycle and metering.grace together, {} s", settled_after_s));
    }
  }

 private:
  void complain(const std::string& key, std::string_view text, unsigned line = 0) {
    const auto place = report_.lines.find(key);
    if (line == 0 && place != report_.lines.end()) line = place->second;
    report_.problems.push_back(complaint(file_, line, key, text));
  }

  void check_times() {
    const state::Params& params = config_.params;
    if (kDay % params.interval_s != 0) complain("metering.interval", "expected a divisor of a day (86400 s)");
    if (kDay % params.cycle_s != 0) complain("metering.cycle", "expected a divisor of a day (86400 s)");
    if (params.cycle_s % params.interval_s != 0) {
      complain("metering.cycle", fmt::format("expected a multiple of metering.interval ({} s), found {} s",
                                             params.interval_s, params.cycle_s));
    }
    if (config_.genesis_time_s && *config_.genesis_time_s % params.cycle_s != 0) {
      complain("genesis.time", fmt::format("expected the beginning of a cycle of {} s", params.cycle_s));
    }
    if (config_.replay_clock && !config_.genesis_time_s) {
      complain(report_.lines.contains("genesis") ? "genesis" : "clock",
               "a replay needs genesis.time, the instant at which it begins");
    }
  }

  void check_prices() {
    const state::Params& params = config_.params;
    if (params.feed_in_price > params.retail_price) {
      complain("prices.feed_in",
               fmt::format("expected at most prices.retail ({}), found {}", params.retail_price, params.feed_in_price));
    }
  }

  void check_holders() {
    if (config_.gateway.phases == 0) {
      complain("gateway.phases", "expected at least one phase: the gateway is the meter of the grid connection");
    }
    add_holder("gateway.serial", config_.gateway);
    add_holder("operator.name", config_.grid_operator);
    for (std::size_t i = 0; i < config_.accounts.size(); ++i) {
      add_holder(fmt::format("accounts[{}].name", i), config_.accounts[i]);
    }
    for (std::size_t i = 0; i < config_.meters.size(); ++i) {
      const HolderConfig& meter = config_.meters[i];
      // Owners stand before what they own: settlement pays into a wallet that exists.
      if (!meter.owner.empty() && !names_.contains(meter.owner)) {
        complain(fmt::format("meters[{}].owner", i),
                 fmt::format("there is no account named \"{}\" in this file", meter.owner));
      }
      add_holder(fmt::format("meters[{}].serial", i), meter);
    }
    const std::size_t holders = 2 + config_.accounts.size() + config_.meters.size();
    if (holders > config_.limits.holders_max) {
      complain("limits.holders", fmt::format("expected at least {}, the holders in this file", holders));
    }
    if (balance_overflows_) complain("accounts", "expected at most 2^62 uelectra in all balances together");
  }

  void add_holder(const std::string& key, const HolderConfig& holder) {
    if (holder.name.empty()) return;  // complained about already
    if (!names_.emplace(holder.name, key).second) {
      complain(key, fmt::format("\"{}\" is the name at {} already", holder.name, names_[holder.name]));
    }
    const bool more_than_one_gateway = (holder.roles & state::kRoleGateway) != 0 && key != "gateway.serial";
    if (more_than_one_gateway) complain(key, "a chain has one gateway, the one in the section gateway");
    if (holder.phases == 0 && (holder.roles & state::kRoleMeter) != 0) {
      complain(key, "a holder with the role meter needs phases");
    }
    if (holder.roles == 0) complain(key, "a holder needs a role");
    constexpr std::uint32_t kMetered = state::kRoleMeter | state::kRoleProducer | state::kRoleGateway;
    if (holder.phases != 0 && (holder.roles & kMetered) == 0) {
      complain(key, "a holder with phases needs the role meter, producer or gateway");
    }
    if (holder.register_modulus == 1) complain(key, "a register_modulus is 0 (never rolls over) or above 1");
    if (holder.balance > kMoneyMax - balance_) {
      balance_overflows_ = true;
    } else {
      balance_ += holder.balance;
    }
  }

  std::string_view file_;
  const Config& config_;
  DocumentReport& report_;
  std::map<std::string, std::string> names_;  // name → key where it stands
  std::uint64_t balance_ = 0;
  bool balance_overflows_ = false;
};

}  // namespace

std::span<const KeyRow<Config>> config_table() { return kTable; }

std::vector<std::string> role_names(std::uint32_t roles) {
  std::vector<std::string> names;
  std::istringstream all{std::string(kRoleNames)};
  std::string name;
  for (unsigned bit = 0; std::getline(all, name, '|'); ++bit) {
    if ((roles >> bit & 1U) != 0) names.push_back(name);
  }
  return names;
}

std::expected<Config, std::string> parse_config(std::string_view file, const std::string& text) {
  Config config;
  DocumentReport report = read_document_into<Config>(config, file, text, kTable);
  if (report.problems.empty()) CrossCheck(file, config, report).run();
  if (!report.problems.empty()) return std::unexpected(fmt::format("{}", fmt::join(report.problems, "\n")));
  return config;
}

std::expected<std::string, std::string> read_text_file(const std::filesystem::path& path, std::size_t bytes_max) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return std::unexpected(fmt::format("{}: {}", path.string(), error.message()));
  if (size > bytes_max) return std::unexpected(fmt::format("{}: more than {} bytes", path.string(), bytes_max));
  std::ifstream file(path, std::ios::binary);
  std::string text(static_cast<std::size_t>(size), '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(size))) {
    return std::unexpected(fmt::format("{}: cannot be read", path.string()));
  }
  return text;
}

}  // namespace electra::app
