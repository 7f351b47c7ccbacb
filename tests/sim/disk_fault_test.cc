// Every single operation of the journal, of the snapshots and of the small files fails once, in a gateway's first life and in
// one that begins with what a power cut left: a failed journal stops the gateway, a failed snapshot or header does not; texts
// say what, where and what to do; nothing acknowledged is lost, and the next start works.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "tests/sim/power_cut.h"
#include "tests/sim/recorded_life.h"

namespace electra::sim {
namespace {

using namespace test;
using FaultKind = DiskFault::Kind;
namespace fs = std::filesystem;

constexpr int kAtOnce = 6;
constexpr std::uint64_t kMessages = 26;

// Every how many operations one fails.
std::uint64_t stride() {
#ifdef ELECTRA_SANITIZED
  return std::getenv("ELECTRA_LONG") != nullptr ? 1 : 5;
#else
  return 1;
#endif
}

// What a gateway did on a disk with a fault.
struct Outcome {
  std::string hit;       // the operation; empty: the fault was not come to
  bool at_stop = false;  // no snapshot had failed when the load ended: what was under way may be given up
  std::string open_error;
  pipeline::StopReason reason = pipeline::StopReason::requested;
  std::string journal_failure;
  bool all_answered = false;
  std::vector<std::string> snapshot_failures;
  bool sealed_since = false;  // a snapshot, after the last failure
  std::vector<std::string> signer_problems;
  Life life;
};

class FaultyLife {
 public:
  FaultyLife(const World& world, const DiskFault& fault, const Life& before)
      : world_(world), disk_(std::make_shared<RecordedDisk>(world.root(), 1, 0)) {
    disk_->fault = fault;
    outcome_.life = before;
  }

  Outcome run() {
    pipeline::GatewaySettings settings = world_.settings(3);
    disk_->serve(settings);
    settings.snapshots.on_event = [this](const pipeline::SnapshotEvent& event) { take(event); };
    settings.blocks.on_signer_problem = [this](const std::string& text) {
      const std::lock_guard lock(mutex_);
      if (!text.empty()) outcome_.signer_problems.push_back(text);
    };
    {
      RunningGateway gateway(std::move(settings));
      outcome_.open_error = gateway.error();
      if (outcome_.open_error.empty()) serve(gateway);
    }
    outcome_.hit = disk_->hit();
    return std::move(outcome_);
  }

 private:
  void take(const pipeline::SnapshotEvent& event) {
    const std::lock_guard lock(mutex_);
    if (event.kind == pipeline::SnapshotEvent::Kind::failed) {
      outcome_.snapshot_failures.push_back(event.text);
      outcome_.sealed_since = false;
    }
    if (event.kind == pipeline::SnapshotEvent::Kind::sealed) outcome_.sealed_since = true;
  }

  [[nodiscard]] bool snapshots_work() {
    const std::lock_guard lock(mutex_);
    outcome_.at_stop = outcome_.snapshot_failures.empty();
    return outcome_.sealed_since;
  }

  void serve(RunningGateway& gateway) {
    {
      Load load(gateway.port(), 1, &disk_->log());
      outcome_.all_answered = load.send(kMessages) && load.refused() == 0;
      // A snapshot that failed at the end is followed by another one if there is something to save.
      const bool wait = disk_->fault.part == Part::snapshots;
      for (int i = 0; wait && i < 20 && outcome_.all_answered && !snapshots_work(); ++i) {
        outcome_.all_answered = load.send(20);
      }
      const auto& promises = load.promises();
      outcome_.life.promises.insert(outcome_.life.promises.end(), promises.begin(), promises.end());
    }
    gateway.stop();
    outcome_.reason = gateway.reason();
    outcome_.journal_failure = gateway.failure();
  }

