// kill -9 of the gateway, again and again, under load and in the middle of snapshots: 50 times, 1,000 in the long suite.
//
// The home is small (eight wallets, a snapshot for every 64 KiB of journal), so that a start takes some ten milliseconds and
// is from a snapshot. After each kill: no header has changed, and the next start knows of each sender's last acknowledged
// message and gives one of them its first answer again. At the end: every acknowledged message is in the journal once, with
// its result and batch, and the auditor agrees with every signature, batch, header and book.
// ELECTRA_CRASH_SEED and ELECTRA_CRASH_KILLS repeat a run, as far as a kill's moment can be repeated.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <random>
#include <thread>

#include "engine/electrad/chain_setup.h"
#include "engine/state/machine.h"
#include "meter-proto/chain/block_header.h"
#include "tests/crash/flood.h"
#include "tests/crash/grid.h"
#include "tests/support/environment.h"

namespace electra::test {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kWindow = 32;  // messages of a sender on their way

std::uint64_t kills_wanted() {
#ifdef ELECTRA_SANITIZED
  constexpr std::uint64_t kDefault = 10;
#else
  constexpr std::uint64_t kDefault = 50;
#endif
  return number_from_environment("ELECTRA_CRASH_KILLS", std::getenv("ELECTRA_LONG") != nullptr ? 1000 : kDefault);
}

const ConfigChanges kSmallHome = {{"holders", "64"},
                                  {"accounts", "256"},
                                  {"pending_transfers", "64"},
                                  {"messages", "512"},
                                  {"segment_bytes", "16MiB"}};

// Owners and producers of the demonstration: who has a wallet.
std::vector<FloodSender> senders_of(const app::ChainFiles& chain) {
  const auto machine = state::Machine::create(chain.genesis);
  std::vector<FloodSender> senders;
  for (state::Slot slot = 2; slot <= chain.genesis.holders.size(); ++slot) {
    senders.push_back({.name = chain.genesis.holders[slot - 1].serial,
                       .slot = slot,
                       .wallet = (*machine)->holder(slot)->wallet_account});
  }
  return senders;
}

// What the kills have met with.
struct Tally {
  std::uint64_t kills = 0;
  std::uint64_t at_starts = 0;     // before it listened
  std::uint64_t in_flight = 0;     // messages, summed over the other kills
  std::uint64_t in_snapshots = 0;  // a draft was left
};

class Executioner {
 public:
  Executioner(Grid& grid, Flood& flood, std::uint64_t seed) : grid_(grid), flood_(flood), random_(seed) {}

