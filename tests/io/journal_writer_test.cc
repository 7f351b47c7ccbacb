#include <gtest/gtest.h>

#include <cstring>

#include "io/journal/journal_reader.h"
#include "io/journal/segment_files.h"
#include "tests/io/support.h"

namespace electra::io {
namespace {

std::vector<std::string> envelopes(std::size_t count, std::size_t bytes, char seed) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i) {
    out.emplace_back(bytes, static_cast<char>(seed + static_cast<char>(i % 50)));
  }
  return out;
}

struct Shape {
  const char* name;
  std::size_t messages;
  std::size_t bytes;
  std::size_t records;
  std::uint32_t in_flight;
};
void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name; }

class JournalRoundTrip : public testing::TestWithParam<Shape> {};

TEST_P(JournalRoundTrip, WhatWasAppendedIsRecoveredInOrder) {
  const Shape shape = GetParam();
  TemporaryDirectory directory;
  JournalConfig config = Journal::small_config();
  config.in_flight_max = shape.in_flight;
  if (shape.messages * shape.bytes > 100'000) config.segment_bytes = 8 << 20;
  Journal journal(directory.path() / "journal", config);
  ASSERT_EQ(journal.open(), "");
  std::vector<std::vector<std::string>> sent;
  for (std::size_t i = 0; i < shape.records; ++i) {
    sent.push_back(envelopes(shape.messages, shape.bytes, static_cast<char>(' ' + i % 40)));
    EXPECT_EQ(journal.append(sent.back(), i % 3 == 2 ? kRecordBlockClose : 0), i + 1);
  }
  journal.settle();
  EXPECT_EQ(journal.failure, "");
  ASSERT_EQ(journal.durable.size(), shape.records);
  for (std::size_t i = 0; i < shape.records; ++i) EXPECT_EQ(journal.durable[i].batch, i + 1);
  const auto told = journal.durable;

  ASSERT_EQ(journal.open(), "");
  ASSERT_EQ(journal.recovered.records.size(), shape.records);
  Bytes32 previous = test_genesis();
  for (std::size_t i = 0; i < shape.records; ++i) {
    const auto& record = journal.recovered.records[i];
    EXPECT_EQ(record.envelopes, sent[i]);
    EXPECT_EQ(record.header.batch, i + 1);
    EXPECT_EQ(record.header.previous_hash, previous);
    EXPECT_EQ(record.header.record_hash, told[i].record_hash);
    EXPECT_EQ(record.header.time_ns, told[i].time_ns);
    EXPECT_EQ(record.header.flags, i % 3 == 2 ? kRecordBlockClose : 0u);
    EXPECT_LE(i - std::min<std::size_t>(i, shape.in_flight - 1), record.header.watermark);
    previous = record.header.record_hash;
  }
  EXPECT_FALSE(journal.recovery().tail_cut);
  EXPECT_EQ(journal.recovery().messages, shape.records * shape.messages);
}

// name, messages a record, bytes each, records, in flight
INSTANTIATE_TEST_SUITE_P(Shapes, JournalRoundTrip,
                         testing::Values(Shape{"one message", 1, 170, 50, 1}, Shape{"empty records", 0, 0, 20, 1},
                                         Shape{"over many segments", 20, 150, 400, 1},
                                         Shape{"four in flight over many segments", 20, 150, 400, 4},
                                         Shape{"records as large as a segment", 1536, 168, 12, 1},
                                         Shape{"the most messages", 8192, 200, 6, 2},
                                         Shape{"the longest body", 1420, 1470, 6, 1}),
                         [](const auto& info) {
                           std::string name = info.param.name;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

TEST(JournalWriter, ContinuesNumbersChainAndIdAfterEachRestart) {
  TemporaryDirectory directory;
  Journal journal(directory.path());
  for (std::uint64_t round = 0; round < 5; ++round) {
    ASSERT_EQ(journal.open(), "");
    ASSERT_EQ(journal.recovered.records.size(), round * 3);
    for (int i = 0; i < 3; ++i) journal.append({"round " + std::to_string(round)});
    journal.settle();
    EXPECT_EQ(journal.writer().durable_batch(), round * 3 + 3);
  }
  ASSERT_EQ(journal.open(), "");
  for (const auto& record : journal.recovered.records) {
    EXPECT_EQ(record.header.journal_id, journal.recovered.records[0].header.journal_id);
  }
}

TEST(JournalWriter, AClosedSegmentEndsWithItsLastRecordAndTheNextVouchesForIt) {
  TemporaryDirectory directory;
  Journal journal(directory.path());
  ASSERT_EQ(journal.open(), "");
  for (int i = 0; i < 200; ++i) journal.append(envelopes(10, 300, 'a'));
  journal.settle();
  journal.close();
  const auto segments = list_segments(directory.path());
  ASSERT_TRUE(segments.has_value());
  ASSERT_GE(segments->size(), 4u);
  Recovered records;
  ASSERT_TRUE(read_journal(directory.path(), records).has_value());
  for (std::size_t i = 0; i < records.records.size(); ++i) {
    const auto& record = records.records[i];
    const bool last_of_segment =
        i + 1 < records.records.size() && records.records[i + 1].header.segment != record.header.segment;
    if (!last_of_segment) continue;
    EXPECT_EQ(std::filesystem::file_size(directory.path() / segment_name(record.header.segment)),
              record.file_offset + record_bytes(record.header.body_bytes));
    EXPECT_EQ(records.records[i + 1].header.watermark, record.header.batch);
    EXPECT_EQ(records.records[i + 1].file_offset, 0u);
  }
}

TEST(JournalWriter, AnEmptyJournalTakesLessThanEightMebibytes) {
  TemporaryDirectory directory;
  Journal journal(directory.path(), JournalConfig{});
  ASSERT_EQ(journal.open(), "");
  journal.append({"first"});
  journal.settle();
  std::uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory.path())) bytes += file.file_size();
  EXPECT_LE(bytes, std::uint64_t{8} << 20);
}

TEST(JournalWriter, SaysWhenTheWatermarkIsBehindAndAnEmptyRecordCarriesIt) {
  TemporaryDirectory directory;
  Journal journal(directory.path());
  ASSERT_EQ(journal.open(), "");
  EXPECT_FALSE(journal.writer().watermark_behind());
  journal.append({"a reading"});
  journal.settle();
  EXPECT_TRUE(journal.writer().watermark_behind());

  ASSERT_EQ(journal.open(), "");
  EXPECT_TRUE(journal.recovery().position.watermark_behind);
  EXPECT_TRUE(journal.writer().watermark_behind());
  journal.append({}, kRecordWatermark);
  journal.settle();
  EXPECT_FALSE(journal.writer().watermark_behind());

  ASSERT_EQ(journal.open(), "");
  EXPECT_FALSE(journal.recovery().position.watermark_behind);
  EXPECT_FALSE(journal.writer().watermark_behind());
  EXPECT_EQ(journal.recovered.records.back().header.watermark, 1u);
  EXPECT_EQ(journal.recovered.records.back().header.flags, kRecordWatermark);
}

TEST(JournalWriter, SendsWhatWasAppendedInsideACallback) {
  struct Chain : JournalListener {
    void on_durable(RecordBuffer& buffer, const DurableRecord& record) override {
      if (record.batch < 20) {
        EXPECT_EQ(writer->append(buffer, {.time_ns = record.batch + 1}), record.batch + 1);
      } else {
        done = true;
      }
    }
    void on_journal_failed(const std::string& text) override { FAIL() << text; }
    JournalWriter* writer = nullptr;
    bool done = false;
  } chain;
  TemporaryDirectory directory;
  auto loop = Loop::create();
  auto pool = RecordBufferPool::create(1);
  ASSERT_TRUE(loop && pool);
  const auto recovery = recover_journal(directory.path(), test_genesis(), nullptr);
  ASSERT_TRUE(recovery.has_value());
  JournalConfig config = Journal::small_config();
  config.directory = directory.path();
  auto writer = JournalWriter::open(**loop, config, recovery->position, **pool, chain);
  ASSERT_TRUE(writer.has_value()) << writer.error();
  chain.writer = writer->get();
  RecordBuffer* buffer = (*pool)->acquire();
  ASSERT_TRUE(buffer->append(bytes_of("again and again")));
  ASSERT_EQ((*writer)->append(*buffer, {.time_ns = 1}), 1u);
  while (!chain.done) (*loop)->run_once(1'000'000'000);
  EXPECT_EQ((*writer)->durable_batch(), 20u);
}

TEST(JournalReader, ReadsTheDirectoryOfARunningWriter) {
  TemporaryDirectory directory;
  Journal journal(directory.path());
  ASSERT_EQ(journal.open(), "");
  for (std::uint64_t i = 1; i <= 60; ++i) {
    journal.append(envelopes(10, 500, 'r'));
    journal.settle();
    Recovered records;
    const auto read = read_journal(directory.path(), records);
    ASSERT_TRUE(read.has_value()) << read.error().text();
    ASSERT_EQ(records.records.size(), i);
  }
}

TEST(RecordFormat, SegmentNamesAreExact) {
  EXPECT_EQ(segment_name(1), "000000000001.seg");
  EXPECT_EQ(segment_name(999'999'999'999), "999999999999.seg");
  struct Case {
    const char* name;
    std::optional<std::uint64_t> expected;
  };
  for (const Case& test : {Case{"000000000001.seg", 1}, Case{"000000123456.seg", 123456}, Case{"000000000000.seg", {}},
                           Case{"1.seg", {}}, Case{"00000000000a.seg", {}}, Case{"000000000001.seg.bak", {}},
                           Case{"+00000000001.seg", {}}, Case{"000000000001seg", {}}, Case{"", {}}}) {
    EXPECT_EQ(parse_segment_name(test.name), test.expected) << test.name;
  }
}

TEST(RecordFormat, ABodyIsExactlyItsEntries) {
  const auto body = [](std::initializer_list<int> bytes) {
    std::vector<std::uint8_t> out;
    for (const int byte : bytes) out.push_back(static_cast<std::uint8_t>(byte));
    return out;
  };
  EXPECT_TRUE(body_is_well_formed(body({}), 0));
  EXPECT_TRUE(body_is_well_formed(body({1, 0, 9}), 1));
  EXPECT_TRUE(body_is_well_formed(body({1, 0, 9, 2, 0, 8, 7}), 2));
  EXPECT_FALSE(body_is_well_formed(body({1, 0, 9}), 2));
  EXPECT_FALSE(body_is_well_formed(body({1, 0, 9, 0}), 1));
  EXPECT_FALSE(body_is_well_formed(body({0, 0}), 1));
  EXPECT_FALSE(body_is_well_formed(body({2, 0, 9}), 1));
}

TEST(JournalWriter, ASmallRecordThatWouldLeaveTheZerosGoesToTheNextSegment) {
  TemporaryDirectory directory;
  JournalConfig config = Journal::small_config();
  config.lead_bytes = 32 * 1024;
  Journal journal(directory.path(), config);
  ASSERT_EQ(journal.open(), "");
  const std::vector<std::string> two_blocks = {std::string(5000, 'a')};
  for (int i = 0; i < 4; ++i) {  // up to the end of the zeros
    ASSERT_NE(journal.append(two_blocks), 0u);
    journal.settle();
  }
  ASSERT_EQ(journal.durable.back().end, config.lead_bytes);
  for (int turn = 0; turn < 200; ++turn) journal.loop().run_once(1'000'000);  // the next one gets ready
  ASSERT_NE(journal.append(two_blocks), 0u);
  ASSERT_NE(journal.append({std::string(5000, 'b')}), 0u);
  journal.settle();
  const DurableRecord& fifth = journal.durable[4];
  EXPECT_EQ(fifth.segment, 2u);
  EXPECT_EQ(fifth.offset, 0u);
  EXPECT_EQ(journal.durable[5].offset, fifth.end);
  EXPECT_EQ(std::filesystem::file_size(directory.path() / segment_name(1)), config.lead_bytes);
  // Zeros come before records, twice as far as these have come, in the next segment only.
  EXPECT_EQ(std::filesystem::file_size(directory.path() / segment_name(2)), 2 * config.lead_bytes);
  journal.close();
  ASSERT_EQ(journal.open(), "");
  EXPECT_EQ(journal.recovered.records.size(), 6u);
}

}  // namespace
}  // namespace electra::io
