// Transfers of several senders at a gateway that may be killed at any moment: many on their way at once, each sent again with
// the same bytes after a kill until it is answered; what was answered is remembered.
//
// A thread of its own from start() to finish(). Between a kill and the gateway's next start it tries to connect.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "crypto-offload/software_signer.h"
#include "engine/state/types.h"
#include "meter-proto/client/tcp_client.h"

namespace electra::test {

struct FloodSender {
  std::string name;  // the development seed and this give the key
  state::Slot slot = 0;
  state::AccountNumber wallet = 0;
};

struct Answer {
  Result result = Result::ok;
  std::uint64_t batch = 0;
};

class Flood {
 public:
  // Each sender has up to `window` messages on their way; the first one opens the sessions.
  Flood(std::uint16_t port, const Bytes32& genesis_hash, const std::string& development_seed,
        const std::vector<FloodSender>& senders, std::uint32_t window, std::uint64_t seed);
  ~Flood();

  void start();
  // No new messages; returns when all are answered, false: not in time, or something was wrong.
  [[nodiscard]] bool finish();

  // Any thread.
  [[nodiscard]] std::uint32_t in_flight() const noexcept { return in_flight_.load(); }
  [[nodiscard]] std::uint64_t answered() const noexcept { return answered_.load(); }
  [[nodiscard]] std::uint64_t sessions() const noexcept { return sessions_.load(); }
  // What was wrong; empty so far.
  [[nodiscard]] std::string problem() const;

  // After finish(): of each sender (as in the constructor) the answer to sequence i + 1.
  [[nodiscard]] const std::vector<Answer>& answers(std::size_t sender) const { return senders_[sender].answers; }

 private:
  struct Sender {
    FloodSender who;
    std::unique_ptr<crypto::SoftwareSigner> signer;
    std::deque<std::pair<std::uint64_t, std::vector<std::uint8_t>>> open;  // sequence and frame, unanswered
    std::vector<Answer> answers;                                           // 0 = batch: not answered yet
    std::uint64_t sent = 0;
  };

  void run();
  void serve(client::TcpClient& client);
  [[nodiscard]] bool keeps_promises(client::TcpClient& client);
  void send_more(client::TcpClient& client);
  void take(const strict::Receipt& receipt);
  [[nodiscard]] std::vector<std::uint8_t> frame(const Sender& sender, std::uint64_t sequence) const;
  [[nodiscard]] bool done() const;
  void fail(const std::string& text);

  const std::uint16_t port_;
  const Bytes32 genesis_hash_;
  const std::uint32_t window_;
  std::mt19937_64 random_;
  std::vector<Sender> senders_;
  std::map<state::Slot, std::size_t> by_slot_;
  std::atomic<bool> finishing_{false};
  std::atomic<bool> ended_{false};
  std::atomic<std::uint32_t> in_flight_{0};
  std::atomic<std::uint64_t> answered_{0};
  std::atomic<std::uint64_t> sessions_{0};
  mutable std::mutex mutex_;
  std::string problem_;
  std::thread thread_;
};

}  // namespace electra::test
