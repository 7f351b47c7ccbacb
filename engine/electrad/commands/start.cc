// `electrad start`: serves the home's chain until it is told to stop.
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>

#include "crypto-offload/software_signer.h"
#include "engine/electrad/amount.h"
#include "engine/electrad/chain_setup.h"
#include "engine/electrad/commands/commands.h"
#include "engine/electrad/genesis.h"
#include "engine/electrad/log.h"
#include "engine/electrad/progress_bar.h"
#include "engine/electrad/version.h"
#include "engine/pipeline/gateway.h"
#include "io/directory_lock.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/client/message.h"
#include "meter-proto/strict/frame.h"

namespace electra::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kProgressPause{1};

// What one sender may write when the configuration says nothing: a hundred times what any meter needs, and a thousandth of
// what would hold up the others.
constexpr std::uint32_t kSenderMessagesPerSecond = 10;

std::atomic<pipeline::Gateway*> running_gateway{nullptr};
volatile std::sig_atomic_t stop_signal = 0;
static_assert(std::atomic<pipeline::Gateway*>::is_always_lock_free, "a signal handler reads it");

void on_stop_signal(int signal) {
  stop_signal = signal;
  if (pipeline::Gateway* gateway = running_gateway.load(); gateway != nullptr) gateway->request_stop();
}

// SIGINT and SIGTERM stop; a peer that has gone is an error value and not a signal. Handlers go with the object.
class StopSignals {
 public:
  StopSignals() {
    struct sigaction action{};
    action.sa_handler = on_stop_signal;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &old_interrupt_);
    sigaction(SIGTERM, &action, &old_terminate_);
    std::signal(SIGPIPE, SIG_IGN);
  }
  ~StopSignals() {
    running_gateway.store(nullptr);
    sigaction(SIGINT, &old_interrupt_, nullptr);
    sigaction(SIGTERM, &old_terminate_, nullptr);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

 private:
  struct sigaction old_interrupt_{};
  struct sigaction old_terminate_{};
};

// The file `address` is there exactly while the gateway serves.
class AddressFile {
 public:
  explicit AddressFile(const Home& home) : home_(home) { home_.remove_address(); }
  ~AddressFile() { home_.remove_address(); }
  AddressFile(const AddressFile&) = delete;
  AddressFile& operator=(const AddressFile&) = delete;

 private:
  const Home& home_;
};

// Recovery of a long journal takes seconds: says how far it is, in place on a terminal, else as log lines.
class RecoveryProgress {
 public:
  void operator()(std::uint64_t done, std::uint64_t total) {
    // Recovery has not answered anybody, and a kill at any moment is what the journal is made for.
    if (stop_signal != 0) {
      log_event(LogLevel::info, "stopped", {{"reason", "signal during recovery"}});
      std::_Exit(0);
    }
    bar_(done, total);
    const auto now = Clock::now();
    if (terminal_ || total == 0 || now < next_) return;
    next_ = now + kProgressPause;
    const auto percent = static_cast<std::uint64_t>(static_cast<double>(done) * 100.0 / static_cast<double>(total));
    log_event(LogLevel::info, "recovering", {{"done_bytes", done}, {"total_bytes", total}, {"percent", percent}});
  }

  void end() { bar_.end(); }

 private:
  ProgressBar bar_{"recovering the journal"};
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  Clock::time_point next_ = Clock::now() + kProgressPause;
};

std::expected<void, Failure> apply_options(const StartOptions& options, Config& config) {
  if (!options.log_level.empty()) config.log_level = options.log_level;
  if (options.listen.empty()) return {};
  // The same reader as for config.yml, so that the same spellings are good.
  const auto listen = parse_config("--listen", fmt::format("listen: \"{}\"\n", options.listen));
  if (!listen) return std::unexpected(Failure{ExitCode::usage, listen.error()});
  config.listen_host = listen->listen_host;
  config.listen_port = listen->listen_port;
  return {};
}

// Called now and then while tables are made, by the thread that makes them.
void log_tables(const crypto::TableStatus& tables) {
  log_event(LogLevel::info, "tables",
            {{"ready", tables.tables},
             {"keys", tables.keys},
             {"table_kib", tables.table_bytes / 1024},
             {"memory_bytes", tables.memory_bytes},
             {"pages", tables.pages},
             {"why", tables.reason}});
  if (tables.without != 0) {
    log_event(
        LogLevel::warning, "keys_without_table",
        {{"keys", tables.without},
         {"text", tables.system_refused ? "verified 2 to 5 times slower: the system gives no more memory or no thread"
                                        : "verified 2 to 5 times slower: raise verify.table_memory"},
         {"why", tables.reason}});
  }
}

