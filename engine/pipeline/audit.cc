#include "engine/pipeline/audit.h"

#include <algorithm>
#include <array>
#include <deque>
#include <semaphore>
#include <thread>

#include "crypto-offload/key_store.h"
#include "engine/chain/block_maker.h"
#include "engine/pipeline/audit_books.h"
#include "engine/pipeline/replay.h"
#include "engine/pipeline/verify_stage.h"
#include "io/journal/record_format.h"
#include "meter-proto/base/assert.h"

namespace electra::pipeline {
namespace {

// Groups of batches whose signatures are verified at once: one in the making, one or two being verified, one executing.
constexpr std::uint32_t kGroups = 4;
// Records without or with few messages do not make a group grow without end.
constexpr std::size_t kGroupRecordsMax = 4096;
constexpr std::uint64_t kProgressBatches = 256;

// One batch inside a group.
struct AuditedBatch {
  proto::BatchLink link;
  ChainPlace place;
  std::optional<SourceHeader> header;
  std::uint32_t messages = 0;  // that went into the group: link.count, or fewer behind a loss
};

struct Group {
  explicit Group(io::RecordBuffer* buffer) : batch(io::kRecordMessagesMax) { batch.reset(buffer); }
  Batch batch;  // the messages of all of its records, one after the other
  std::vector<AuditedBatch> records;
};

class Auditor final : public ChainSink {
 public:
  // `maker` is of the machine; `last`: the header of the block that it stands behind, of height 0 at the genesis.
  Auditor(std::unique_ptr<state::Machine> machine, std::unique_ptr<chain::BlockMaker> maker,
          const proto::BlockHeader& last, std::unique_ptr<crypto::KeyStore> keys,
          std::unique_ptr<crypto::Verifier> verifier, std::unique_ptr<io::RecordBufferPool> pool, std::uint32_t threads,
          const AuditOptions& options, const ChainSource& source)
      : options_(options),
        source_(source),
        machine_(std::move(machine)),
        keys_(std::move(keys)),
        verifier_(std::move(verifier)),
        pool_(std::move(pool)),
        maker_(std::move(maker)),
        message_tag_(proto::signing_tag(proto::SignatureKind::message, machine_->genesis_hash())),
        stage_(make_verify_stage(*verifier_, threads, [this] { ready_.release(); })) {
    follow_key_changes(*machine_, *keys_, *verifier_);
    header_hash_ = maker_->last_header_hash();
    batch_hash_ = maker_->batch_hash();
    height_ = last.height;
    report_.last_header = last;
    report_.begins_behind_batch = last.last_batch;
    report_.begins_behind_height = last.height;
    for (std::uint32_t i = 0; i < kGroups; ++i) {
      groups_.push_back(std::make_unique<Group>(pool_->acquire()));
      free_.push_back(groups_.back().get());
    }
    report_.verifier = verifier_->name();
    report_.threads = threads;
  }

  bool on_batch(const SourceBatch& batch) override {
    ++report_.batches;
    if (options_.progress && report_.batches % kProgressBatches == 0) {
      options_.progress(source_.bytes_done(), source_.bytes_total());
    }
    if (!batch.follows) drain_and_lose();
    if (go_on_) take(batch);
    return go_on_;
  }

  bool on_problem(const SourceProblem& problem) override {
    // What came before it is judged first, so that the first problem told is the first one of the chain.
    drain();
    if (go_on_) report(problem);
    return go_on_;
  }

  AuditReport finish() {
    drain();
    if (go_on_ && !lost_) check_the_books();
    report_.open_batches = maker_->open_batches();
    report_.open_messages = maker_->open_messages();
    report_.settlement_digest = machine_->settlement_digest();
    report_.totals = machine_->totals();
    if (options_.progress) options_.progress(source_.bytes_total(), source_.bytes_total());
    return std::move(report_);
  }

 private:
  static constexpr std::string_view kUnknownKey = "its sender's key was never registered";