  const World& world_;
  std::shared_ptr<RecordedDisk> disk_;
  std::mutex mutex_;
  Outcome outcome_;
};

std::string must_say(const std::string& text, const World& world, const char* says) {
  if (text.find(world.root().string()) == std::string::npos) return "this does not say where: " + text;
  if (text.find(says) == std::string::npos) return "this does not say '" + std::string(says) + "': " + text;
  return {};
}

struct Case {
  const char* name;
  Part part;
  FaultKind kind;
  int error;
  const char* says;
};
void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

std::string problem_of(const Outcome& outcome, const World& world, const Case& test) {
  if (!outcome.open_error.empty()) return must_say(outcome.open_error, world, test.says);
  if (test.part == Part::journal) {
    if (outcome.reason != pipeline::StopReason::journal_failed) return "it did not stop";
    return must_say(outcome.journal_failure, world, test.says);
  }
  if (outcome.reason != pipeline::StopReason::requested) return "it stopped: " + outcome.journal_failure;
  if (!outcome.all_answered) return "a message was not answered, or refused";
  if (test.part == Part::snapshots) {
    if (outcome.at_stop && outcome.snapshot_failures.empty()) return {};
    if (outcome.at_stop) return must_say(outcome.snapshot_failures.front(), world, test.says);
    if (outcome.snapshot_failures.empty()) return "nobody heard of it";
    if (!outcome.sealed_since) return "no snapshot followed";
    return must_say(outcome.snapshot_failures.front(), world, test.says);
  }
  // A short write is gone on with; a draft that stays is replaced by the next one.
  const bool harmless = (outcome.hit == "write" && test.kind == FaultKind::short_write) || outcome.hit == "remove";
  if (harmless) return outcome.signer_problems.empty() ? "" : "a problem for nothing: " + outcome.signer_problems[0];
  if (outcome.signer_problems.empty()) return "nobody heard of it";
  return must_say(outcome.signer_problems.front(), world, test.says);
}

// Where lives begin: with nothing, and with what a power cut in the middle of traffic left.
struct Beginning {
  DiskImage image;
  Life before;
};

Beginning after_a_cut() {
  const ScratchDirectory root;
  const World world(root.path() / "home");
  const auto disk = std::make_shared<RecordedDisk>(world.root(), 1, 300);
  const RecordedLife life = live(world, *disk, 1, 80);
  EXPECT_EQ(life.problem, "");
  const PowerCut cut{.moment = disk->log().now() * 2 / 3, .seed = 1};
  Beginning beginning{.image = image_after(disk->log(), cut), .before = {}};
  for (Promise promise : life.promises) {
    if (promise.moment > cut.moment) continue;
    promise.moment = 0;
    beginning.before.promises.push_back(promise);
  }
  return beginning;
}

class FaultAtEveryOperation : public testing::TestWithParam<Case> {};

TEST_P(FaultAtEveryOperation, IsToldAndLosesNothingAndTheNextStartWorks) {
  const Case test = GetParam();
  std::uint64_t hits = 0;
  std::map<std::string, int> what;
  for (const bool fresh : {true, false}) {
    const Beginning beginning = fresh ? Beginning{} : after_a_cut();
    std::mutex mutex;
    std::string first_problem;
    std::atomic<std::uint64_t> next{0};
    std::atomic<bool> end{false};
    const auto work = [&] {
      while (!end.load()) {
        const DiskFault fault{
            .kind = test.kind, .part = test.part, .at = next.fetch_add(stride()), .error = test.error};
        const ScratchDirectory scratch;
        write_image(beginning.image, scratch.path() / "home");
        const World world(scratch.path() / "home");
        const Outcome outcome = FaultyLife(world, fault, beginning.before).run();
        if (outcome.hit.empty()) {
          end.store(true);
          return;
        }
        std::string problem = problem_of(outcome, world, test);
        if (problem.empty()) {
          Life lived = outcome.life;
          lived.chain = read_chain(world.journal(), world.headers_file());
          if (!outcome.open_error.empty()) lived.chain.headers.clear();  // what the cut tore may not be mended yet
          problem = problem_after_crash(world, lived, kNever, 2);
        }
        const std::lock_guard lock(mutex);
        ++hits;
        ++what[outcome.hit];
        if (!problem.empty() && first_problem.empty()) {
          first_problem = "operation " + std::to_string(fault.at) + " (" + outcome.hit + "): " + problem;
        }
      }
    };
    std::vector<std::jthread> threads;
    for (int i = 0; i < kAtOnce; ++i) threads.emplace_back(work);
    threads.clear();
    EXPECT_EQ(first_problem, "") << (fresh ? "in a first life" : "in a life after a power cut");
  }
  std::string text;
  for (const auto& [name, count] : what) text += " " + name + " " + std::to_string(count);
  std::printf("%lu operations failed:%s\n", hits, text.c_str());
  EXPECT_GE(hits, 25 / stride());
}

// whose operations, how they fail, what the text has to say
INSTANTIATE_TEST_SUITE_P(
    Faults, FaultAtEveryOperation,
    testing::Values(Case{"journal_EIO", Part::journal, FaultKind::fail, EIO, "Input/output error"},
                    Case{"journal_ENOSPC", Part::journal, FaultKind::fail, ENOSPC, "free space"},
                    Case{"journal_short_write", Part::journal, FaultKind::short_write, EIO, "disk"},
                    Case{"journal_torn_write", Part::journal, FaultKind::torn, EIO, "Input/output error"},
                    Case{"snapshots_EIO", Part::snapshots, FaultKind::fail, EIO, "Input/output error"},
                    Case{"snapshots_ENOSPC", Part::snapshots, FaultKind::fail, ENOSPC, "No space left on device"},
                    Case{"snapshots_short_write", Part::snapshots, FaultKind::short_write, ENOSPC,
                         "No space left on device"},
                    Case{"headers_EIO", Part::files, FaultKind::fail, EIO, "Input/output error"},
                    Case{"headers_ENOSPC", Part::files, FaultKind::fail, ENOSPC, "No space left on device"},
                    Case{"headers_short_write", Part::files, FaultKind::short_write, EIO, "Input/output error"},
                    Case{"headers_torn_write", Part::files, FaultKind::torn, ENOSPC, "No space left on device"}),
    [](const auto& info) { return std::string(info.param.name); });

// The disk of the small files is full, and stays so.
TEST(FullDiskOfHeaders, RefusesMessagesWhenTooManyHeadersWaitAndGoesOnWithMoreSpace) {
  const ScratchDirectory root;
  const World world(root.path() / "home");
  const auto disk = std::make_shared<RecordedDisk>(world.root(), 1, 0);
  disk->fault = {.kind = FaultKind::fail, .part = Part::files, .at = 12, .error = ENOSPC, .lasts = true};
  pipeline::GatewaySettings settings = world.settings(3);
  disk->serve(settings);
  settings.blocks.unsigned_max = 3;
  std::mutex mutex;
  std::vector<std::string> problems;
  settings.blocks.on_signer_problem = [&](const std::string& text) {
    const std::lock_guard lock(mutex);
    problems.push_back(text);
  };
  Life life;
  {
    RunningGateway gateway(std::move(settings));
    ASSERT_EQ(gateway.error(), "");
    Load load(gateway.port(), 1);
    for (int i = 0; i < 200 && load.refused() == 0; ++i) {
      ASSERT_TRUE(load.send(4));
      std::this_thread::sleep_for(4ms);  // a block's length
    }
    EXPECT_GT(load.refused(), 0U) << "headers did not hold anybody back";
    {
      const std::lock_guard lock(mutex);
      ASSERT_FALSE(problems.empty());
      EXPECT_EQ(must_say(problems.front(), world, "No space left on device"), "");
    }
    disk->repaired.store(true);
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (std::uint64_t refused = 0; refused != load.refused();) {
      refused = load.refused();
      ASSERT_TRUE(load.send(1));
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "messages are still refused";
      std::this_thread::sleep_for(60ms);  // a session may cause so many refusals and no more
    }
    life.promises = load.promises();
    gateway.request_stop();
  }
  EXPECT_EQ(problems.back(), "") << "nobody was told that it is over";
  life.chain = read_chain(world.journal(), world.headers_file());
  EXPECT_EQ(problem_after_crash(world, life, kNever, 2), "");
}

}  // namespace
}  // namespace electra::sim
