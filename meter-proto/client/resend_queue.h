// Messages on their way by datagrams: sent, and sent again, until each has its receipt. No socket and no clock.
//
// Whoever owns it says what time it is (any clock that does not go back), sends the datagrams that it makes and hands it
// those that come. The bytes of a message never change; the gateway gives a message that comes again its first answer. A
// message that has waited for its answer is sent again after twice the time, up to a bound, and each time a little earlier
// or later than the others of the same age would be, so that a street of meters does not speak at once after a failure. At
// most 64 messages are under way, none more than 63 sequences before the oldest one: the gateway's window for a sender.
// One sender; its messages are added in the order of their sequences. Answers are hints: they are not signed.
#pragma once

#include <deque>
#include <optional>
#include <variant>

#include "meter-proto/client/session.h"

namespace electra::client {

class ResendQueue {
 public:
  static constexpr std::uint64_t kWindow = 64;
  static constexpr std::size_t kDatagramBytesMax = 1472;

  struct Options {
    std::uint32_t slot = 0;                      // of the sender, as it stands in the answers
    std::uint64_t first_wait_ns = 500'000'000;   // for an answer; then the message is sent again
    std::uint64_t wait_ns_max = 30'000'000'000;  // of the doubled ones
    std::uint64_t seed = 0;                      // of the small differences; a meter takes its slot
  };
  explicit ResendQueue(const Options& options);

  // A frame as made by make_message_frame. False: the window is full, or the sequence is not above all before; nothing
  // was added then.
  [[nodiscard]] bool add(std::uint64_t sequence, std::vector<std::uint8_t> frame, std::uint64_t now_ns);

  // The next datagram to be sent now: frames that are due, as many as fit. Empty: nothing is due. Valid until the next
  // call of anything that is not const.
  [[nodiscard]] ByteSpan next_datagram(std::uint64_t now_ns);
  // When next_datagram() should be asked again; UINT64_MAX: nothing waits for an answer.
  [[nodiscard]] std::uint64_t next_due_ns() const noexcept;

  // A datagram from the gateway. Answers to messages under way become events and end their being sent; everything else
  // is counted and ignored.
  void receive(ByteSpan datagram);
  // A Receipt, or a Refusal: the gateway tells the message's signer that its sequence cannot be used.
  using Answer = std::variant<strict::Receipt, Refusal>;
  [[nodiscard]] std::optional<Answer> next_answer();

  [[nodiscard]] std::size_t under_way() const noexcept { return messages_.size(); }
  [[nodiscard]] std::uint64_t sent_again() const noexcept { return sent_again_; }  // messages
  [[nodiscard]] std::uint64_t ignored() const noexcept { return ignored_; }        // frames, or unreadable datagrams

 private:
  struct Message {
    std::uint64_t sequence = 0;
    std::vector<std::uint8_t> frame;
    std::uint64_t due_ns = 0;
    std::uint64_t wait_ns = 0;  // after the next sending
    bool sent = false;
  };
  [[nodiscard]] bool take_frame(ByteSpan body);
  [[nodiscard]] bool answered(std::uint32_t slot, std::uint64_t sequence);
  [[nodiscard]] std::uint64_t varied(std::uint64_t wait_ns) noexcept;

  Options options_;
  std::uint64_t random_;
  std::deque<Message> messages_;  // ascending
  std::uint64_t highest_ = 0;     // sequence that was ever added
  std::vector<std::uint8_t> datagram_;
  std::deque<Answer> answers_;
  std::uint64_t sent_again_ = 0;
  std::uint64_t ignored_ = 0;
};

}  // namespace electra::client
