// A gateway that makes snapshots and starts from them: whatever is damaged, dropped, slow or broken, the state is the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "io/snapshot/snapshot_reader.h"
#include "tests/pipeline/digests.h"
#include "tests/pipeline/snapshot_support.h"

namespace electra::pipeline {
namespace {

using namespace test;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = SnapshotEvent::Kind;
namespace fs = std::filesystem;

class GatewayWithSnapshots : public testing::Test {
 protected:
  // A start, `count` readings of a batch each with their snapshots, a stop.
  void live(std::uint64_t count) { live(chain_.settings(), count); }
  void live(GatewaySettings settings, std::uint64_t count) {
    settings.snapshots.on_event = log_.listener();
    RunningGateway gateway(std::move(settings));
    ASSERT_EQ(gateway.error(), "");
    facts_ = gateway.facts();
    if (count > 0) {
      Client meter(gateway.port(), kM2);
      ASSERT_NO_FATAL_FAILURE(send_readings(meter, count, log_));
    }
    gateway.stop();
    ASSERT_EQ(gateway.reason(), StopReason::requested) << gateway.failure();
    digest_ = gateway.digest();
    counters_ = gateway.counters();
  }
  std::string error_of_start(GatewaySettings settings) {
    RunningGateway gateway(std::move(settings));
    return gateway.error();
  }

