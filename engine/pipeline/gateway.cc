#include "engine/pipeline/gateway.h"

#include <time.h>

#include <atomic>
#include <deque>
#include <thread>

#include "crypto-offload/key_store.h"
#include "crypto-offload/verifier.h"
#include "engine/pipeline/batch.h"
#include "engine/pipeline/cpu_time.h"
#include "engine/pipeline/front_desk.h"
#include "engine/pipeline/order_clock.h"
#include "engine/pipeline/recovery_replayer.h"
#include "engine/pipeline/verify_stage.h"
#include "io/directory_lock.h"
#include "io/journal/journal_writer.h"
#include "io/loop.h"
#include "meter-proto/base/assert.h"

namespace electra::pipeline {
namespace {

// Batches in the verify stage at once: one being verified on all cores, the next queued behind it.
constexpr std::uint32_t kVerifyingMax = 2;
static_assert(kVerifyingMax <= kVerifyBatchesMax);

// Without a following batch, an empty record carries the watermark this long after the last one became durable.
constexpr std::uint64_t kWatermarkDelayNs = 10'000'000;

// Peers get this long to read their last receipts when the gateway stops.
constexpr std::uint64_t kShutdownNs = 2'000'000'000;

// How often the system clock is looked at while nothing happens.
constexpr std::uint64_t kClockLookNs = 60'000'000'000;
constexpr std::uint64_t kUnsureLookNs = 1'000'000'000;

// Questions of all sessions that may wait at once.
constexpr std::size_t kQuestionsMax = 4096;

std::uint64_t system_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

class GatewayImpl final : public Gateway, public FrontDeskHost, public io::JournalListener {
 public:
  explicit GatewayImpl(GatewaySettings settings) : settings_(std::move(settings)) {}
  ~GatewayImpl() override;

  [[nodiscard]] std::expected<void, std::string> start(const Progress& progress);

  StopReason run() override;
  void request_stop() noexcept override {
    stop_requested_.store(true, std::memory_order_relaxed);  // wake() orders it before the loop's next turn
    loop_->wake();
  }
  [[nodiscard]] std::uint16_t port() const noexcept override { return server_->port(); }
  [[nodiscard]] const state::Machine& machine() const noexcept override { return *machine_; }
  [[nodiscard]] GatewayCounters counters() const noexcept override;
  [[nodiscard]] const chain::BlockMaker& blocks() const noexcept override { return keeper_->maker(); }
  [[nodiscard]] std::string failure() const override { return failure_; }
  [[nodiscard]] GatewayStart facts() const override { return start_facts_; }

 private:
  // FrontDeskHost
  Batch* forming() override;
  Result tick(std::uint64_t time_ns) override;
  bool ask(Question question) override;
  void nudge() override { loop_->defer(advance_); }
  std::uint64_t durable_time_ns() const override { return durable_time_ns_; }
  BlockKeeper& keeper() override { return *keeper_; }
  // JournalListener
  void on_durable(io::RecordBuffer& buffer, const io::DurableRecord& record) override;
  void on_journal_failed(const std::string& text) override;

  [[nodiscard]] std::expected<void, std::string> recover(const Progress& progress, io::JournalPosition& position);
  [[nodiscard]] std::expected<void, std::string> begin_epoch();
  // Headers that wait for a slow key hold the peers back; with a dead one the front desk refuses their messages.
  [[nodiscard]] bool held_back() const { return keeper_->full() && !keeper_->refusing(); }
  void resume();
  Batch* take_free();
  void release(Batch& batch);
  void advance();
  void collect_verified();
  void verify_next();
  void commit(Batch& batch, std::uint32_t flags);
  void answer_questions();
  [[nodiscard]] bool everything_durable() const noexcept { return committed_.empty(); }
  [[nodiscard]] bool quiet() const noexcept;
  void make_empty_batches();
  void arm_timer();
  [[nodiscard]] std::uint64_t now_ns() { return clock_->now(system_ns(), io::monotonic_ns()); }

