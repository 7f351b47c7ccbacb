// docs/journal-format.md shows one record's bytes; these are they.
#include <gtest/gtest.h>

#include <cstring>

#include "meter-proto/base/sha256.h"
#include "tests/io/support.h"

namespace electra::io {
namespace {

// The record that the page describes, built from the page's words only.
SealedRecord example() {
  RecordSpec spec;
  RecordHeader& header = spec.header;
  header.magic = kRecordMagic;
  header.format_version = 1;
  header.rules_version = 1;
  header.flags = kRecordBlockClose;
  header.header_bytes = 256;
  header.segment = 1;
  header.batch = 1;
  header.previous_hash = sha256("example genesis");
  header.time_ns = 1'451'865'600'000'000'000;  // 2016-01-04T00:00:00Z
  header.watermark = 0;
  header.genesis_hash = sha256("example genesis");
  for (std::uint8_t i = 0; i < 16; ++i) header.journal_id[i] = i;
  spec.envelopes = {"first", "second"};
  return seal_record(spec);
}

std::string dump(ByteSpan bytes) {
  std::string out;
  for (std::size_t line = 0; line < bytes.size(); line += 16) {
    char offset[8];
    std::snprintf(offset, sizeof offset, "%04zx  ", line);
    out += offset;
    out += to_hex(bytes.subspan(line, std::min<std::size_t>(16, bytes.size() - line)));
    out += '\n';
  }
  return out;
}

TEST(JournalFormatPage, ShowsTheBytesOfTheExample) {
  const SealedRecord record = example();
  const auto bytes = read_file(std::string(ELECTRA_SOURCE_DIR) + "/docs/journal-format.md");
  const std::string page(bytes.begin(), bytes.end());
  const std::string shown = dump(ByteSpan(record.bytes).first(272));
  EXPECT_NE(page.find(shown), std::string::npos) << "the page should contain:\n" << shown;
  EXPECT_EQ(record.bytes.size(), 4096u);
}

TEST(JournalFormatPage, TheExampleIsAJournal) {
  TemporaryDirectory directory;
  write_file(directory.path() / segment_name(1), example().bytes);
  Recovered records;
  const auto result = recover_journal(directory.path(), sha256("example genesis"), &records);
  ASSERT_TRUE(result.has_value()) << result.error().text();
  ASSERT_EQ(records.records.size(), 1u);
  EXPECT_EQ(records.records[0].envelopes, (std::vector<std::string>{"first", "second"}));
}

}  // namespace
}  // namespace electra::io
