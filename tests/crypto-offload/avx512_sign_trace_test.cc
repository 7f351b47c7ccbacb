// Signing runs the same instructions with the same general registers whatever the keys are.
//
// A child process signs, single-stepped by its parent, which hashes the instruction pointer and all general registers at
// every step. Two runs whose keys differ and nothing else must give the same sequence. A branch shows in the instruction
// pointer, and addresses are made of general registers (the code has no gather and no scatter), so equal traces mean that
// neither depended on a key, a nonce or a hash. ELECTRA_LONG=1: more keys, and two groups of 8.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "crypto-offload/avx512/sign.h"
#include "crypto-offload/avx512/supported.h"
#include "crypto-offload/batch_signer.h"

namespace electra::crypto {
namespace {

constexpr std::size_t kCountMax = 11;  // two groups, the second not full
constexpr std::size_t kStepsMax = 10'000'000;

struct Step {
  std::uint64_t address;
  std::uint64_t registers;  // hashed
  friend bool operator==(const Step&, const Step&) = default;
};

// What the child reads and writes, at the same addresses in every run.
struct Job {
  alignas(64) std::uint64_t table[avx512::kSignTableWords];
  std::uint8_t scalars[kCountMax][32], prefixes[kCountMax][32], public_keys[kCountMax][32];
  std::uint8_t tag[16] = {1}, payload[200] = {2};
  avx512::SignLaneItem items[kCountMax];
  std::size_t count = 0;
  std::uint8_t signatures[kCountMax][64];
};

// The keys of a run: of all zeros, or random.
void fill_keys(Job& job, std::mt19937_64* random) {
  for (std::size_t i = 0; i < kCountMax; ++i) {
    Bytes32 seed{};
    if (random != nullptr) {
      for (std::uint8_t& byte : seed) byte = static_cast<std::uint8_t>((*random)());
    }
    const ExpandedKey key(seed);
    std::memcpy(job.scalars[i], key.scalar().data(), 32);
    std::memcpy(job.prefixes[i], key.prefix().data(), 32);
    std::memcpy(job.public_keys[i], key.public_key().data(), 32);
    job.items[i] = {.scalar = job.scalars[i],
                    .prefix = job.prefixes[i],
                    .public_key = job.public_keys[i],
                    .tag = job.tag,
                    .sequence = i,
                    .payload = job.payload,
                    .payload_bytes = static_cast<std::uint32_t>(15 * i)};
  }
}

void sign(Job& job) { avx512::sign_lanes(job.table, job.items, job.count, job.signatures); }

// What a trace must show: an address that a secret chose, and a branch.
[[gnu::noinline]] void look_up(Job& job) { job.signatures[0][0] = job.payload[job.scalars[0][1] & 63]; }
[[gnu::noinline]] void decide(Job& job) {
  if ((job.scalars[0][1] & 1) != 0) asm volatile("nop" : : : "memory");
}

std::uint64_t hash_of(const user_regs_struct& r) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const auto x :
       {r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15}) {
    hash = (hash ^ x) * 0x100000001b3;
  }
  return hash;
}

// Keeps this process and its children on one CPU: a step then takes a tenth of the time.
class OneCpu {
 public:
  OneCpu() {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(sched_getcpu()), &one);
    sched_setaffinity(0, sizeof one, &one);
  }
  ~OneCpu() { sched_setaffinity(0, sizeof before_, &before_); }
  OneCpu(const OneCpu&) = delete;
  OneCpu& operator=(const OneCpu&) = delete;

 private:
  cpu_set_t before_{};
};

// From the child's breakpoint to its illegal instruction, which leave no process number in a register. Nothing if the
// system does not let us trace.
std::optional<std::vector<Step>> trace(void (*traced)(Job&), Job& job) {
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(2);
    // What the parent had in the registers that a function saves is no part of the comparison.
    asm volatile(
        "xor %%ebx, %%ebx\n xor %%r12d, %%r12d\n xor %%r13d, %%r13d\n xor %%r14d, %%r14d\n xor %%r15d, %%r15d\n int3"
        :
        :
        : "rbx", "r12", "r13", "r14", "r15", "memory");
    traced(job);
    asm volatile("ud2");
    _exit(0);
  }
  std::vector<Step> steps;
  int status = 0;
  const auto stopped_by = [&](int signal) {
    return waitpid(child, &status, 0) == child && WIFSTOPPED(status) && WSTOPSIG(status) == signal;
  };
  if (child < 0 || !stopped_by(SIGTRAP)) return std::nullopt;
  while (steps.size() < kStepsMax) {
    user_regs_struct registers;
    if (ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0 || !stopped_by(SIGTRAP)) break;
    if (ptrace(PTRACE_GETREGS, child, nullptr, &registers) != 0) break;
    steps.push_back({registers.rip, hash_of(registers)});
  }
  const bool ended = WIFSTOPPED(status) && WSTOPSIG(status) == SIGILL;
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  if (!ended) return std::nullopt;
  return steps;
}

class Avx512SignTrace : public testing::Test {
 protected:
  void SetUp() override {
    if (!avx512::supported()) GTEST_SKIP() << "this CPU has no AVX-512 IFMA: 8-lane signing was not traced";
    avx512::make_sign_table(job_->table);
    if (!trace(look_up, *job_)) GTEST_SKIP() << "this system lets no process trace its child";
  }

  std::vector<Step> trace_with(void (*traced)(Job&), std::mt19937_64* random) {
    fill_keys(*job_, random);
    auto steps = trace(traced, *job_);
    EXPECT_TRUE(steps);
    return steps.value_or(std::vector<Step>());
  }

  OneCpu one_cpu_;
  std::unique_ptr<Job> job_ = std::make_unique<Job>();
  std::mt19937_64 random_{40};
};

TEST_F(Avx512SignTrace, ShowsAnAddressAndABranchThatASecretDecides) {
  for (const auto leaky : {look_up, decide}) {
    const auto first = trace_with(leaky, nullptr);
    bool shown = false;
    for (int run = 0; run < 16; ++run) shown |= trace_with(leaky, &random_) != first;
    EXPECT_TRUE(shown);
  }
}

TEST_F(Avx512SignTrace, IsTheSameWhateverTheKeysAre) {
  const bool thorough = std::getenv("ELECTRA_LONG") != nullptr;
  job_->count = thorough ? kCountMax : 3;
  const auto first = trace_with(sign, nullptr);
  ASSERT_GT(first.size(), 50'000U);
  for (int run = 0; run < (thorough ? 5 : 1); ++run) {
    const auto other = trace_with(sign, &random_);
    ASSERT_EQ(other.size(), first.size());
    for (std::size_t i = 0; i < first.size(); ++i) {
      ASSERT_EQ(other[i].address, first[i].address) << "step " << i;
      ASSERT_EQ(other[i].registers, first[i].registers)
          << "step " << i << ", before the instruction at " << std::hex << first[i].address;
    }
  }
}

}  // namespace
}  // namespace electra::crypto
