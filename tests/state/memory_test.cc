// What a machine takes: what memory_bytes() says, and no more than the bound for a million accounts.

#include <unistd.h>

#include <fstream>

#include "tests/state/counted_new.h"
#include "tests/state/support.h"

namespace electra::state::test {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

// Resident bytes of this process.
std::int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t pages = 0;
  file >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

struct Town {
  std::string_view name;
  Limits limits;
};

TEST(Memory, IsAllAskedForAtTheStartAndAsMuchAsTheMachineSays) {
  const Town towns[] = {
      {"the usual limits", {}},
      {"a house", {.holders_max = 64, .accounts_max = 256, .pending_transfers_max = 64}},
      {"many meters", {.holders_max = 100'000, .accounts_max = 300'004, .pending_transfers_max = 1000}},
      {"a million accounts", {.holders_max = 10'000, .accounts_max = 1'000'000}},
  };
  for (const Town& town : towns) {
    Genesis genesis = genesis_with({});
    genesis.limits = town.limits;
    const std::int64_t before = bytes_held();
    const auto machine = Machine::create(genesis).value();
    const auto taken = static_cast<double>(bytes_held() - before);
    const auto said = static_cast<double>(machine->memory_bytes());
    // The allocator rounds each table up to pages.
    EXPECT_NEAR(taken, said, 0.01 * said + 128 * 1024) << town.name;
  }
}

TEST(Memory, OfAMillionAccountsIsWithinItsBound) {
  constexpr std::uint32_t kAccounts = 1'000'000;
  Genesis genesis = genesis_with({});
  genesis.limits.holders_max = 10'000;
  genesis.limits.accounts_max = kAccounts;
  const std::int64_t held = bytes_held();
  const std::int64_t resident = resident_bytes();
  Chain chain(genesis);
  while (const std::uint32_t room = kAccounts - chain.machine().account_count())
    ASSERT_EQ(chain.send(kOperator, strict::OpenAccounts{kOperator, 1, 0, std::min(room, 8192U)}).result, Result::ok);
  ASSERT_EQ(chain.machine().account_count(), kAccounts);
  EXPECT_LE(static_cast<std::int64_t>(chain.machine().memory_bytes()), 128 * kMiB);
  EXPECT_LE(bytes_held() - held, 128 * kMiB);
  EXPECT_LE(resident_bytes() - resident, 128 * kMiB);
}

}  // namespace
}  // namespace electra::state::test
