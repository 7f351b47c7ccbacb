// The demonstration's grid as real programs: a home in a temporary directory, electrad in it, electra-meter against it.
//
// Every program's output goes to log() and is shown when a test fails. The gateway's port stays the same over restarts, so
// that a meter program finds it again.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/electrad/home.h"
#include "engine/state/types.h"
#include "tests/crash/process.h"

namespace electra::test {

using MessageName = std::pair<state::Slot, std::uint64_t>;  // slot, sequence

// What the journal's replay in this process says.
struct Audit {
  struct Message {
    int applied = 0;  // executed for the first time, with a result that uses the sequence up
    int repeated = 0;
    Result result = Result::ok;
    std::uint64_t batch = 0;
    Bytes32 id{};
  };
  std::map<MessageName, Message> messages;
  std::vector<Bytes32> digests;  // after each batch; [0] of the genesis
  Bytes32 settlement{};
  std::string problem;  // not empty: the journal cannot be replayed
};

struct LiveDigest {
  std::uint64_t batch = 0;
  std::string state;  // hex
  std::string settlement;
};

// Each pair replaces a line "  key: …" of the demonstration's config.yml.
using ConfigChanges = std::vector<std::pair<std::string, std::string>>;

class Grid {
 public:
  // `sections`: more of the configuration, whole lines.
  explicit Grid(const ConfigChanges& config_changes = {}, const std::string& sections = {});
  ~Grid();
  Grid(const Grid&) = delete;
  Grid& operator=(const Grid&) = delete;

  [[nodiscard]] const std::filesystem::path& root() const noexcept { return root_; }
  [[nodiscard]] const app::Home& home() const noexcept { return home_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::filesystem::path log() const { return root_ / "log"; }
  [[nodiscard]] std::string log_tail(std::size_t bytes = 4000) const;

  // Starts the gateway without waiting; `more` goes to its command line.
  void launch(const std::vector<std::string>& more = {});
  // Waits until it listens; false: it ended, or time is up.
  bool wait_ready();
  bool start(const std::vector<std::string>& more = {}) {
    launch(more);
    return wait_ready();
  }
  [[nodiscard]] Process& gateway() noexcept { return *gateway_; }
  void kill_gateway();
  // The exit code of a graceful stop.
  std::optional<int> stop();
  // The exit code of a start that is expected to fail, and what it said.
  std::pair<std::optional<int>, std::string> failing_start();

  [[nodiscard]] std::vector<std::string> meter_command(const std::string& what,
                                                       const std::vector<std::string>& more) const;
  // Runs to the end; true: exit code 0.
  bool play(const std::string& what, const std::vector<std::string>& more = {});

  // The exit code of `electrad verify HOME --json`, and what it printed.
  [[nodiscard]] std::pair<std::optional<int>, std::string> verify() const;
  // The file of signed headers as it is now; empty while there is none. Its last entry may be torn.
  [[nodiscard]] std::string headers() const;

  [[nodiscard]] LiveDigest live_digest() const;
  [[nodiscard]] Audit audit() const;

 private:
  std::filesystem::path root_;
  app::Home home_;
  std::uint16_t port_;
  std::unique_ptr<Process> gateway_;
};

// Lines of "slot sequence result batch message-id" that are whole.
struct Acknowledged {
  MessageName name;
  std::string result;
  std::uint64_t batch = 0;
  std::string id;
};
[[nodiscard]] std::vector<Acknowledged> read_acknowledged(const std::filesystem::path& file);

[[nodiscard]] std::string settlement_of_summary(const std::filesystem::path& json_file);

}  // namespace electra::test
