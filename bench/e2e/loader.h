// The load: keeps the connections busy by the rule of a closed or an open loop, and times every message.
//
// Closed loop: a connection sends `batch` messages in a write, the next when there is room for as many below batch × depth
// without an answer. Open loop: messages become due by the schedule of open_loop.h. In both no sender ever has more than 64
// in flight. A message that got another answer than it should, or none for 20 s, ends the run with an error.
// By datagrams messages and receipts get lost: what has no answer in time is sent again, the same bytes, and counted. Its
// latency goes on from the first time.
#pragma once

#include <deque>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/e2e/frames.h"
#include "bench/e2e/latencies.h"
#include "bench/e2e/scenario.h"
#include "bench/e2e/transport.h"
#include "meter-proto/base/result.h"

namespace electra::bench {

struct LoadOptions {
  std::uint32_t batch = 1;            // messages in a write, 1 … 8189
  std::uint32_t depth = 1;            // closed loop: writes of a connection without all their answers
  double rate = 0;                    // open loop: messages a second, all connections together; 0: closed loop
  std::uint64_t messages = 0;         // of the traffic's, as many of each stream as far as it goes; 0: all
  std::uint64_t stop_after = 0;       // answers; 0: all messages. What is in flight then stays so
  std::uint64_t resend_after_ns = 0;  // without an answer; 0: never, because nothing gets lost
  bool operator==(const LoadOptions&) const = default;
};

class Loader final : TransportUser {
 public:
  static constexpr std::uint64_t kInFlightMax = 64;  // of a sender
  static constexpr std::uint32_t kBatchMax = 8189;

  // forged: which messages must be refused; null: none. `traffic` outlives the loader.
  using Forged = std::function<bool(std::uint32_t stream, std::uint64_t position)>;
  Loader(const Traffic& traffic, const LoadOptions& options, Forged forged = {});

  // Until all messages, or stop_after, are answered. The error is one sentence.
  [[nodiscard]] std::expected<void, std::string> drive(Transport& transport, const Progress& progress = {});

  // After the gateway of the last drive() is gone: the next one sends again first what has no answer, and ends with all.
  void resume();

  [[nodiscard]] const Latencies& latencies() const noexcept { return latencies_; }
  [[nodiscard]] std::uint64_t accepted() const noexcept { return accepted_; }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
  // Receipts that told of a message's first execution: it was durable when the gateway died, and was executed again,
  // without effect.
  [[nodiscard]] std::uint64_t repeated() const noexcept { return repeated_; }
  // Messages that were sent again, each time.
  [[nodiscard]] std::uint64_t resent() const noexcept { return resent_; }
  // Of the last drive(): from its first write to its last answer, wall time and CPU of this thread.
  [[nodiscard]] std::uint64_t took_ns() const noexcept { return took_ns_; }
  [[nodiscard]] std::uint64_t cpu_ns() const noexcept { return cpu_ns_; }
  // Monotonic, of the first answer in the last drive() that was not a repetition; 0: none yet.
  [[nodiscard]] std::uint64_t first_fresh_ns() const noexcept { return first_fresh_ns_; }
  // Messages of each stream that were ever written.
  [[nodiscard]] std::vector<std::uint64_t> sent() const;
  // The longest that an open loop's burst was written behind its instant, while there was room for it.
  [[nodiscard]] std::uint64_t late_ns_max() const noexcept { return late_ns_max_; }

 private:
  // Messages that were written together.
  struct Sent {
    std::uint64_t position = 0;
    std::uint64_t count = 0;
    std::uint64_t due_ns = 0;   // to be written again, what of them has no answer then
    std::uint64_t wait_ns = 0;  // after the next time: twice as long each time, so that losing makes no flood
  };
  struct Stream {
    FrameStore::Cursor cursor;
    std::uint64_t furthest = 0;   // positions below were written before
    std::uint64_t end = 0;        // positions below are to be written
    std::uint64_t due = 0;        // positions below may be written (open loop)
    std::uint64_t in_flight = 0;  // written and not answered
    bool writing = false;
    bool queued = false;
    std::deque<Sent> sent;  // where messages get lost: what may have no answer
  };

  void on_frame(std::uint32_t connection, ByteSpan body, std::uint64_t now_ns) override;
  void on_written(std::uint32_t connection) override;
  void on_closed(std::uint32_t connection, const std::string& reason) override;

  void touch(std::uint32_t stream);
  void release_due(std::uint64_t now_ns);
  void write_what_may(std::uint32_t stream, std::uint64_t now_ns);
  [[nodiscard]] bool lossy() const noexcept { return options_.resend_after_ns > 0; }
  // Writes what has waited too long for its answer. False: nothing has.
  [[nodiscard]] bool resend(std::uint32_t stream, std::uint64_t now_ns);
  void touch_overdue(std::uint64_t now_ns);
  // The first of a sender's rounds that may not be written: 64 behind its oldest one without an answer.
  [[nodiscard]] std::uint64_t window_end(std::uint32_t stream, std::uint64_t turn, std::uint64_t sender);
  [[nodiscard]] std::uint64_t allowed(const Stream& stream, std::uint32_t number);
  void answered(std::uint32_t connection, std::uint32_t slot, std::uint64_t sequence, Result result, bool repeated,
                std::uint64_t now_ns);
  [[nodiscard]] std::uint64_t wait_ns(std::uint64_t now_ns) const;
  void fail(std::string text);

  const Traffic& traffic_;
  LoadOptions options_;
  Forged forged_;
  Transport* transport_ = nullptr;
  Latencies latencies_;
  std::vector<Stream> streams_;
  std::vector<std::uint64_t> answers_;  // of each sender; where messages get lost, those before the first that has none
  std::vector<std::uint32_t> queue_;    // streams that may have something to write
  std::uint64_t all_ = 0;               // messages to be answered
  std::uint64_t released_ = 0;          // of them (open loop), whose instant has come
  std::uint64_t next_burst_ = 0;
  std::uint64_t begin_ns_ = 0;
  std::uint64_t last_answer_ns_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t repeated_ = 0;
  std::uint64_t resent_ = 0;
  std::uint64_t took_ns_ = 0;
  std::uint64_t cpu_ns_ = 0;
  std::uint64_t first_fresh_ns_ = 0;
  std::uint64_t late_ns_max_ = 0;
  std::string error_;
};

}  // namespace electra::bench
