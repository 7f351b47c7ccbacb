// Decoding alone: from the bytes of a connection to views of envelope and operation.
//
// decode_frames is what the front desk does with a receive buffer before it looks at the sender: cut frames, read the
// envelope, read the payload. Items are messages. libprotobuf stands beside it, with a message object that is used again.

#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <vector>

#include "electra/wire.pb.h"
#include "meter-proto/encode.h"

namespace electra {
namespace {

constexpr std::size_t kFrames = 256;

strict::PayloadView reading_payload(std::uint64_t wh) {
  strict::PayloadView payload;
  strict::Reading& reading = payload.operation.emplace<strict::Reading>();
  reading.time = 1'451'866'500;
  reading.count = 1;
  reading.items[0] = {.phase = 1, .whin = wh, .whout = 0, .mvolt = 230'000, .mhertz = 50'000, .mpf = 958, .maxmi = 16};
  return payload;
}

strict::PayloadView transfer_payload(std::uint64_t amount) {
  strict::PayloadView payload;
  payload.not_after = 1'451'952'000;
  strict::Transfers& transfers = payload.operation.emplace<strict::Transfers>();
  transfers.count = 1;
  transfers.items[0].debit_account = 1234;
  transfers.items[0].credit_account = 4321;
  transfers.items[0].amount = amount;
  return payload;
}

// Frames side by side, as they lie in a receive buffer.
std::vector<std::uint8_t> frames_of(bool readings) {
  std::vector<std::uint8_t> stream;
  std::array<std::uint8_t, 64> signature;
  signature.fill(0x5a);
  for (std::size_t i = 0; i < kFrames; ++i) {
    std::array<std::uint8_t, 512> payload;
    const std::size_t payload_bytes =
        proto::encode_payload(readings ? reading_payload(1'000'000 + i) : transfer_payload(1 + i), payload);
    std::array<std::uint8_t, proto::kClientBufferBytes> frame;
    const std::size_t frame_bytes = proto::encode_envelope_frame({.slot = static_cast<std::uint32_t>(i + 1),
                                                                  .address = {},
                                                                  .key_generation = 1,
                                                                  .sequence = 1000 + i,
                                                                  .payload = {payload.data(), payload_bytes},
                                                                  .signature = signature},
                                                                 frame);
    stream.insert(stream.end(), frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(frame_bytes));
  }
  return stream;
}

void require(benchmark::State& state, bool good) {
  if (!good) state.SkipWithError("a frame was not decoded");
}

void decode_frames(benchmark::State& state, bool readings) {
  const std::vector<std::uint8_t> stream = frames_of(readings);
  strict::FrameSplitter splitter;
  for (auto _ : state) {
    splitter.feed(stream);
    ByteSpan body;
    std::size_t good = 0;
    while (splitter.next(body) == strict::FrameSplitter::Status::frame) {
      strict::FrameView frame;
      strict::EnvelopeView envelope;
      strict::PayloadView payload;
      good += strict::decode_frame(body, frame) == Result::ok &&
              strict::decode_envelope(frame.message, envelope) == Result::ok &&
              strict::decode_payload(envelope.payload, payload) == Result::ok;
      benchmark::DoNotOptimize(payload);
    }
    require(state, good == kFrames);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kFrames));
}

void decode_frames_protobuf(benchmark::State& state, bool readings) {
  const std::vector<std::uint8_t> stream = frames_of(readings);
  strict::FrameSplitter splitter;
  wire::Frame frame;
  wire::Payload payload;
  for (auto _ : state) {
    splitter.feed(stream);
    ByteSpan body;
    std::size_t good = 0;
    while (splitter.next(body) == strict::FrameSplitter::Status::frame) {
      good += frame.ParseFromArray(body.data(), static_cast<int>(body.size())) &&
              payload.ParseFromString(frame.envelope().payload());
    }
    require(state, good == kFrames);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kFrames));
}

BENCHMARK_CAPTURE(decode_frames, readings, true);
BENCHMARK_CAPTURE(decode_frames, transfers, false);
BENCHMARK_CAPTURE(decode_frames_protobuf, readings, true);
BENCHMARK_CAPTURE(decode_frames_protobuf, transfers, false);

}  // namespace
}  // namespace electra