  GatewaySettings settings_;
  GatewayStart start_facts_;
  std::unique_ptr<io::DirectoryLock> lock_;
  std::unique_ptr<state::Machine> machine_;
  std::unique_ptr<crypto::KeyStore> keys_;
  std::unique_ptr<crypto::Verifier> verifier_;
  std::unique_ptr<OrderClock> clock_;
  std::unique_ptr<io::Loop> loop_;  // outlives the keeper, whose signer wakes it
  std::unique_ptr<BlockKeeper> keeper_;
  std::unique_ptr<io::RecordBufferPool> pool_;
  std::unique_ptr<io::JournalWriter> journal_;
  std::unique_ptr<FrontDesk> desk_;
  std::unique_ptr<io::TcpServer> server_;
  std::unique_ptr<VerifyStage> stage_;

  // Every batch is in exactly one of these places. The deques never grow beyond the pool.
  std::vector<std::unique_ptr<Batch>> batches_;
  std::vector<Batch*> free_;
  Batch* forming_ = nullptr;
  std::deque<Batch*> formed_;     // full, waiting for verification
  std::uint32_t verifying_ = 0;   // in the stage
  std::deque<Batch*> verified_;   // waiting for their turn in the journal
  std::deque<Batch*> committed_;  // executed; their record is being written

