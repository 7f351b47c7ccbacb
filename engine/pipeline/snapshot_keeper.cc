#include "engine/pipeline/snapshot_keeper.h"

#include <algorithm>
#include <numeric>

#include "engine/pipeline/cpu_time.h"
#include "io/journal/record_format.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/base/sentence.h"

namespace electra::pipeline {
namespace {

// The cursor stops when so many bytes wait for the disk; it goes on when a chunk is written.
constexpr std::uint64_t kAheadBytes = std::uint64_t{2} << 20;
// At once: less than a tenth of a millisecond of the io thread, or as much as the batches since the last step have written,
// which took longer; and up to a MiB as the moment comes nearer at which batches are held back.
constexpr std::uint64_t kStepBytesMax = std::uint64_t{32} << 10;
constexpr std::uint64_t kUrgentStepBytes = std::uint64_t{1} << 20;
// Less is not worth a call.
constexpr std::uint64_t kStepBytesMin = std::uint64_t{8} << 10;
constexpr std::uint64_t kStepNs = 250'000;
constexpr std::uint64_t kSecondNs = 1'000'000'000;

}  // namespace

std::expected<std::unique_ptr<SnapshotKeeper>, std::string> SnapshotKeeper::open(SnapshotSettings settings, House house,
                                                                                 const Restored& restored) {
  std::unique_ptr<SnapshotKeeper> keeper(new SnapshotKeeper(std::move(settings), std::move(house)));
  const SnapshotSettings& wanted = keeper->settings_;
  io::Loop& loop = keeper->house_.loop;
  const auto device = [&] { return wanted.other_device ? wanted.other_device(loop) : nullptr; };
  io::SnapshotListener& listener = *keeper;
  auto writer = io::SnapshotWriter::open(loop, {.directory = wanted.directory}, listener, device());
  if (!writer) return std::unexpected(std::move(writer.error()));
  keeper->writer_ = std::move(*writer);
  auto retention = io::Retention::open(loop, wanted.old_segments, wanted.archive_directory, device(), wanted.removal);
  if (!retention) return std::unexpected(std::move(retention.error()));
  keeper->retention_ = std::move(*retention);
  if (restored.batch != 0) keeper->good_.push_back({.batch = restored.batch, .segment = restored.segment});
  keeper->counters_.last_batch = restored.batch;
  keeper->journal_bytes_ = restored.journal_bytes;
  keeper->timer_ = {.fire = [](void* context, std::uint64_t) { static_cast<SnapshotKeeper*>(context)->advance(); },
                    .context = keeper.get()};
  return keeper;
}

SnapshotKeeper::~SnapshotKeeper() {
  stopped_ = true;
  if (writer_) give_up();  // else open() has failed
  if (timer_.armed) house_.loop.disarm(timer_);
}

SnapshotCounters SnapshotKeeper::counters() const noexcept {
  SnapshotCounters counters = counters_;
  counters.bytes = writer_->bytes_written();
  return counters;
}

void SnapshotKeeper::executed(const proto::BatchLink& link) {
  journal_bytes_ += io::record_bytes(link.body_bytes);
  bytes_since_step_ += io::record_bytes(link.body_bytes);
  bytes_earned_ += io::record_bytes(link.body_bytes);
  if ((link.flags & io::kRecordBlockClose) != 0 && wants_block_end()) begin(link);
}

void SnapshotKeeper::begin(const proto::BatchLink& link) {
  journal_bytes_ = 0;
  batch_ = link.number;
  height_ = house_.machine.height();
  state::LeafCounts counts;
  for (std::size_t table = 0; table < counts.size(); ++table) {
    counts[table] = house_.machine.leaf_count(static_cast<state::Table>(table));
  }
  if (auto begun = writer_->begin(link.number, counts); !begun) return fail(begun.error());
  leaves_ = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  begin_ns_ = allowed_ns_ = io::monotonic_ns();
  allowance_ = bytes_earned_ = bytes_since_step_ = 0;
  seal_.reset();
  phase_ = Phase::walking;
  house_.machine.begin_snapshot(*this);
  tell({.kind = SnapshotEvent::Kind::begun, .batch = batch_, .height = height_, .leaves = leaves_});
  house_.loop.arm(timer_, begin_ns_ + kStepNs);
}

// Also in the middle of Machine::execute().
void SnapshotKeeper::leaf(state::Table table, std::uint32_t index, ByteSpan bytes) noexcept {
  writer_->add(static_cast<std::uint8_t>(table), index, bytes);
}

void SnapshotKeeper::durable(const io::DurableRecord& record, const Bytes16& journal_id) {
  if (phase_ == Phase::idle || record.batch != batch_) return;
  seal_ = io::SnapshotSeal{.time_ns = record.time_ns,
                           .genesis_hash = house_.machine.genesis_hash(),
                           .journal_id = journal_id,
                           .segment = record.segment,
                           .record_offset = record.offset,
                           .record_end = record.end,
                           .watermark = record.watermark,
                           .record_hash = record.record_hash,
                           .block_header = {},
                           .sync_first = house_.headers_file};
  seal_if_ready();
}

void SnapshotKeeper::advance() {
  if (walking()) walk();
  if (walking()) house_.loop.arm(timer_, io::monotonic_ns() + kStepNs);
  seal_if_ready();
}

bool SnapshotKeeper::walking() const noexcept {
  return phase_ == Phase::walking || (phase_ == Phase::walked && writer_->unhashed_bytes() > 0);
}

// A step of the cursor when little waits to be hashed, and a step of hashing, of what the cursor and the batches gave out.
void SnapshotKeeper::walk() {
  const std::uint64_t now_ns = io::monotonic_ns();
  // A pause earns at most one step.
  const std::uint64_t passed_ns = std::min(now_ns - allowed_ns_, kSecondNs);
  allowed_ns_ = now_ns;
  allowance_ += passed_ns * settings_.bytes_per_second / kSecondNs +
                std::exchange(bytes_earned_, 0) * settings_.journal_percent / 100;
  allowance_ = std::min(allowance_, std::max(kStepBytesMax, bytes_since_step_));
  const std::uint64_t calm = settings_.hold_bytes / 2;
  if (const std::uint64_t waiting = writer_->unwritten_bytes(); waiting > calm) {
    const std::uint64_t beyond = std::min(waiting - calm, calm);
    allowance_ = std::max(allowance_, kStepBytesMax + (kUrgentStepBytes - kStepBytesMax) * beyond / calm);
  }
  if (allowance_ < kStepBytesMin) return;
  bytes_since_step_ = 0;
  const std::uint64_t begin = thread_cpu_ns();
  if (phase_ == Phase::walking && writer_->unwritten_bytes() < kAheadBytes) {
    const bool more = house_.machine.snapshot_step(static_cast<std::size_t>(allowance_));
    if (!more && writer_->taking()) {  // a writer that has failed says so at the end of the turn
      phase_ = Phase::walked;
      writer_->end();
    }
  }
  writer_->hash(std::exchange(allowance_, 0));
  counters_.cpu_ns += thread_cpu_ns() - begin;
}

void SnapshotKeeper::seal_if_ready() {
  if (phase_ != Phase::walked || walking() || !seal_) return;
  const auto header = house_.blocks.signed_header(height_);
  if (!header) return;
  std::copy_n(header->begin(), proto::kHeaderBytes, seal_->block_header.begin());
  phase_ = Phase::sealing;
  writer_->seal(*seal_);
}

void SnapshotKeeper::on_snapshot_room() {
  advance();
  if (!holds()) house_.nudge();
}

void SnapshotKeeper::on_snapshot_sealed(const io::SealedSnapshot& sealed) {
  phase_ = Phase::idle;
  ++counters_.sealed;
  counters_.last_batch = sealed.batch;
  good_.push_back({.batch = sealed.batch, .segment = sealed.segment});
  if (good_.size() > settings_.keep) good_.erase(good_.begin());
  tell({.kind = SnapshotEvent::Kind::sealed,
        .batch = sealed.batch,
        .height = height_,
        .leaves = sealed.leaves,
        .bytes = sealed.bytes,
        .duration_ns = io::monotonic_ns() - begin_ns_});
  put_away();
  house_.nudge();  // the gateway may be waiting to stop
}

void SnapshotKeeper::on_snapshot_failed(const std::string& text) {
  give_up();
  fail(text);
  house_.nudge();
}

void SnapshotKeeper::fail(const std::string& text) {
  ++counters_.failed;
  tell({.kind = SnapshotEvent::Kind::failed, .batch = batch_, .height = height_, .text = text});
}

void SnapshotKeeper::give_up() noexcept {
  house_.machine.abandon_snapshot();
  writer_->abandon();
  phase_ = Phase::idle;
}

void SnapshotKeeper::stop() {
  stopped_ = true;
  if (phase_ != Phase::sealing) give_up();
}

// Only what was sealed or restored from in this life counts as good: everything else goes, and segments go only when there
// are as many good ones as shall be kept.
void SnapshotKeeper::put_away() {
  put_away_again_ = retention_->busy();
  if (put_away_again_ || good_.size() < settings_.keep) return;
  std::vector<std::uint64_t> kept;
  for (const Good& good : good_) kept.push_back(good.batch);
  auto plan = io::plan_retention(settings_.directory, kept, house_.journal_directory, good_.front().segment,
                                 settings_.old_segments);
  const auto failed = [this](const std::string& text) {
    ++counters_.failed;
    tell({.kind = SnapshotEvent::Kind::failed, .text = sentence("putting old snapshots and segments away: ", text)});
  };
  if (!plan) return failed(plan.error());
  if (plan->remove.empty() && plan->segments.empty()) return;
  retention_->start(std::move(*plan), [this, failed](const io::Retention::Done& done) {
    if (done.snapshots != 0 || done.segments != 0) {
      tell({.kind = SnapshotEvent::Kind::put_away, .snapshots = done.snapshots, .segments = done.segments});
    }
    house_.nudge();
    if (!done.failure.empty()) return failed(done.failure);
    if (put_away_again_) put_away();
  });
}

void SnapshotKeeper::tell(SnapshotEvent event) const {
  if (settings_.on_event) settings_.on_event(event);
}

}  // namespace electra::pipeline