  void report(SourceProblem problem) {
    ++report_.problem_count;
    if (report_.problems.size() < options_.problems_max) report_.problems.push_back(std::move(problem));
    go_on_ = options_.all;
  }
  void report(std::string text, const AuditedBatch& at) {
    report({.text = std::move(text), .place = at.place, .batch = at.link.number, .height = height_ + 1});
  }

  // From here on the state cannot be followed; what can be checked without it still is.
  void drain_and_lose() {
    drain();
    lost_ = true;
    gap_ = true;
  }

  // --- signatures ---

  // Puts a batch's messages into the group that is being made.
  void take(const SourceBatch& batch) {
    while (true) {
      if (filling_ != nullptr &&
          (filling_->batch.room() < batch.link.count || filling_->records.size() == kGroupRecordsMax)) {
        submit();
      }
      if (filling_ == nullptr) filling_ = take_group();
      if (!go_on_) return;
      AuditedBatch audited{.link = batch.link, .place = batch.place, .header = batch.header, .messages = 0};
      const std::string problem = add_all(batch.body, audited);
      if (problem.empty()) {
        filling_->records.push_back(std::move(audited));
        return;
      }
      // Its key may be registered by what is under way. What of this batch has gone into the group stands at the group's
      // end, belongs to no record, and counts for nothing.
      const bool under_way = !filling_->records.empty() || !in_stage_.empty();
      drain();
      if (!go_on_) return;
      if (under_way && problem.ends_with(kUnknownKey)) continue;
      report(problem, audited);
      lost_ = true;
      return;
    }
  }

  // Empty, or which message is not as a gateway would have taken it.
  [[nodiscard]] std::string add_all(ByteSpan body, AuditedBatch& audited) {
    ByteSpan bytes;
    std::uint32_t index = 0;
    for (io::EntryCursor cursor(body); cursor.next(bytes); ++index) {
      const std::string_view problem = add(bytes);
      // Behind a gap the registration may have been lost: such a message is passed over.
      if (lost_ && problem == kUnknownKey) continue;
      if (!problem.empty()) return "message " + std::to_string(index) + ": " + std::string(problem);
      ++audited.messages;
    }
    return {};
  }

  [[nodiscard]] std::string_view add(ByteSpan bytes) {
    strict::EnvelopeView envelope;
    if (strict::decode_envelope(bytes, envelope) != Result::ok) return "its envelope is not strictly encoded";
    const state::Slot slot = resolve_sender(*keys_, envelope);
    const crypto::StoredKey* const key = keys_->entry(slot).key;
    // Whatever the holder's status is now: execution compares it, as it did in the gateway.
    if (key == nullptr || key->generation != envelope.key_generation) return kUnknownKey;
    if (strict::decode_payload(envelope.payload, payload_) != Result::ok) return "its payload is not strictly encoded";
    const auto* registration = std::get_if<strict::RegisterKey>(&payload_.operation);
    const ByteSpan embedded_key = registration != nullptr ? registration->public_key : ByteSpan{};
    const Origin origin{.connection = {}, .slot = slot, .sequence = envelope.sequence};
    const bool added = filling_->batch.add(origin, bytes, envelope, *key, message_tag_, embedded_key);
    return added ? std::string_view() : "it does not fit into a batch";
  }

  // A group to fill: a free one, else the oldest one after its turn.
  Group* take_group() {
    if (free_.empty()) judge_oldest();
    Group* group = free_.back();
    free_.pop_back();
    return group;
  }

  void submit() {
    in_stage_.push_back(filling_);
    stage_->submit(filling_->batch);
    filling_ = nullptr;
  }

  // Until everything that was taken is judged.
  void drain() {
    if (filling_ != nullptr) submit();
    while (!in_stage_.empty()) judge_oldest();
  }

  // --- execution ---

  void judge_oldest() {
    Group& group = *in_stage_.front();
    in_stage_.pop_front();
    ready_.acquire();
    const Batch* const verified = stage_->try_take();
    ELECTRA_ASSERT(verified == &group.batch);
    if (go_on_) judge(group);
    group.records.clear();
    group.batch.buffer().clear();
    group.batch.reset(&group.batch.buffer());
    free_.push_back(&group);
  }

