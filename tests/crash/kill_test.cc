// kill -9 of the gateway at random moments of enrolment, replay and start-up.
//
// Afterwards: nothing acknowledged is missing, nothing is applied twice, the state is that of the journal's replay, and the
// settlement is that of a run that nobody disturbed and in which the meters sent in another order. The chain of blocks
// verifies, and no header that was ever on disk has changed.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>
#include <thread>

#include "meter-proto/chain/block_header.h"
#include "tests/crash/grid.h"
#include "tests/support/environment.h"

namespace electra::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kDays = 2;
constexpr std::uint64_t kMeters = 124;  // with the grid connection
constexpr std::uint64_t kReadings = kMeters * (kDays * 96 + 1);

std::uint64_t kills_wanted() {
#ifdef ELECTRA_SANITIZED
  constexpr std::uint64_t kDefault = 3;
#else
  constexpr std::uint64_t kDefault = 8;
#endif
  return number_from_environment("ELECTRA_CRASH_KILLS", std::getenv("ELECTRA_LONG") != nullptr ? 50 : kDefault);
}

class Killer {
 public:
  Killer(Grid& grid, std::uint64_t seed) : grid_(grid), random_(seed) {}

  void pause(int ms_max) { std::this_thread::sleep_for(std::chrono::microseconds(below(1000 * ms_max))); }

  // Kills and starts again; now and then kills the start-up too.
  [[nodiscard]] bool strike() {
    kill();
    while (below(4) == 0) {
      grid_.launch();
      pause(60);
      kill();
    }
    return grid_.start();
  }

  [[nodiscard]] std::uint64_t kills() const noexcept { return kills_; }
  // What each kill left of the file of headers, whole entries.
  [[nodiscard]] const std::vector<std::string>& headers() const noexcept { return headers_; }
  int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }

 private:
  void kill() {
    grid_.kill_gateway();
    ++kills_;
    std::string headers = grid_.headers();
    headers.resize(headers.size() - headers.size() % proto::kSignedHeaderBytes);
    headers_.push_back(std::move(headers));
  }

  Grid& grid_;
  std::mt19937_64 random_;
  std::uint64_t kills_ = 0;
  std::vector<std::string> headers_;
};

// Lines of the log with this in them.
std::size_t count_in_log(const Grid& grid, const std::string& words) {
  std::ifstream log(grid.log());
  std::size_t count = 0;
  for (std::string line; std::getline(log, line);) count += line.find(words) != std::string::npos ? 1 : 0;
  return count;
}

// After a graceful stop.
void check_blocks(Grid& grid, const Killer& killer) {
  const std::string final_headers = grid.headers();
  ASSERT_FALSE(final_headers.empty());
  ASSERT_EQ(final_headers.size() % proto::kSignedHeaderBytes, 0U);
  std::size_t signed_before_a_kill = 0;
  for (std::size_t i = 0; i < killer.headers().size(); ++i) {
    const std::string& headers = killer.headers()[i];
    ASSERT_TRUE(final_headers.starts_with(headers)) << "kill " << i + 1 << " left other headers than the end has";
    signed_before_a_kill = std::max(signed_before_a_kill, headers.size() / proto::kSignedHeaderBytes);
  }
  EXPECT_GT(signed_before_a_kill, 0U) << "no kill came after a header: this has shown nothing";
  std::printf("%zu headers, %zu of them before the last kill\n", final_headers.size() / proto::kSignedHeaderBytes,
              signed_before_a_kill);

  const auto [code, text] = grid.verify();
  EXPECT_EQ(code, 0) << text;
  const auto report = nlohmann::json::parse(text, nullptr, false);
  ASSERT_TRUE(report.is_object()) << text;
  EXPECT_EQ(report["verified"], true);
  EXPECT_EQ(report["height"], std::to_string(final_headers.size() / proto::kSignedHeaderBytes));
  EXPECT_EQ(report["unsignedBlocks"], "0");
  EXPECT_EQ(report["openMessages"], "0");

  std::filesystem::remove(grid.home().headers_file());
  ASSERT_TRUE(grid.start()) << grid.log_tail();
  ASSERT_EQ(grid.stop(), 0) << grid.log_tail();
  EXPECT_TRUE(grid.headers() == final_headers) << "made again, the headers are others";
}

void enroll_under_kills(Grid& grid, Killer& killer, int kills) {
  Process enroll(grid.meter_command("enroll", {}), grid.log());
  for (int i = 0; i < kills && enroll.running(); ++i) {
    killer.pause(150);
    ASSERT_TRUE(killer.strike()) << grid.log_tail();
  }
  ASSERT_EQ(enroll.wait(2min), 0) << grid.log_tail();
}

