// From a snapshot to the state: the same as the whole replay gives, batch by batch; and which snapshot is believed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/pipeline/replay.h"
#include "io/journal/record_format.h"
#include "meter-proto/base/sha256.h"
#include "tests/pipeline/digests.h"
#include "tests/pipeline/snapshot_support.h"

namespace electra::pipeline {
namespace {

using namespace test;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
namespace fs = std::filesystem;

// Digests behind a place, and the headers that were made on the way.
class Follower final : public RecordReplayer {
 public:
  Follower(RestoredState& state, crypto::KeyStore& keys, crypto::Verifier& verifier)
      : RecordReplayer(*state.machine, keys, verifier, state.maker.get()), machine_(*state.machine) {}
  std::vector<Bytes32> digests;
  std::vector<proto::BlockHeader> headers;

 protected:
  void after_record(const io::RecordView&, std::span<const state::VerifiedMessage>,
                    std::span<const state::Outcome>) override {
    digests.push_back(machine_.digest());
  }
  bool after_block(const io::RecordView&, const proto::BlockHeader& header) override {
    headers.push_back(header);
    return true;
  }

 private:
  state::Machine& machine_;
};

TEST(Restore, OfAnySnapshotGoesOnAsTheWholeReplayBatchByBatch) {
  SnapshotChain chain;
  {
    SnapshotLog log;
    GatewaySettings settings = chain.settings(8 * 4096);
    settings.snapshots.on_event = log.listener();
    RunningGateway gateway(settings);
    ASSERT_EQ(gateway.error(), "");
    ASSERT_NO_FATAL_FAILURE(do_a_bit_of_everything(gateway.port()));
    Client meter(gateway.port(), kM2);
    ASSERT_NO_FATAL_FAILURE(send_readings(meter, 40, log));
  }
  const Replayed whole = replay_digests(chain.data());
  const auto headers = headers_in(chain.headers_file());
  const auto batches = chain.batches();
  ASSERT_THAT(batches, SizeIs(testing::Ge(5U)));
  const state::Genesis genesis = small_genesis();
  const auto verifier = crypto::make_verifier("sodium").value();
  for (const std::uint64_t batch : batches) {
    SCOPED_TRACE("snapshot of batch " + std::to_string(batch));
    auto restored = restore_snapshot(chain.file(batch), genesis);
    ASSERT_TRUE(restored) << restored.error();
    EXPECT_EQ(restored->machine->digest(), whole.digests[batch]);
    EXPECT_EQ(restored->header, headers[restored->header.height - 1].header);
    crypto::KeyStore keys(genesis.limits.holders_max, 0);
    follow_key_changes(*restored->machine, keys, *verifier);
    Follower follower(*restored, keys, *verifier);
    const auto replayed =
        io::recover_journal(chain.data(), start_behind(restored->snapshot, restored->header), &follower);
    ASSERT_TRUE(replayed) << replayed.error().text() << follower.problem();
    EXPECT_EQ(follower.digests,
              std::vector(whole.digests.begin() + static_cast<std::ptrdiff_t>(batch) + 1, whole.digests.end()));
    ASSERT_EQ(restored->header.height + follower.headers.size(), headers.size());
    for (const proto::BlockHeader& header : follower.headers) EXPECT_EQ(header, headers[header.height - 1].header);
    EXPECT_EQ(restored->machine->settlement_digest(), whole.settlement);
  }
}

class FindSnapshot : public testing::Test {
 protected:
  void SetUp() override {
    SnapshotLog log;
    GatewaySettings settings = chain_.settings();
    settings.snapshots.on_event = log.listener();
    RunningGateway gateway(settings);
    ASSERT_EQ(gateway.error(), "");
    Client meter(gateway.port(), kM2);
    ASSERT_NO_FATAL_FAILURE(send_readings(meter, 60, log));
    gateway.stop();
    batches_ = chain_.batches();
    ASSERT_GE(batches_.size(), 3U);
  }
  [[nodiscard]] SnapshotSearch find(const SnapshotRange& range = {}) const {
    auto search = find_snapshot(chain_.places(), genesis_, range);
    EXPECT_TRUE(search) << search.error();
    return search ? std::move(*search) : SnapshotSearch();
  }

