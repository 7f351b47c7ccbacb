#include "tests/sim/small_world.h"

#include <algorithm>
#include <set>
#include <thread>

#include "engine/chain/block_maker.h"
#include "engine/pipeline/audit.h"
#include "engine/pipeline/replay.h"
#include "engine/pipeline/restore.h"
#include "io/journal/journal_walk.h"
#include "io/journal/segment_files.h"
#include "meter-proto/base/assert.h"

namespace electra::sim {
namespace {

using namespace test;
namespace fs = std::filesystem;

constexpr std::array<state::Slot, 3> kSenders = {kM2, kAlice, kBob};

// Executes a journal from the genesis and remembers what became of each message.
class Witness final : public pipeline::RecordReplayer {
 public:
  struct Message {
    int applied = 0;
    Result result = Result::ok;
    std::uint64_t batch = 0;
  };

  Witness(state::Machine& machine, crypto::KeyStore& keys, crypto::Verifier& verifier)
      : RecordReplayer(machine, keys, verifier), machine_(machine) {}

  std::map<MessageName, Message> messages;

 protected:
  void after_record(const io::RecordView&, std::span<const state::VerifiedMessage> executed,
                    std::span<const state::Outcome> outcomes) override {
    for (std::size_t i = 0; i < executed.size(); ++i) {
      if (outcomes[i].repeated) continue;
      Message& message = messages[{executed[i].slot, executed[i].envelope.sequence}];
      ++message.applied;
      message.result = outcomes[i].result;
      message.batch = machine_.batch_number();
    }
  }

 private:
  state::Machine& machine_;
};

std::string name_text(const MessageName& name) {
  return "slot " + std::to_string(name.first) + " sequence " + std::to_string(name.second);
}

std::string audit_text(const std::expected<pipeline::AuditReport, std::string>& report) {
  if (!report) return "the audit could not be made: " + report.error();
  if (!report->good()) return "the auditor says: " + report->problems.front().text;
  if (report->open_messages != 0 || report->unsigned_blocks != 0) return "the auditor finds unsigned blocks at the end";
  return {};
}

// What the gateway left when it had stopped, against what was promised and what was there before the crash.
class Inspection {
 public:
  Inspection(const World& world, const Life& before, std::uint64_t moment)
      : world_(world), before_(before), moment_(moment) {}

  // `kept`: of `before`, up to this batch.
  std::string chain_problem(std::uint64_t kept) {
    const Chain chain = read_chain(world_.journal(), world_.headers_file());
    if (!chain.problem.empty()) return chain.problem;
    std::size_t heights = 0;
    for (const auto& [batch, record] : before_.chain.records) {
      if (batch > kept) break;
      heights += record.closes_block ? 1 : 0;
    }
    // Those of records that were put away; and some may not be signed yet.
    const std::size_t closed = closed_blocks(before_.chain);
    const std::size_t signed_before = before_.chain.headers.size();
    heights = std::min(signed_before, heights + signed_before - std::min(signed_before, closed));
    for (std::size_t height = 1; height <= heights; ++height) {
      if (height > chain.headers.size()) return "the header of block " + std::to_string(height) + " is missing";
      if (chain.headers[height - 1] != before_.chain.headers[height - 1])
        return "the header of block " + std::to_string(height) + " is another than before";
    }
    std::map<MessageName, int> count;
    for (const auto& [batch, record] : chain.records) {
      for (const MessageName& name : record.messages) ++count[name];
    }
    const std::uint64_t first = chain.records.empty() ? 1 : chain.records.begin()->first;
    for (const Promise& promise : before_.promises) {
      if (promise.moment > moment_) continue;
      if (promise.batch > kept) return "lost: " + name_text(promise.name);
      if (promise.batch >= first && !count.contains(promise.name)) return "lost: " + name_text(promise.name);
    }
    return {};
  }

  // From the genesis on: results, and the state.
  std::string state_problem(const Bytes32& digest) {
    const state::Genesis genesis = small_genesis();
    const auto machine = state::Machine::create(genesis);
    const auto verifier = crypto::make_verifier("sodium");
    ELECTRA_ASSERT(machine && verifier);
    crypto::KeyStore keys(genesis.limits.holders_max, 0);
    pipeline::follow_key_changes(**machine, keys, **verifier);
    Witness witness(**machine, keys, **verifier);
    const auto replayed = io::recover_journal(world_.journal(), genesis.hash, &witness);
    if (!replayed) return "the journal cannot be replayed: " + replayed.error().text() + " " + witness.problem();
    if ((*machine)->digest() != digest) return "a replay from the genesis comes to another state than the gateway had";
    for (const auto& [name, message] : witness.messages) {
      if (message.applied != 1) return "applied twice: " + name_text(name);
    }
    for (const Promise& promise : before_.promises) {
      if (promise.moment > moment_) continue;
      const auto found = witness.messages.find(promise.name);
      if (found == witness.messages.end()) return "lost: " + name_text(promise.name);
      if (found->second.result != promise.result || found->second.batch != promise.batch)
        return "another result than was promised: " + name_text(promise.name);
    }
    return {};
  }

