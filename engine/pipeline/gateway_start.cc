// Makes a gateway: checks its settings, recovers its journal, opens its sockets.
#include <thread>

#include "engine/pipeline/gateway_impl.h"
#include "engine/pipeline/recovery_replayer.h"
#include "engine/pipeline/restore.h"
#include "meter-proto/base/assert.h"

namespace electra::pipeline {
namespace {

constexpr int kPortAttempts = 8;

}  // namespace

std::expected<std::optional<io::JournalStart>, std::string> GatewayImpl::restore(const Progress& progress) {
  const std::uint64_t begin_ns = io::monotonic_ns();
  auto search = find_snapshot({.snapshots = settings_.snapshots.directory,
                               .journal = settings_.journal_directory,
                               .headers_file = settings_.blocks.headers_file},
                              settings_.genesis, {}, progress);
  if (!search) return std::unexpected(std::move(search.error()));
  start_facts_.unusable_snapshots = search->unusable;
  if (search->found) {
    RestoredState& restored = *search->found;
    machine_ = std::move(restored.machine);
    auto keeper = BlockKeeper::open(settings_.blocks, *machine_, std::move(restored.maker), restored.header);
    if (!keeper) return std::unexpected(std::move(keeper.error()));
    keeper_ = std::move(*keeper);
    start_facts_.restored_batch = restored.snapshot.batch;
    start_facts_.restored_height = restored.header.height;
    start_facts_.restored_bytes = restored.snapshot.file_bytes;
    start_facts_.restored_leaves = restored.snapshot.entries;
    start_facts_.restored_ns = io::monotonic_ns() - begin_ns;
    return start_behind(restored.snapshot, restored.header);
  }
  const auto first = first_segment(settings_.journal_directory);
  if (!first) return std::unexpected(first.error());
  if (*first > 1) return std::unexpected(begins_later_text(settings_.journal_directory, *first, search->unusable));
  auto machine = state::Machine::create(settings_.genesis);
  if (!machine) return std::unexpected("genesis: " + machine.error());
  machine_ = std::move(*machine);
  auto keeper = BlockKeeper::open(settings_.blocks, *machine_);
  if (!keeper) return std::unexpected(std::move(keeper.error()));
  keeper_ = std::move(*keeper);
  return std::nullopt;
}

std::expected<void, std::string> GatewayImpl::recover(const Progress& progress,
                                                      const std::optional<io::JournalStart>& start,
                                                      io::JournalPosition& position) {
  const std::uint64_t begin_ns = io::monotonic_ns();
  const std::filesystem::path& journal = settings_.journal_directory;
  RecoveryReplayer replayer(
      *machine_, *keys_, *verifier_, *keeper_, *execution_, progress,
      start ? journal_bytes_from(journal, start->position.segment, start->position.offset) : directory_bytes(journal));
  const auto recovered = start ? io::recover_journal(journal, *start, &replayer)
                               : io::recover_journal(journal, settings_.genesis.hash, &replayer);
  if (!recovered) {
    std::string text = recovered.error().text();
    if (!replayer.problem().empty()) text += ": " + replayer.problem();
    return std::unexpected(std::move(text));
  }
  if (!machine_->known_rules().contains(machine_->rules_version())) {
    return std::unexpected("rules version " + std::to_string(machine_->rules_version()) +
                           " is in force after the last block, and this program does not know it: start a newer one");
  }
  position = recovered->position;
  start_facts_.replayed_ns = io::monotonic_ns() - begin_ns;
  start_facts_.records = recovered->records;
  start_facts_.messages = recovered->messages;
  start_facts_.journal_bytes = recovered->bytes;
  if (recovered->tail_cut) start_facts_.cut_text = recovered->cut_text;
  start_facts_.headers_text = keeper_->warning();
  const std::string contradiction = keeper_->contradiction();
  if (contradiction.empty() && settings_.begin_epoch) {
    return std::unexpected("a new epoch is not needed: the journal continues what the gateway's key has signed");
  }
  if (!contradiction.empty() && !settings_.begin_epoch) {
    return std::unexpected(
        contradiction +
        ". Signing on would give two blocks of one height. Restore the newer journal; if it is lost "
        "for good, an operator begins a new epoch from here: `electrad start --new-epoch NAME`, NAME "
        "being the operator's key");
  }
  return {};
}

// The operator's message is a batch and a block of its own; after it, signing from here on contradicts nothing.
std::expected<void, std::string> GatewayImpl::begin_epoch() {
  const auto bytes = settings_.begin_epoch(*machine_, keeper_->next_epoch());
  if (!bytes) return std::unexpected(bytes.error());
  strict::EnvelopeView envelope;
  if (strict::decode_envelope(*bytes, envelope) != Result::ok) {
    return std::unexpected("the message that begins an epoch is not strictly encoded");
  }
  // Looked at before it is in the journal: one that is no use must not become part of the chain.
  strict::PayloadView payload;
  const bool readable = strict::decode_payload(envelope.payload, payload) == Result::ok;
  const auto* operation = readable ? std::get_if<strict::BeginEpoch>(&payload.operation) : nullptr;
  const std::uint64_t height = machine_->height() + 1;
  if (operation == nullptr || operation->epoch != keeper_->next_epoch() || operation->height != height) {
    return std::unexpected("the message that begins an epoch does not name epoch " +
                           std::to_string(keeper_->next_epoch()) + " and height " + std::to_string(height));
  }
  const state::Slot sender = resolve_sender(*keys_, envelope);
  const crypto::StoredKey* key = keys_->find(sender, envelope.key_generation);
  if (key == nullptr) return std::unexpected("the message that begins an epoch names no registered key");
  const auto holder = machine_->holder(sender);
  if (!holder || holder->status != state::HolderStatus::active || (holder->roles & state::kRoleOperator) == 0) {
    return std::unexpected("the message that begins an epoch is not an active operator's");
  }
  const Bytes16 tag = proto::signing_tag(proto::SignatureKind::message, machine_->genesis_hash());
  Batch& batch = *take_free();
  const Origin origin{.connection = {}, .slot = sender, .sequence = envelope.sequence};
  const bool added = batch.add(origin, *bytes, envelope, *key, tag, {});
  ELECTRA_ASSERT(added);
  batch.verify(*verifier_, 0, batch.size());
  batch.seal();
  if (batch.messages().empty()) return std::unexpected("the message that begins an epoch has a bad signature");
  commit(batch, io::kRecordBlockClose);
  const Result result = batch.outcomes().front().result;
  while (!committed_.empty() && failure_.empty()) loop_->run_once();
  if (!failure_.empty()) return std::unexpected(failure_);
  if (result != Result::ok) {
    return std::unexpected("no new epoch has begun: " + std::string(result_text(result)));
  }
  return {};
}

std::expected<void, std::string> GatewayImpl::open_sockets() {
  auto reserve = DiskReserve::open({.directory = settings_.journal_directory,
                                    .bytes = settings_.journal_reserve_bytes,
                                    .on_problem = settings_.on_disk_problem},
                                   io::monotonic_ns());
  if (!reserve) return std::unexpected(std::move(reserve.error()));
  limits_ = std::make_unique<SenderLimits>(
      SenderBuckets(machine_->limits().holders_max, settings_.sender_messages_per_second, settings_.sender_burst),
      std::move(*reserve), *machine_);
  desk_ = std::make_unique<FrontDesk>(
      FrontDeskConfig{settings_.connections_max, settings_.refusals_max, settings_.replay_clock}, *limits_, *machine_,
      *keys_, *verifier_, *this);
  io::TcpServerConfig server_config;
  server_config.address = settings_.listen_host;
  server_config.port = settings_.listen_port;
  server_config.connections_max = settings_.connections_max;
  server_config.hello_timeout_ns = std::uint64_t{settings_.hello_timeout_s} * 1'000'000'000;
  server_config.output_bytes_max = settings_.output_bytes_max;
  server_config.output_stall_ns = settings_.output_stall_ns;
  if (settings_.listen_udp) {
    datagram_desk_ = std::make_unique<DatagramDesk>(*limits_, *machine_, *keys_, *this, settings_.batch_messages_max);
  }
  // With port 0 the system chooses one for TCP; that it is free for datagrams too is likely, and a matter of trying.
  for (int attempt = 1;; ++attempt) {
    auto server = io::TcpServer::listen(*loop_, server_config, *desk_);
    if (!server) return std::unexpected(server.error());
    server_ = std::move(*server);
    desk_->set_server(*server_);
    if (!settings_.listen_udp) return {};
    auto datagrams = io::UdpServer::open(
        *loop_,
        {.address = settings_.listen_host, .port = server_->port(), .socket_buffer_bytes = settings_.udp_buffer_bytes},
        *datagram_desk_);
    if (datagrams) {
      datagrams_ = std::move(*datagrams);
      datagram_desk_->set_port(*datagrams_);
      return {};
    }
    if (settings_.listen_port != 0 || attempt == kPortAttempts) return std::unexpected(std::move(datagrams.error()));
    server_.reset();
  }
}

std::expected<void, std::string> GatewayImpl::start(const Progress& progress) {
  const auto check = [](bool good, const char* text) -> std::expected<void, std::string> {
    if (good) return {};
    return std::unexpected(std::string(text));
  };
  if (auto ok = check(settings_.batch_messages_max >= 2 && settings_.batch_messages_max <= io::kRecordMessagesMax,
                      "batch_messages_max is not in 2..8192");
      !ok) {
    return ok;
  }
  if (auto ok =
          check(settings_.batches_max >= 2 && settings_.batches_max <= kBatchesMax, "batches_max is not in 2..64");
      !ok) {
    return ok;
  }
  if (auto ok = check(settings_.records_in_flight >= 1 && settings_.records_in_flight <= io::kRecordsInFlightMax,
                      "records_in_flight is not in 1..16");
      !ok) {
    return ok;
  }
  std::error_code error;
  std::filesystem::create_directories(settings_.journal_directory, error);
  if (error) {
    return std::unexpected("cannot make the directory " + settings_.journal_directory.string() + ": " +
                           error.message());
  }
  auto lock = io::DirectoryLock::acquire(settings_.journal_directory);
  if (!lock) return std::unexpected(lock.error());
  lock_ = std::make_unique<io::DirectoryLock>(std::move(*lock));

  // Told before the journal is replayed, which may fail at the same place again.
  const std::filesystem::path trip_file = trip_note_file(settings_.journal_directory);
  execution_ = std::make_unique<NamedExecution>(trip_file, settings_.other_execution);
  if (const auto note = read_trip_note(trip_file); note && settings_.on_tripped) settings_.on_tripped(*note);

  // Before recovery, which may take a while: a system that refuses io_uring is told so at once.
  auto loop = io::Loop::create();
  if (!loop) return std::unexpected(loop.error());
  loop_ = std::move(*loop);

  const auto journal_start = restore(progress);  // mends the file of headers, so under the lock
  if (!journal_start) return std::unexpected(journal_start.error());
  keys_ = std::make_unique<crypto::KeyStore>(machine_->limits().holders_max, 0);
  settings_.verifier.keys_max = keys_->keys_max();
  if (settings_.other_verifier) {
    verifier_ = settings_.other_verifier(settings_.verifier);
  } else {
    auto verifier = crypto::make_verifier(settings_.verifier);
    if (!verifier) return std::unexpected(verifier.error());
    verifier_ = std::move(*verifier);
  }
  if (!*journal_start) {
    if (auto checked = check_genesis_keys(*machine_, *verifier_); !checked) return checked;
  }
  follow_key_changes(*machine_, *keys_, *verifier_);

  io::JournalPosition position;
  if (auto recovered = recover(progress, *journal_start, position); !recovered) return recovered;
  execution_->acknowledged(position.last_batch);
  durable_time_ns_ = machine_->time_ns();
  clock_ = std::make_unique<OrderClock>(settings_.replay_clock, machine_->time_ns());
  if (!settings_.replay_clock && system_ns() + OrderClock::kStepMaxNs < machine_->time_ns()) {
    return std::unexpected("the system clock is more than an hour behind the last record of the journal (unix " +
                           std::to_string(machine_->time_ns() / 1'000'000'000) + " s): set the clock and start again");
  }

  auto pool = io::RecordBufferPool::create(settings_.batches_max);
  if (!pool) return std::unexpected(pool.error());
  pool_ = std::move(*pool);
  for (std::uint32_t i = 0; i < settings_.batches_max; ++i) {
    batches_.push_back(std::make_unique<Batch>(settings_.batch_messages_max));
    batches_.back()->reset(pool_->acquire());
    free_.push_back(batches_.back().get());
  }

  io::JournalConfig journal_config;
  journal_config.directory = settings_.journal_directory;
  journal_config.segment_bytes = settings_.segment_bytes;
  journal_config.in_flight_max = settings_.records_in_flight;
  auto journal = io::JournalWriter::open(*loop_, journal_config, position, *pool_, *this,
                                         settings_.other_device ? settings_.other_device(*loop_) : nullptr);
  if (!journal) return std::unexpected(journal.error());
  journal_ = std::move(*journal);

  if (!settings_.snapshots.directory.empty()) {
    const SnapshotKeeper::Restored restored{.batch = start_facts_.restored_batch,
                                            .segment = *journal_start ? (*journal_start)->position.segment : 0,
                                            .journal_bytes = start_facts_.journal_bytes};
    auto snapshots = SnapshotKeeper::open(settings_.snapshots,
                                          {.loop = *loop_,
                                           .machine = *machine_,
                                           .blocks = *keeper_,
                                           .journal_directory = settings_.journal_directory,
                                           .headers_file = settings_.blocks.headers_file,
                                           .nudge = [this] { nudge(); }},
                                          restored);
    if (!snapshots) return std::unexpected(std::move(snapshots.error()));
    snapshots_ = std::move(*snapshots);
  }

  std::uint32_t threads = settings_.verify_threads;
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  const auto wake = [this] { loop_->wake(); };
  stage_ = make_verify_stage(*verifier_, threads, wake);
  if (threads > 1) aside_ = make_verify_worker(*verifier_, wake);

  if (auto opened = open_sockets(); !opened) return opened;

  advance_.run = [](void* context) { static_cast<GatewayImpl*>(context)->advance(); };
  advance_.context = this;
  timer_.fire = [](void* context, std::uint64_t) { static_cast<GatewayImpl*>(context)->advance(); };
  timer_.context = this;
  work_timer_ = timer_;
  loop_->set_on_wake([](void* context) { static_cast<GatewayImpl*>(context)->advance(); }, this);

  if (settings_.begin_epoch) {
    if (auto begun = begin_epoch(); !begun) return begun;
  }
  if (auto started = keeper_->start([this] { loop_->wake(); }); !started) return started;

  start_facts_.height = keeper_->maker().height();
  start_facts_.signed_height = keeper_->signed_height();
  start_facts_.verifier = verifier_->name();
  start_facts_.tables = verifier_->tables();
  start_facts_.executor = verify_stage_name();
  start_facts_.verify_threads = threads;
  start_facts_.direct_io = journal_->direct_io();
  start_facts_.state_bytes = machine_->memory_bytes() + keeper_->maker().trees().memory_bytes();
  start_facts_.keys_bytes = keys_->memory_bytes();
  start_facts_.batches_bytes =
      pool_->memory_bytes() + settings_.batches_max * Batch::memory_bytes(settings_.batch_messages_max);
  start_facts_.senders_bytes = limits_->memory_bytes();
  start_facts_.sessions_bytes = desk_->memory_bytes() + server_->memory_bytes();
  if (datagrams_) {
    start_facts_.datagrams_bytes = datagram_desk_->memory_bytes() + datagrams_->memory_bytes();
    start_facts_.udp_buffer_bytes = datagrams_->socket_buffer_bytes();
  }
  std::filesystem::remove(trip_file, error);  // every record was executed
  loop_->defer(advance_);                     // a timer may be due, or the watermark behind
  return {};
}

std::expected<std::unique_ptr<Gateway>, std::string> Gateway::open(GatewaySettings settings, const Progress& progress) {
  auto gateway = std::make_unique<GatewayImpl>(std::move(settings));
  if (auto started = gateway->start(progress); !started) return std::unexpected(started.error());
  return gateway;
}

}  // namespace electra::pipeline
