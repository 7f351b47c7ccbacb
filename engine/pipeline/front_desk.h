// The front desk: turns the bytes of connections into messages of the forming batch and questions for later, and sends
// receipts, refusals and answers back.
//
// It decides everything that needs no arithmetic on signatures of messages: framing, strict decoding, known sender,
// opened session, and whether the sender may write now. What it accepts it hands to the FrontDeskHost (the gateway), which owns batches, journal and state.
// A frame that was taken is answered or its session is closed. io thread only.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "crypto-offload/key_store.h"
#include "crypto-offload/verifier.h"
#include "electra/wire.pb.h"
#include "engine/pipeline/batch.h"
#include "engine/pipeline/block_keeper.h"
#include "engine/pipeline/datagram_counters.h"
#include "engine/pipeline/sender_limits.h"
#include "engine/pipeline/session.h"
#include "engine/state/machine.h"
#include "io/tcp_server.h"

namespace electra::pipeline {

// Something that is answered when all that the state holds is durable.
struct Question {
  enum class Kind : std::uint8_t { hello, query, tick };
  Kind kind = Kind::query;
  io::ConnectionId connection;
  wire::Query query;
  std::uint64_t tick_ns = 0;
};

class FrontDeskHost {
 public:
  // A batch that has room for one more message, or null: none is free now.
  [[nodiscard]] virtual Batch* forming() = 0;
  // Moves the replay clock. The result for the TickAnswer; on ok the question is asked by the desk.
  [[nodiscard]] virtual Result tick(std::uint64_t time_ns) = 0;
  // False: too many are waiting.
  [[nodiscard]] virtual bool ask(Question question) = 0;
  // New input came: advance at the end of the turn.
  virtual void nudge() = 0;
  // Time of the last durable batch, or of genesis.
  [[nodiscard]] virtual std::uint64_t durable_time_ns() const = 0;
  // For questions about blocks.
  [[nodiscard]] virtual BlockKeeper& keeper() = 0;
  // For questions about the gateway; nothing: it takes none.
  [[nodiscard]] virtual std::optional<DatagramCounters> datagrams() const = 0;

 protected:
  ~FrontDeskHost() = default;
};

struct FrontDeskConfig {
  std::uint32_t connections_max = 0;
  std::uint32_t refusals_max = 0;  // of a session
  bool replay_clock = false;
};

class FrontDesk final : public io::TcpHandler {
 public:
  // All outlive the desk; the server is set before the loop's first turn.
  FrontDesk(const FrontDeskConfig& config, SenderLimits& limits, const state::Machine& machine,
            const crypto::KeyStore& keys, const crypto::Verifier& verifier, FrontDeskHost& host);
  void set_server(io::TcpServer& server) noexcept { server_ = &server; }

  void on_open(io::ConnectionId connection) override;
  [[nodiscard]] std::size_t on_bytes(io::ConnectionId connection, ByteSpan bytes) override;
  void on_end(io::ConnectionId connection) override;
  void on_close(io::ConnectionId connection, io::CloseReason reason) override;

  // Receipts and refusals of a batch that is durable and executed.
  void send_receipts(Batch& batch, std::uint64_t batch_number);
  // Refusals of the messages with a bad signature.
  void send_rejections(const Batch& batch);
  // Everything that the state holds is durable now.
  void answer(const Question& question, const std::string& backend, const std::string& version);

  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
  [[nodiscard]] std::uint64_t decode_ns() const noexcept { return decode_ns_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  [[nodiscard]] Session* find(io::ConnectionId connection) noexcept;
  void take_frame(Session& session, ByteSpan body);
  void take_envelope(Session& session, ByteSpan bytes);
  void take_hello(Session& session, ByteSpan bytes);
  void take_query(Session& session, ByteSpan bytes);
  void take_tick(Session& session, ByteSpan bytes);
  void ask(Session& session, Question question);
  void refuse(Session& session, Result result, state::Slot slot = 0, std::uint64_t sequence = 0);
  // One that will be taken later: it costs none of the session's patience.
  void refuse_for_now(Session& session, state::Slot slot, std::uint64_t sequence);
  void refuse_and_close(Session& session, Result result);
  void send_refusal(Session& session, Result result, state::Slot slot, std::uint64_t sequence);
  void close(Session& session);
  void answer_hello(const Session& session);
  void refuse_tick(io::ConnectionId connection, Result result);
  void send_tick_answer(io::ConnectionId connection, const strict::TickAnswer& answer);

  const FrontDeskConfig config_;
  const state::Machine& machine_;
  const crypto::KeyStore& keys_;
  const crypto::Verifier& verifier_;
  FrontDeskHost& host_;
  io::TcpServer* server_ = nullptr;
  const Bytes16 message_tag_;
  const Bytes16 hello_tag_;
  std::vector<Session> sessions_;  // by connection index
  SenderLimits& limits_;
  Batch* batch_ = nullptr;       // during on_bytes: has room for every message of the slice at hand
  strict::PayloadView payload_;  // of the message at hand
  std::uint64_t refused_ = 0;
  std::uint64_t decode_ns_ = 0;
};

}  // namespace electra::pipeline
