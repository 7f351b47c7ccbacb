#include "meter-proto/client/session.h"

#include "meter-proto/base/assert.h"

namespace electra::client {
namespace {

std::string refused_opening(Result result) {
  std::string reason("the gateway refused the session: ");
  return reason.append(result_name(result)).append(", ").append(result_text(result));
}

}  // namespace

ClientSession::ClientSession(Sender sender, SignFunction sign, std::optional<Bytes32> expected_genesis_hash)
    : sender_(sender), sign_(std::move(sign)), expected_genesis_hash_(expected_genesis_hash) {}

void ClientSession::receive(ByteSpan bytes) {
  if (state_ == State::closed) return;
  splitter_.feed(bytes);
  ByteSpan body;
  while (state_ != State::closed) {
    switch (splitter_.next(body)) {
      case strict::FrameSplitter::Status::need_more: return;
      case strict::FrameSplitter::Status::too_large: return close("the gateway sent a frame above the limit");
      case strict::FrameSplitter::Status::frame:     on_frame(body);
    }
  }
}

void ClientSession::connection_ended(std::string reason) { close(std::move(reason)); }

ByteSpan ClientSession::output() const noexcept { return ByteSpan(output_).subspan(output_taken_); }

void ClientSession::sent(std::size_t count) {
  ELECTRA_ASSERT_LE(count, output_.size() - output_taken_);
  output_taken_ += count;
  if (output_taken_ == output_.size()) {
    output_.clear();
    output_taken_ = 0;
  } else if (output_taken_ > output_.size() / 2) {
    output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(output_taken_));
    output_taken_ = 0;
  }
}

std::optional<Event> ClientSession::next_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void ClientSession::send_frame(ByteSpan frame) {
  ELECTRA_ASSERT_EQ(state_, State::open);
  output_.insert(output_.end(), frame.begin(), frame.end());
}

std::expected<void, std::string> ClientSession::send_message(const Sender& sender, std::uint64_t sequence,
                                                             const strict::PayloadView& payload,
                                                             const SignFunction& sign) {
  std::array<std::uint8_t, proto::kClientBufferBytes> frame;
  const auto frame_bytes = write_message_frame(sender, chain_.genesis_hash, sequence, payload, sign, frame);
  if (!frame_bytes) return std::unexpected(frame_bytes.error());
  send_frame(ByteSpan(frame).first(*frame_bytes));
  return {};
}

void ClientSession::send_query(const wire::Query& query) {
  const std::string message = query.SerializeAsString();
  std::vector<std::uint8_t> frame(message.size() + 16);
  const std::size_t frame_bytes = proto::encode_frame(strict::FrameKind::query, bytes_of(message), frame);
  ELECTRA_ASSERT_LT(0, frame_bytes);
  send_frame(ByteSpan(frame).first(frame_bytes));
}

void ClientSession::send_tick(std::uint64_t time_ns) {
  std::array<std::uint8_t, proto::kSessionFrameBytesMax> frame;
  const std::size_t frame_bytes = proto::encode_tick_frame({.time = time_ns}, frame);
  send_frame(ByteSpan(frame).first(frame_bytes));
}

void ClientSession::on_frame(ByteSpan body) {
  strict::FrameView frame;
  if (strict::decode_frame(body, frame) != Result::ok) return close("the gateway sent a malformed frame");
  if (frame.kind == strict::FrameKind::refusal) return on_refusal(frame.message);  // has its place in every state
  switch (state_) {
    case State::awaiting_welcome:
      if (frame.kind != strict::FrameKind::welcome) return close("the gateway did not begin with a welcome");
      return on_welcome(frame.message);
    case State::awaiting_hello_answer:
      if (frame.kind != strict::FrameKind::hello_answer) return close("the gateway did not answer the hello");
      return on_hello_answer(frame.message);
    case State::open:   return on_answer(frame);
    case State::closed: return;
  }
}

