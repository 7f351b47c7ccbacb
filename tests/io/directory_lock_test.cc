#include "io/directory_lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/io/support.h"

namespace electra::io {
namespace {

TEST(DirectoryLock, ASecondWriterIsRefusedAndToldWhoHoldsIt) {
  TemporaryDirectory directory;
  auto first = DirectoryLock::acquire(directory.path());
  ASSERT_TRUE(first.has_value()) << first.error();
  const auto second = DirectoryLock::acquire(directory.path());
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().find("in use by process " + std::to_string(getpid())), std::string::npos) << second.error();
  EXPECT_NE(second.error().find(directory.path().string()), std::string::npos);
}

TEST(DirectoryLock, IsFreeAgainWhenItsHolderIsGone) {
  TemporaryDirectory directory;
  {
    ASSERT_TRUE(DirectoryLock::acquire(directory.path()).has_value());
  }
  EXPECT_TRUE(DirectoryLock::acquire(directory.path()).has_value());
}

TEST(DirectoryLock, IsFreeAgainWhenItsHolderWasKilled) {
  TemporaryDirectory directory;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto lock = DirectoryLock::acquire(directory.path());
    const char answer = lock.has_value() ? 'y' : 'n';
    if (write(ready[1], &answer, 1) != 1) _exit(1);
    for (;;) pause();
  }
  char answer = 0;
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_FALSE(DirectoryLock::acquire(directory.path()).has_value());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(DirectoryLock::acquire(directory.path()).has_value());
  close(ready[0]);
  close(ready[1]);
}

TEST(DirectoryLock, NamesADirectoryThatIsNotThere) {
  const auto lock = DirectoryLock::acquire("/nonexistent/electra");
  ASSERT_FALSE(lock.has_value());
  EXPECT_NE(lock.error().find("/nonexistent/electra/lock"), std::string::npos);
}

TEST(DirectoryLock, NamesAReadOnlyDirectory) {
  SmallFileSystem file_system("size=1m,ro");
  if (!file_system.mounted()) GTEST_SKIP() << "this process may not mount a tmpfs (needs root)";
  const auto lock = DirectoryLock::acquire(file_system.path());
  ASSERT_FALSE(lock.has_value());
  EXPECT_NE(lock.error().find("Read-only file system"), std::string::npos) << lock.error();
}

}  // namespace
}  // namespace electra::io
