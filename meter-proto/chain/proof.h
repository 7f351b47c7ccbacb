// Evidence that something stands in a chain: a message with its result, a balance, a meter's registers, a holder, or that
// there is no such account or holder.
//
// A proof holds one signed header and the hashes that lead from the fact to a root in that header. Every bit of it is bound
// by a signature, a root or the reader's trust anchor, and each proof has exactly one encoding: whoever changes something
// gets what decode_proof refuses, what fails check_proof (meter-proto/chain/proof_check.h), or another true proof: where
// two neighbours of a tree are the same bytes, each one's proof becomes the other's by its index. A checksum at the end
// sees to it that one changed byte is refused even then. That is why a message proof holds the signed parts of an envelope
// and not the envelope, whose slot no signature covers, and why an absence proof says how many entries a table has and not
// which missing one was asked for. A proof is 500 bytes to 4 KB.
// The page of prose is docs/proof-format.md.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "meter-proto/base/bytes.h"
#include "meter-proto/chain/block_header.h"

namespace electra::proto {

inline constexpr std::string_view kProofMagic = "ELECTRAP";
inline constexpr std::uint32_t kProofFormatVersion = 1;
inline constexpr std::string_view kProofTag = "electra/proof/1";  // of the checksum, a tagged hash of all bytes before
inline constexpr std::size_t kProofChecksumBytes = 32;
inline constexpr std::size_t kProofPayloadBytesMax = 1468;  // no frame is longer
inline constexpr std::size_t kProofLeafBytesMax = 1024;     // of the tables that proofs are about
inline constexpr std::size_t kProofBytesMax = 16384;        // no encoded proof is longer

// Also the index in Proof::content.
enum class ProofKind : std::uint32_t { message = 1, account = 2, meter = 3, holder = 4, absence = 5 };
// "message", "account", …
[[nodiscard]] std::string_view proof_kind_name(ProofKind kind) noexcept;

// Of all tables of the state, in their order; format version 1 knows 11 (engine/state/tables.h).
inline constexpr std::size_t kStateTables = 11;
using TableRoots = std::array<Bytes32, kStateTables>;

// The message was in the block, and this became of it.
struct MessageProof {
  Bytes32 sender_key{};  // whose signature this is
  Bytes64 signature{};   // R ‖ S
  std::uint64_t sequence = 0;
  std::vector<std::uint8_t> payload;  // as signed
  std::uint16_t result = 0;           // a Result, or a number of a later version
  bool repeated = false;              // these were the bytes of an earlier message again: its result, no second effect
  std::uint64_t index = 0;            // among the block's messages
  std::vector<Bytes32> path;
  bool operator==(const MessageProof&) const = default;
};

// One entry of a table of the state and its way to the tree's root.
struct LeafProof {
  std::uint8_t table = 0;
  std::uint64_t index = 0;         // < count
  std::uint64_t count = 0;         // entries of the table
  std::vector<std::uint8_t> leaf;  // meter-proto/chain/leaves.h
  std::vector<Bytes32> path;
  bool operator==(const LeafProof&) const = default;
};

struct AccountProof {
  TableRoots table_roots{};
  LeafProof account;
  bool operator==(const AccountProof&) const = default;
};

// The registers, and whose they are: meter and holder name each other.
struct MeterProof {
  TableRoots table_roots{};
  LeafProof meter;
  LeafProof holder;
  bool operator==(const MeterProof&) const = default;
};

struct HolderProof {
  TableRoots table_roots{};
  LeafProof holder;
  bool operator==(const HolderProof&) const = default;
};

// The table (accounts or holders) has `count` entries, so there is none with an index of count or above.
struct AbsenceProof {
  TableRoots table_roots{};
  std::uint8_t table = 0;
  std::uint64_t count = 0;
  Bytes32 tree_root{};
  bool operator==(const AbsenceProof&) const = default;
};

struct Proof {
  Bytes32 genesis_hash{};
  Bytes32 gateway_key{};  // that signed the header
  SignedHeader header;
  std::variant<MessageProof, AccountProof, MeterProof, HolderProof, AbsenceProof> content;

  [[nodiscard]] ProofKind kind() const noexcept { return static_cast<ProofKind>(content.index() + 1); }
  bool operator==(const Proof&) const = default;
};

// Lengths must be within the limits above (asserted).
[[nodiscard]] std::vector<std::uint8_t> encode_proof(const Proof& proof);

// The error is one sentence for people: what is wrong with the bytes, and where. Accepts exactly what encode_proof writes;
// whether it is true is for check_proof to say.
[[nodiscard]] std::expected<Proof, std::string> decode_proof(ByteSpan bytes);

}  // namespace electra::proto
