// What the programs do with a journal that somebody or something has changed while the gateway was down.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "engine/electrad/exit_code.h"
#include "io/journal/journal_reader.h"
#include "tests/crash/grid.h"

namespace electra::test {
namespace {

using testing::HasSubstr;

struct Place {
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  // on disk
  std::uint64_t body_bytes = 0;
  std::uint64_t batch = 0;
};

std::vector<Place> records_of(const std::filesystem::path& directory) {
  class Collector final : public io::RecordSink {
   public:
    bool on_record(const io::RecordView& record) override {
      places.push_back({record.header.segment, record.file_offset, io::record_bytes(record.header.body_bytes),
                        record.header.body_bytes, record.header.batch});
      return true;
    }
    std::vector<Place> places;
  };
  Collector collector;
  const auto read = io::read_journal(directory, collector);
  EXPECT_TRUE(read) << read.error().text();
  return std::move(collector.places);
}

void turn_byte(const std::filesystem::path& path, std::uint64_t offset, std::uint8_t mask) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const int byte = file.get();
  ASSERT_NE(byte, EOF);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(static_cast<char>(byte ^ mask));
  file.flush();
  ASSERT_TRUE(file.good());
}

// A day in records of at most four messages, so that the journal has a closed segment.
class ChangedJournal : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(grid_.start()) << grid_.log_tail();
    ASSERT_TRUE(grid_.play("enroll")) << grid_.log_tail();
    ASSERT_TRUE(replay()) << grid_.log_tail();
    settlement_ = settlement_of_summary(grid_.root() / "summary.json");
    ASSERT_EQ(settlement_.size(), 64U);
    ASSERT_EQ(grid_.stop(), 0) << grid_.log_tail();
    records_ = records_of(grid_.home().journal_directory());
    ASSERT_GE(records_.back().segment, 2U) << "the day fits one segment: nothing is closed";
  }

  bool replay() {
    return grid_.play("replay", {"--days", "1", "--shuffle", "5", "--json", grid_.root() / "summary.json"});
  }
  [[nodiscard]] std::filesystem::path file_of(const Place& place) const {
    return grid_.home().journal_directory() / io::segment_name(place.segment);
  }

  Grid grid_{ConfigChanges{{"segment_bytes", "8MiB"}, {"messages", "4"}}};
  std::string settlement_;
  std::vector<Place> records_;
};

TEST_F(ChangedJournal, AByteTurnedInAClosedSegmentIsFoundAndItsPlaceNamed) {
  std::mt19937_64 random(20160104);
  const auto below = [&](std::uint64_t limit) {
    return std::uniform_int_distribution<std::uint64_t>(0, limit - 1)(random);
  };
  std::vector<Place> closed;
  for (const Place& place : records_) {
    if (place.segment == 1) closed.push_back(place);
  }
  ASSERT_GE(closed.size(), 100U);
  for (int round = 0; round < 12; ++round) {
    const Place& place = round == 0 ? closed.front() : round == 1 ? closed.back() : closed[below(closed.size())];
    // In turn somewhere in the header, the body, the padding behind it.
    const std::uint64_t padding = place.bytes - io::kRecordHeaderBytes - place.body_bytes;
    std::uint64_t within = below(io::kRecordHeaderBytes);
    if (round % 3 == 1 && place.body_bytes > 0) within = io::kRecordHeaderBytes + below(place.body_bytes);
    if (round % 3 == 2 && padding > 0) within = io::kRecordHeaderBytes + place.body_bytes + below(padding);
    const auto mask = static_cast<std::uint8_t>(1U << below(8));
    SCOPED_TRACE("batch " + std::to_string(place.batch) + ", byte " + std::to_string(within) + " of its record");

    ASSERT_NO_FATAL_FAILURE(turn_byte(file_of(place), place.offset + within, mask));
    const auto [code, text] = grid_.failing_start();
    EXPECT_EQ(code, static_cast<int>(app::ExitCode::cannot_start)) << text;
    EXPECT_THAT(text, HasSubstr(file_of(place).string()));
    EXPECT_THAT(text, HasSubstr(std::to_string(place.offset)));
    ASSERT_NO_FATAL_FAILURE(turn_byte(file_of(place), place.offset + within, mask));
  }
  // As it was: it starts.
  ASSERT_TRUE(grid_.start()) << grid_.log_tail();
  EXPECT_EQ(grid_.live_digest().settlement, settlement_);
}

// A disk that lost what it had promised to keep. If the gateway's key has signed a header of it, only an operator's new
// epoch helps; if it has not (it was slow), the gateway goes on by itself.
TEST_F(ChangedJournal, ACutTailIsRecoveredAndTheReplayGoesOnToTheSameEnd) {
  // In the middle of the last record with messages, and of one a few hundred messages before.
  std::vector<Place> with_messages;
  for (const Place& place : records_) {
    if (place.body_bytes > 0 && place.segment == records_.back().segment) with_messages.push_back(place);
  }
  ASSERT_GE(with_messages.size(), 150U);
  for (const std::size_t back : {std::size_t{1}, std::size_t{100}}) {
    const Place place = with_messages[with_messages.size() - back];
    SCOPED_TRACE("cut in batch " + std::to_string(place.batch));
    std::filesystem::resize_file(file_of(place), place.offset + io::kRecordHeaderBytes + place.body_bytes / 2);
    const auto [refused, text] = grid_.failing_start();
    EXPECT_EQ(refused, static_cast<int>(app::ExitCode::cannot_start)) << text;
    EXPECT_THAT(text, HasSubstr("--new-epoch"));
    if (back == 1) {
      std::filesystem::remove(grid_.home().signed_height_file("GRID"));
      std::filesystem::remove(grid_.home().headers_file());
      ASSERT_TRUE(grid_.start()) << grid_.log_tail();
    } else {
      ASSERT_TRUE(grid_.start({"--new-epoch", "operator"})) << grid_.log_tail();
    }
    ASSERT_TRUE(replay()) << grid_.log_tail();
    EXPECT_EQ(settlement_of_summary(grid_.root() / "summary.json"), settlement_);
    ASSERT_EQ(grid_.stop(), 0) << grid_.log_tail();
    EXPECT_EQ(to_hex(grid_.audit().settlement), settlement_);
    const auto [verified, report] = grid_.verify();
    EXPECT_EQ(verified, 0) << report;
  }
}

TEST_F(ChangedJournal, AMissingClosedSegmentAndTheJournalOfAnotherChainAreRefused) {
  Grid other(ConfigChanges{{"chain_id", "electra-another-0"}});
  std::filesystem::remove_all(other.home().journal_directory());
  std::filesystem::copy(grid_.home().journal_directory(), other.home().journal_directory());
  const auto [other_code, other_text] = other.failing_start();
  EXPECT_EQ(other_code, static_cast<int>(app::ExitCode::cannot_start)) << other_text;
  EXPECT_THAT(other_text, HasSubstr("genesis"));

  const auto segment = grid_.home().journal_directory() / io::segment_name(1);
  std::filesystem::rename(segment, grid_.root() / "kept");
  const auto [code, text] = grid_.failing_start();
  EXPECT_EQ(code, static_cast<int>(app::ExitCode::cannot_start)) << text;
  EXPECT_THAT(text, HasSubstr(segment.string()));
}

}  // namespace
}  // namespace electra::test
