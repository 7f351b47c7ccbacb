// A small chain and a gateway that runs it in this process, for the tests of the pipeline.
//
// The gateway lives wholly on a thread of its own (open, run, end), as the loop wants it; tests talk to it by TCP and look
// at its journal on disk. Everything derives from names, so two processes that call small_genesis() have the same chain.
#pragma once

#include <pthread.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "crypto-offload/software_signer.h"
#include "engine/pipeline/gateway.h"
#include "meter-proto/client/tcp_client.h"

namespace electra {

// How googletest shows a result.
inline void PrintTo(Result result, std::ostream* out) { *out << result_name(result); }

}  // namespace electra

namespace electra::test {

using namespace std::chrono_literals;

inline constexpr std::uint64_t kGenesisS = 1'451'865'600;  // 2016-01-04T00:00:00Z
inline constexpr std::uint64_t kSecondNs = 1'000'000'000;
inline constexpr std::chrono::seconds kPatience{20};  // a sanitizer on a busy machine is slow

using Bytes = std::vector<std::uint8_t>;

// Removed with everything in it at the end.
class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

// Slots of small_genesis(). Meter M1 is paid for by alice; M2 and P1 pay for themselves.
enum : state::Slot { kGrid = 1, kOperator, kAuditor, kAlice, kBob, kM1, kM2, kP1, kFirstExtra };

// `extra` more consumers X1, X2, … follow.
[[nodiscard]] state::Genesis small_genesis(std::uint32_t extra = 0);
[[nodiscard]] std::string holder_name(state::Slot slot);

// The private key of the person with this name.
[[nodiscard]] Bytes32 seed_of(const std::string& name);

// Somebody with a key; the name decides which.
class Person {
 public:
  explicit Person(const std::string& name);
  [[nodiscard]] const Bytes32& public_key() const noexcept { return signer_->public_key(); }
  [[nodiscard]] client::SignFunction sign_function() const;
  [[nodiscard]] std::shared_ptr<const crypto::Signer> signer() const noexcept { return signer_; }

 private:
  std::shared_ptr<crypto::SoftwareSigner> signer_;
};

// A replay clock, a port of the system's choice, little memory.
[[nodiscard]] pipeline::GatewaySettings small_settings(const std::filesystem::path& directory,
                                                       std::uint32_t extra_holders = 0);

class RunningGateway {
 public:
  // Returns when it listens, or with error() when it refused to start.
  explicit RunningGateway(pipeline::GatewaySettings settings);
  ~RunningGateway();
  RunningGateway(const RunningGateway&) = delete;
  RunningGateway& operator=(const RunningGateway&) = delete;

  [[nodiscard]] const std::string& error() const noexcept { return error_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] const pipeline::GatewayStart& facts() const noexcept { return facts_; }
  // CPU time that the io thread has taken; while it runs.
  [[nodiscard]] std::chrono::nanoseconds io_cpu_time();

  void request_stop();
  // Waits until run() has returned by itself or on request.
  void join();
  void stop() {
    request_stop();
    join();
  }

  // After join().
  [[nodiscard]] pipeline::StopReason reason() const noexcept { return reason_; }
  [[nodiscard]] const pipeline::GatewayCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] const Bytes32& digest() const noexcept { return digest_; }
  [[nodiscard]] const Bytes32& settlement_digest() const noexcept { return settlement_digest_; }
  [[nodiscard]] std::uint64_t batch_number() const noexcept { return batch_number_; }
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

 private:
  void live(pipeline::GatewaySettings settings, std::promise<void> opened);

  std::string error_;
  std::uint16_t port_ = 0;
  pipeline::GatewayStart facts_;
  pipeline::StopReason reason_ = pipeline::StopReason::requested;
  pipeline::GatewayCounters counters_;
  Bytes32 digest_{};
  Bytes32 settlement_digest_{};
  std::uint64_t batch_number_ = 0;
  std::string failure_;
  std::mutex mutex_;
  pipeline::Gateway* gateway_ = nullptr;  // while it can be stopped
  std::thread thread_;
};

// What became of one message: a receipt, or a refusal before the chain.
struct Reply {
  Result result = Result::ok;
  bool receipt = false;
  strict::Receipt body{};
};

using MessageName = std::pair<state::Slot, std::uint64_t>;  // slot, sequence

// A session that was opened as one person and carries messages of anybody.
class Client {
 public:
  Client(std::uint16_t port, state::Slot slot);  // holder of the genesis
  Client(std::uint16_t port, const Person& person, const client::Sender& sender);

  [[nodiscard]] client::TcpClient& tcp() noexcept { return *tcp_; }
  [[nodiscard]] const client::HelloAnswer& hello() const noexcept { return tcp_->hello_answer(); }
  [[nodiscard]] bool connected() const noexcept { return tcp_.has_value(); }
  [[nodiscard]] const client::TcpClient::Error& error() const noexcept { return error_; }

  // As the session's own person; returns the frame.
  Bytes send(std::uint64_t sequence, const strict::PayloadView& payload);
  void send_frame(const Bytes& frame);
  [[nodiscard]] Bytes frame(std::uint64_t sequence, const strict::PayloadView& payload) const;

  // Sends and waits for the answer to this very message.
  Reply ask(std::uint64_t sequence, const strict::PayloadView& payload);
  Reply ask_frame(const Bytes& frame, std::uint64_t sequence);

  // The next receipt or refusal; nothing: the session has ended or kPatience is over.
  std::optional<Reply> next_reply();
  // Until `count` answers came or the session ended. A second answer to one message fails the test.
  std::map<MessageName, Reply> replies(std::size_t count);
  // Reads until the gateway closes. False: it did not within kPatience.
  bool closed_by_gateway();

  wire::QueryAnswer query(const wire::Query& query);
  wire::Holder holder(state::Slot slot);
  wire::Status status();
  strict::TickAnswer tick(std::uint64_t time_s);

 private:
  Person person_;
  client::Sender sender_;
  client::TcpClient::Error error_;
  std::optional<client::TcpClient> tcp_;
};

// Payloads.
[[nodiscard]] strict::PayloadView transfer(state::AccountNumber debit, state::AccountNumber credit,
                                           std::uint64_t amount, std::uint64_t reference = 0);
// Single phase, `boundary` intervals of 900 s after genesis.
[[nodiscard]] strict::PayloadView reading(std::uint64_t boundary, std::uint64_t whin, std::uint64_t whout = 0);
[[nodiscard]] strict::PayloadView set_status(state::Slot slot, state::HolderStatus status);

// A whole frame with a message signed by `person`.
[[nodiscard]] Bytes message_frame(const Person& person, const client::Sender& sender, std::uint64_t sequence,
                                  const strict::PayloadView& payload);
// The same with a bit of the signature's S part turned.
[[nodiscard]] Bytes with_bad_signature(Bytes frame);

// Everything in the journal, as slot (0: by address) and sequence, with how often; on a running gateway too.
[[nodiscard]] std::map<MessageName, int> journal_messages(const std::filesystem::path& directory);

// Readings over two cycles, transfers that go and that do not, a registration, a suspension, a repetition, large and small
// batches, empty ones. On a new chain; within ASSERT_NO_FATAL_FAILURE.
void do_a_bit_of_everything(std::uint16_t port);

}  // namespace electra::test
