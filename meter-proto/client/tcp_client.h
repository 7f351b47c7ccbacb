// A ClientSession on a TCP socket: for programs, not for gateways.
//
// One thread, one connection, poll(2). connect() returns after the hello was answered, so a TcpClient is open when it
// begins; everything takes a time-out and none throws. After a Closed event make a new one and resend what has no receipt.
#pragma once

#include <chrono>
#include <memory>

#include "meter-proto/client/session.h"

namespace electra::client {

class TcpClient {
 public:
  struct Options {
    std::string host = "127.0.0.1";  // name or number
    std::uint16_t port = 0;
    std::chrono::milliseconds timeout{5000};  // for connection, welcome and hello's answer together
    Sender sender;
    std::optional<Bytes32> expected_genesis_hash;
  };
  struct Error {
    Result result = Result::ok;  // the gateway's code when it refused the hello; ok when nobody answered
    std::string text;            // one sentence for people
  };

  [[nodiscard]] static std::expected<TcpClient, Error> connect(const Options& options, SignFunction sign);

  TcpClient(TcpClient&&) noexcept;
  TcpClient& operator=(TcpClient&&) noexcept;
  ~TcpClient();

  // How the gateway answered the hello.
  [[nodiscard]] const HelloAnswer& hello_answer() const noexcept { return hello_answer_; }
  [[nodiscard]] const Chain& chain() const noexcept { return session_->chain(); }
  [[nodiscard]] bool is_open() const noexcept { return session_->state() == ClientSession::State::open; }
  // send_frame, send_message, send_query, send_tick: only while is_open(). Bytes leave in flush() or wait_event().
  [[nodiscard]] ClientSession& session() noexcept { return *session_; }
  [[nodiscard]] std::size_t unsent_bytes() const noexcept { return session_->output().size(); }

  // Writes and reads what is possible without waiting. A program that sends much calls it between messages.
  void flush();

  // The next event; nothing when none came in time. After Closed there are no more.
  [[nodiscard]] std::optional<Event> wait_event(std::chrono::milliseconds timeout);

  // Asks and waits for the answer; other events that come meanwhile are kept for wait_event. The query's id is chosen
  // here.
  [[nodiscard]] std::expected<wire::QueryAnswer, std::string> query(wire::Query query,
                                                                    std::chrono::milliseconds timeout);
  // `clock: replay` only: moves time and waits until it has moved.
  [[nodiscard]] std::expected<strict::TickAnswer, std::string> tick(std::uint64_t time_ns,
                                                                    std::chrono::milliseconds timeout);

  // For an event loop of one's own; call flush() when it is ready.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

 private:
  using Clock = std::chrono::steady_clock;

  TcpClient(int descriptor, std::unique_ptr<ClientSession> session);
  void close_descriptor() noexcept;
  void write_some();
  void read_some();
  // Moves bytes until an event is there or time is up.
  [[nodiscard]] std::optional<Event> next_event_until(Clock::time_point deadline);
  [[nodiscard]] std::expected<void, Error> open_session(Clock::time_point deadline);
  template <typename Answer, typename Matches>
  [[nodiscard]] std::expected<Answer, std::string> wait_answer(std::chrono::milliseconds timeout, Matches&& matches);

  int descriptor_ = -1;
  std::unique_ptr<ClientSession> session_;
  HelloAnswer hello_answer_;
  std::deque<Event> kept_events_;
  std::uint64_t next_query_id_ = 1;
  std::unique_ptr<std::uint8_t[]> read_buffer_;
};

}  // namespace electra::client
