// What a journal writes for its messages: records nearly as large as what is in them, and a lead of zeros of a fixed size.
#include <gtest/gtest.h>

#include "tests/io/support.h"

namespace electra::io {
namespace {

struct Load {
  const char* name;
  std::size_t messages;  // of a record
  std::size_t bytes;     // of a message
  std::size_t records;
  double ratio_max;  // record bytes over message bytes
};
void PrintTo(const Load& load, std::ostream* out) { *out << load.name; }

class JournalBytes : public testing::TestWithParam<Load> {};

TEST_P(JournalBytes, AreHardlyMoreThanTheMessages) {
  const Load load = GetParam();
  TemporaryDirectory directory;
  JournalConfig config = Journal::small_config();
  config.segment_bytes = 64U << 20;
  config.lead_bytes = 4U << 20;
  Journal journal(directory.path() / "journal", config);
  ASSERT_EQ(journal.open(), "");
  const std::vector<std::string> envelopes(load.messages, std::string(load.bytes, 'e'));
  for (std::size_t i = 0; i < load.records; ++i) {
    ASSERT_NE(journal.append(envelopes), 0U);
    journal.settle();
  }
  ASSERT_EQ(journal.failure, "");
  const JournalCounters& counters = journal.writer().counters();
  EXPECT_EQ(counters.messages, load.messages * load.records);
  const auto own = static_cast<double>(load.messages * load.bytes * load.records);
  EXPECT_LE(static_cast<double>(counters.record_bytes), load.ratio_max * own);
  EXPECT_GE(static_cast<double>(counters.record_bytes), own);
}

// A transfer's envelope has 115 bytes and more, a reading's 150; a record has a header and whole blocks of 4 KiB.
INSTANTIATE_TEST_SUITE_P(Loads, JournalBytes,
                         testing::Values(Load{"full batches of transfers", 8192, 115, 20, 1.03},
                                         Load{"full batches of readings", 8192, 150, 20, 1.03},
                                         Load{"batches of 512 messages", 512, 115, 40, 1.2},
                                         Load{"as many large messages as a record holds", 200, 10'000, 10, 1.01}));

}  // namespace
}  // namespace electra::io
