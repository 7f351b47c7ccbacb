// Judges a proof, knowing nothing but which chain it should be of.
//
// All the arithmetic there is: one or two Ed25519 signatures and fewer than a hundred hashes, about 150 µs. Needs libsodium
// and no engine. What comes out is true if the gateway's key signed no false header; a second header of the same height
// under that key is evidence against it.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <variant>

#include "meter-proto/chain/leaves.h"
#include "meter-proto/chain/proof.h"

namespace electra::proto {

// What the reader knows from elsewhere: genesis.json holds both.
struct TrustAnchor {
  Bytes32 genesis_hash{};
  Bytes32 gateway_key{};
};

struct MessageFacts {
  Bytes32 message_id{};
};
struct AccountFacts {
  std::uint64_t number = 0;
  AccountLeaf account;
};
struct MeterFacts {
  std::uint64_t slot = 0;
  MeterLeaf meter;
  HolderLeaf holder;
};
struct HolderFacts {
  std::uint64_t slot = 0;
  HolderLeaf holder;
};
// Accounts, or slots, are numbered 1 … count; a higher number does not exist.
struct AbsenceFacts {
  bool of_holders = false;  // else of accounts
  std::uint64_t count = 0;
};

// What the proof shows about the state after (or, of a message, the contents of) the block that header names.
struct CheckedFacts {
  BlockHeader header;
  std::variant<MessageFacts, AccountFacts, MeterFacts, HolderFacts, AbsenceFacts> facts;  // as Proof::content
};

// The error is one sentence for people: which check failed.
[[nodiscard]] std::expected<CheckedFacts, std::string> check_proof(const Proof& proof, const TrustAnchor& anchor);

}  // namespace electra::proto