  // From a running gateway to a running gateway. False: it does not start, or something was wrong before.
  [[nodiscard]] bool strike() {
    // Every other time when messages are on their way, else at any moment: also right after a start.
    const std::uint64_t answered = flood_.answered();
    const bool under_load = below(4) != 0;
    const auto deadline = Clock::now() + std::chrono::seconds(20);
    while (under_load && flood_.answered() == answered && flood_.problem().empty() && Clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    pause(35'000);
    tally_.in_flight += flood_.in_flight();
    kill();
    while (below(6) == 0) {
      grid_.launch();
      pause(40'000);
      kill();
      ++tally_.at_starts;
    }
    if (!flood_.problem().empty()) return false;
    return grid_.start();
  }

  [[nodiscard]] const Tally& tally() const noexcept { return tally_; }
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
  // The most that there ever was; whole entries.
  [[nodiscard]] const std::string& headers() const noexcept { return headers_; }

 private:
  [[nodiscard]] std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  void pause(std::uint64_t us_max) { std::this_thread::sleep_for(std::chrono::microseconds(below(us_max))); }

  void kill() {
    grid_.kill_gateway();
    ++tally_.kills;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(grid_.home().snapshots_directory(), ignored)) {
      if (entry.path().extension() == ".new") {
        ++tally_.in_snapshots;
        break;
      }
    }
    std::string now = grid_.headers();
    now.resize(now.size() - now.size() % proto::kSignedHeaderBytes);
    const std::size_t both = std::min(now.size(), headers_.size());
    if (now.compare(0, both, headers_, 0, both) != 0) problem_ = "a header has changed";
    if (now.size() > headers_.size()) headers_ = std::move(now);
  }

  Grid& grid_;
  Flood& flood_;
  std::mt19937_64 random_;
  Tally tally_;
  std::string problem_;
  std::string headers_;
};

std::size_t count_in(const fs::path& log, const std::string& words) {
  std::ifstream file(log);
  std::size_t count = 0;
  for (std::string line; std::getline(file, line);) count += line.find(words) != std::string::npos ? 1 : 0;
  return count;
}

void check_answers(const Flood& flood, const std::vector<FloodSender>& senders, const Audit& audit) {
  ASSERT_EQ(audit.problem, "");
  for (const auto& [name, message] : audit.messages) {
    ASSERT_EQ(message.applied, 1) << "slot " << name.first << " sequence " << name.second;
  }
  std::uint64_t answers = 0;
  for (std::size_t i = 0; i < senders.size(); ++i) {
    for (std::uint64_t sequence = 1; sequence <= flood.answers(i).size(); ++sequence) {
      const Answer& answer = flood.answers(i)[sequence - 1];
      const auto found = audit.messages.find({senders[i].slot, sequence});
      ASSERT_NE(found, audit.messages.end()) << "lost: sequence " << sequence << " of " << senders[i].name;
      ASSERT_EQ(answer.batch, found->second.batch);
      ASSERT_EQ(answer.result, found->second.result);
      ++answers;
    }
  }
  EXPECT_EQ(answers, audit.messages.size());
}

TEST(KillUnderLoad, LosesNothingAndAppliesNothingTwice) {
  const std::uint64_t kills = kills_wanted();
  const std::uint64_t seed = number_from_environment("ELECTRA_CRASH_SEED", std::random_device{}());
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("run again with ELECTRA_CRASH_SEED=" + std::to_string(seed));
  Grid grid(kSmallHome, "snapshots: {every: 64KiB}\n");
  const auto chain = app::load_chain(grid.home());
  ASSERT_TRUE(chain) << chain.error().text;
  const std::vector<FloodSender> senders = senders_of(*chain);
  ASSERT_TRUE(grid.start()) << grid.log_tail();
  const auto begin = Clock::now();
  Flood flood(grid.port(), chain->genesis.hash, chain->config.development_seed, senders, kWindow, seed);
  flood.start();
  Executioner executioner(grid, flood, seed);
  while (executioner.tally().kills < kills) {
    ASSERT_TRUE(executioner.strike()) << flood.problem() << "\n" << grid.log_tail();
    ASSERT_EQ(executioner.problem(), "") << "at kill " << executioner.tally().kills;
  }
  ASSERT_TRUE(flood.finish()) << flood.problem() << "\n" << grid.log_tail();
  ASSERT_EQ(grid.stop(), 0) << grid.log_tail();
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();

  const Tally& tally = executioner.tally();
  const std::size_t from_snapshots = count_in(grid.log(), "event=restored");
  std::printf(
      "seed %lu: %lu kills in %.1f s, %lu of them at a start, %lu in the middle of a snapshot, %lu messages on their "
      "way at the others; %zu starts from a snapshot, %zu torn tails cut, %zu snapshots sealed; %lu messages\n",
      seed, tally.kills, seconds, tally.at_starts, tally.in_snapshots,
      tally.in_flight / (tally.kills - tally.at_starts), from_snapshots, count_in(grid.log(), "event=torn_tail_cut"),
      count_in(grid.log(), "state=sealed"), flood.answered());
  EXPECT_GT(from_snapshots, tally.kills / 4) << "too few starts were from a snapshot";
  EXPECT_GT(flood.answered(), 20 * kills) << "there was no load";

  EXPECT_TRUE(grid.headers().starts_with(executioner.headers())) << "headers were lost or have changed";
  ASSERT_NO_FATAL_FAILURE(check_answers(flood, senders, grid.audit()));
  const auto [code, text] = grid.verify();
  EXPECT_EQ(code, 0) << text;
  const auto report = nlohmann::json::parse(text, nullptr, false);
  ASSERT_TRUE(report.is_object()) << text;
  EXPECT_EQ(report["verified"], true);
  EXPECT_EQ(report["unsignedBlocks"], "0");
}

}  // namespace
}  // namespace electra::test
