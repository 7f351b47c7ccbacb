// Under steady load the gateway asks for no memory, touches no new page and hardly wakes a thread: counted, for batches that
// are verified on the io thread and for such that go through the stage.
//
// Everything but the thread of the clients counts. Requests for memory are counted where the allocator is asked, futex calls
// where TBB and the standard library make them (the C library's own, of mutexes, it makes by itself: none is on the way of
// a message), page faults by the kernel.
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdarg>
#include <cstdlib>
#include <fstream>
#include <new>

#include "tests/pipeline/support.h"

namespace {

thread_local bool is_client = false;
std::atomic<std::uint64_t> requests{0};
std::atomic<std::uint64_t> futex_calls{0};

void count_request() noexcept {
  if (!is_client) requests.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

extern "C" {

void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);

void* malloc(std::size_t bytes) {
  count_request();
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  count_request();
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, std::size_t bytes) {
  count_request();
  return __libc_realloc(memory, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  count_request();
  return __libc_memalign(alignment, bytes);
}

// What the libraries call a system call by, when they do not call the kernel themselves.
long syscall(long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  long a[6];
  for (long& value : a) value = va_arg(list, long);
  va_end(list);
  if (number == SYS_futex && !is_client) futex_calls.fetch_add(1, std::memory_order_relaxed);
  register long r10 asm("r10") = a[3];
  register long r8 asm("r8") = a[4];
  register long r9 asm("r9") = a[5];
  long result;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  if (result >= 0 || result < -4095) return result;
  errno = static_cast<int>(-result);
  return -1;
}

}  // extern "C"

namespace electra::pipeline {
namespace {

using namespace test;

// Of all threads but the calling one.
std::uint64_t page_faults() {
  std::uint64_t faults = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (task.path().filename() == std::to_string(gettid())) continue;
    std::ifstream file(task.path() / "stat");
    std::string text;
    std::getline(file, text);
    std::istringstream fields(text.substr(text.rfind(')') + 2));
    std::string skipped;
    for (int field = 3; field < 10; ++field) fields >> skipped;  // minflt is the tenth
    std::uint64_t minor = 0;
    fields >> minor;
    faults += minor;
  }
  return faults;
}

struct Case {
  const char* name;
  std::uint32_t senders;
  std::uint32_t messages;      // of each sender a round
  std::uint32_t parallel_min;  // messages of a batch that goes through the stage
  std::uint32_t warm_up;       // rounds that do not count: buffers grow, the journal makes its next segment
  std::uint32_t rounds;
};
void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

class SteadyLoad : public testing::TestWithParam<Case> {};

TEST_P(SteadyLoad, CostsNoMemoryAndFewWakes) {
  is_client = true;
  const Case test = GetParam();
  TempDirectory directory;
  GatewaySettings settings = small_settings(directory.path(), test.senders);
  settings.parallel_batch_min = test.parallel_min;
  settings.batches_max = 8;
  RunningGateway gateway(settings);
  ASSERT_EQ(gateway.error(), "");
  Client boss(gateway.port(), kOperator);
  std::vector<std::uint32_t> wallets;
  for (std::uint32_t i = 0; i < test.senders; ++i) wallets.push_back(boss.holder(kFirstExtra + i).wallet_account());

  // All frames of a round, one after the other, over one connection.
  std::vector<Bytes> rounds(test.rounds + test.warm_up);
  for (std::uint32_t i = 0; i < test.senders; ++i) {
    const Client sender(gateway.port(), kFirstExtra + i);  // signs only
    ASSERT_TRUE(sender.connected()) << sender.error().text;
    for (std::uint64_t round = 0; round < rounds.size(); ++round) {
      for (std::uint64_t k = 1; k <= test.messages; ++k) {
        const Bytes frame =
            sender.frame(round * test.messages + k, transfer(wallets[i], wallets[(i + 1) % test.senders], 1));
        rounds[round].insert(rounds[round].end(), frame.begin(), frame.end());
      }
    }
  }

  const auto send = [&boss](const Bytes& frames) {
    boss.tcp().session().send_frame(frames);
    boss.tcp().flush();
  };
  std::uint64_t batches = 0;
  std::uint64_t blocks = 0;
  std::uint64_t faults = 0;
  for (std::uint64_t round = 0; round < rounds.size(); ++round) {
    if (round == test.warm_up) {
      const wire::Status status = boss.status();
      batches = status.batch();
      blocks = status.height();
      faults = page_faults();
      requests = futex_calls = 0;
    }
    // The next round is on its way while this one is answered: a load that does not pause.
    if (round == 0 || round == test.warm_up) send(rounds[round]);
    if (round + 1 != test.warm_up && round + 1 < rounds.size()) send(rounds[round + 1]);
    for (const auto& [name, reply] : boss.replies(std::size_t{test.senders} * test.messages)) {
      ASSERT_EQ(reply.result, Result::ok) << name.first << " " << name.second;
    }
  }
  const std::uint64_t asked = requests;
  const std::uint64_t futexes = futex_calls;
  faults = page_faults() - faults;
  const wire::Status status = boss.status();
  batches = status.batch() - batches;
  blocks = status.height() - blocks;
  const std::uint64_t messages = std::uint64_t{test.rounds} * test.senders * test.messages;
  std::printf("%lu messages in %lu batches and %lu blocks: %lu requests for memory, %lu futex calls, %lu page faults\n",
              messages, batches, blocks, asked, futexes, faults);
  ASSERT_GT(batches, 0U);
  // Nothing for messages and batches; a block's header goes through queues to the thread that signs it, and one may have
  // been on its way.
  EXPECT_LE(asked, 64 * (blocks + 1));
  EXPECT_LE(futexes, 2 * batches + 8 * (blocks + 1));
  EXPECT_LE(faults, messages / 100);
}

INSTANTIATE_TEST_SUITE_P(
    Batches, SteadyLoad,
    testing::Values(Case{"large_ones_through_the_stage", 64, 32, 64, 6, 20},
                    // Two rounds are under way, and a busy machine makes one batch of them: small still.
                    Case{"small_ones_on_the_io_thread", 8, 6, 2 * 8 * 6 + 1, 60, 200}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace electra::pipeline
