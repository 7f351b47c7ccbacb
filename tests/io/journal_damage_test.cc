// Every byte of a closed segment, every length of an open one.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "tests/io/support.h"

namespace electra::io {
namespace {

constexpr std::uint64_t kOneRecord = kRecordAlignment;

// A small journal in memory: segment 1 closed with some records, segment 2 open.
class DamageTest : public testing::Test {
 protected:
  void write_journal(std::size_t records) {
    JournalConfig config;
    config.segment_bytes = 4 * kOneRecord;
    config.lead_bytes = 2 * kOneRecord;
    journal_ = std::make_unique<Journal>(directory_.path(), config);
    ASSERT_EQ(journal_->open(), "");
    for (std::size_t i = 0; i < records; ++i) {
      // Some fill their block, some leave padding.
      journal_->append(
          {std::string(100 + 900 * (i % 4), static_cast<char>('a' + i)), "second of " + std::to_string(i)});
    }
    journal_->settle();
    ASSERT_EQ(journal_->failure, "");
    journal_->close();
  }
  [[nodiscard]] std::filesystem::path segment(std::uint64_t number) const {
    return directory_.path() / segment_name(number);
  }

  TemporaryDirectory directory_{TemporaryDirectory::Where::memory};
  std::unique_ptr<Journal> journal_;
};

TEST_F(DamageTest, AFlippedBitInAnyByteOfAClosedSegmentIsFoundAndItsPlaceNamed) {
  write_journal(6);
  const std::vector<std::uint8_t> whole = read_file(segment(1));
  ASSERT_EQ(whole.size(), 4 * kOneRecord);
  const int fd = open(segment(1).c_str(), O_WRONLY);
  ASSERT_GE(fd, 0);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const auto flipped = static_cast<std::uint8_t>(whole[i] ^ (1u << (i % 8)));
    ASSERT_EQ(pwrite(fd, &flipped, 1, static_cast<off_t>(i)), 1);
    const auto result = recover_journal(directory_.path(), test_genesis(), nullptr);
    ASSERT_FALSE(result.has_value()) << "byte " << i;
    ASSERT_EQ(result.error().kind, RecoveryError::Kind::damage) << "byte " << i;
    ASSERT_EQ(result.error().file, segment(1)) << "byte " << i;
    ASSERT_EQ(result.error().offset, i / kOneRecord * kOneRecord) << "byte " << i;
    ASSERT_EQ(result.error().batch, i / kOneRecord + 1) << "byte " << i;
    ASSERT_EQ(pwrite(fd, &whole[i], 1, static_cast<off_t>(i)), 1);
  }
  close(fd);
  EXPECT_TRUE(recover_journal(directory_.path(), test_genesis(), nullptr).has_value());
}

TEST_F(DamageTest, AClosedSegmentOfAnotherLengthIsFound) {
  write_journal(6);
  const std::vector<std::uint8_t> whole = read_file(segment(1));
  for (std::size_t length = 0; length < whole.size(); length += 97) {
    write_file(segment(1), ByteSpan(whole).first(length));
    const auto result = recover_journal(directory_.path(), test_genesis(), nullptr);
    ASSERT_FALSE(result.has_value()) << "length " << length;
    ASSERT_EQ(result.error().kind, RecoveryError::Kind::damage) << "length " << length;
  }
  for (const std::size_t added : {std::size_t{1}, std::size_t{512}, std::size_t{4096}}) {
    for (const std::uint8_t byte : {std::uint8_t{0}, std::uint8_t{0x45}}) {
      std::vector<std::uint8_t> longer = whole;
      longer.resize(whole.size() + added, byte);
      write_file(segment(1), longer);
      const auto result = recover_journal(directory_.path(), test_genesis(), nullptr);
      ASSERT_FALSE(result.has_value()) << added << " bytes added";
      ASSERT_EQ(result.error().kind, RecoveryError::Kind::damage);
      ASSERT_EQ(result.error().offset, whole.size());
    }
  }
}

TEST_F(DamageTest, AFlippedByteThatAWatermarkCoversInTheOpenSegmentIsDamageAndInTheTailIsCut) {
  write_journal(3);
  const std::vector<std::uint8_t> whole = read_file(segment(1));
  for (std::size_t i = 0; i < 3 * kOneRecord; i += 31) {
    std::vector<std::uint8_t> flipped = whole;
    flipped[i] ^= 0x10;
    write_file(segment(1), flipped);
    const auto result = recover_journal(directory_.path(), test_genesis(), nullptr);
    if (i < 2 * kOneRecord) {
      ASSERT_FALSE(result.has_value()) << "byte " << i;
      ASSERT_EQ(result.error().offset, i / kOneRecord * kOneRecord);
    } else {
      // The last record: nothing says that it was durable.
      ASSERT_TRUE(result.has_value()) << "byte " << i;
      ASSERT_TRUE(result->tail_cut);
      ASSERT_EQ(result->position.last_batch, 2u);
    }
  }
}

TEST_F(DamageTest, ATailCutAtAnyLengthIsRecoveredToTheLastWholeRecordAndContinued) {
  write_journal(3);
  const std::vector<std::uint8_t> whole = read_file(segment(1));
  ASSERT_GE(whole.size(), 3 * kOneRecord);
  const std::size_t step = 7;  // coprime to 4096: every residue of a block comes up over the three records
  for (std::size_t length = 0; length <= whole.size(); length += length % kOneRecord < 300 ? 1 : step) {
    write_file(segment(1), ByteSpan(whole).first(length));
    std::filesystem::remove(segment(2));
    const std::uint64_t whole_records = std::min<std::uint64_t>(length / kOneRecord, 3);
    const auto result = recover_journal(directory_.path(), test_genesis(), nullptr);
    ASSERT_TRUE(result.has_value()) << "length " << length << ": " << result.error().text();
    ASSERT_EQ(result->position.last_batch, whole_records) << "length " << length;
    ASSERT_EQ(result->position.offset, whole_records * kOneRecord);
  }
}

TEST_F(DamageTest, AfterACutTheJournalGoesOnAndWhatWasCutDoesNotComeBack) {
  write_journal(3);
  const std::vector<std::uint8_t> whole = read_file(segment(1));
  for (std::size_t length = 1; length <= whole.size(); length += 509) {
    write_file(segment(1), ByteSpan(whole).first(length));
    std::filesystem::remove(segment(2));
    const std::uint64_t whole_records = std::min<std::uint64_t>(length / kOneRecord, 3);
    ASSERT_EQ(journal_->open(), "");
    ASSERT_EQ(journal_->recovered.records.size(), whole_records);
    ASSERT_EQ(journal_->append({"after the cut"}), whole_records + 1);
    journal_->settle();
    ASSERT_EQ(journal_->open(), "");
    ASSERT_EQ(journal_->recovered.records.size(), whole_records + 1) << "length " << length;
    ASSERT_EQ(journal_->recovered.records.back().envelopes, std::vector<std::string>{"after the cut"});
    journal_->close();
  }
}

TEST_F(DamageTest, RecordsBehindATornOneDoNotReviveAfterTheCut) {
  // Batches 3 and 4 were in flight together; 4 reached the disk, 3 did not.
  Bytes32 hash = test_genesis();
  std::vector<std::uint8_t> bytes;
  for (std::uint64_t batch = 1; batch <= 4; ++batch) {
    RecordSpec spec = record_spec(1, batch, hash);
    spec.header.watermark = std::min<std::uint64_t>(batch - 1, 2);
    SealedRecord record = seal_record(spec);
    hash = record.hash;
    if (batch == 3) record.bytes[kRecordHeaderBytes] ^= 1;
    bytes.insert(bytes.end(), record.bytes.begin(), record.bytes.end());
  }
  write_file(segment(1), bytes);
  journal_ = std::make_unique<Journal>(directory_.path());
  ASSERT_EQ(journal_->open(), "");
  EXPECT_TRUE(journal_->recovery().tail_cut);
  EXPECT_NE(journal_->recovery().cut_text.find("offset 8192 (batch 3)"), std::string::npos);
  ASSERT_EQ(journal_->recovered.records.size(), 2u);
  ASSERT_EQ(journal_->append({"a new batch 3"}), 3u);
  journal_->settle();
  ASSERT_EQ(journal_->open(), "");
  ASSERT_EQ(journal_->recovered.records.size(), 3u);
  EXPECT_FALSE(journal_->recovery().tail_cut);
}

}  // namespace
}  // namespace electra::io