// Strikes when the replay has come to places that are spread at random over it: by its progress, so that slow and fast
// machines are killed equally often. The file tells of it a round of readings at a time; which moment of the next round
// it is, a pause of about such a round decides.
void replay_under_kills(Grid& grid, Killer& killer, std::uint64_t kills, const std::filesystem::path& acknowledged,
                        const std::filesystem::path& json) {
  std::vector<std::uint64_t> places;
  for (std::uint64_t i = 0; i < kills; ++i) {
    places.push_back(static_cast<std::uint64_t>(killer.below(static_cast<int>(kReadings - 2 * kMeters))));
  }
  std::sort(places.begin(), places.end());
  constexpr std::uint64_t kLineBytesMin = 75;  // 64 hex digits, "ok", three numbers
  Process replay(grid.meter_command("replay", {"--days", std::to_string(kDays), "--shuffle", "11", "--acknowledged",
                                               acknowledged, "--json", json}),
                 grid.log());
  for (const std::uint64_t place : places) {
    std::error_code ignored;
    while (replay.running() && (!std::filesystem::exists(acknowledged, ignored) ||
                                std::filesystem::file_size(acknowledged, ignored) < place * kLineBytesMin)) {
      std::this_thread::sleep_for(1ms);
    }
    if (!replay.running()) break;
    killer.pause(3);
    ASSERT_TRUE(killer.strike()) << grid.log_tail();
  }
  ASSERT_EQ(replay.wait(4min), 0) << grid.log_tail();
}

TEST(Kill, AtAnyMomentLosesNothingAndAppliesNothingTwice) {
  const std::uint64_t kills = kills_wanted();
  const std::uint64_t seed = number_from_environment("ELECTRA_CRASH_SEED", std::random_device{}());
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("run again with ELECTRA_CRASH_SEED=" + std::to_string(seed));
  std::printf("kills %lu, seed %lu\n", kills, seed);

  std::string undisturbed;
  {
    Grid grid;
    ASSERT_TRUE(grid.start()) << grid.log_tail();
    ASSERT_TRUE(grid.play("enroll")) << grid.log_tail();
    ASSERT_TRUE(grid.play("replay",
                          {"--days", std::to_string(kDays), "--shuffle", "3", "--json", grid.root() / "summary.json"}))
        << grid.log_tail();
    undisturbed = settlement_of_summary(grid.root() / "summary.json");
    ASSERT_EQ(undisturbed.size(), 64U);
    EXPECT_EQ(grid.stop(), 0) << grid.log_tail();
  }

  Grid grid({}, "snapshots: {every: 128KiB}\n");  // so that kills come in the middle of some, and starts from others
  Killer killer(grid, seed);
  ASSERT_TRUE(grid.start()) << grid.log_tail();
  ASSERT_NO_FATAL_FAILURE(enroll_under_kills(grid, killer, static_cast<int>(kills / 4 + 1)));
  ASSERT_NO_FATAL_FAILURE(
      replay_under_kills(grid, killer, kills, grid.root() / "acknowledged", grid.root() / "summary.json"));
  std::printf("killed %lu times, %zu starts from a snapshot, %zu sealed\n", killer.kills(),
              count_in_log(grid, "event=restored"), count_in_log(grid, "state=sealed"));
  EXPECT_GE(killer.kills(), kills);
  EXPECT_GT(count_in_log(grid, "event=restored"), 0U) << "no start was from a snapshot: this has shown nothing of them";

  EXPECT_EQ(settlement_of_summary(grid.root() / "summary.json"), undisturbed);
  const LiveDigest live = grid.live_digest();
  EXPECT_EQ(live.settlement, undisturbed);
  ASSERT_EQ(grid.stop(), 0) << grid.log_tail();

  const Audit audit = grid.audit();
  ASSERT_EQ(audit.problem, "");
  EXPECT_EQ(to_hex(audit.settlement), undisturbed);
  ASSERT_LT(live.batch, audit.digests.size());
  EXPECT_EQ(to_hex(audit.digests[live.batch]), live.state);

  for (const auto& [name, message] : audit.messages) {
    ASSERT_EQ(message.applied, 1) << "slot " << name.first << " sequence " << name.second;
  }
  const std::vector<Acknowledged> lines = read_acknowledged(grid.root() / "acknowledged");
  std::map<MessageName, int> acknowledged;
  for (const Acknowledged& line : lines) {
    ++acknowledged[line.name];
    const auto found = audit.messages.find(line.name);
    ASSERT_NE(found, audit.messages.end()) << "lost: slot " << line.name.first << " sequence " << line.name.second;
    ASSERT_EQ(line.result, result_name(found->second.result));
    ASSERT_EQ(line.batch, found->second.batch);
    ASSERT_EQ(line.id, to_hex(found->second.id));
  }
  EXPECT_EQ(acknowledged.size(), kReadings);
  ASSERT_NO_FATAL_FAILURE(check_blocks(grid, killer));
}