void log_snapshot(const pipeline::SnapshotEvent& event) {
  using Kind = pipeline::SnapshotEvent::Kind;
  switch (event.kind) {
    case Kind::begun:
      return log_event(
          LogLevel::debug, "snapshot",
          {{"state", "begun"}, {"batch", event.batch}, {"height", event.height}, {"leaves", event.leaves}});
    case Kind::sealed:
      return log_event(LogLevel::info, "snapshot",
                       {{"state", "sealed"},
                        {"batch", event.batch},
                        {"height", event.height},
                        {"leaves", event.leaves},
                        {"bytes", event.bytes},
                        {"ms", event.duration_ns / 1'000'000}});
    case Kind::failed:
      return log_event(LogLevel::error, "snapshot_failed",
                       {{"batch", event.batch}, {"height", event.height}, {"text", event.text}});
    case Kind::put_away:
      return log_event(LogLevel::info, "put_away", {{"snapshots", event.snapshots}, {"segments", event.segments}});
  }
}

pipeline::GatewaySettings gateway_settings(const Home& home, const ChainFiles& chain) {
  const Config& config = chain.config;
  pipeline::GatewaySettings settings;
  settings.genesis = chain.genesis;
  settings.journal_directory = home.journal_directory();
  settings.listen_host = config.listen_host;
  settings.listen_port = config.listen_port;
  settings.listen_udp = config.listen_udp;
  settings.udp_buffer_bytes = config.udp_buffer_bytes;
  settings.replay_clock = config.replay_clock;
  settings.verifier.backend = config.verify_backend;
  settings.verifier.table_memory_bytes = config.table_memory_bytes;
  settings.verifier.table_kib = config.table_kib;
  settings.verifier.on_tables = log_tables;
  settings.verify_threads = config.verify_threads;
  settings.parallel_batch_min = config.parallel_batch_min;
  settings.batch_messages_max = config.batch_messages_max;
  settings.batches_max = config.batches_max;
  settings.records_in_flight = config.records_in_flight;
  settings.connections_max = config.connections_max;
  settings.segment_bytes = config.segment_bytes;
  settings.journal_reserve_bytes = config.journal_reserve_bytes;
  settings.on_disk_problem = [](const std::string& text) {
    if (text.empty()) return log_event(LogLevel::info, "disk_has_space_again", {});
    log_event(LogLevel::error, "disk_nearly_full", {{"text", text}});
  };
  settings.hello_timeout_s = config.hello_timeout_s;
  settings.sender_messages_per_second =
      config.sender_messages_per_second.value_or(config.replay_clock ? 0 : kSenderMessagesPerSecond);
  settings.sender_burst = config.sender_burst;
  settings.version = std::string(kVersion);
  settings.on_tripped = [](const pipeline::TripNote& note) {
    log_event(LogLevel::warning, "assertion_failed_before", {{"text", "execution stopped " + note.text()}});
  };
  settings.snapshots.directory = home.snapshots_directory();
  settings.snapshots.every_bytes = config.snapshot_every_bytes;
  settings.snapshots.keep = config.snapshots_kept;
  if (config.old_segments == "archive") settings.snapshots.old_segments = io::OldSegments::archive;
  if (config.old_segments == "drop") settings.snapshots.old_segments = io::OldSegments::drop;
  settings.snapshots.archive_directory = home.root() / config.archive_directory;  // an absolute one stays what it is
  settings.snapshots.on_event = log_snapshot;
  settings.blocks.headers_file = home.headers_file();
  settings.blocks.interval_ns = std::uint64_t{config.block_interval_s} * 1'000'000'000;
  settings.blocks.unsigned_max = config.unsigned_blocks_max;
  settings.blocks.on_signer_problem = [](const std::string& text) {
    if (text.empty()) return log_event(LogLevel::info, "signing_again", {});
    log_event(LogLevel::error, "headers_not_signed", {{"text", text}});
  };
  return settings;
}

// The holder of the genesis that is the gateway has its key in the home under its name.
std::expected<void, Failure> load_gateway_key(const Home& home, pipeline::GatewaySettings& settings) {
  const state::GenesisHolder* gateway = gateway_of(settings.genesis);
  if (gateway == nullptr) return std::unexpected(Failure{ExitCode::configuration, "the genesis names no gateway"});
  const auto seed = home.load_key(gateway->serial);
  if (!seed) return std::unexpected(Failure{ExitCode::home, seed.error()});
  settings.blocks.signer = std::make_shared<crypto::SoftwareSigner>(*seed);
  settings.blocks.signed_height_file = home.signed_height_file(gateway->serial);
  return {};
}