  SnapshotChain chain_;
  SnapshotLog log_;
  GatewayStart facts_;
  Bytes32 digest_{};
  GatewayCounters counters_;
};

TEST_F(GatewayWithSnapshots, StartsFromTheNewestAndReplaysWhatFollows) {
  ASSERT_NO_FATAL_FAILURE(live(100));
  EXPECT_EQ(facts_.restored_batch, 0U);
  EXPECT_GE(counters_.snapshots.sealed, 3U);
  EXPECT_EQ(counters_.snapshots.failed, 0U);
  const auto batches = chain_.batches();
  EXPECT_EQ(counters_.snapshots.last_batch, batches.back());
  const Bytes32 before = digest_;
  const std::uint64_t records = record_count(chain_.data());
  ASSERT_NO_FATAL_FAILURE(live(0));
  EXPECT_EQ(facts_.restored_batch, batches.back());
  EXPECT_EQ(facts_.records, records - batches.back());
  EXPECT_THAT(facts_.unusable_snapshots, IsEmpty());
  EXPECT_EQ(digest_, before);
  ASSERT_NO_FATAL_FAILURE(live(30));
  EXPECT_EQ(digest_, replay_digests(chain_.data()).digests.back());
  EXPECT_EQ(audit_problems(chain_), "");
}

TEST_F(GatewayWithSnapshots, TellsWhatItDoes) {
  ASSERT_NO_FATAL_FAILURE(live(60));
  const auto events = log_.events();
  ASSERT_GE(events.size(), 4U);
  EXPECT_EQ(events[0].kind, Kind::begun);
  EXPECT_EQ(events[1].kind, Kind::sealed);
  EXPECT_EQ(events[0].batch, events[1].batch);
  EXPECT_EQ(events[0].height, events[1].height);
  EXPECT_EQ(events[0].leaves, events[1].leaves);
  EXPECT_EQ(events[1].bytes, fs::file_size(chain_.file(events[1].batch)));
  EXPECT_GT(events[1].duration_ns, 0U);
  EXPECT_EQ(log_.count(Kind::failed), 0U);
}

TEST_F(GatewayWithSnapshots, TakesTheOneBeforeWhenTheNewestIsDamaged) {
  ASSERT_NO_FATAL_FAILURE(live(100));
  const auto batches = chain_.batches();
  const Bytes32 before = digest_;
  chain_.damage(batches.back());
  ASSERT_NO_FATAL_FAILURE(live(0));
  EXPECT_EQ(facts_.restored_batch, batches[batches.size() - 2]);
  ASSERT_THAT(facts_.unusable_snapshots, SizeIs(1));
  EXPECT_THAT(facts_.unusable_snapshots[0], HasSubstr(chain_.file(batches.back()).string()));
  EXPECT_EQ(digest_, before);
}

TEST_F(GatewayWithSnapshots, ReplaysTheWholeJournalWhenAllAreDamaged) {
  ASSERT_NO_FATAL_FAILURE(live(100));
  const auto batches = chain_.batches();
  const Bytes32 before = digest_;
  for (const std::uint64_t batch : batches) chain_.damage(batch);
  ASSERT_NO_FATAL_FAILURE(live(0));
  EXPECT_EQ(facts_.restored_batch, 0U);
  EXPECT_EQ(facts_.records, record_count(chain_.data()));
  EXPECT_THAT(facts_.unusable_snapshots, SizeIs(batches.size()));
  EXPECT_EQ(digest_, before);
  // The next one that is sealed is good, and the damaged ones go when there are enough.
  GatewaySettings settings = chain_.settings();
  settings.snapshots.keep = 2;
  ASSERT_NO_FATAL_FAILURE(live(settings, 100));
  EXPECT_THAT(chain_.batches(), SizeIs(2));
  ASSERT_NO_FATAL_FAILURE(live(0));
  EXPECT_THAT(facts_.unusable_snapshots, IsEmpty());
}

TEST_F(GatewayWithSnapshots, StartsWithoutTheSegmentsThatItDropped) {
  GatewaySettings settings = chain_.settings();
  settings.snapshots.keep = 2;
  settings.snapshots.old_segments = io::OldSegments::drop;
  ASSERT_NO_FATAL_FAILURE(live(settings, 200));
  EXPECT_GT(chain_.segments().front(), 1U);
  EXPECT_THAT(chain_.batches(), SizeIs(2));
  EXPECT_GE(log_.count(Kind::put_away), 1U);
  const Bytes32 before = digest_;
  ASSERT_NO_FATAL_FAILURE(live(settings, 0));
  EXPECT_NE(facts_.restored_batch, 0U);
  EXPECT_EQ(digest_, before);
  // The older of the two is enough as well.
  const auto batches = chain_.batches();
  chain_.damage(batches[1]);
  ASSERT_NO_FATAL_FAILURE(live(settings, 0));
  EXPECT_EQ(facts_.restored_batch, batches[0]);
  EXPECT_EQ(digest_, before);
  // Without any there is no way to the state.
  chain_.damage(batches[0]);
  EXPECT_THAT(error_of_start(settings),
              AllOf(HasSubstr("begins with segment"), HasSubstr("dropped or archived"),
                    HasSubstr(chain_.file(batches[0]).string()), HasSubstr(chain_.file(batches[1]).string()),
                    HasSubstr("Put the segments back")));
}

TEST_F(GatewayWithSnapshots, MovesSegmentsToTheArchiveAndTheyCanComeBack) {
  GatewaySettings settings = chain_.settings();
  settings.snapshots.keep = 2;
  settings.snapshots.old_segments = io::OldSegments::archive;
  ASSERT_NO_FATAL_FAILURE(live(settings, 200));
  const std::uint64_t first = chain_.segments().front();
  ASSERT_GT(first, 1U);
  ASSERT_NO_FATAL_FAILURE(live(settings, 20));
  const Bytes32 before = digest_;
  for (const std::uint64_t batch : chain_.batches()) fs::remove(chain_.file(batch));
  EXPECT_THAT(error_of_start(settings), HasSubstr("begins with segment"));
  for (const auto& entry : fs::directory_iterator(chain_.archive())) {
    fs::rename(entry.path(), chain_.data() / entry.path().filename());
  }
  settings.snapshots.every_bytes = 0;
  ASSERT_NO_FATAL_FAILURE(live(settings, 0));
  EXPECT_EQ(digest_, before);
  EXPECT_EQ(audit_problems(chain_), "");
}

TEST_F(GatewayWithSnapshots, KeepsAllSegmentsUnlessItIsTold) {
  GatewaySettings settings = chain_.settings();
  settings.snapshots.keep = 2;
  ASSERT_NO_FATAL_FAILURE(live(settings, 200));
  EXPECT_EQ(chain_.segments().front(), 1U);
  EXPECT_THAT(chain_.batches(), SizeIs(2));
}

TEST_F(GatewayWithSnapshots, GoesOnWhileTheDiskTakesItsTimeWithASnapshot) {
  GatewaySettings settings = chain_.settings();
  settings.snapshots.on_event = log_.listener();
  RunningGateway gateway(settings);
  ASSERT_EQ(gateway.error(), "");
  std::optional<Client> meter(std::in_place, gateway.port(), kM2);
  chain_.disk->held = true;
  ASSERT_NO_FATAL_FAILURE(send_readings(*meter, 100));
  EXPECT_EQ(log_.count(Kind::begun), 1U);
  EXPECT_EQ(log_.count(Kind::sealed), 0U);
  EXPECT_THAT(chain_.batches(), IsEmpty());
  chain_.disk->held = false;
  EXPECT_TRUE(log_.wait_for(Kind::sealed, 1));
  ASSERT_NO_FATAL_FAILURE(send_readings(*meter, 40));
  EXPECT_TRUE(log_.wait_for(Kind::sealed, 2));
  meter.reset();
  gateway.stop();
  // What changed meanwhile is not in it.
  const auto first = restore_snapshot(chain_.file(chain_.batches().front()), small_genesis());
  ASSERT_TRUE(first) << first.error();
  EXPECT_EQ(first->machine->digest(), replay_digests(chain_.data()).digests[first->snapshot.batch]);
}

// Small pieces and a slow cursor: leaves of all tables change before their turn.
TEST_F(GatewayWithSnapshots, HoldsWhatTheStateWasThoughItChangesBeforeItsTurn) {
  GatewaySettings settings = chain_.settings();
  settings.snapshots.bytes_per_second = 200'000;
  settings.snapshots.journal_percent = 0;
  settings.snapshots.on_event = log_.listener();
  {
    RunningGateway gateway(settings);
    ASSERT_EQ(gateway.error(), "");
    ASSERT_NO_FATAL_FAILURE(do_a_bit_of_everything(gateway.port()));
    ASSERT_TRUE(log_.wait_for(Kind::sealed, 1));
  }
  const Replayed whole = replay_digests(chain_.data());
  for (const std::uint64_t batch : chain_.batches()) {
    const auto restored = restore_snapshot(chain_.file(batch), small_genesis());
    ASSERT_TRUE(restored) << restored.error();
    EXPECT_EQ(restored->machine->digest(), whole.digests[batch]);
  }
}

TEST_F(GatewayWithSnapshots, HoldsBatchesBackWhileTooMuchWaitsForTheDisk) {
  GatewaySettings settings = chain_.settings();
  settings.snapshots.hold_bytes = 4096;
  settings.snapshots.on_event = log_.listener();
  RunningGateway gateway(settings);
  ASSERT_EQ(gateway.error(), "");
  Client meter(gateway.port(), kM2);
  chain_.disk->held = true;
  std::uint64_t sequence = 0;
  while (log_.count(Kind::begun) == 0) {
    ++sequence;
    ASSERT_TRUE(meter.ask(sequence, reading(0, sequence)).receipt);
  }
  // The state of the small chain is larger than 4096 bytes, and its one chunk does not get to the disk.
  while (chain_.disk->operations < 2) std::this_thread::sleep_for(1ms);
  ++sequence;
  meter.send(sequence, reading(0, sequence));
  meter.tcp().flush();
  std::this_thread::sleep_for(100ms);
  EXPECT_FALSE(journal_messages(chain_.data()).contains({kM2, sequence}));
  chain_.disk->held = false;
  const auto reply = meter.next_reply();
  ASSERT_TRUE(reply && reply->receipt);
  EXPECT_TRUE(journal_messages(chain_.data()).contains({kM2, sequence}));
  EXPECT_TRUE(log_.wait_for(Kind::sealed, 1));
}

TEST_F(GatewayWithSnapshots, OutlivesEveryFailureOfASnapshotAndMakesTheNext) {
  constexpr std::int64_t kOperations = 8;  // of one: create, chunk, header, three syncs, rename, open the directory
  for (const int error : {EIO, ENOSPC}) {
    for (std::int64_t at = 0; at < kOperations + 2; ++at) {
      SCOPED_TRACE("operation " + std::to_string(at) + ", errno " + std::to_string(error));
      SnapshotChain chain;
      SnapshotLog log;
      GatewaySettings settings = chain.settings();
      settings.snapshots.on_event = log.listener();
      RunningGateway gateway(settings);
      ASSERT_EQ(gateway.error(), "");
      chain.disk->error = error;
      chain.disk->fail_in = at;
      std::optional<Client> meter(std::in_place, gateway.port(), kM2);
      ASSERT_NO_FATAL_FAILURE(send_readings(*meter, 45));
      ASSERT_TRUE(log.wait_for(Kind::failed, 1));
      ASSERT_NO_FATAL_FAILURE(send_readings(*meter, 35));
      EXPECT_TRUE(log.wait_for(Kind::sealed, 1));
      const auto events = log.events();
      const auto what = std::ranges::find(events, Kind::failed, &SnapshotEvent::kind);
      EXPECT_THAT(what->text, HasSubstr(error == EIO ? "Input/output error" : "free space"));
      meter.reset();
      gateway.stop();
      EXPECT_EQ(gateway.reason(), StopReason::requested);
      EXPECT_EQ(gateway.counters().snapshots.failed, 1U);
      for (const std::uint64_t batch : chain.batches()) EXPECT_TRUE(io::read_snapshot(chain.file(batch), nullptr));
      EXPECT_EQ(audit_problems(chain), "");
    }
  }
}

TEST_F(GatewayWithSnapshots, NamesNoneBeforeItsBatchIsDurableAndItsHeaderSigned) {
  std::vector<std::string> wrong;
  chain_.disk->on_rename = [&](const fs::path& to) {
    const auto batch = io::parse_snapshot_name(to.filename().string());
    if (!batch) return;  // a segment
    if (record_count(chain_.data()) < *batch) wrong.push_back("not durable: " + to.string());
    const auto headers = headers_in(chain_.headers_file());
    if (headers.empty() || headers.back().header.last_batch < *batch) wrong.push_back("not signed: " + to.string());
  };
  GatewaySettings settings = chain_.settings();
  const auto signer = std::make_shared<FaultySigner>(2ms);
  settings.blocks.signer = signer;
  ASSERT_NO_FATAL_FAILURE(live(settings, 80));
  EXPECT_THAT(wrong, IsEmpty());
  EXPECT_GE(log_.count(Kind::sealed), 1U);
}

TEST_F(GatewayWithSnapshots, WaitsWithASnapshotForADeadKeyAndStopsWithoutIt) {
  GatewaySettings settings = chain_.settings();
  const auto signer = std::make_shared<FaultySigner>();
  signer->set_dead(true);
  settings.blocks.signer = signer;
  ASSERT_NO_FATAL_FAILURE(live(settings, 60));
  EXPECT_EQ(log_.count(Kind::begun), 1U);
  EXPECT_EQ(log_.count(Kind::sealed), 0U);
  EXPECT_THAT(chain_.batches(), IsEmpty());
  EXPECT_THAT(fs::exists(chain_.snapshots()) ? std::distance(fs::directory_iterator(chain_.snapshots()), {}) : 0, 0);
  ASSERT_NO_FATAL_FAILURE(live(60));
  EXPECT_GE(log_.count(Kind::sealed), 1U);
}

TEST_F(GatewayWithSnapshots, StopsInTheMiddleOfOneWithoutATrace) {
  GatewaySettings settings = chain_.settings();
  settings.snapshots.bytes_per_second = 1000;
  settings.snapshots.journal_percent = 0;
  ASSERT_NO_FATAL_FAILURE(live(settings, 20));
  EXPECT_EQ(log_.count(Kind::begun), 1U);
  EXPECT_EQ(log_.count(Kind::sealed), 0U);
  EXPECT_TRUE(fs::is_empty(chain_.snapshots()));
  EXPECT_EQ(audit_problems(chain_), "");
}

TEST_F(GatewayWithSnapshots, MakesNoneWhenItIsToldToButReadsThoseThatAreThere) {
  ASSERT_NO_FATAL_FAILURE(live(60));
  const auto batches = chain_.batches();
  ASSERT_FALSE(batches.empty());
  ASSERT_NO_FATAL_FAILURE(live(chain_.settings(0), 60));
  EXPECT_EQ(facts_.restored_batch, batches.back());
  EXPECT_EQ(chain_.batches(), batches);
}

TEST_F(GatewayWithSnapshots, SignsHeadersAgainWhenTheirFileIsGoneAndAllSegmentsAreThere) {
  ASSERT_NO_FATAL_FAILURE(live(60));
  const Bytes headers = file_bytes(chain_.headers_file());
  fs::remove(chain_.headers_file());
  ASSERT_NO_FATAL_FAILURE(live(0));
  EXPECT_EQ(facts_.restored_batch, 0U);
  EXPECT_THAT(facts_.unusable_snapshots, SizeIs(chain_.batches().size()));
  EXPECT_EQ(file_bytes(chain_.headers_file()), headers);
}

TEST_F(GatewayWithSnapshots, FindsAnOlderCopyOfTheJournalDespiteNewerSnapshots) {
  ASSERT_NO_FATAL_FAILURE(live(60));
  chain_.save("old");
  ASSERT_NO_FATAL_FAILURE(live(60));
  const auto batches = chain_.batches();
  const fs::path kept = chain_.directory.path() / "kept";
  fs::copy(chain_.snapshots(), kept);
  chain_.restore("old");
  fs::copy(kept, chain_.snapshots(), fs::copy_options::overwrite_existing | fs::copy_options::recursive);
  ASSERT_EQ(chain_.batches(), batches);
  EXPECT_THAT(error_of_start(chain_.settings()), AllOf(HasSubstr("older copy"), HasSubstr("--new-epoch")));
}

TEST_F(GatewayWithSnapshots, KnowsTheHighestSignedHeightWhenNothingFollowsTheSnapshot) {
  ASSERT_NO_FATAL_FAILURE(live(60));
  // The journal ends with the newest snapshot's record, as after a kill at that moment; key and headers are as old.
  const auto newest = restore_snapshot(chain_.file(chain_.batches().back()), small_genesis());
  ASSERT_TRUE(newest) << newest.error();
  const io::SnapshotHeader& header = newest->snapshot;
  for (const std::uint64_t segment : chain_.segments()) {
    const fs::path file = chain_.data() / io::segment_name(segment);
    if (segment > header.segment) fs::remove(file);
    if (segment == header.segment) fs::resize_file(file, header.record_end);
  }
  fs::resize_file(chain_.headers_file(), newest->header.height * proto::kSignedHeaderBytes);
  fs::remove(chain_.signed_file());
  ASSERT_NO_FATAL_FAILURE(live(0));  // makes the record of the highest height anew with the next block only
  ASSERT_NO_FATAL_FAILURE(live(5));
  ASSERT_NO_FATAL_FAILURE(live(0));
  EXPECT_EQ(audit_problems(chain_), "");
}

TEST_F(GatewayWithSnapshots, BeginsOneWithTheJournalBytesOfALifeBefore) {
  // Never enough in one life, but together.
  for (int life = 0; life < 6; ++life) ASSERT_NO_FATAL_FAILURE(live(chain_.settings(64 * 4096), 20));
  EXPECT_GE(chain_.batches().size(), 1U);
}

}  // namespace
}  // namespace electra::pipeline
