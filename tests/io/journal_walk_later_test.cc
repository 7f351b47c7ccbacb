// The walk over a journal whose first segments were dropped or archived.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/journal/journal_walk.h"
#include "tests/io/support.h"

namespace electra::io {
namespace {

using testing::IsEmpty;

struct Seen final : WalkVisitor {
  std::vector<std::uint64_t> batches;
  std::vector<WalkFault> faults;
  bool all_follow = true;
  bool on_record(const RecordView& record, bool follows) override {
    batches.push_back(record.header.batch);
    all_follow = all_follow && follows;
    return true;
  }
  bool on_fault(const WalkFault& fault) override {
    faults.push_back(fault);
    return true;
  }
};

// Three segments or more with one record each third; the first segment is gone.
struct LaterJournal {
  TemporaryDirectory directory{TemporaryDirectory::Where::memory};
  std::uint64_t first_batch = 0;
  std::uint64_t last_batch = 30;

  LaterJournal() {
    JournalConfig config = Journal::small_config();
    config.segment_bytes = 64 * 1024;
    Journal journal(directory.path(), config);
    EXPECT_EQ(journal.open(), "");
    for (int i = 1; i <= 30; ++i) journal.append({std::string(9000, 'a')});
    journal.settle();
    for (const DurableRecord& record : journal.durable) {
      if (record.segment == 2 && first_batch == 0) first_batch = record.batch;
    }
    journal.close();
    EXPECT_TRUE(std::filesystem::remove(directory.path() / segment_name(1)));
  }
  [[nodiscard]] std::expected<WalkEnd, RecoveryError> walk(Seen& seen, bool begins_later) const {
    return walk_journal(directory.path(), test_genesis(), seen, {.begins_later = begins_later});
  }
  [[nodiscard]] std::filesystem::path file(std::uint64_t segment) const {
    return directory.path() / segment_name(segment);
  }
};

TEST(WalkOfALaterJournal, BeginsWithTheFirstRecordThatIsThere) {
  const LaterJournal journal;
  Seen seen;
  const auto end = journal.walk(seen, true);
  ASSERT_TRUE(end) << end.error().text();
  EXPECT_THAT(seen.faults, IsEmpty());
  EXPECT_TRUE(seen.all_follow);
  ASSERT_EQ(seen.batches.size(), journal.last_batch - journal.first_batch + 1);
  EXPECT_EQ(seen.batches.front(), journal.first_batch);
  EXPECT_EQ(seen.batches.back(), journal.last_batch);
}

TEST(WalkOfALaterJournal, IsAFaultUnlessItIsAllowed) {
  const LaterJournal journal;
  Seen seen;
  ASSERT_TRUE(journal.walk(seen, false));
  ASSERT_EQ(seen.faults.size(), 1U);
  EXPECT_EQ(seen.faults[0].finding, Finding::missing_segment);
}

TEST(WalkOfALaterJournal, FindsEveryFlippedByteOfTheFirstRecords) {
  const LaterJournal journal;
  const std::vector<std::uint8_t> good = read_file(journal.file(2));
  std::vector<std::uint8_t> bytes = good;
  for (std::size_t at = 0; at < 3 * 12288; at += 61) {
    bytes[at] ^= 4;
    write_file(journal.file(2), bytes);
    Seen seen;
    ASSERT_TRUE(journal.walk(seen, true));
    ASSERT_FALSE(seen.faults.empty()) << "byte " << at;
    bytes[at] ^= 4;
  }
}

TEST(WalkOfALaterJournal, FindsAGapBehindItsBeginning) {
  const LaterJournal journal;
  std::filesystem::remove(journal.file(3));
  Seen seen;
  ASSERT_TRUE(journal.walk(seen, true));
  ASSERT_EQ(seen.faults.size(), 1U);
  EXPECT_EQ(seen.faults[0].finding, Finding::missing_segment);
}

TEST(WalkOfALaterJournal, DoesNotBeginWithARecordOfAnotherSegmentOrChain) {
  LaterJournal journal;
  std::filesystem::rename(journal.file(2), journal.file(1));
  std::filesystem::rename(journal.file(3), journal.file(2));
  Seen swapped;
  ASSERT_TRUE(journal.walk(swapped, true));
  EXPECT_FALSE(swapped.faults.empty());
  std::filesystem::remove(journal.file(1));
  Seen renamed;
  ASSERT_TRUE(journal.walk(renamed, true));
  EXPECT_FALSE(renamed.faults.empty());
  LaterJournal other;
  Seen foreign;
  Bytes32 genesis = test_genesis();
  genesis[0] ^= 1;
  ASSERT_TRUE(walk_journal(other.directory.path(), genesis, foreign, {.begins_later = true}));
  EXPECT_FALSE(foreign.faults.empty());
}

}  // namespace
}  // namespace electra::io
