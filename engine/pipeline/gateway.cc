// The way of a batch through the gateway: formed, verified, ordered, executed while it is written, answered.
#include <time.h>

#include "engine/pipeline/cpu_time.h"
#include "engine/pipeline/gateway_impl.h"
#include "engine/pipeline/replay.h"
#include "io/thread_slice.h"
#include "meter-proto/base/assert.h"

namespace electra::pipeline {
namespace {

// Batches in the verify stage at once: one being verified on all cores, the next queued behind it.
constexpr std::uint32_t kVerifyingMax = 2;
static_assert(kVerifyingMax <= kVerifyBatchesMax);

// A batch of one group of signatures or more is verified beside the io thread, which meanwhile reads, executes and answers:
// a second thread costs a wake-up, and less than a group is done before that.
constexpr std::uint32_t kAsideMin = 8;
// Small batches that are verified, written or between the two, at once: more would only wait for each other at the disk,
// where a batch that has not left yet grows instead.
constexpr std::uint32_t kSmallAheadMax = 3;
constexpr std::uint32_t kSmallRecordsInFlight = 2;

// Who verifies aside gives way to this thread, and both to what has the kernel's usual slices.
constexpr std::uint64_t kIoSliceNs = 5'000'000;

// Without a following batch, an empty record carries the watermark this long after the last one became durable.
constexpr std::uint64_t kWatermarkDelayNs = 10'000'000;

// How fast a block's header is made, in bytes of leaves and nodes that are hashed: at this rate or so fast that half of the
// next block is enough for it, whichever is more; a block's half by time or by messages, whichever comes first. In steps of
// some 50 us, or of what the messages since the last step ask for, because a long step makes the next batch larger and its
// own successor longer.
constexpr std::uint64_t kHeaderBytesPerSecond = std::uint64_t{32} << 20;
constexpr std::uint64_t kHeadersPerSecond = 2;
constexpr std::uint64_t kHeaderStepBytesMin = 16U << 10;
constexpr std::uint64_t kHeaderStepBytesMax = 32U << 10;
constexpr std::uint64_t kHeaderStepNs = 250'000;
// A block that ends after fewer messages does not make its successor's messages pay more.
constexpr std::uint32_t kBlockMessagesUsual = 1U << 17;

// Peers get this long to read their last receipts when the gateway stops.
constexpr std::uint64_t kShutdownNs = 2'000'000'000;

// How often the system clock is looked at while nothing happens.
constexpr std::uint64_t kClockLookNs = 60'000'000'000;
constexpr std::uint64_t kUnsureLookNs = 1'000'000'000;
constexpr std::uint64_t kSecondNs = 1'000'000'000;

// Questions of all sessions that may wait at once.
constexpr std::size_t kQuestionsMax = 4096;

}  // namespace

std::uint64_t system_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

GatewayImpl::~GatewayImpl() {
  stage_.reset();  // before the batches and the loop that they wake
  aside_.reset();
  if (loop_) {
    // Journal and snapshots turn the loop once more while their writes end: a wake of the header signer then finds no server.
    loop_->set_on_wake(nullptr, nullptr);
    loop_->cancel(advance_);
    loop_->disarm(timer_);
    loop_->disarm(work_timer_);
  }
  server_.reset();
  close_datagrams();
  journal_.reset();
  snapshots_.reset();
}

StopReason GatewayImpl::run() {
  io::ask_for_long_slices(kIoSliceNs);
  while (true) {
    loop_->run_once();
    if (!failure_.empty()) {
      server_.reset();  // acknowledges nothing more; what clients miss they send again after the restart
      close_datagrams();
      return StopReason::journal_failed;
    }
    if (stop_requested_.load(std::memory_order_relaxed) && !stopping_) {
      stopping_ = true;
      if (snapshots_) snapshots_->stop();
      journal_->finish();
      pause();  // nothing new; what was framed is answered
      loop_->defer(advance_);
    }
    const bool saving = snapshots_ && snapshots_->ending();
    const bool written = journal_->settled() && !journal_->watermark_behind();
    if (stopping_ && quiet() && !keeper_->open() && !keeper_->working() && written && !saving) break;
  }
  answer_questions();
  server_->shutdown(kShutdownNs);
  while (!server_->stopped()) loop_->run_once();
  return StopReason::requested;
}

GatewayCounters GatewayImpl::counters() const noexcept {
  GatewayCounters counters = counters_;
  counters.refused = desk_->refused();
  counters.refused_by_rate = limits_->refused_by_rate();
  counters.refused_by_disk = limits_->refused_by_disk();
  counters.decode_ns = desk_->decode_ns();
  if (datagram_desk_) {
    counters.datagrams = datagram_desk_->counters();
    counters.decode_ns += datagram_desk_->decode_ns();
  }
  counters.journal_bytes = journal_->counters().record_bytes;
  counters.zero_bytes = journal_->counters().zero_bytes;
  counters.height = keeper_->maker().height();
  counters.signed_height = keeper_->signed_height();
  if (snapshots_) counters.snapshots = snapshots_->counters();
  if (server_) counters.closed = server_->counters().closed;
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

void GatewayImpl::close_datagrams() {
  if (datagrams_) datagram_desk_->leave_port();
  datagrams_.reset();
}

void GatewayImpl::pause() {
  server_->pause_reading();
  if (datagrams_) datagrams_->pause_reading();
}

void GatewayImpl::resume() {
  if (!server_->paused() || free_.empty() || stopping_ || held_back()) return;
  server_->resume_reading();
  if (datagrams_) datagrams_->resume_reading();
}

Batch* GatewayImpl::forming() {
  if (forming_ != nullptr && forming_->room() < 2) {
    formed_.push(*forming_);
    forming_ = nullptr;
  }
  if (forming_ == nullptr && !held_back()) forming_ = take_free();
  if (forming_ == nullptr) pause();  // until resume()
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
  if (verifying_ == 0) return;
  while (Batch* batch = verifying_in_->try_take()) {
    --verifying_;
    verified_.push(*batch);
  }
}

// Sends the next batch to verification: a large one to the stage, a small one to the thread aside, a very small one through
// here, when nothing is before it. Batches are in one executor at a time, so that they come out in their order. While records
// are being written a small batch waits and grows: that is how batches form under load.
void GatewayImpl::verify_next() {
  while (true) {
    Batch* next = !formed_.empty() ? &formed_.front() : forming_;
    if (next == nullptr || next->empty()) return;
    VerifyStage* const executor = executor_of(next->size());
    if (executor == nullptr) {
      if (verifying_ != 0 || !verified_.empty() || !may_write(next->size())) return;
    } else {
      if (verifying_ != 0 && (executor != verifying_in_ || verifying_ == kVerifyingMax)) return;
      if (executor == aside_.get() && verifying_ + verified_.size() + committed_.size() >= kSmallAheadMax) return;
    }
    if (!formed_.empty()) {
      formed_.pop();
    } else {
      forming_ = nullptr;
    }
    if (executor != nullptr) {
      ++verifying_;
      verifying_in_ = executor;
      executor->submit(*next);
      continue;
    }
    const std::uint64_t begin = thread_cpu_ns();
    next->verify(*verifier_, 0, next->size());
    next->seal();
    next->verify_ns = thread_cpu_ns() - begin;
    verified_.push(*next);
    return;
  }
}

// Null: this thread verifies it.
VerifyStage* GatewayImpl::executor_of(std::uint32_t messages) const noexcept {
  if (messages >= settings_.parallel_batch_min) return stage_.get();
  return messages >= kAsideMin ? aside_.get() : nullptr;
}

// Whether one more record may go to the disk now. A question waits for a moment with nothing in flight, so it gets one.
bool GatewayImpl::may_write(std::uint32_t messages) const noexcept {
  const bool small = messages < settings_.parallel_batch_min;
  const std::uint32_t most =
      small ? std::min(kSmallRecordsInFlight, settings_.records_in_flight) : settings_.records_in_flight;
  return committed_.size() < most && (questions_.empty() || committed_.empty()) && !(snapshots_ && snapshots_->holds());
}

// Orders, hands to the journal and executes while the disk writes. Receipts wait for on_durable.
void GatewayImpl::commit(Batch& batch, std::uint32_t flags) {
  counters_.verify_ns += batch.verify_ns;
  desk_->send_rejections(batch);
  if (datagram_desk_) datagram_desk_->answer_stale(batch);
  const std::span<const state::VerifiedMessage> messages = batch.messages();
  if (messages.empty() && batch.size() != 0) return release(batch);

  const std::uint64_t time_ns = clock_->take(now_ns(), machine_->next_timer_ns());
  const std::uint64_t monotonic_ns = io::monotonic_ns();
  // Not while a header is being made, which would have to be finished at once.
  const bool for_snapshot = snapshots_ && snapshots_->wants_block_end() && !messages.empty() && !keeper_->working();
  if (for_snapshot || keeper_->ends_block(messages.size(), time_ns, monotonic_ns)) flags |= io::kRecordBlockClose;
  const std::uint32_t rules_version = machine_->rules_version();
  const std::uint64_t number =
      journal_->append(batch.buffer(), {.time_ns = time_ns, .rules_version = rules_version, .flags = flags});
  if (number == 0) return;  // the journal has failed; run() ends
  ELECTRA_ASSERT_EQ(number, machine_->batch_number() + 1);
  committed_.push(batch);
  // A batch whose execution takes longer than a system call: let the disk start now instead of at the turn's end.
  if (executor_of(static_cast<std::uint32_t>(messages.size())) != nullptr) loop_->submit_now();

  const std::uint64_t begin = thread_cpu_ns();
  execution_->execute(*machine_,
                      {.number = number,
                       .time_ns = time_ns,
                       .closes_block = (flags & io::kRecordBlockClose) != 0,
                       .messages = messages},
                      batch.outcomes());
  follow_key_changes(*machine_, *keys_, *verifier_);
  const proto::BatchLink link{.number = number,
                              .time_ns = time_ns,
                              .rules_version = rules_version,
                              .flags = flags,
                              .count = batch.buffer().count(),
                              .body_bytes = static_cast<std::uint32_t>(batch.buffer().body().size()),
                              .body_hash = batch.buffer().body_hash()};
  keeper_->executed(link, messages, batch.outcomes(), monotonic_ns);
  if (snapshots_) snapshots_->executed(link);
  counters_.execute_ns += thread_cpu_ns() - begin;
  ++counters_.batches;
  counters_.messages += messages.size();
  unhashed_messages_ += messages.size();
  counters_.largest_batch = std::max<std::uint64_t>(counters_.largest_batch, messages.size());
}

void GatewayImpl::on_durable(io::RecordBuffer& buffer, const io::DurableRecord& record) {
  Batch& batch = committed_.pop();
  ELECTRA_ASSERT(&batch.buffer() == &buffer);
  counters_.journal_wait_ns += record.write_ns;
  durable_time_ns_ = record.time_ns;
  watermark_due_ns_ = io::monotonic_ns() + kWatermarkDelayNs;
  keeper_->durable(record.batch);
  if (snapshots_) snapshots_->durable(record, journal_->journal_id());
  execution_->acknowledged(record.batch);
  desk_->send_receipts(batch, record.batch);
  if (datagram_desk_) datagram_desk_->send_receipts(batch, record.batch);
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

// A part of the block's header a turn, at a bounded rate, so that no message waits for the whole of it.
void GatewayImpl::make_headers() {
  const std::uint64_t messages = std::exchange(unhashed_messages_, 0);  // also while there is nothing to hash
  if (!keeper_->working()) {
    header_paced_ns_ = header_allowance_ = 0;
    return;
  }
  const std::uint64_t now = io::monotonic_ns();
  if (header_paced_ns_ == 0) header_paced_ns_ = now;
  const std::uint64_t passed = std::min(now - header_paced_ns_, kSecondNs);
  const std::uint64_t wanted = keeper_->maker().closing_bytes() * kHeadersPerSecond;
  header_paced_ns_ = now;
  const std::uint64_t by_messages =
      messages * wanted / std::max(kBlockMessagesUsual, keeper_->maker().closing_messages());
  header_allowance_ += passed * std::max(kHeaderBytesPerSecond, wanted) / kSecondNs + by_messages;
  if (stopping_) {
    keeper_->work(SIZE_MAX);
  } else if (header_allowance_ >= kHeaderStepBytesMin) {
    const std::uint64_t step = std::min(header_allowance_, std::max(kHeaderStepBytesMax, by_messages));
    header_allowance_ -= step;
    keeper_->work(step);
  }
  if (keeper_->working()) loop_->arm(work_timer_, now + kHeaderStepNs);
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
  while (!verified_.empty() && may_write(verified_.front().size())) {
    commit(verified_.pop(), 0);
    verify_next();
  }
  make_empty_batches();
  make_headers();
  if (snapshots_) snapshots_->advance();
  arm_timer();
}

}  // namespace electra::pipeline
