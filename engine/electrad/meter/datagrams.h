// Readings by datagram, as meters without a connection send them: a socket for each meter, and every message sent again
// until it has its receipt.
//
// The counterpart of exchange.h for a gateway with `udp.listen: on`. The bytes of a message never change, so a receipt that
// was lost costs a second one and nothing else. What the gateway drops in silence (overloaded, a bad signature) looks as a
// lost datagram does: it is sent again, too. One thread.
#pragma once

#include <poll.h>

#include <expected>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/electrad/meter/exchange.h"
#include "meter-proto/client/udp_client.h"

namespace electra::player {

class DatagramExchange {
 public:
  // A socket for each slot, to the host and port of `options`. Nothing is sent yet. The error names what the system said.
  [[nodiscard]] static std::expected<DatagramExchange, std::string> open(const LinkOptions& options,
                                                                         std::span<const std::uint32_t> slots);

  // Returns when every message has its answer. A sender has at most client::ResendQueue::kWindow messages in it, in the
  // order of their sequences. The error says why an answer could not be reached: nothing came for `retry_for`, or a stop
  // was asked for and nothing comes.
  [[nodiscard]] std::expected<void, std::string> run(std::span<const OutgoingMessage> messages,
                                                     const std::function<void(const Answer&)>& on_answer);

  [[nodiscard]] std::uint64_t sent_again() const noexcept;  // messages, since open()

 private:
  explicit DatagramExchange(const LinkOptions& options) : options_(options) {}
  void wait() noexcept;
  // Sends what is due.
  void take_answers(client::UdpClient& client, const std::function<void(const Answer&)>& on_answer);
  void take(const client::ResendQueue::Answer& answer, const std::function<void(const Answer&)>& on_answer);

  LinkOptions options_;
  std::vector<client::UdpClient> clients_;
  std::vector<pollfd> descriptors_;                           // of the clients
  std::unordered_map<std::uint32_t, std::size_t> client_of_;  // by slot
  std::unordered_map<MessageKey, std::size_t, MessageKeyHash> index_of_;
  std::vector<std::uint64_t> sent_ns_;
  std::size_t answered_ = 0;
};

}  // namespace electra::player
