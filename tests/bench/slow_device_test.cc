// A disk that is slower than it is: when its writes complete, and in which order.
#include "bench/e2e/slow_device.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "bench/common/measure.h"

namespace electra::bench {
namespace {

constexpr std::size_t kBlock = 4096;
constexpr std::uint64_t kDelayNs = 100'000'000;

class SlowDeviceTest : public testing::Test {
 protected:
  struct Write {
    SlowDeviceTest* test = nullptr;
    std::size_t number = 0;
    io::Operation operation;
  };

  void open(SlowDeviceOptions options) {
    auto loop = io::Loop::create();
    ASSERT_TRUE(loop) << loop.error();
    loop_ = std::move(*loop);
    options.under_way_max = &under_way_max_;
    device_ = slow_device(*loop_, options);
    const auto opened = device_->open(path_, true);
    ASSERT_TRUE(opened) << opened.error();
    descriptor_ = *opened;
  }
  void begin(std::size_t number, bool durable) {
    Write& write = writes_[number];
    write = {.test = this, .number = number, .operation = {}};
    write.operation = {.complete =
                           [](void* context, std::int32_t result, std::uint32_t) {
                             auto& done = *static_cast<Write*>(context);
                             EXPECT_EQ(result, static_cast<std::int32_t>(kBlock));
                             done.test->completed_.push_back(done.number);
                           },
                       .context = &write};
    device_->write(write.operation,
                   {.fd = descriptor_, .bytes = block_, .offset = number * kBlock, .durable = durable});
  }
  void TearDown() override {
    if (descriptor_ >= 0) device_->close(descriptor_);
    std::filesystem::remove(path_);
  }

  const std::filesystem::path path_ =
      std::filesystem::current_path() / ("slow_device_test." + std::to_string(::getpid()));
  alignas(kBlock) std::array<std::uint8_t, kBlock> block_{};
  std::unique_ptr<io::Loop> loop_;
  std::unique_ptr<io::SegmentDevice> device_;
  int descriptor_ = -1;
  std::array<Write, 3> writes_;
  std::vector<std::size_t> completed_;
  std::atomic<std::uint32_t> under_way_max_{0};
};

TEST_F(SlowDeviceTest, CompletesDurableWritesOnlyAfterTheDelayAndOthersBeforeIt) {
  ASSERT_NO_FATAL_FAILURE(open({.delay_ns = kDelayNs}));
  const std::uint64_t begun_ns = wall_ns();
  begin(0, true);
  begin(1, false);
  while (completed_.size() < 2) loop_->run_once();
  EXPECT_GE(wall_ns() - begun_ns, kDelayNs);
  EXPECT_THAT(completed_, testing::ElementsAre(1, 0));
  EXPECT_EQ(under_way_max_.load(), 1U);
}

TEST_F(SlowDeviceTest, CompletesTheNewestFirstIfItShall) {
  ASSERT_NO_FATAL_FAILURE(open({.delay_ns = kDelayNs, .newest_first = true}));
  for (const std::size_t number : {0, 1, 2}) begin(number, true);
  while (completed_.size() < 3) loop_->run_once();
  EXPECT_THAT(completed_, testing::ElementsAre(2, 1, 0));
  EXPECT_EQ(under_way_max_.load(), 3U);
}

}  // namespace
}  // namespace electra::bench
