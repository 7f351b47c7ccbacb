// The small messages around the envelope that travel often enough, or early enough, to be read strictly and in place:
// the opening of a session, receipts, refusals and ticks. Queries and their answers are libprotobuf's.
//
// Every decode function answers ok or malformed_frame. Views live as long as the input.
#pragma once

#include "meter-proto/base/bytes.h"
#include "meter-proto/base/result.h"

namespace electra::strict {

inline constexpr std::size_t kChainIdBytesMax = 64;
inline constexpr std::size_t kRefusalTextBytesMax = 256;

struct Welcome {
  std::uint32_t version = 0;    // >= 1
  ByteSpan genesis_hash{};      // 32 bytes
  ByteSpan nonce{};             // 32 bytes
  std::string_view chain_id{};  // ASCII, at most 64 bytes
  std::uint64_t time = 0;       // unix ns
  bool replay_clock = false;
};

struct Hello {
  std::uint32_t version = 0;  // >= 1
  std::uint32_t slot = 0;     // as in EnvelopeView: slot or address
  ByteSpan address{};
  std::uint32_t key_generation = 0;  // >= 1
  ByteSpan signature{};              // 64 bytes
};

struct HelloAnswer {
  Result result = Result::ok;
  std::uint32_t slot = 0;
  std::uint32_t status = 0;  // HolderStatus
  std::uint32_t roles = 0;   // bit set of Role
  std::uint32_t key_generation = 0;
  std::uint64_t highest_sequence = 0;
  ByteSpan
      registration_id{};  // 32 bytes, or empty: the holder was never registered by a message (genesis), or a refusal
};

struct Receipt {
  std::uint32_t slot = 0;
  std::uint64_t sequence = 0;
  Result result = Result::ok;
  std::uint64_t batch = 0;
  std::uint64_t detail = 0;
  bool repeated = false;
};

struct Refusal {
  Result result = Result::ok;
  std::uint32_t slot = 0;
  std::uint64_t sequence = 0;
  std::string_view text{};  // ASCII, at most 256 bytes
};

struct Tick {
  std::uint64_t time = 0;  // unix ns
};

struct TickAnswer {
  Result result = Result::ok;
  std::uint64_t time = 0;  // unix ns
  std::uint64_t batch = 0;
};

[[nodiscard]] Result decode_welcome(ByteSpan bytes, Welcome& out) noexcept;
[[nodiscard]] Result decode_hello(ByteSpan bytes, Hello& out) noexcept;
[[nodiscard]] Result decode_hello_answer(ByteSpan bytes, HelloAnswer& out) noexcept;
[[nodiscard]] Result decode_receipt(ByteSpan bytes, Receipt& out) noexcept;
[[nodiscard]] Result decode_refusal(ByteSpan bytes, Refusal& out) noexcept;
[[nodiscard]] Result decode_tick(ByteSpan bytes, Tick& out) noexcept;
[[nodiscard]] Result decode_tick_answer(ByteSpan bytes, TickAnswer& out) noexcept;

}  // namespace electra::strict