  std::string audit_problem() {
    pipeline::AuditOptions options;
    options.verifier = "sodium";
    options.threads = 1;
    options.table_memory_bytes = 0;
    const state::Genesis genesis = small_genesis();
    const auto first = pipeline::first_segment(world_.journal());
    if (!first) return first.error();
    if (*first <= 1) {
      auto source = pipeline::open_directory_source(world_.journal(), world_.headers_file(), genesis.hash, {});
      return source ? audit_text(pipeline::audit(genesis, **source, options)) : source.error();
    }
    auto search = pipeline::find_snapshot(
        {.snapshots = world_.snapshots(), .journal = world_.journal(), .headers_file = world_.headers_file()}, genesis,
        {.newest_first = false});
    if (!search) return search.error();
    if (!search->found) return "the journal begins later, and no snapshot can be used";
    const pipeline::DirectorySourceOptions::Behind behind{
        .start = pipeline::start_behind(search->found->snapshot, search->found->header),
        .last = search->found->header,
        .gateway_key = chain::gateway_key(*search->found->machine)};
    auto source = pipeline::open_directory_source(world_.journal(), world_.headers_file(), genesis.hash,
                                                  {.unfinished = false, .behind = behind});
    if (!source) return source.error();
    return audit_text(pipeline::audit_behind(std::move(*search->found), **source, options));
  }

 private:
  static std::size_t closed_blocks(const Chain& chain) {
    return static_cast<std::size_t>(
        std::ranges::count_if(chain.records, [](const auto& record) { return record.second.closes_block; }));
  }

  const World& world_;
  const Life& before_;
  const std::uint64_t moment_;
};

// The last batch up to which both say the same.
std::uint64_t common_batch(const Chain& before, const Chain& after) {
  std::uint64_t common = 0;
  for (const auto& [batch, record] : before.records) {
    const auto found = after.records.find(batch);
    if (found == after.records.end() && common == 0 && !after.records.empty() && batch < after.records.begin()->first)
      continue;  // put away
    if (found == after.records.end() || found->second.hash != record.hash) break;
    common = batch;
  }
  return common;
}

// It knows what it has promised, and serves on.
std::string service_problem(std::uint16_t port, const Promise* promised, std::uint64_t seed) {
  Load load(port, seed);
  if (!load.connected()) return "it does not take a connection";
  if (promised != nullptr) {
    const auto reply = load.repeat(*promised);
    if (!reply || !reply->receipt || !reply->body.repeated || reply->result != promised->result ||
        reply->body.batch != promised->batch) {
      return "it does not know what it has promised: " + name_text(promised->name);
    }
  }
  return load.send(3) && load.refused() == 0 ? "" : "it does not serve on";
}

// So that a journal whose beginning was archived can be looked at as a whole.
void bring_back_archive(const World& world) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(world.archive(), ignored)) {
    fs::rename(entry.path(), world.journal() / entry.path().filename());
  }
}

}  // namespace

World::World(fs::path root, io::OldSegments old_segments) : root_(std::move(root)), old_segments_(old_segments) {
  fs::create_directories(root_ / "keys");
}

pipeline::GatewaySettings World::settings(std::uint32_t batches) const {
  pipeline::GatewaySettings settings = small_settings(journal());
  settings.verify_threads = 1;
  settings.batches_max = batches;
  settings.batch_messages_max = 48;
  settings.connections_max = 8;
  settings.verifier.backend = "sodium";
  settings.segment_bytes = 64 * 1024;
  settings.blocks.interval_ns = 3'000'000;
  settings.blocks.headers_file = headers_file();
  settings.blocks.signed_height_file = root_ / "keys" / "GRID.signed";
  settings.snapshots.directory = snapshots();
  settings.snapshots.every_bytes = 12 * 4096;
  settings.snapshots.keep = 2;
  settings.snapshots.old_segments = old_segments_;
  settings.snapshots.archive_directory = archive();
  settings.snapshots.removal = {.bytes = 4096, .pause_ns = 0};
  return settings;
}

// --- load ------------------------------------------------------------------------------------------------------------

Load::Load(std::uint16_t port, std::uint64_t seed, const DiskLog* log)
    : client_(port, kGrid), log_(log), random_(seed) {}

std::uint64_t Load::next_sequence(state::Slot slot) {
  auto& last = sequences_[slot];
  if (last == 0) {
    wire::Query query;
    query.mutable_holder()->set_slot(slot);
    const auto answer = client_.tcp().query(query, kPatience);
    if (!answer) return 0;
    last = answer->holder().highest_sequence();
  }
  return ++last;
}

Bytes Load::frame_of(const MessageName& name) {
  const auto& [slot, sequence] = name;
  const Person person(holder_name(slot));
  if (slot == kM2) return message_frame(person, {.slot = slot}, sequence, reading(sequence / 8, sequence));
  static const auto genesis = state::Machine::create(small_genesis());
  const state::AccountNumber own = (*genesis)->holder(slot)->wallet_account;
  const state::AccountNumber other = (*genesis)->holder(slot == kAlice ? kBob : kAlice)->wallet_account;
  return message_frame(person, {.slot = slot}, sequence, transfer(own, sequence % 7 == 0 ? own : other, sequence));
}