// Made when recovery has found that a new epoch is needed.
pipeline::EpochMessage epoch_message(const Home& home, const std::string& key_name) {
  return [home, key_name](const state::Machine& machine,
                          std::uint32_t epoch) -> std::expected<std::vector<std::uint8_t>, std::string> {
    const auto seed = home.load_key(key_name);
    if (!seed) return std::unexpected(seed.error());
    const crypto::SoftwareSigner signer(*seed);
    const auto sender = machine.holder(machine.find_key(signer.public_key()));
    if (!sender || (sender->roles & state::kRoleOperator) == 0) {
      return std::unexpected(fmt::format("the key \"{}\" is not an operator's", key_name));
    }
    strict::PayloadView payload;
    payload.operation = strict::BeginEpoch{.epoch = epoch, .height = machine.height() + 1};
    auto frame = client::make_message_frame(
        {.slot = sender->slot, .address = {}, .key_generation = sender->key_generation}, machine.genesis_hash(),
        sender->highest_sequence + 1, payload,
        [&signer](proto::SignatureKind kind, const Bytes32& genesis_hash, std::uint64_t sequence, ByteSpan bytes) {
          const auto signature = signer.sign(kind, genesis_hash, sequence, bytes);
          return signature ? std::optional(*signature) : std::nullopt;
        });
    if (!frame) return std::unexpected(frame.error());
    strict::FrameView view;
    const Result decoded = strict::decode_frame(ByteSpan(*frame).subspan(strict::kFrameHeaderBytes), view);
    ELECTRA_ASSERT(decoded == Result::ok);
    return std::vector<std::uint8_t>(view.message.begin(), view.message.end());
  };
}

void log_chain(const Home& home, const ChainFiles& chain) {
  log_event(LogLevel::info, "chain",
            {{"chain", chain.genesis.chain_id},
             {"genesis", to_hex(chain.genesis.hash)},
             {"home", home.root().string()},
             {"version", kVersion}});
  for (const std::string& key : keys_without_effect(chain.config, chain.genesis)) {
    log_event(LogLevel::warning, "key_without_effect",
              {{"file", home.config_file().string()}, {"key", key}, {"reason", "fixed at genesis"}});
  }
}

