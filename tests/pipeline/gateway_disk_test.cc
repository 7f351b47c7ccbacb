// A full disk: the gateway stops by itself, says so, and nothing that it acknowledged is missing afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <fstream>

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

}  // namespace
}  // namespace electra::pipeline
