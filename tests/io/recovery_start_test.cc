// Recovery that begins behind a record that a snapshot names: the same records, the same judgement, without what is below.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/io/support.h"

namespace electra::io {
namespace {

using testing::HasSubstr;
using Kind = RecoveryError::Kind;

// 60 records of three blocks each over several segments.
struct LongJournal {
  TemporaryDirectory directory;
  std::vector<DurableRecord> durable;
  RecoveryResult whole;
  std::vector<Recovered::Record> records;
  Bytes16 journal_id{};

  LongJournal() {
    Journal journal(directory.path());
    EXPECT_EQ(journal.open(), "");
    for (int i = 1; i <= 60; ++i) journal.append({"batch " + std::to_string(i), std::string(9000, 'a')});
    journal.settle();
    durable = journal.durable;
    journal_id = journal.writer().journal_id();
    journal.close();
    Recovered all;
    whole = recover_journal(directory.path(), test_genesis(), &all).value();
    records = std::move(all.records);
    EXPECT_GT(whole.position.segment, 2u);
  }

  // Behind batch `index + 1`.
  [[nodiscard]] JournalStart behind(std::size_t index) const {
    const DurableRecord& record = durable[index];
    return {.position = {.genesis_hash = test_genesis(),
                         .journal_id = journal_id,
                         .last_batch = record.batch,
                         .last_time_ns = record.time_ns,
                         .last_hash = record.record_hash,
                         .watermark = record.watermark,
                         .watermark_behind = true,
                         .segment = record.segment,
                         .offset = record.end},
            .record_offset = record.offset};
  }
};

TEST(RecoveryFromAPlace, HandsOutWhatFollowsAndEndsWhereTheWholeRecoveryDoes) {
  const LongJournal journal;
  ASSERT_EQ(journal.durable.size(), 60u);
  for (std::size_t index = 0; index < journal.durable.size(); ++index) {
    SCOPED_TRACE("behind batch " + std::to_string(index + 1));
    const JournalStart start = journal.behind(index);
    ASSERT_TRUE(check_start(journal.directory.path(), start).has_value());
    Recovered rest;
    const auto result = recover_journal(journal.directory.path(), start, &rest);
    ASSERT_TRUE(result.has_value()) << result.error().text();
    ASSERT_EQ(rest.records.size(), 59 - index);
    EXPECT_EQ(result->records, 59 - index);
    for (std::size_t i = 0; i < rest.records.size(); ++i) {
      ASSERT_EQ(rest.records[i].header.batch, index + 2 + i);
      ASSERT_EQ(rest.records[i].envelopes, journal.records[index + 1 + i].envelopes);
    }
    EXPECT_EQ(result->position.last_batch, journal.whole.position.last_batch);
    EXPECT_EQ(result->position.last_hash, journal.whole.position.last_hash);
    EXPECT_EQ(result->position.segment, journal.whole.position.segment);
    EXPECT_EQ(result->position.offset, journal.whole.position.offset);
    EXPECT_EQ(result->position.watermark, journal.whole.position.watermark);
    EXPECT_EQ(result->position.watermark_behind, journal.whole.position.watermark_behind);
  }
}

TEST(RecoveryFromAPlace, NeedsNoSegmentBelowIt) {
  const LongJournal journal;
  const JournalStart start = journal.behind(44);
  ASSERT_GT(start.position.segment, 1u);
  for (std::uint64_t segment = 1; segment < start.position.segment; ++segment) {
    ASSERT_TRUE(std::filesystem::remove(journal.directory.path() / segment_name(segment)));
  }
  Recovered rest;
  const auto result = recover_journal(journal.directory.path(), start, &rest);
  ASSERT_TRUE(result.has_value()) << result.error().text();
  EXPECT_EQ(rest.records.size(), 15u);
  // From the genesis on that is damage.
  const auto whole = recover_journal(journal.directory.path(), test_genesis(), nullptr);
  ASSERT_FALSE(whole.has_value());
  EXPECT_EQ(whole.error().kind, Kind::damage);
}

TEST(RecoveryFromAPlace, IsRefusedWithoutTheVeryRecord) {
  struct Case {
    const char* name;
    void (*spoil)(JournalStart&);
  };
  const Case cases[] = {
      {"another hash", [](JournalStart& start) { start.position.last_hash[0] ^= 1; }},
      {"another batch", [](JournalStart& start) { ++start.position.last_batch; }},
      {"another journal", [](JournalStart& start) { start.position.journal_id[0] ^= 1; }},
      {"another genesis", [](JournalStart& start) { start.position.genesis_hash[0] ^= 1; }},
      {"another end", [](JournalStart& start) { start.position.offset += kRecordAlignment; }},
      {"the place of another record", [](JournalStart& start) { start.record_offset -= 12288; }},
      {"a place inside a record", [](JournalStart& start) { start.record_offset += kRecordAlignment; }},
      {"a place behind the file", [](JournalStart& start) { start.record_offset += std::uint64_t{1} << 30; }},
      {"a segment that is not there", [](JournalStart& start) { start.position.segment = 99; }},
      {"another segment", [](JournalStart& start) { --start.position.segment; }},
  };
  const LongJournal journal;
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    JournalStart start = journal.behind(30);
    ASSERT_GT(start.record_offset, 12288u);
    test.spoil(start);
    const auto there = check_start(journal.directory.path(), start);
    ASSERT_FALSE(there.has_value());
    EXPECT_EQ(there.error().kind, Kind::no_start);
    const auto result = recover_journal(journal.directory.path(), start, nullptr);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().kind, Kind::no_start);
    EXPECT_THAT(result.error().text(), HasSubstr("does not hold the record"));
  }
  const auto nowhere = check_start(journal.directory.path() / "missing", journal.behind(30));
  ASSERT_FALSE(nowhere.has_value());
  EXPECT_EQ(nowhere.error().kind, Kind::no_start);
}

// One flipped byte in each record: what lies behind the place is judged as ever, what lies below is not looked at.
TEST(RecoveryFromAPlace, JudgesWhatFollowsAsTheWholeRecoveryDoes) {
  const LongJournal journal;
  const JournalStart start = journal.behind(30);
  for (std::size_t index = 0; index < journal.durable.size(); index += 3) {
    SCOPED_TRACE("batch " + std::to_string(index + 1));
    const DurableRecord& record = journal.durable[index];
    const auto file = journal.directory.path() / segment_name(record.segment);
    const std::vector<std::uint8_t> good = read_file(file);
    std::vector<std::uint8_t> bad = good;
    bad[record.offset + 500] ^= 1;
    write_file(file, bad);
    const auto whole = recover_journal(journal.directory.path(), test_genesis(), nullptr);
    const auto rest = recover_journal(journal.directory.path(), start, nullptr);
    if (index < 30) {
      EXPECT_TRUE(rest.has_value());
    } else if (index == 30) {
      ASSERT_FALSE(rest.has_value());
      EXPECT_EQ(rest.error().kind, Kind::no_start);
    } else if (whole.has_value()) {
      ASSERT_TRUE(rest.has_value());
      EXPECT_EQ(rest->cut_text, whole->cut_text);
      EXPECT_EQ(rest->position.last_batch, whole->position.last_batch);
    } else {
      ASSERT_FALSE(rest.has_value());
      EXPECT_EQ(rest.error().text(), whole.error().text());
    }
    write_file(file, good);
  }
}

}  // namespace
}  // namespace electra::io