  SnapshotChain chain_;
  std::vector<std::uint64_t> batches_;
  state::Genesis genesis_ = small_genesis();
};

TEST_F(FindSnapshot, TakesTheNewestThatIsInOrder) {
  const SnapshotSearch all = find();
  ASSERT_TRUE(all.found);
  EXPECT_EQ(all.found->snapshot.batch, batches_.back());
  EXPECT_THAT(all.unusable, IsEmpty());
  const SnapshotSearch earlier = find({.last = batches_.back() - 1});
  ASSERT_TRUE(earlier.found);
  EXPECT_EQ(earlier.found->snapshot.batch, batches_[batches_.size() - 2]);
  const SnapshotSearch oldest = find({.first = batches_[0] + 1, .newest_first = false});
  ASSERT_TRUE(oldest.found);
  EXPECT_EQ(oldest.found->snapshot.batch, batches_[1]);
  EXPECT_FALSE(find({.last = batches_[0] - 1}).found);
}

TEST_F(FindSnapshot, NamesEachThatIsDamagedAndTakesTheOneBefore) {
  chain_.damage(batches_.back());
  fs::resize_file(chain_.file(batches_[batches_.size() - 2]), 8192);
  const SnapshotSearch search = find();
  ASSERT_TRUE(search.found);
  EXPECT_EQ(search.found->snapshot.batch, batches_[batches_.size() - 3]);
  ASSERT_THAT(search.unusable, SizeIs(2));
  EXPECT_THAT(search.unusable[0], AllOf(HasSubstr(chain_.file(batches_.back()).string()), HasSubstr("damaged")));
  EXPECT_THAT(search.unusable[1], HasSubstr("bytes, and its header says"));
}

TEST_F(FindSnapshot, BelievesNoneThatDoesNotFitTheJournal) {
  // The journal ends before the newest, as that of an older copy does.
  const SnapshotSearch newest = find();
  ASSERT_TRUE(newest.found);
  const io::SnapshotHeader& header = newest.found->snapshot;
  fs::resize_file(chain_.data() / io::segment_name(header.segment), header.record_offset);
  const SnapshotSearch search = find();
  ASSERT_TRUE(search.found);
  EXPECT_EQ(search.found->snapshot.batch, batches_[batches_.size() - 2]);
  ASSERT_THAT(search.unusable, SizeIs(1));
  EXPECT_THAT(search.unusable[0], HasSubstr("does not hold the record"));
}

TEST_F(FindSnapshot, BelievesNoneThatDoesNotFitTheHeaders) {
  const Bytes headers = file_bytes(chain_.headers_file());
  Bytes other = headers;
  const SnapshotSearch newest = find();
  ASSERT_TRUE(newest.found);
  other[(newest.found->header.height - 1) * proto::kSignedHeaderBytes + 100] ^= 1;
  write_bytes(chain_.headers_file(), other);
  SnapshotSearch search = find();
  ASSERT_THAT(search.unusable, SizeIs(1));
  EXPECT_THAT(search.unusable[0], HasSubstr("is another one"));
  write_bytes(chain_.headers_file(), Bytes(headers.begin(), headers.begin() + 288 * 2));
  search = find();
  EXPECT_FALSE(search.found);
  ASSERT_THAT(search.unusable, SizeIs(batches_.size()));
  EXPECT_THAT(search.unusable[0], HasSubstr("ends with block 2"));
}

TEST_F(FindSnapshot, BelievesNoneOfAnotherChain) {
  genesis_.hash[0] ^= 1;
  const SnapshotSearch search = find();
  EXPECT_FALSE(search.found);
  ASSERT_THAT(search.unusable, SizeIs(batches_.size()));
  EXPECT_THAT(search.unusable[0], HasSubstr("another chain"));
}

// A snapshot whose hashes are all right and whose state is not: what a forger, or a fault of a program, would leave.
TEST_F(FindSnapshot, BelievesNoStateWithAnotherRoot) {
  // A leaf of an account somewhere in the last chunk, with the hashes made again.
  Bytes bytes = file_bytes(chain_.file(batches_.back()));
  io::SnapshotHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  ASSERT_EQ(header.chunks, 1U);
  io::ChunkHeader chunk;
  std::uint8_t* const at = bytes.data() + io::kSnapshotHeaderBlockBytes;
  std::memcpy(&chunk, at, sizeof chunk);
  std::uint64_t refused = 0;
  std::uint8_t* const payload = at + io::kChunkHeaderBytes;
  for (std::size_t place = 0; place < chunk.payload_bytes; place += 97) {
    payload[place] ^= 1;
    chunk.hash = Sha256().update(ByteSpan(payload, chunk.payload_bytes)).update(ByteSpan(at, 32)).finish();
    std::memcpy(at + 32, chunk.hash.data(), 32);
    header.content_hash = sha256(chunk.hash);
    header.header_hash = io::compute_header_hash(header);
    std::memcpy(bytes.data(), &header, sizeof header);
    write_bytes(chain_.file(batches_.back()), bytes);
    const auto restored = restore_snapshot(chain_.file(batches_.back()), genesis_);
    ASSERT_FALSE(restored) << place;
    EXPECT_THAT(restored.error(), HasSubstr(chain_.file(batches_.back()).string()));
    ++refused;
    payload[place] ^= 1;
  }
  EXPECT_GT(refused, 100U);
}

}  // namespace
}  // namespace electra::pipeline
