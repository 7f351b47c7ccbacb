// A client's side of one session with the gateway, without a socket.
//
// Bytes go in (receive), bytes come out (output, sent), events come out (next_event): whoever owns the session moves the
// bytes. The session answers the welcome with a signed hello by itself; after the hello's answer it is open and carries
// any number of messages, of any number of senders, without waiting for their receipts. Receipts come in the order in
// which batches became durable and name slot and sequence. No exceptions, no clock, no thread; one thread at a time.
#pragma once

#include <deque>
#include <variant>

#include "electra/query.pb.h"
#include "meter-proto/client/message.h"

namespace electra::client {

// Copies of what the gateway sent, so that an event may outlive the bytes it came in.
struct HelloAnswer {
  Result result = Result::ok;  // when it is not ok, the session closes
  std::uint32_t slot = 0;
  std::uint32_t status = 0;  // HolderStatus
  std::uint32_t roles = 0;   // bit set of Role
  std::uint32_t key_generation = 0;
  std::uint64_t highest_sequence = 0;      // used by this sender; the next message takes one more
  std::optional<Bytes32> registration_id;  // what ProvePossession quotes
};
struct Refusal {  // of a message; or, before the session is open, of the session, which then closes
  Result result = Result::ok;
  std::uint32_t slot = 0;
  std::uint64_t sequence = 0;
  std::string text;
};
struct Closed {
  std::string reason;  // one sentence for people
};
using Event = std::variant<HelloAnswer, strict::Receipt, Refusal, strict::TickAnswer, wire::QueryAnswer, Closed>;

// What the gateway said of itself.
struct Chain {
  std::string chain_id;
  Bytes32 genesis_hash{};
  std::uint64_t time_ns = 0;  // unix; of the last durable batch when the session began
  bool replay_clock = false;
};

class ClientSession {
 public:
  enum class State : std::uint8_t { awaiting_welcome, awaiting_hello_answer, open, closed };

  // `sign` must sign under the key of `sender`. With `expected_genesis_hash` a gateway of another chain gets no hello.
  // An empty `sign` says no hello: the session is open after the welcome, with a HelloAnswer of slot 0, and gets answers
  // to public queries only.
  ClientSession(Sender sender, SignFunction sign, std::optional<Bytes32> expected_genesis_hash = std::nullopt);

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] const Chain& chain() const noexcept { return chain_; }  // filled once the welcome has arrived

  // Bytes from the gateway, cut anywhere.
  void receive(ByteSpan bytes);
  // The connection has ended; becomes a Closed event unless there was one.
  void connection_ended(std::string reason);

  // Bytes for the gateway. The view is valid until the next call of anything but output().
  [[nodiscard]] ByteSpan output() const noexcept;
  // The first `count` bytes of output() were taken over by the socket.
  void sent(std::size_t count);

  [[nodiscard]] std::optional<Event> next_event();

  // All below only while open (asserted). They queue bytes; nothing waits.
  void send_frame(ByteSpan frame);  // as made by make_message_frame: also for resending
  [[nodiscard]] std::expected<void, std::string> send_message(const Sender& sender, std::uint64_t sequence,
                                                              const strict::PayloadView& payload,
                                                              const SignFunction& sign);
  void send_query(const wire::Query& query);  // its id comes back in the answer
  void send_tick(std::uint64_t time_ns);

 private:
  void on_frame(ByteSpan body);
  void on_welcome(ByteSpan message);
  void on_hello_answer(ByteSpan message);
  void on_refusal(ByteSpan message);
  void on_answer(const strict::FrameView& frame);
  void close(std::string reason);

  Sender sender_;
  SignFunction sign_;
  std::optional<Bytes32> expected_genesis_hash_;
  State state_ = State::awaiting_welcome;
  Chain chain_;
  strict::FrameSplitter splitter_{strict::kAnswerBytesMax};
  std::vector<std::uint8_t> output_;
  std::size_t output_taken_ = 0;  // bytes at the front of output_ that were sent
  std::deque<Event> events_;
};

}  // namespace electra::client
