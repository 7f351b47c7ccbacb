// Clients that a gateway must bear: beside the loader, in a thread of their own, until they are stopped.
//
// Five kinds, as many of each: one sends and never reads its receipts, one reads four bytes every 50 ms, one said hello and
// sent half a frame, one was connected and says nothing, and one says hello, sends and resets the connection, again and
// again. Those that never read begin with so much that their receipts fill the kernel's buffers and wait in the gateway.
// All send one and the same message of the operator (a reading, which an operator may not make), so that the books are those
// of the loader whatever becomes of them. Who is closed comes again.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "meter-proto/client/message.h"

namespace electra::bench {

struct SlowTarget {
  std::uint16_t port = 0;  // on 127.0.0.1
  std::uint32_t of_each_kind = 0;
  client::Sender sender;
  client::SignFunction signer;
  std::vector<std::uint8_t> frame;  // of the message that is sent again and again
};

class SlowClients {
 public:
  static constexpr std::uint32_t kKinds = 5;

  // Connects them and waits until the unread receipts of those that never read are there.
  [[nodiscard]] static std::expected<std::unique_ptr<SlowClients>, std::string> start(SlowTarget target);
  ~SlowClients();

  // Ends all of them by reset. Nothing is sent afterwards.
  void stop();

  // After stop(): messages that were sent, at most so many of which were taken.
  [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }
  [[nodiscard]] std::uint64_t connected() const noexcept { return connected_; }

 private:
  enum class Kind : std::uint8_t { never_reads, reads_little, half_frame, silent, resets };
  struct Client {
    Kind kind{};
    int descriptor = -1;
    std::size_t begun = 0;  // bytes of a frame that the kernel took only in part
  };

  explicit SlowClients(SlowTarget target) : target_(std::move(target)) {}
  // Empty, or why not.
  [[nodiscard]] std::string connect(Client& client);
  void send(Client& client, std::uint32_t messages);
  static void reset(Client& client);
  void tend(Client& client);
  void live();

  SlowTarget target_;
  std::vector<Client> clients_;
  std::uint64_t sent_ = 0;
  std::uint64_t connected_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace electra::bench
