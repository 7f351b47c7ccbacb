// What a chain takes on disk before anything has happened.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>

#include "tests/electrad/program.h"

namespace electra::app {
namespace {

constexpr std::uint64_t kEmptyBytesMax = 8U << 20;

struct Usage {
  std::uint64_t size_bytes = 0;       // as the files say
  std::uint64_t allocated_bytes = 0;  // on the disk
  std::string listing;
};

Usage usage_of(const std::filesystem::path& directory) {
  Usage usage;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    struct stat status{};
    EXPECT_EQ(::lstat(entry.path().c_str(), &status), 0) << entry.path();
    const auto allocated = static_cast<std::uint64_t>(status.st_blocks) * 512;
    usage.allocated_bytes += allocated;
    if (S_ISREG(status.st_mode)) usage.size_bytes += static_cast<std::uint64_t>(status.st_size);
    usage.listing +=
        entry.path().string() + " " + std::to_string(status.st_size) + " " + std::to_string(allocated) + "\n";
  }
  return usage;
}

TEST(DataDirectory, OfAChainWithoutTrafficHasAtMost8MiB) {
  TemporaryDirectory directory;
  const std::string home = directory / "home";
  const Ended made = run_electrad({"init", "--home", home});
  ASSERT_EQ(made.exit_code, 0) << made.error;
  // The second start finds what the first has left.
  for (int start = 1; start <= 2; ++start) {
    Process gateway({"start", "--home", home, "--listen", "127.0.0.1:0"});
    ASSERT_TRUE(gateway.listens()) << gateway.error_so_far();
    const Usage serving = usage_of(home);
    EXPECT_LE(serving.allocated_bytes, kEmptyBytesMax) << serving.listing;
    EXPECT_LE(serving.size_bytes, kEmptyBytesMax) << serving.listing;
    gateway.signal(SIGTERM);
    ASSERT_EQ(gateway.wait().exit_code, 0);
    const Usage stopped = usage_of(home);
    EXPECT_LE(stopped.allocated_bytes, kEmptyBytesMax) << stopped.listing;
    EXPECT_LE(stopped.size_bytes, kEmptyBytesMax) << stopped.listing;
    EXPECT_GT(stopped.size_bytes, 0U);
  }
}

}  // namespace
}  // namespace electra::app