  std::vector<Question> questions_;
  std::vector<Question> answering_;
  std::uint64_t tick_ns_ = 0;  // highest asked for
  std::uint64_t durable_time_ns_ = 0;
  std::uint64_t watermark_due_ns_ = 0;  // monotonic
  io::Deferred advance_;
  io::Timer timer_;
  bool stopping_ = false;
  std::atomic<bool> stop_requested_{false};
  std::string failure_;
  GatewayCounters counters_;
};

std::expected<void, std::string> GatewayImpl::recover(const Progress& progress, io::JournalPosition& position) {
  RecoveryReplayer replayer(*machine_, *keys_, *verifier_, *keeper_, progress,
                            directory_bytes(settings_.journal_directory));
  const auto recovered = io::recover_journal(settings_.journal_directory, settings_.genesis.hash, &replayer);
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
  if (auto ok = check(settings_.batches_max >= 2 && settings_.batches_max <= 64, "batches_max is not in 2..64"); !ok) {
    return ok;
  }
  auto machine = state::Machine::create(settings_.genesis);
  if (!machine) return std::unexpected("genesis: " + machine.error());
  machine_ = std::move(*machine);
  settings_.verifier.keys_max = machine_->limits().holders_max;
  auto verifier = crypto::make_verifier(settings_.verifier);
  if (!verifier) return std::unexpected(verifier.error());
  verifier_ = std::move(*verifier);

  if (auto checked = check_genesis_keys(*machine_, *verifier_); !checked) return checked;
  keys_ = std::make_unique<crypto::KeyStore>(machine_->limits().holders_max, 0);
  follow_key_changes(*machine_, *keys_, *verifier_);
  std::error_code error;
  std::filesystem::create_directories(settings_.journal_directory, error);
  if (error) {
    return std::unexpected("cannot make the directory " + settings_.journal_directory.string() + ": " +
                           error.message());
  }
  auto lock = io::DirectoryLock::acquire(settings_.journal_directory);
  if (!lock) return std::unexpected(lock.error());
  lock_ = std::make_unique<io::DirectoryLock>(std::move(*lock));
  auto keeper = BlockKeeper::open(settings_.blocks, *machine_);  // mends the file of headers, so under the lock
  if (!keeper) return std::unexpected(keeper.error());

  // Before recovery, which may take a while: a system that refuses io_uring is told so at once.
  auto loop = io::Loop::create();
  if (!loop) return std::unexpected(loop.error());
  loop_ = std::move(*loop);
  keeper_ = std::move(*keeper);

  io::JournalPosition position;
  if (auto recovered = recover(progress, position); !recovered) return recovered;
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
  auto journal = io::JournalWriter::open(*loop_, journal_config, position, *pool_, *this);
  if (!journal) return std::unexpected(journal.error());
  journal_ = std::move(*journal);

  std::uint32_t threads = settings_.verify_threads;
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  stage_ = make_verify_stage(*verifier_, threads, [this] { loop_->wake(); });

  desk_ = std::make_unique<FrontDesk>(FrontDeskConfig{settings_.connections_max, settings_.replay_clock}, *machine_,
                                      *keys_, *verifier_, *this);
  io::TcpServerConfig server_config;
  server_config.address = settings_.listen_host;
  server_config.port = settings_.listen_port;
  server_config.connections_max = settings_.connections_max;
  server_config.hello_timeout_ns = std::uint64_t{settings_.hello_timeout_s} * 1'000'000'000;
  auto server = io::TcpServer::listen(*loop_, server_config, *desk_);
  if (!server) return std::unexpected(server.error());
  server_ = std::move(*server);
  desk_->set_server(*server_);

  advance_.run = [](void* context) { static_cast<GatewayImpl*>(context)->advance(); };
  advance_.context = this;
  timer_.fire = [](void* context, std::uint64_t) { static_cast<GatewayImpl*>(context)->advance(); };
  timer_.context = this;
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
  start_facts_.sessions_bytes = desk_->memory_bytes() + server_->memory_bytes();
  loop_->defer(advance_);  // a timer may be due, or the watermark behind
  return {};
}

GatewayImpl::~GatewayImpl() {
  stage_.reset();  // before the batches and the loop that it wakes
  server_.reset();
  journal_.reset();
}

StopReason GatewayImpl::run() {
  while (true) {
    loop_->run_once();
    if (!failure_.empty()) {
      server_.reset();  // acknowledges nothing more; what clients miss they send again after the restart
      return StopReason::journal_failed;
    }
    if (stop_requested_.load(std::memory_order_relaxed) && !stopping_) {
      stopping_ = true;
      server_->pause_reading();  // nothing new; what was framed is answered
      loop_->defer(advance_);
    }
    if (stopping_ && quiet() && !keeper_->open() && !journal_->watermark_behind()) break;
  }
  answer_questions();
  server_->shutdown(kShutdownNs);
  while (!server_->stopped()) loop_->run_once();
  return StopReason::requested;
}

GatewayCounters GatewayImpl::counters() const noexcept {
  GatewayCounters counters = counters_;
  counters.refused = desk_->refused();
  counters.decode_ns = desk_->decode_ns();
  counters.journal_bytes = journal_->counters().record_bytes;
  counters.height = keeper_->maker().height();
  counters.signed_height = keeper_->signed_height();
  return counters;
}

// --- batches ---------------------------------------------------------------------------------------------------------

Batch* GatewayImpl::take_free() {
  if (free_.empty()) return nullptr;
  Batch* batch = free_.back();
  free_.pop_back();
  return batch;
}

void GatewayImpl::release(Batch& batch) {
  batch.buffer().clear();
  batch.reset(&batch.buffer());
  free_.push_back(&batch);
  resume();
}

void GatewayImpl::resume() {
  if (server_->paused() && !free_.empty() && !stopping_ && !held_back()) server_->resume_reading();
}

Batch* GatewayImpl::forming() {
  if (forming_ != nullptr && forming_->room() < 2) {
    formed_.push_back(forming_);
    forming_ = nullptr;
  }
  if (forming_ == nullptr && !held_back()) forming_ = take_free();
  if (forming_ == nullptr) server_->pause_reading();  // until resume()
  return forming_;
}

Result GatewayImpl::tick(std::uint64_t time_ns) {
  if (!clock_->tick(time_ns)) return Result::invalid_field;
  tick_ns_ = std::max(tick_ns_, time_ns);
  nudge();
  return Result::ok;
}

bool GatewayImpl::ask(Question question) {
  if (questions_.size() == kQuestionsMax) return false;
  questions_.push_back(std::move(question));
  nudge();
  return true;
}

// --- the way of a batch ----------------------------------------------------------------------------------------------

bool GatewayImpl::quiet() const noexcept {
  return formed_.empty() && (forming_ == nullptr || forming_->empty()) && verifying_ == 0 && verified_.empty() &&
         committed_.empty();
}

void GatewayImpl::collect_verified() {
  while (Batch* batch = stage_->try_take()) {
    --verifying_;
    verified_.push_back(batch);
  }
}

// Sends the next batch to verification: a large one to the stage, a small one through here, when nothing is before it.
// While a record is being written a small batch waits and grows: that is how batches form under load.
void GatewayImpl::verify_next() {
  while (true) {
    Batch* next = !formed_.empty() ? formed_.front() : forming_;
    if (next == nullptr || next->empty()) return;
    const bool large = next->size() >= settings_.parallel_batch_min;
    const bool first = verifying_ == 0 && verified_.empty();
    if (large ? verifying_ >= kVerifyingMax : !(first && everything_durable())) return;
    if (!formed_.empty()) {
      formed_.pop_front();
    } else {
      forming_ = nullptr;
    }
    if (large) {
      ++verifying_;
      stage_->submit(*next);
      continue;
    }
    const std::uint64_t begin = thread_cpu_ns();
    next->verify(*verifier_, 0, next->size());
    next->seal();
    next->verify_ns = thread_cpu_ns() - begin;
    verified_.push_back(next);
    return;
  }
}

// Orders, hands to the journal and executes while the disk writes. Receipts wait for on_durable.
void GatewayImpl::commit(Batch& batch, std::uint32_t flags) {
  counters_.verify_ns += batch.verify_ns;
  desk_->send_rejections(batch);
  const std::span<const state::VerifiedMessage> messages = batch.messages();
  if (messages.empty() && !batch.rejected().empty()) return release(batch);

  const std::uint64_t time_ns = clock_->take(now_ns(), machine_->next_timer_ns());
  const std::uint64_t monotonic_ns = io::monotonic_ns();
  if (keeper_->ends_block(messages.size(), time_ns, monotonic_ns)) flags |= io::kRecordBlockClose;
  const std::uint32_t rules_version = machine_->rules_version();
  const std::uint64_t number =
      journal_->append(batch.buffer(), {.time_ns = time_ns, .rules_version = rules_version, .flags = flags});
  if (number == 0) return;  // the journal has failed; run() ends
  ELECTRA_ASSERT_EQ(number, machine_->batch_number() + 1);
  committed_.push_back(&batch);
  // A batch whose execution takes longer than a system call: let the disk start now instead of at the turn's end.
  if (messages.size() >= settings_.parallel_batch_min) loop_->submit_now();

  const std::uint64_t begin = thread_cpu_ns();
  machine_->execute({.number = number,
                     .time_ns = time_ns,
                     .closes_block = (flags & io::kRecordBlockClose) != 0,
                     .messages = messages},
                    batch.outcomes());
  follow_key_changes(*machine_, *keys_, *verifier_);
  keeper_->executed({.number = number,
                     .time_ns = time_ns,
                     .rules_version = rules_version,
                     .flags = flags,
                     .count = batch.buffer().count(),
                     .body_bytes = static_cast<std::uint32_t>(batch.buffer().body().size()),
                     .body_hash = batch.buffer().body_hash()},
                    messages, batch.outcomes(), monotonic_ns);
  counters_.execute_ns += thread_cpu_ns() - begin;
  ++counters_.batches;
  counters_.messages += messages.size();
  counters_.largest_batch = std::max<std::uint64_t>(counters_.largest_batch, messages.size());
}

void GatewayImpl::on_durable(io::RecordBuffer& buffer, const io::DurableRecord& record) {
  Batch& batch = *committed_.front();
  committed_.pop_front();
  ELECTRA_ASSERT(&batch.buffer() == &buffer);
  counters_.journal_wait_ns += record.write_ns;
  durable_time_ns_ = record.time_ns;
  watermark_due_ns_ = io::monotonic_ns() + kWatermarkDelayNs;
  keeper_->durable(record.batch);
  desk_->send_receipts(batch, record.batch);
  release(batch);
  nudge();
}

void GatewayImpl::on_journal_failed(const std::string& text) { failure_ = text; }

// Only while nothing is in flight: then the state is exactly what is durable.
void GatewayImpl::answer_questions() {
  if (!everything_durable() || questions_.empty()) return;
  answering_.swap(questions_);
  for (Question& question : answering_) {
    const bool early = question.kind == Question::Kind::tick &&
                       (machine_->time_ns() < question.tick_ns || machine_->next_timer_ns() <= machine_->time_ns());
    if (early && !stopping_) {
      questions_.push_back(std::move(question));
    } else {
      desk_->answer(question, start_facts_.verifier, settings_.version);
    }
  }
  answering_.clear();
}

// A due timer, a tick or the watermark without traffic makes a batch without messages.
void GatewayImpl::make_empty_batches() {
  if (!quiet() || free_.empty()) return;
  const std::uint64_t timer_ns = machine_->next_timer_ns();
  const bool timer_due = timer_ns <= now_ns() && !(clock_->unsure() && timer_ns > machine_->time_ns());
  const bool tick_due = tick_ns_ > machine_->time_ns();
  if (!stopping_ && (timer_due || tick_due)) return commit(*take_free(), 0);
  if (keeper_->open() && (stopping_ || io::monotonic_ns() >= keeper_->due_ns())) {
    return commit(*take_free(), io::kRecordBlockClose);
  }
  if (journal_->watermark_behind() && (stopping_ || io::monotonic_ns() >= watermark_due_ns_)) {
    commit(*take_free(), io::kRecordWatermark);
  }
}

void GatewayImpl::arm_timer() {
  // What is on its way calls advance() when it is done; a timer that is due meanwhile would keep a core busy until then.
  if (!quiet()) return loop_->disarm(timer_);
  std::uint64_t deadline_ns = UINT64_MAX;
  const std::uint64_t monotonic = io::monotonic_ns();
  if (journal_->watermark_behind()) deadline_ns = std::max(watermark_due_ns_, monotonic);
  deadline_ns = std::min(deadline_ns, std::max(keeper_->due_ns(), monotonic));
  const std::uint64_t timer_ns = machine_->next_timer_ns();
  if (!settings_.replay_clock && timer_ns != UINT64_MAX) {
    const std::uint64_t now = now_ns();
    // Looked at again within a minute, because the system clock may be set meanwhile; a due timer that an unsure clock
    // holds back, every second.
    const std::uint64_t wait = std::min<std::uint64_t>(timer_ns > now ? timer_ns - now : kUnsureLookNs, kClockLookNs);
    deadline_ns = std::min(deadline_ns, monotonic + wait);
  }
  if (deadline_ns == UINT64_MAX) {
    loop_->disarm(timer_);
  } else {
    loop_->arm(timer_, deadline_ns);
  }
}

// Moves everything that can move; called whenever something has changed.
void GatewayImpl::advance() {
  if (!failure_.empty()) return;
  answer_questions();
  resume();  // the signer may have caught up
  collect_verified();
  verify_next();
  // One record in flight: what arrives meanwhile is the next batch.
  if (!verified_.empty() && everything_durable()) {
    Batch* batch = verified_.front();
    verified_.pop_front();
    commit(*batch, 0);
    verify_next();
    if (everything_durable()) nudge();  // all of it was refused
  }
  make_empty_batches();
  arm_timer();
}

}  // namespace

std::expected<std::unique_ptr<Gateway>, std::string> Gateway::open(GatewaySettings settings, const Progress& progress) {
  auto gateway = std::make_unique<GatewayImpl>(std::move(settings));
  if (auto started = gateway->start(progress); !started) return std::unexpected(started.error());
  return gateway;
}

}  // namespace electra::pipeline