// Segments that no start needs are dropped meanwhile: the way back is by snapshots only.
TEST(Kill, AtAnyMomentLosesNothingThoughOldSegmentsAreDropped) {
  const std::uint64_t kills = kills_wanted() / 2 + 1;
  const std::uint64_t seed = number_from_environment("ELECTRA_CRASH_SEED", std::random_device{}());
  SCOPED_TRACE("run again with ELECTRA_CRASH_SEED=" + std::to_string(seed));
  std::printf("kills %lu, seed %lu\n", kills, seed);
  Grid grid({{"segment_bytes", "1MiB"}}, "snapshots: {every: 128KiB, old_segments: drop}\n");
  Killer killer(grid, seed);
  ASSERT_TRUE(grid.start()) << grid.log_tail();
  ASSERT_TRUE(grid.play("enroll")) << grid.log_tail();
  ASSERT_NO_FATAL_FAILURE(
      replay_under_kills(grid, killer, kills, grid.root() / "acknowledged", grid.root() / "summary.json"));
  std::printf("killed %lu times, %zu starts from a snapshot\n", killer.kills(), count_in_log(grid, "event=restored"));
  ASSERT_EQ(grid.stop(), 0) << grid.log_tail();
  EXPECT_FALSE(std::filesystem::exists(grid.home().journal_directory() / "000000000001.seg")) << "nothing was dropped";
  const auto [code, text] = grid.verify();
  EXPECT_EQ(code, 0) << text;
  const auto report = nlohmann::json::parse(text, nullptr, false);
  ASSERT_TRUE(report.is_object()) << text;
  EXPECT_NE(report["beginsBehindBatch"], "0");
  EXPECT_EQ(report["settlementDigest"], settlement_of_summary(grid.root() / "summary.json"));
  std::map<MessageName, int> acknowledged;
  for (const Acknowledged& line : read_acknowledged(grid.root() / "acknowledged")) ++acknowledged[line.name];
  EXPECT_EQ(acknowledged.size(), kReadings);

  // The tools work on what is left.
  const std::string first = std::to_string(std::stoull(report["beginsBehindHeight"].get<std::string>()) + 1);
  const struct {
    int code;
    std::vector<std::string> arguments;
  } commands[] = {
      {0, {"inspect", "journal", "--limit", "1"}},
      {0, {"inspect", "snapshot"}},
      {0, {"inspect", "account", "1"}},
      {7, {"inspect", "account", "1", "--batch", "1"}},
      {0, {"prove", "balance", "1"}},
      {0, {"prove", "balance", "1", "--height", first}},
      {7, {"prove", "balance", "1", "--height", "1"}},
      {0, {"export", "blocks", "--from", first, "--out", grid.root() / "rest.blocks"}},
      {1, {"export", "blocks", "--out", grid.root() / "all.blocks"}},
      {0, {"snapshot", "--out", grid.root() / "copy"}},
      {0, {"verify", grid.root() / "copy"}},
      {10, {"verify", grid.root() / "rest.blocks"}},  // they begin in the middle
  };
  for (const auto& command : commands) {
    std::vector<std::string> arguments = {ELECTRAD, "--home", grid.home().root()};
    arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
    EXPECT_EQ(run(arguments, grid.log(), 1min), command.code) << testing::PrintToString(command.arguments);
  }

  // The same readings, undisturbed, settle to the same.
  Grid quiet;
  ASSERT_TRUE(quiet.start()) << quiet.log_tail();
  ASSERT_TRUE(quiet.play("enroll")) << quiet.log_tail();
  ASSERT_TRUE(quiet.play("replay",
                         {"--days", std::to_string(kDays), "--shuffle", "3", "--json", quiet.root() / "summary.json"}))
      << quiet.log_tail();
  EXPECT_EQ(settlement_of_summary(quiet.root() / "summary.json"), settlement_of_summary(grid.root() / "summary.json"));
}

}  // namespace
}  // namespace electra::test