bool Load::take_reply() {
  const auto reply = client_.next_reply();
  if (!reply) return false;
  --under_way_;
  if (!reply->receipt) {
    ++refused_;
    return true;
  }
  promises_.push_back({.name = {reply->body.slot, reply->body.sequence},
                       .result = reply->result,
                       .batch = reply->body.batch,
                       .moment = log_ != nullptr ? log_->now() : 0});
  return true;
}

void Load::move_time() {
  time_s_ = time_s_ == 0 ? kGenesisS : time_s_;
  time_s_ += 450;
  [[maybe_unused]] const auto moved = client_.tcp().tick(time_s_ * kSecondNs, kPatience);
}

bool Load::send(std::uint64_t messages) {
  if (!client_.connected()) return false;
  for (std::uint64_t i = 0; i < messages; ++i) {
    const state::Slot slot = kSenders[below(kSenders.size())];
    const std::uint64_t sequence = next_sequence(slot);
    if (sequence == 0 || !client_.tcp().is_open()) return false;
    client_.send_frame(frame_of({slot, sequence}));
    ++under_way_;
    if (below(4) == 0) std::this_thread::sleep_for(std::chrono::microseconds(below(200)));
    if (below(30) == 0) move_time();
    const std::uint64_t limit = 1 + below(12);
    while (under_way_ >= limit) {
      if (!take_reply()) return false;
    }
  }
  while (under_way_ > 0) {
    if (!take_reply()) return false;
  }
  return true;
}

std::optional<Reply> Load::repeat(const Promise& promise) {
  client_.send_frame(frame_of(promise.name));
  return client_.next_reply();
}

// --- afterwards ------------------------------------------------------------------------------------------------------

Chain read_chain(const fs::path& journal, const fs::path& headers_file) {
  class Reader final : public io::WalkVisitor {
   public:
    explicit Reader(Chain& chain) : chain_(chain) {}
    bool on_record(const io::RecordView& view, bool) override {
      Chain::Record& record = chain_.records[view.header.batch];
      record.hash = view.header.record_hash;
      record.closes_block = (view.header.flags & io::kRecordBlockClose) != 0;
      ByteSpan bytes;
      for (io::EntryCursor cursor(view.body); cursor.next(bytes);) {
        strict::EnvelopeView envelope;
        if (strict::decode_envelope(bytes, envelope) != Result::ok) chain_.problem = "a message cannot be decoded";
        record.messages.emplace_back(envelope.slot, envelope.sequence);
      }
      return true;
    }
    bool on_fault(const io::WalkFault& fault) override {
      chain_.problem = "the walk says: " + fault.text();
      return false;
    }

   private:
    Chain& chain_;
  };
  Chain chain;
  Reader reader(chain);
  const auto end =
      io::walk_journal(journal, small_genesis().hash, reader, {.allow_torn_tail = true, .begins_later = true});
  if (!end) chain.problem = end.error().text();
  std::error_code ignored;
  if (!fs::exists(headers_file, ignored)) return chain;
  const auto headers = io::HeaderFile::open(headers_file, /*writable=*/false);
  if (!headers) {
    chain.problem = headers.error();
    return chain;
  }
  chain.headers.resize((*headers)->count());
  for (std::size_t i = 0; i < chain.headers.size(); ++i) {
    if (const auto read = (*headers)->read(i + 1, chain.headers[i]); !read) chain.problem = read.error();
  }
  return chain;
}

std::string problem_after_crash(const World& world, const Life& before, std::uint64_t moment, std::uint64_t seed) {
  const Promise* last = nullptr;
  for (const Promise& promise : before.promises) {
    if (promise.moment <= moment && (last == nullptr || promise.batch >= last->batch)) last = &promise;
  }
  Bytes32 digest{};
  std::string snapshot_failure;
  {
    pipeline::GatewaySettings settings = world.settings(2);
    settings.snapshots.on_event = [&snapshot_failure](const pipeline::SnapshotEvent& event) {
      if (event.kind == pipeline::SnapshotEvent::Kind::failed) snapshot_failure = event.text;
    };
    RunningGateway gateway(std::move(settings));
    if (!gateway.error().empty()) return "it does not start: " + gateway.error();
    if (std::string problem = service_problem(gateway.port(), last, seed); !problem.empty()) return problem;
    gateway.stop();
    if (gateway.reason() != pipeline::StopReason::requested) return "its journal failed: " + gateway.failure();
    digest = gateway.digest();
  }
  if (!snapshot_failure.empty()) return snapshot_failure;
  if (world.old_segments() == io::OldSegments::archive) bring_back_archive(world);
  const Chain chain = read_chain(world.journal(), world.headers_file());
  Inspection inspection(world, before, moment);
  if (std::string problem = inspection.chain_problem(common_batch(before.chain, chain)); !problem.empty())
    return problem;
  if (world.old_segments() != io::OldSegments::drop) {
    if (std::string problem = inspection.state_problem(digest); !problem.empty()) return problem;
  }
  return inspection.audit_problem();
}

}  // namespace electra::sim
