// A full disk: the gateway stops by itself, says so, and nothing that it acknowledged is missing afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>

#include "tests/pipeline/support.h"

namespace electra::pipeline {
namespace {

using namespace test;

// A tmpfs of a few MiB; needs the right to mount.
class SmallDisk {
 public:
  SmallDisk(const std::filesystem::path& path, const char* options) : path_(path) {
    std::filesystem::create_directories(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, options) == 0;
    if (!mounted_) error_ = std::strerror(errno);
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  [[nodiscard]] bool mounted() const noexcept { return mounted_; }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }
  bool resize(const char* options) { return ::mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT, options) == 0; }

 private:
  std::filesystem::path path_;
  bool mounted_ = false;
  std::string error_;
};

TEST(FullDisk, StopsTheGatewayAndLosesNothingAcknowledged) {
  TempDirectory directory;
  SmallDisk disk(directory.path() / "disk", "size=12m");
  if (!disk.mounted()) GTEST_SKIP() << "cannot mount a tmpfs here (" << disk.error() << "): run the test as root";
  const auto journal = directory.path() / "disk" / "journal";

  std::map<MessageName, Reply> acknowledged;
  {
    RunningGateway gateway(small_settings(journal));
    ASSERT_EQ(gateway.error(), "");
    Client meter(gateway.port(), kM2);
    ASSERT_TRUE(meter.connected());
    // Each message makes a record of 4 KiB; the disk has room for fewer than 4,000.
    for (std::uint64_t sequence = 1; sequence <= 4000; ++sequence) {
      meter.send_frame(meter.frame(sequence, reading(0, 1)));
      const auto reply = meter.next_reply();
      if (!reply) break;
      ASSERT_TRUE(reply->receipt);
      acknowledged[{kM2, reply->body.sequence}] = *reply;
    }
    EXPECT_FALSE(meter.tcp().is_open());
    gateway.join();  // by itself
    EXPECT_EQ(gateway.reason(), StopReason::journal_failed);
    EXPECT_THAT(gateway.failure(), testing::HasSubstr(journal.string()));
    EXPECT_THAT(gateway.failure(), testing::HasSubstr("No space left"));
  }
  ASSERT_GT(acknowledged.size(), 100U);

  // Without space it says so again, or serves as far as the place that is left goes; in no case it loses anything.
  {
    const auto messages = journal_messages(journal);
    for (const auto& [name, reply] : acknowledged) ASSERT_EQ(messages.count(name), 1U) << name.second;
  }
  ASSERT_TRUE(disk.resize("size=64m")) << std::strerror(errno);
  RunningGateway gateway(small_settings(journal));
  ASSERT_EQ(gateway.error(), "");
  Client meter(gateway.port(), kM2);
  ASSERT_TRUE(meter.connected());
  EXPECT_GE(meter.hello().highest_sequence, acknowledged.size());
  const std::uint64_t last = acknowledged.rbegin()->first.second;
  const Reply repeated = meter.ask(last, reading(0, 1));  // the same bytes: deterministic signatures
  EXPECT_TRUE(repeated.body.repeated);
  EXPECT_EQ(repeated.result, acknowledged.rbegin()->second.result);
  EXPECT_EQ(repeated.body.batch, acknowledged.rbegin()->second.body.batch);
  EXPECT_TRUE(meter.ask(last + 10, reading(0, 1)).receipt);
}

// The same with batches in every place of the pipeline when the write fails.
TEST(FullDisk, UnderLoadStopsTheGatewayToo) {
  TempDirectory directory;
  SmallDisk disk(directory.path() / "disk", "size=12m");
  if (!disk.mounted()) GTEST_SKIP() << "cannot mount a tmpfs here (" << disk.error() << "): run the test as root";
  const auto journal = directory.path() / "disk" / "journal";
  GatewaySettings settings = small_settings(journal);
  settings.batch_messages_max = 2;  // a record of 4 KiB for each pair
  settings.parallel_batch_min = 2;
  RunningGateway gateway(settings);
  ASSERT_EQ(gateway.error(), "");
  Client meter(gateway.port(), kM2);
  ASSERT_TRUE(meter.connected());
  constexpr std::uint64_t kMessages = 8000;
  for (std::uint64_t sequence = 1; sequence <= kMessages; ++sequence) {
    meter.tcp().session().send_frame(meter.frame(sequence, reading(0, 1)));
  }
  meter.tcp().flush();
  const auto acknowledged = meter.replies(kMessages);
  ASSERT_GT(acknowledged.size(), 100U);
  ASSERT_LT(acknowledged.size(), kMessages);
  gateway.join();
  EXPECT_EQ(gateway.reason(), StopReason::journal_failed);
  const auto messages = journal_messages(journal);
  for (const auto& [name, reply] : acknowledged) {
    ASSERT_TRUE(reply.receipt);
    ASSERT_EQ(messages.count(name), 1U) << name.second;
  }
}

TEST(FullDisk, AGatewayDoesNotStartWithoutSpace) {
  TempDirectory directory;
  SmallDisk disk(directory.path() / "disk", "size=1m");
  if (!disk.mounted()) GTEST_SKIP() << "cannot mount a tmpfs here (" << disk.error() << "): run the test as root";
  RunningGateway gateway(small_settings(directory.path() / "disk" / "journal"));
  EXPECT_THAT(gateway.error(), testing::HasSubstr("No space left"));
}

// The rest of a disk that others fill is for those who can do something about it.
TEST(ReservedDisk, KeepsMetersWaitingAndOperatorsServedUntilThereIsSpaceAgain) {
  TempDirectory directory;
  SmallDisk disk(directory.path() / "disk", "size=64m");
  if (!disk.mounted()) GTEST_SKIP() << "cannot mount a tmpfs here (" << disk.error() << "): run the test as root";
  const auto journal = directory.path() / "disk" / "journal";
  GatewaySettings settings = small_settings(journal);
  settings.journal_reserve_bytes = 24U << 20;
  std::mutex mutex;
  std::vector<std::string> told;
  settings.on_disk_problem = [&](const std::string& text) {
    const std::lock_guard lock(mutex);
    told.push_back(text);
  };
  RunningGateway gateway(settings);
  ASSERT_EQ(gateway.error(), "");
  Client meter(gateway.port(), kM2);
  Client boss(gateway.port(), kOperator);
  EXPECT_TRUE(meter.ask(1, reading(0, 1)).receipt);
  EXPECT_EQ(meter.status().disk_problem(), "");

  const auto filler = directory.path() / "disk" / "somebody-elses";
  {
    std::ofstream(filler) << std::string(40U << 20, 'x');
  }
  const auto wait_for = [&](bool problem) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (boss.status().disk_problem().empty() == problem && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(50ms);
    }
    return boss.status().disk_problem();
  };
  EXPECT_THAT(wait_for(true), testing::HasSubstr("journal.reserve"));
  // More of them than a session may cause refusals: meters wait, they are not sent away.
  for (std::uint64_t sequence = 2; sequence <= 100; ++sequence) {
    const Reply reply = meter.ask(sequence, reading(0, 1));
    ASSERT_FALSE(reply.receipt);
    ASSERT_EQ(reply.result, Result::overloaded);
  }
  const Reply order = boss.ask(1, set_status(kM1, state::HolderStatus::suspended));
  EXPECT_TRUE(order.receipt);
  EXPECT_EQ(order.result, Result::ok);
  EXPECT_EQ(boss.holder(kM1).status(), static_cast<std::uint32_t>(state::HolderStatus::suspended));

  std::filesystem::remove(filler);
  EXPECT_EQ(wait_for(false), "");
  EXPECT_TRUE(meter.ask(2, reading(0, 1)).receipt);
  gateway.stop();
  EXPECT_EQ(gateway.counters().refused_by_disk, 99U);
  const std::lock_guard lock(mutex);
  ASSERT_EQ(told.size(), 2U) << "once when it begins, once when it is over";
  EXPECT_THAT(told[0], testing::HasSubstr(journal.string()));
  EXPECT_EQ(told[1], "");
}

TEST(ReservedDisk, LargerThanTheDiskIsRefusedAtTheStart) {
  TempDirectory directory;
  SmallDisk disk(directory.path() / "disk", "size=32m");
  if (!disk.mounted()) GTEST_SKIP() << "cannot mount a tmpfs here (" << disk.error() << "): run the test as root";
  GatewaySettings settings = small_settings(directory.path() / "disk" / "journal");
  settings.journal_reserve_bytes = 32U << 20;
  RunningGateway gateway(settings);
  EXPECT_THAT(gateway.error(), testing::HasSubstr("lower journal.reserve"));
}

}  // namespace
}  // namespace electra::pipeline