  void judge(Group& group) {
    std::size_t added = 0;  // first message of the record among those that were added
    std::size_t first = 0;  // and among the good ones
    for (const AuditedBatch& record : group.records) {
      if (!go_on_) return;
      const std::span<const std::uint8_t> kept = group.batch.kept().subspan(added, record.messages);
      added += record.messages;
      std::size_t good = 0;
      for (std::size_t i = 0; i < kept.size(); ++i) {
        good += kept[i];
        if (kept[i] == 0 && go_on_) report("message " + std::to_string(i) + ": its signature is bad", record);
      }
      report_.messages += record.messages;
      if (!go_on_) return;
      batch_hash_ = proto::batch_hash(batch_hash_, record.link);
      ++batches_alone_;
      if (good != record.link.count) lost_ = true;
      if (!lost_)
        execute(record, group.batch.messages().subspan(first, good), group.batch.outcomes().subspan(first, good));
      if (lost_) compare_alone(record);
      first += good;
    }
  }

  void execute(const AuditedBatch& record, std::span<const state::VerifiedMessage> messages,
               std::span<state::Outcome> outcomes) {
    const proto::BatchLink& link = record.link;
    const bool closes_block = (link.flags & io::kRecordBlockClose) != 0;
    if (link.rules_version != machine_->rules_version()) {
      report("rules version " + std::to_string(link.rules_version) + ", and version " +
                 std::to_string(machine_->rules_version()) + " is in force",
             record);
      lost_ = true;
      return;
    }
    if (!machine_->known_rules().contains(machine_->rules_version())) {
      report("this program does not know rules version " + std::to_string(machine_->rules_version()), record);
      lost_ = true;
      return;
    }
    if (maker_->open_messages() + messages.size() > chain::kBlockMessagesMax ||
        maker_->open_batches() == chain::kBlockBatchesMax) {
      report("its block is larger than any gateway makes one", record);
      lost_ = true;
      return;
    }
    machine_->execute(
        {.number = link.number, .time_ns = link.time_ns, .closes_block = closes_block, .messages = messages}, outcomes);
    follow_key_changes(*machine_, *keys_, *verifier_);
    maker_->add_batch(link, messages, outcomes);
    ++report_.executed_batches;
    if (!closes_block) return;
    const std::uint64_t cycle = report_.last_header.cycle;
    report_.last_header = maker_->close_block();
    height_ = report_.last_header.height;
    remember(report_.last_header);
    if (!record.header) {
      ++report_.unsigned_blocks;
      return;
    }
    ++report_.blocks;
    compare(record, report_.last_header);
    if (go_on_ && report_.last_header.cycle != cycle) check_the_books();
  }

  // --- headers ---

  void report_header(std::string text, const SourceHeader& header, const AuditedBatch& record, std::uint64_t height) {
    report({.text = std::move(text), .place = header.place, .batch = record.link.number, .height = height});
  }

  void compare(const AuditedBatch& record, const proto::BlockHeader& made) {
    const auto kept = proto::decode_signed_header(record.header->bytes);
    if (!kept) return report_header("this is not a block header", *record.header, record, made.height);
    remember(kept->header);
    const std::string differences = header_differences(kept->header, made);
    if (!differences.empty()) {
      return report_header("the header is not the one that follows from the batches: " + differences, *record.header,
                           record, made.height);
    }
    if (!proto::header_signature_valid(*kept, machine_->genesis_hash(), chain::gateway_key(*machine_))) {
      report_header("the header's signature is bad", *record.header, record, made.height);
    }
  }

  // Without a state: what header, the header before it and the batches between them say about each other.
  void compare_alone(const AuditedBatch& record) {
    if ((record.link.flags & io::kRecordBlockClose) == 0) return;
    ++height_;
    if (record.header) {
      const auto kept = proto::decode_signed_header(record.header->bytes);
      if (!kept) {
        report_header("this is not a block header", *record.header, record, height_);
      } else {
        const proto::BlockHeader& header = kept->header;
        std::string text;
        if (header.last_batch != record.link.number || header.time_ns != record.link.time_ns) {
          text = "the header names another batch as its last";
        } else if (!proto::header_signature_valid(*kept, machine_->genesis_hash(), chain::gateway_key(*machine_))) {
          text = "the header's signature is bad";
        } else if (!gap_ && header.previous_hash != header_hash_) {
          text = "the header does not continue the one before it";
        } else if (!gap_ && (header.batch_hash != batch_hash_ || header.batches != batches_alone_)) {
          text = "the header is of other batches";
        }
        if (!text.empty()) report_header(text, *record.header, record, height_);
        height_ = header.height;
        remember(header);
        gap_ = false;
        return;
      }
    }
    gap_ = true;
    batches_alone_ = 0;
  }