void ClientSession::on_welcome(ByteSpan message) {
  strict::Welcome welcome;
  if (strict::decode_welcome(message, welcome) != Result::ok) return close("the gateway sent a malformed welcome");
  if (welcome.version != strict::kProtocolVersion) {
    return close("the gateway speaks protocol version " + std::to_string(welcome.version) + ", this client " +
                 std::to_string(strict::kProtocolVersion));
  }
  chain_.chain_id = welcome.chain_id;
  chain_.genesis_hash = *array_of<32>(welcome.genesis_hash);
  chain_.time_ns = welcome.time;
  chain_.replay_clock = welcome.replay_clock;
  if (expected_genesis_hash_ && *expected_genesis_hash_ != chain_.genesis_hash) {
    return close("the gateway belongs to another chain: " + chain_.chain_id + " with genesis hash " +
                 to_hex(chain_.genesis_hash));
  }

  if (!sign_) {
    state_ = State::open;
    events_.emplace_back(HelloAnswer{});
    return;
  }
  const auto signature = sign_(proto::SignatureKind::hello, chain_.genesis_hash, 0, welcome.nonce);
  if (!signature) return close("the signer did not sign the hello");
  strict::Hello hello;
  hello.version = strict::kProtocolVersion;
  hello.slot = sender_.slot;
  if (sender_.slot == 0) hello.address = sender_.address;
  hello.key_generation = sender_.key_generation;
  hello.signature = *signature;
  std::array<std::uint8_t, proto::kSessionFrameBytesMax> frame;
  const std::size_t frame_bytes = proto::encode_hello_frame(hello, frame);
  output_.insert(output_.end(), frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(frame_bytes));
  state_ = State::awaiting_hello_answer;
}

void ClientSession::on_hello_answer(ByteSpan message) {
  strict::HelloAnswer answer;
  if (strict::decode_hello_answer(message, answer) != Result::ok) {
    return close("the gateway sent a malformed answer to the hello");
  }
  events_.emplace_back(HelloAnswer{.result = answer.result,
                                   .slot = answer.slot,
                                   .status = answer.status,
                                   .roles = answer.roles,
                                   .key_generation = answer.key_generation,
                                   .highest_sequence = answer.highest_sequence,
                                   .registration_id = array_of<32>(answer.registration_id)});
  if (answer.result != Result::ok) {
    return close(refused_opening(answer.result));
  }
  state_ = State::open;
}

void ClientSession::on_refusal(ByteSpan message) {
  strict::Refusal refusal;
  if (strict::decode_refusal(message, refusal) != Result::ok) return close("the gateway sent a malformed refusal");
  events_.emplace_back(Refusal{refusal.result, refusal.slot, refusal.sequence, std::string(refusal.text)});
  // The gateway would let us try again, with the same key and the same outcome.
  if (state_ != State::open) close(refused_opening(refusal.result));
}

void ClientSession::on_answer(const strict::FrameView& frame) {
  switch (frame.kind) {
    case strict::FrameKind::receipt: {
      strict::Receipt receipt;
      if (strict::decode_receipt(frame.message, receipt) != Result::ok) break;
      events_.emplace_back(receipt);
      return;
    }
    case strict::FrameKind::tick_answer: {
      strict::TickAnswer answer;
      if (strict::decode_tick_answer(frame.message, answer) != Result::ok) break;
      events_.emplace_back(answer);
      return;
    }
    case strict::FrameKind::query_answer: {
      wire::QueryAnswer answer;
      if (!answer.ParseFromArray(frame.message.data(), static_cast<int>(frame.message.size()))) break;
      events_.emplace_back(std::move(answer));
      return;
    }
    default: return close("the gateway sent a frame that only a client sends, or opened the session again");
  }
  close("the gateway sent a malformed answer");
}

void ClientSession::close(std::string reason) {
  if (state_ == State::closed) return;
  state_ = State::closed;
  events_.emplace_back(Closed{std::move(reason)});
}

}  // namespace electra::client
