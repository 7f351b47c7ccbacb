// The header of a block: what the gateway signs, and all that a checker of proofs needs to hold.
//
// 224 bytes of fixed layout, little endian; signed as sequence = height, payload = these bytes under the tag "header"
// (meter-proto/signing.h). A header is a function of the journal: made again after a restart it has the same bytes.
// The page of prose is docs/block-format.md.
#pragma once

#include <cstdint>
#include <optional>

#include "meter-proto/base/bytes.h"

namespace electra::proto {

inline constexpr std::uint32_t kHeaderFormatVersion = 1;
inline constexpr std::size_t kHeaderBytes = 224;
inline constexpr std::size_t kSignedHeaderBytes = kHeaderBytes + 64;

struct BlockHeader {
  std::uint32_t rules_version = 0;   // under which the block's batches were executed
  std::uint32_t epoch = 0;           // rises only by an operator's message
  std::uint64_t height = 0;          // 1, 2, …
  std::uint64_t last_batch = 0;      // number of the block's last batch
  std::uint64_t time_ns = 0;         // of that batch
  std::uint64_t cycle = 0;           // id of the billing cycle that this time lies in; 1 = the first
  std::uint32_t batches = 0;         // in the block, >= 1
  std::uint32_t messages = 0;        // in the block: leaves of the transaction tree
  std::uint64_t total_messages = 0;  // since genesis, this block included
  Bytes32 previous_hash{};           // header hash of height - 1; of height 1 the genesis hash
  Bytes32 batch_hash{};              // of the last batch: a chain over all batches since genesis
  Bytes32 transaction_root{};
  Bytes32 state_root{};  // after the block's last batch
  Bytes32 validator_set_hash{};

  bool operator==(const BlockHeader&) const = default;
};

struct SignedHeader {
  BlockHeader header;
  Bytes64 signature{};
  bool operator==(const SignedHeader&) const = default;
};

[[nodiscard]] std::array<std::uint8_t, kHeaderBytes> encode_header(const BlockHeader& header) noexcept;
// Nothing for another length, another format version, or a reserved byte that is not zero.
[[nodiscard]] std::optional<BlockHeader> decode_header(ByteSpan bytes) noexcept;

[[nodiscard]] std::array<std::uint8_t, kSignedHeaderBytes> encode_signed_header(const SignedHeader& header) noexcept;
[[nodiscard]] std::optional<SignedHeader> decode_signed_header(ByteSpan bytes) noexcept;

[[nodiscard]] Bytes32 header_hash(const BlockHeader& header) noexcept;

// True if `gateway_key` signed this header for the chain.
[[nodiscard]] bool header_signature_valid(const SignedHeader& header, const Bytes32& genesis_hash,
                                          const Bytes32& gateway_key) noexcept;

// What a batch adds to the chain of batch hashes.
struct BatchLink {
  std::uint64_t number = 0;
  std::uint64_t time_ns = 0;
  std::uint32_t rules_version = 0;
  std::uint32_t flags = 0;  // of the record
  std::uint32_t count = 0;
  std::uint32_t body_bytes = 0;
  Bytes32 body_hash{};  // SHA-256 of the body
};
// `previous`: batch hash of number - 1; of batch 1 the genesis hash.
[[nodiscard]] Bytes32 batch_hash(const Bytes32& previous, const BatchLink& link) noexcept;

}  // namespace electra::proto
