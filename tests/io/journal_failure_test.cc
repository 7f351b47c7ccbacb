// Disks that fail: the writer stops for ever, calls nothing durable afterwards, says what to do, and the next start works.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>

#include "io/journal/segment_files.h"
#include "meter-proto/base/sha256.h"
#include "tests/io/support.h"

namespace electra::io {
namespace {

std::vector<std::string> batch_of(std::uint64_t number) {
  return {"batch " + std::to_string(number), std::string(9000, static_cast<char>('a' + number % 26))};
}

struct Case {
  const char* name;
  FaultPlan plan;
  std::uint32_t in_flight;
  const char* says;
};
void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

class DiskFailure : public testing::TestWithParam<Case> {};

TEST_P(DiskFailure, StopsTheWriterForEverAndLosesNothingAcknowledged) {
  const Case test = GetParam();
  for (std::uint64_t index = 0; index < 12; ++index) {
    SCOPED_TRACE("write " + std::to_string(index));
    TemporaryDirectory directory(TemporaryDirectory::Where::memory);
    JournalConfig config = Journal::small_config();
    config.segment_bytes = 64 * 1024;  // a new one every five records
    config.in_flight_max = test.in_flight;
    Journal journal(directory.path(), config, 5);
    auto plan = std::make_shared<FaultPlan>(test.plan);
    plan->write_index = index;
    ASSERT_EQ(journal.open(plan), "");
    std::uint64_t sent = 0;
    while (sent < 40 && journal.failure.empty()) {
      if (journal.append(batch_of(sent + 1)) == 0) break;
      ++sent;
    }
    journal.settle();
    ASSERT_NE(journal.failure, "");
    EXPECT_NE(journal.failure.find(test.says), std::string::npos) << journal.failure;
    EXPECT_NE(journal.failure.find(directory.path().string()), std::string::npos) << journal.failure;
    EXPECT_NE(journal.failure.find("start again"), std::string::npos) << journal.failure;
    EXPECT_TRUE(journal.writer().failed());
    EXPECT_EQ(journal.append(batch_of(99)), 0u);
    const std::uint64_t acknowledged = journal.durable.size();
    // With several in flight the failure may come before the success of an earlier one.
    if (test.plan.records_only) {
      EXPECT_LE(acknowledged, index);
      EXPECT_LE(test.in_flight == 1 ? index : 0, acknowledged);
    }
    for (int i = 0; i < 5; ++i) journal.loop().run_once(1'000'000);
    EXPECT_EQ(journal.durable.size(), acknowledged);

    // The disk was repaired: everything acknowledged is there, in order, and the journal goes on.
    ASSERT_EQ(journal.open(), "");
    const std::uint64_t kept = journal.recovered.records.size();
    ASSERT_GE(kept, acknowledged);
    ASSERT_LE(kept, sent);
    for (std::uint64_t i = 0; i < kept; ++i) {
      ASSERT_EQ(journal.recovered.records[i].envelopes, batch_of(i + 1));
    }
    ASSERT_EQ(journal.append(batch_of(kept + 1)), kept + 1);
    journal.settle();
    ASSERT_EQ(journal.failure, "");
    ASSERT_EQ(journal.open(), "");
    EXPECT_EQ(journal.recovered.records.size(), kept + 1);
    EXPECT_FALSE(journal.recovery().tail_cut);
  }
}

constexpr auto kFail = FaultPlan::Kind::fail;
constexpr auto kShort = FaultPlan::Kind::short_write;
constexpr auto kTorn = FaultPlan::Kind::torn;

// what happens to record write n, records in flight, words of the message
INSTANTIATE_TEST_SUITE_P(
    Faults, DiskFailure,
    testing::Values(
        Case{"EIO", {.kind = kFail, .error = EIO}, 1, "Input/output error"},
        Case{"EIO_with_four_in_flight", {.kind = kFail, .error = EIO}, 4, "Input/output error"},
        Case{"ENOSPC", {.kind = kFail, .error = ENOSPC}, 1, "free space"},
        Case{"short_by_a_block", {.kind = kShort, .bytes_written = 8192}, 1, "8192 of 12288 bytes"},
        Case{"nothing_written", {.kind = kShort, .bytes_written = 0}, 1, "0 of 12288 bytes"},
        Case{"short_with_four_in_flight", {.kind = kShort, .bytes_written = 4096}, 4, "cut short"},
        Case{"torn_in_the_header", {.kind = kTorn, .bytes_written = 100}, 1, "Input/output error"},
        Case{"torn_behind_the_header", {.kind = kTorn, .bytes_written = 512}, 1, "Input/output error"},
        Case{"torn_in_the_body", {.kind = kTorn, .bytes_written = 4096}, 1, "Input/output error"},
        Case{"torn_with_four_in_flight", {.kind = kTorn, .bytes_written = 5000}, 4, "Input/output error"},
        Case{"whole_but_called_failed", {.kind = kTorn, .bytes_written = 1 << 20}, 1, "Input/output error"},
        Case{"zeros_or_record_fails", {.kind = kFail, .records_only = false, .error = ENOSPC}, 1, "free space"},
        Case{"zeros_or_record_torn", {.kind = kTorn, .records_only = false, .bytes_written = 700}, 2, "failed"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(DiskFailure, AtTheChangeOfSegmentsStopsTheWriterToo) {
  struct Change {
    const char* name;
    void (*spoil)(FaultPlan&);
    const char* says;
  };
  const Change changes[] = {
      {"create", [](FaultPlan& plan) { plan.fail_create = ENOSPC; }, "making "},
      {"truncate", [](FaultPlan& plan) { plan.fail_truncate = EIO; }, "closing "},
      {"zeros", [](FaultPlan& plan) { plan.fail_sync = EIO; }, "syncing "},
      {"directory", [](FaultPlan& plan) { plan.fail_sync_directory = EIO; }, "syncing the directory "},
  };
  for (const Change& change : changes) {
    SCOPED_TRACE(change.name);
    TemporaryDirectory directory;
    Journal journal(directory.path());
    auto plan = std::make_shared<FaultPlan>();
    ASSERT_EQ(journal.open(plan), "");
    change.spoil(*plan);
    for (std::uint64_t i = 1; i <= 60 && journal.failure.empty(); ++i) journal.append(batch_of(i));
    journal.settle();
    EXPECT_NE(journal.failure.find(change.says), std::string::npos) << journal.failure;
    const std::uint64_t acknowledged = journal.durable.size();
    ASSERT_EQ(journal.open(), "");
    EXPECT_GE(journal.recovered.records.size(), acknowledged);
  }
}

TEST(FullDisk, StopsTheWriterWithAdviceAndTheJournalGoesOnWithMoreSpace) {
  SmallFileSystem file_system("size=2m");
  if (!file_system.mounted()) GTEST_SKIP() << "this process may not mount a tmpfs (needs root)";
  Journal journal(file_system.path() / "journal");
  // Something else takes the space that the journal needs.
  const std::filesystem::path ballast = file_system.path() / "ballast";
  write_file(ballast, std::vector<std::uint8_t>(1 << 20, 1));
  ASSERT_EQ(journal.open(), "");
  std::uint64_t sent = 0;
  while (journal.failure.empty() && sent < 500 && journal.append(batch_of(sent + 1)) != 0) ++sent;
  journal.settle();
  ASSERT_NE(journal.failure, "");
  EXPECT_NE(journal.failure.find("free space"), std::string::npos) << journal.failure;
  const std::uint64_t acknowledged = journal.durable.size();
  EXPECT_GT(acknowledged, 10u);

  std::filesystem::remove(ballast);
  ASSERT_EQ(journal.open(), "");
  ASSERT_GE(journal.recovered.records.size(), acknowledged);
  for (std::uint64_t i = 0; i < journal.recovered.records.size(); ++i) {
    ASSERT_EQ(journal.recovered.records[i].envelopes, batch_of(i + 1));
  }
  EXPECT_NE(journal.append({"goes on"}), 0u);
  journal.settle();
  EXPECT_EQ(journal.failure, "");
}

TEST(FullDisk, IsRefusedAtTheStart) {
  SmallFileSystem file_system("size=64k");
  if (!file_system.mounted()) GTEST_SKIP() << "this process may not mount a tmpfs (needs root)";
  Journal journal(file_system.path() / "journal", JournalConfig{});
  const std::string error = journal.open();
  EXPECT_NE(error.find("free space"), std::string::npos) << error;
}

TEST(ReadOnlyDirectory, IsRefusedWithAdvice) {
  SmallFileSystem file_system("size=1m,ro");
  if (!file_system.mounted()) GTEST_SKIP() << "this process may not mount a tmpfs (needs root)";
  Journal journal(file_system.path());
  const std::string error = journal.open();
  EXPECT_NE(error.find("writable"), std::string::npos) << error;
  EXPECT_NE(error.find(file_system.path().string()), std::string::npos) << error;
}

TEST(CrashBetweenSegments, TheNextSegmentWithoutARecordIsTakenUp) {
  struct State {
    const char* name;
    bool first_is_closed;
    std::size_t next_bytes;
  };
  for (const State& state : {State{"created, empty", false, 0}, State{"created, zeros", false, 32768},
                             State{"closed, next empty", true, 0}, State{"closed, next zeros", true, 32768}}) {
    SCOPED_TRACE(state.name);
    TemporaryDirectory directory;
    Journal journal(directory.path());
    ASSERT_EQ(journal.open(), "");
    for (std::uint64_t i = 1; i <= 2; ++i) journal.append(batch_of(i));
    journal.settle();
    journal.close();
    const auto first = directory.path() / segment_name(1);
    if (state.first_is_closed) std::filesystem::resize_file(first, 2 * 12288);
    write_file(directory.path() / segment_name(2), std::vector<std::uint8_t>(state.next_bytes));
    ASSERT_EQ(journal.open(), "");
    EXPECT_EQ(journal.recovery().position.segment, state.first_is_closed ? 2u : 1u);
    for (std::uint64_t i = 3; i <= 40; ++i) journal.append(batch_of(i));
    journal.settle();
    EXPECT_EQ(journal.failure, "");
    ASSERT_EQ(journal.open(), "");
    EXPECT_EQ(journal.recovered.records.size(), 40u);
  }
}

TEST(WrongGenesis, IsRefusedAndNothingIsTouched) {
  TemporaryDirectory directory;
  Journal journal(directory.path());
  ASSERT_EQ(journal.open(), "");
  journal.append(batch_of(1));
  journal.settle();
  journal.close();
  const auto before = read_file(directory.path() / segment_name(1));
  EXPECT_NE(journal.open(nullptr, sha256("another")).find("belongs to another chain"), std::string::npos);
  EXPECT_EQ(read_file(directory.path() / segment_name(1)), before);
}

TEST(Journal, WithoutMemoryToRegisterWritesAllTheSame) {
  // The kernel counts registered buffers against RLIMIT_MEMLOCK unless the process is privileged.
  TemporaryDirectory directory;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_MEMLOCK, &before), 0);
  Journal journal(directory.path());
  const rlimit low{4096, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &low), 0);
  const std::string error = journal.open();
  ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &before), 0);
  ASSERT_EQ(error, "");
  journal.append(batch_of(1));
  journal.settle();
  EXPECT_EQ(journal.writer().durable_batch(), 1u);
}

}  // namespace
}  // namespace electra::io
