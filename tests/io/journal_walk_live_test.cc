// The walk beside a writer that goes on.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "io/journal/journal_walk.h"
#include "tests/io/support.h"

namespace electra::io {
namespace {

struct Seen final : WalkVisitor {
  std::uint64_t records = 0;
  std::vector<WalkFault> faults;

  bool on_record(const RecordView&, bool) override {
    ++records;
    return true;
  }
  bool on_fault(const WalkFault& fault) override {
    faults.push_back(fault);
    return true;
  }
};

TEST(JournalWalk, BesideARunningWriterItSeesNoFaultAndNeverLessThanBefore) {
  TemporaryDirectory directory;
  JournalConfig config;
  config.segment_bytes = 8 * kRecordAlignment;
  config.lead_bytes = 2 * kRecordAlignment;
  config.in_flight_max = 4;
  Journal journal(directory.path(), config);
  ASSERT_EQ(journal.open(), "");
  std::atomic<bool> written = false;
  std::thread auditor([&] {
    std::uint64_t seen = 0;
    for (bool last = false; !last;) {
      last = written;
      Seen walk;
      const auto end = walk_journal(directory.path(), test_genesis(), walk, {.allow_torn_tail = true, .live = true});
      ASSERT_TRUE(end.has_value()) << end.error().text();
      ASSERT_TRUE(walk.faults.empty()) << walk.faults[0].text();
      ASSERT_GE(walk.records, seen);
      seen = walk.records;
    }
    EXPECT_EQ(seen, 400u);
  });
  for (int i = 0; i < 400; ++i) journal.append({std::string(static_cast<std::size_t>(1 + i * 37 % 9000), 'm')});
  journal.settle();
  written = true;
  auditor.join();
  EXPECT_EQ(journal.failure, "");
}

}  // namespace
}  // namespace electra::io