  // The next header is judged by this one if the state is lost meanwhile.
  void remember(const proto::BlockHeader& header) {
    header_hash_ = proto::header_hash(header);
    batch_hash_ = header.batch_hash;
    batches_alone_ = 0;
  }

  void check_the_books() {
    for (const std::string& problem : check_books(*machine_)) {
      if (!go_on_) return;
      report({.text = problem, .place = {}, .batch = machine_->batch_number(), .height = height_});
    }
  }

  const AuditOptions& options_;
  const ChainSource& source_;
  const std::unique_ptr<state::Machine> machine_;
  const std::unique_ptr<crypto::KeyStore> keys_;
  const std::unique_ptr<crypto::Verifier> verifier_;
  const std::unique_ptr<io::RecordBufferPool> pool_;
  const std::unique_ptr<chain::BlockMaker> maker_;
  const Bytes16 message_tag_;
  std::counting_semaphore<kVerifyBatchesMax> ready_{0};  // groups that the stage has finished
  std::vector<std::unique_ptr<Group>> groups_;
  std::unique_ptr<VerifyStage> stage_;  // ends before the groups do

  std::vector<Group*> free_;
  strict::PayloadView payload_;  // of the message at hand
  Group* filling_ = nullptr;
  std::deque<Group*> in_stage_;

  AuditReport report_;
  bool go_on_ = true;
  bool lost_ = false;         // the state cannot be followed any more
  std::uint64_t height_ = 0;  // of the last block

  // For headers behind a loss.
  bool gap_ = false;  // between the last header and here something is missing
  Bytes32 header_hash_{};
  Bytes32 batch_hash_{};
  std::uint32_t batches_alone_ = 0;
};

std::expected<AuditReport, std::string> run(std::unique_ptr<state::Machine> machine,
                                            std::unique_ptr<chain::BlockMaker> maker, const proto::BlockHeader& last,
                                            ChainSource& source, const AuditOptions& options) {
  auto keys = std::make_unique<crypto::KeyStore>(machine->limits().holders_max, 0);
  auto verifier = crypto::make_verifier(
      {.backend = options.verifier, .keys_max = keys->keys_max(), .table_memory_bytes = options.table_memory_bytes});
  if (!verifier) return std::unexpected(verifier.error());
  if (last.height == 0) {
    if (auto checked = check_genesis_keys(*machine, **verifier); !checked) return std::unexpected(checked.error());
  }
  auto pool = io::RecordBufferPool::create(kGroups);
  if (!pool) return std::unexpected(pool.error());
  const std::uint32_t threads =
      options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
  Auditor auditor(std::move(machine), std::move(maker), last, std::move(keys), std::move(*verifier), std::move(*pool),
                  threads, options, source);
  if (auto read = source.run(auditor); !read) return std::unexpected(read.error());
  return auditor.finish();
}

}  // namespace

std::expected<AuditReport, std::string> audit(const state::Genesis& genesis, ChainSource& source,
                                              const AuditOptions& options) {
  auto machine = state::Machine::create(genesis);
  if (!machine) return std::unexpected("genesis: " + machine.error());
  auto maker = std::make_unique<chain::BlockMaker>(**machine);
  return run(std::move(*machine), std::move(maker), {}, source, options);
}

std::expected<AuditReport, std::string> audit_behind(RestoredState restored, ChainSource& source,
                                                     const AuditOptions& options) {
  return run(std::move(restored.machine), std::move(restored.maker), restored.header, source, options);
}

}  // namespace electra::pipeline