void log_ready(const ChainFiles& chain, const pipeline::Gateway& gateway) {
  const Config& config = chain.config;
  const state::Machine& machine = gateway.machine();
  const pipeline::GatewayStart facts = gateway.facts();
  if (!facts.cut_text.empty()) log_event(LogLevel::warning, "torn_tail_cut", {{"text", facts.cut_text}});
  if (!facts.headers_text.empty()) log_event(LogLevel::warning, "headers_mended", {{"text", facts.headers_text}});
  for (const std::string& text : facts.unusable_snapshots) {
    log_event(LogLevel::warning, "snapshot_not_used", {{"text", text}});
  }
  if (facts.restored_batch != 0) {
    log_event(LogLevel::info, "restored",
              {{"batch", facts.restored_batch},
               {"height", facts.restored_height},
               {"leaves", facts.restored_leaves},
               {"bytes", facts.restored_bytes},
               {"ms", facts.restored_ns / 1'000'000}});
  }
  log_event(LogLevel::info, "recovered",
            {{"records", facts.records},
             {"messages", facts.messages},
             {"journal_bytes", facts.journal_bytes},
             {"ms", facts.replayed_ns / 1'000'000}});
  log_event(LogLevel::info, "memory",
            {{"state_bytes", facts.state_bytes},
             {"keys_bytes", facts.keys_bytes},
             {"tables_bytes_max", facts.tables.memory_bytes_max},
             {"batches_bytes", facts.batches_bytes},
             {"sessions_bytes", facts.sessions_bytes},
             {"senders_bytes", facts.senders_bytes},
             {"datagrams_bytes", facts.datagrams_bytes},
             {"holders_max", chain.genesis.limits.holders_max},
             {"accounts_max", chain.genesis.limits.accounts_max},
             {"pending_transfers_max", chain.genesis.limits.pending_transfers_max},
             {"batches_max", config.batches_max},
             {"connections_max", config.connections_max}});
  log_event(LogLevel::info, "verifier",
            {{"backend", facts.verifier},
             {"table_kib", facts.tables.table_bytes / 1024},
             {"tables", facts.tables.reason},
             {"executor", facts.executor},
             {"threads", facts.verify_threads},
             {"direct_io", facts.direct_io}});
  log_event(LogLevel::info, "state",
            {{"batch", machine.batch_number()},
             {"time", instant_text(machine.time_ns() / 1'000'000'000)},
             {"messages", machine.messages_executed()},
             {"holders", machine.holder_count()},
             {"height", facts.height},
             {"signed_height", facts.signed_height},
             {"epoch", machine.epoch()},
             {"clock", config.replay_clock ? "replay" : "real"}});
  log_event(LogLevel::info, "listening",
            {{"address", endpoint_text({config.listen_host, gateway.port()})},
             {"udp", config.listen_udp ? "on" : "off"},
             {"udp_buffer_bytes", facts.udp_buffer_bytes}});
}

void log_datagrams(const pipeline::DatagramCounters& counters) {
  log_event(LogLevel::info, "datagrams",
            {{"received", counters.port.received},
             {"messages", counters.messages},
             {"receipts", counters.receipts},
             {"repeated", counters.repeated},
             {"refusals", counters.refusals},
             {"sent", counters.port.sent},
             {"lost", counters.port.lost},
             {"oversize", counters.port.oversize},
             {"malformed", counters.malformed},
             {"not_a_message", counters.not_a_message},
             {"unknown_sender", counters.unknown_sender},
             {"malformed_payload", counters.malformed_payload},
             {"bad_signature", counters.bad_signature},
             {"overloaded", counters.overloaded},
             {"early", counters.early},
             {"output_full", counters.port.output_full},
             {"output_failed", counters.port.output_failed}});
}

void log_stopped(const pipeline::Gateway& gateway, std::string_view reason) {
  const pipeline::GatewayCounters counters = gateway.counters();
  if (gateway.facts().datagrams_bytes != 0) log_datagrams(counters.datagrams);
  log_event(LogLevel::info, "stopped",
            {{"reason", reason},
             {"batches", counters.batches},
             {"messages", counters.messages},
             {"refused", counters.refused},
             {"refused_by_rate", counters.refused_by_rate},
             {"refused_by_disk", counters.refused_by_disk},
             {"journal_bytes", counters.journal_bytes},
             {"largest_batch", counters.largest_batch},
             {"snapshots", counters.snapshots.sealed},
             {"snapshot_bytes", counters.snapshots.bytes},
             {"height", counters.height},
             {"signed_height", counters.signed_height}});
}

}  // namespace

std::expected<void, Failure> run_gateway(const Home& home, const StartOptions& options) {
  auto chain = load_chain(home);
  if (!chain) return std::unexpected(chain.error());
  if (const auto applied = apply_options(options, chain->config); !applied) return applied;
  const auto lock = io::DirectoryLock::acquire(home.root());
  if (!lock) return std::unexpected(Failure{ExitCode::home, lock.error()});

  open_log(chain->config.log_level, chain->config.log_json);
  log_chain(home, *chain);
  const StopSignals signals;
  const AddressFile address(home);
  RecoveryProgress progress;
  pipeline::GatewaySettings settings = gateway_settings(home, *chain);
  if (const auto loaded = load_gateway_key(home, settings); !loaded) return loaded;
  if (!options.new_epoch.empty()) settings.begin_epoch = epoch_message(home, options.new_epoch);
  auto gateway = pipeline::Gateway::open(std::move(settings), std::ref(progress));
  progress.end();
  if (!gateway) return std::unexpected(Failure{ExitCode::cannot_start, gateway.error()});
  if (const auto written = home.write_address(endpoint_text({chain->config.listen_host, (*gateway)->port()}));
      !written) {
    return std::unexpected(Failure{ExitCode::home, written.error()});
  }
  log_ready(*chain, **gateway);

  running_gateway.store(gateway->get());
  if (stop_signal != 0) (*gateway)->request_stop();  // it came before the line above
  const pipeline::StopReason reason = (*gateway)->run();
  running_gateway.store(nullptr);
  switch (reason) {
    case pipeline::StopReason::requested:      log_stopped(**gateway, stop_signal != 0 ? "signal" : "requested"); return {};
    case pipeline::StopReason::journal_failed: break;
  }
  log_stopped(**gateway, "journal_failed");
  return std::unexpected(Failure{
      ExitCode::stopped, fmt::format("the journal failed, nothing acknowledged is lost: {}", (*gateway)->failure())});
}

void add_start_options(Command command, StartOptions& options) {
  command.add_option("--listen", options.listen,
                     "host:port to listen on instead of the configuration's; port 0: any free one");
  command.add_option("--log-level", options.log_level, "debug, info, warning or error instead of the configuration's")
      .one_of({"debug", "info", "warning", "error"});
  command.add_option("--new-epoch", options.new_epoch,
                     "Begin a new epoch, signed by this operator's key: for data restored from an older copy, when the "
                     "newer one is lost");
}

void add_start(Command app, Context& context) {
  Command command = app.add_subcommand("start", "Serve the home's chain");
  auto options = std::make_shared<StartOptions>();
  add_start_options(command, *options);
  command.footer(
      "Recovers the journal, then serves until SIGINT or SIGTERM. While it serves, the file `address` in the home "
      "holds\n"
      "host:port. The log goes to standard error.\n\n"
      "Examples:\n"
      "  electrad start\n"
      "  electrad start --home /var/lib/electra --listen 0.0.0.0:26600");
  command.callback([&context, options] { context.finish(run_gateway(context.home(), *options)); });
}

}  // namespace electra::app
