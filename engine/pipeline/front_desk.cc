#include "engine/pipeline/front_desk.h"

#include <sodium/randombytes.h>

#include "engine/pipeline/admission.h"
#include "engine/pipeline/cpu_time.h"
#include "engine/pipeline/queries.h"
#include "engine/pipeline/replay.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/encode.h"
#include "meter-proto/signing.h"

namespace electra::pipeline {
namespace {

// Questions of one session that may wait at once; a client that asks more without reading answers is closed.
constexpr std::uint32_t kQuestionsPerSession = 16;

}  // namespace

FrontDesk::FrontDesk(const FrontDeskConfig& config, SenderLimits& limits, const state::Machine& machine,
                     const crypto::KeyStore& keys, const crypto::Verifier& verifier, FrontDeskHost& host)
    : config_(config),
      machine_(machine),
      keys_(keys),
      verifier_(verifier),
      host_(host),
      message_tag_(proto::signing_tag(proto::SignatureKind::message, machine.genesis_hash())),
      hello_tag_(proto::signing_tag(proto::SignatureKind::hello, machine.genesis_hash())),
      sessions_(config.connections_max),
      limits_(limits) {}

std::size_t FrontDesk::memory_bytes() const noexcept {
  return sessions_.size() * (sizeof(Session) + strict::kFrameBytesMax);
}

Session* FrontDesk::find(io::ConnectionId connection) noexcept {
  Session& session = sessions_.at(connection.index);
  return session.open && session.connection == connection ? &session : nullptr;
}

void FrontDesk::on_open(io::ConnectionId connection) {
  Session& session = sessions_.at(connection.index);
  session.begin(connection, config_.refusals_max);
  randombytes_buf(session.nonce.data(), session.nonce.size());
  std::array<std::uint8_t, proto::kSessionFrameBytesMax> out;
  const std::size_t size = proto::encode_welcome_frame({.version = strict::kProtocolVersion,
                                                        .genesis_hash = machine_.genesis_hash(),
                                                        .nonce = session.nonce,
                                                        .chain_id = machine_.chain_id(),
                                                        .time = host_.durable_time_ns(),
                                                        .replay_clock = config_.replay_clock},
                                                       out);
  server_->send(connection, {out.data(), size});
}

void FrontDesk::on_close(io::ConnectionId connection, io::CloseReason) {
  Session& session = sessions_.at(connection.index);
  if (session.connection == connection) session.open = false;
}

void FrontDesk::on_end(io::ConnectionId connection) {
  // Receipts of what is in flight are lost to this peer; it resends and gets them again.
  if (Session* session = find(connection)) close(*session);
}

std::size_t FrontDesk::on_bytes(io::ConnectionId connection, ByteSpan bytes) {
  Session* session = find(connection);
  if (session == nullptr) return bytes.size();
  const std::uint64_t begin = thread_cpu_ns();
  limits_.look(io::monotonic_ns(), bytes.size());
  std::size_t taken = 0;
  while (taken < bytes.size() && session->open) {
    batch_ = host_.forming();
    if (batch_ == nullptr) break;
    // A slice can finish one kept frame and bring one more per smallest frame; so it always fits.
    const std::size_t slice = std::min(bytes.size() - taken, (batch_->room() - 1) * proto::kEnvelopeFrameBytesMin + 1);
    session->splitter.feed(bytes.subspan(taken, slice));
    taken += slice;
    ByteSpan body;
    strict::FrameSplitter::Status status{};
    while (session->open && (status = session->splitter.next(body)) == strict::FrameSplitter::Status::frame) {
      take_frame(*session, body);
    }
    if (session->open && status == strict::FrameSplitter::Status::too_large) {
      refuse_and_close(*session, Result::frame_too_large);
    }
  }
  decode_ns_ += thread_cpu_ns() - begin;
  host_.nudge();
  return session->open ? taken : bytes.size();
}

void FrontDesk::take_frame(Session& session, ByteSpan body) {
  strict::FrameView frame;
  if (strict::decode_frame(body, frame) != Result::ok) return refuse_and_close(session, Result::malformed_frame);
  switch (frame.kind) {
    case strict::FrameKind::envelope:     return take_envelope(session, frame.message);
    case strict::FrameKind::hello:        return take_hello(session, frame.message);
    case strict::FrameKind::query:        return take_query(session, frame.message);
    case strict::FrameKind::tick:         return take_tick(session, frame.message);
    case strict::FrameKind::welcome:
    case strict::FrameKind::hello_answer:
    case strict::FrameKind::receipt:
    case strict::FrameKind::refusal:
    case strict::FrameKind::query_answer:
    case strict::FrameKind::tick_answer:  break;  // the gateway's own frames
  }
  refuse_and_close(session, Result::malformed_frame);
}

void FrontDesk::take_envelope(Session& session, ByteSpan bytes) {
  strict::EnvelopeView envelope;
  if (strict::decode_envelope(bytes, envelope) != Result::ok) {
    return refuse_and_close(session, Result::malformed_frame);
  }
  if (session.slot == 0) return refuse(session, Result::hello_required, envelope.slot, envelope.sequence);
  const Admission admission = admit(envelope, keys_, machine_, payload_);
  if (admission.result != Result::ok) {
    return refuse(session, admission.result, admission.slot, envelope.sequence);
  }
  if (host_.keeper().refusing()) return refuse(session, Result::overloaded, admission.slot, envelope.sequence);
  if (!limits_.take(admission.slot)) return refuse_for_now(session, admission.slot, envelope.sequence);
  const bool added =
      batch_->add({.connection = session.connection, .slot = admission.slot, .sequence = envelope.sequence}, bytes,
                  envelope, *admission.key, message_tag_, admission.embedded_key);
  ELECTRA_ASSERT(added);  // on_bytes made sure of the room
}

void FrontDesk::take_hello(Session& session, ByteSpan bytes) {
  strict::Hello hello;
  if (strict::decode_hello(bytes, hello) != Result::ok) return refuse_and_close(session, Result::malformed_frame);
  if (hello.version != strict::kProtocolVersion) return refuse_and_close(session, Result::wrong_version);
  if (++session.hello_attempts > Session::kHelloAttemptsMax) return refuse_and_close(session, Result::overloaded);
  strict::EnvelopeView sender;
  sender.slot = hello.slot;
  sender.address = hello.address;
  const state::Slot slot = resolve_sender(keys_, sender);
  const crypto::StoredKey* key = keys_.find(slot, hello.key_generation);
  if (key == nullptr) return refuse(session, Result::unknown_sender, slot);
  const crypto::VerifyItem item{.public_key = key->public_key.data(),
                                .key_number = key->number,
                                .signature = hello.signature,
                                .tag = &hello_tag_,
                                .sequence = 0,
                                .payload = session.nonce};
  crypto::VerifyOutcome outcome;
  verifier_.verify({&item, 1}, {&outcome, 1});
  if (!outcome.valid) return refuse(session, Result::bad_signature, slot);
  session.slot = slot;
  server_->established(session.connection);
  ask(session, {.kind = Question::Kind::hello, .connection = session.connection, .query = {}, .tick_ns = 0});
}

void FrontDesk::take_query(Session& session, ByteSpan bytes) {
  Question question{.kind = Question::Kind::query, .connection = session.connection, .query = {}, .tick_ns = 0};
  if (!question.query.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return refuse_and_close(session, Result::malformed_frame);
  }
  ask(session, std::move(question));
}

void FrontDesk::take_tick(Session& session, ByteSpan bytes) {
  strict::Tick tick;
  if (strict::decode_tick(bytes, tick) != Result::ok) return refuse_and_close(session, Result::malformed_frame);
  if (session.slot == 0) return refuse_tick(session.connection, Result::hello_required);
  const auto holder = machine_.holder(session.slot);
  const bool may = config_.replay_clock && holder && holder->status == state::HolderStatus::active &&
                   (holder->roles & (state::kRoleOperator | state::kRoleGateway)) != 0;
  const Result result = may ? host_.tick(tick.time) : Result::not_permitted;
  if (result != Result::ok) return refuse_tick(session.connection, result);
  ask(session, {.kind = Question::Kind::tick, .connection = session.connection, .query = {}, .tick_ns = tick.time});
}

void FrontDesk::ask(Session& session, Question question) {
  if (session.questions == kQuestionsPerSession || !host_.ask(std::move(question))) {
    return refuse_and_close(session, Result::overloaded);
  }
  ++session.questions;
}

void FrontDesk::refuse(Session& session, Result result, state::Slot slot, std::uint64_t sequence) {
  send_refusal(session, result, slot, sequence);
  if (!session.spend_refusal()) close(session);
}

void FrontDesk::refuse_for_now(Session& session, state::Slot slot, std::uint64_t sequence) {
  send_refusal(session, Result::overloaded, slot, sequence);
}

void FrontDesk::send_refusal(Session& session, Result result, state::Slot slot, std::uint64_t sequence) {
  ++refused_;
  std::array<std::uint8_t, proto::kSessionFrameBytesMax> out;
  const std::size_t size = proto::encode_refusal_frame(
      {.result = result, .slot = slot, .sequence = sequence, .text = result_text(result)}, out);
  server_->send(session.connection, {out.data(), size});
}

void FrontDesk::refuse_and_close(Session& session, Result result) {
  refuse(session, result);
  if (session.open) close(session);
}

void FrontDesk::close(Session& session) {
  session.open = false;
  server_->close(session.connection, io::CloseMode::after_flush);
}

void FrontDesk::send_rejections(const Batch& batch) {
  for (const Origin& origin : batch.rejected()) {
    if (!origin.stale) limits_.give_back(origin.slot);
    if (origin.by_datagram()) continue;
    if (Session* session = find(origin.connection)) {
      refuse(*session, Result::bad_signature, origin.slot, origin.sequence);
    } else {
      ++refused_;
    }
  }
}

void FrontDesk::send_receipts(Batch& batch, std::uint64_t batch_number) {
  const std::span<const Origin> origins = batch.origins();
  const std::span<const state::Outcome> outcomes = batch.outcomes();
  std::array<std::uint8_t, proto::kSessionFrameBytesMax> out;
  for (std::size_t i = 0; i < origins.size(); ++i) {
    Session* session = find(origins[i].connection);
    if (session == nullptr) continue;
    const state::Outcome& outcome = outcomes[i];
    const std::size_t size = proto::encode_receipt_frame({.slot = origins[i].slot,
                                                          .sequence = origins[i].sequence,
                                                          .result = outcome.result,
                                                          .batch = outcome.repeated ? outcome.batch : batch_number,
                                                          .detail = outcome.detail,
                                                          .repeated = outcome.repeated},
                                                         out);
    server_->send(session->connection, {out.data(), size});
    session->count_good();
  }
}

void FrontDesk::answer(const Question& question, const std::string& backend, const std::string& version) {
  Session* session = find(question.connection);
  if (session == nullptr) return;
  --session->questions;
  switch (question.kind) {
    case Question::Kind::hello: return answer_hello(*session);
    case Question::Kind::tick:
      return send_tick_answer(
          question.connection,
          {.result = machine_.time_ns() < question.tick_ns ? Result::shutting_down : Result::ok,  // asked too late
           .time = machine_.time_ns(),
           .batch = machine_.batch_number()});
    case Question::Kind::query: break;
  }
  wire::Frame frame;
  *frame.mutable_query_answer() =
      answer_query(question.query, {session->slot}, machine_, host_.keeper(),
                   {.backend = backend,
                    .version = version,
                    .replay_clock = config_.replay_clock,
                    .disk_problem = limits_.disk_problem(),
                    .datagrams = question.query.has_status() ? host_.datagrams() : std::nullopt});
  const std::size_t size = frame.ByteSizeLong();
  ELECTRA_ASSERT_LE(size, strict::kAnswerBytesMax);  // list limits keep it below
  std::vector<std::uint8_t> bytes(strict::kFrameHeaderBytes + size);
  store_le32(bytes.data(), static_cast<std::uint32_t>(size));
  frame.SerializeWithCachedSizesToArray(bytes.data() + strict::kFrameHeaderBytes);
  server_->send(session->connection, bytes);
}

void FrontDesk::answer_hello(const Session& session) {
  const auto holder = machine_.holder(session.slot);
  ELECTRA_ASSERT(holder.has_value());
  std::array<std::uint8_t, proto::kSessionFrameBytesMax> out;
  const bool registered = holder->registration_id != Bytes32{};
  const std::size_t size =
      proto::encode_hello_answer_frame({.result = Result::ok,
                                        .slot = holder->slot,
                                        .status = static_cast<std::uint32_t>(holder->status),
                                        .roles = holder->roles,
                                        .key_generation = holder->key_generation,
                                        .highest_sequence = holder->highest_sequence,
                                        .registration_id = registered ? ByteSpan{holder->registration_id} : ByteSpan{}},
                                       out);
  server_->send(session.connection, {out.data(), size});
}

void FrontDesk::refuse_tick(io::ConnectionId connection, Result result) {
  ++refused_;
  send_tick_answer(connection, {.result = result, .time = host_.durable_time_ns(), .batch = 0});
}

void FrontDesk::send_tick_answer(io::ConnectionId connection, const strict::TickAnswer& answer) {
  std::array<std::uint8_t, proto::kSessionFrameBytesMax> out;
  const std::size_t size = proto::encode_tick_answer_frame(answer, out);
  server_->send(connection, {out.data(), size});
}

}  // namespace electra::pipeline
