// Hashes with a purpose in them: TH(tag, m) = SHA-256(SHA-256(tag) ‖ SHA-256(tag) ‖ m), as in BIP-340.
//
// A hash of one purpose can never be taken for one of another, and the two copies of the tag's hash fill exactly one
// block, so that whoever hashes many can start from the state after it. docs/proof-format.md lists the tags.
#pragma once

#include "meter-proto/base/bytes.h"
#include "meter-proto/base/sha256.h"

namespace electra::proto {

inline constexpr std::string_view kLeafTag = "electra/leaf/1";
inline constexpr std::string_view kNodeTag = "electra/node/1";
inline constexpr std::string_view kTableTag = "electra/table/1";
inline constexpr std::string_view kStateTag = "electra/state/1";
inline constexpr std::string_view kBatchTag = "electra/batch/1";
inline constexpr std::string_view kHeaderTag = "electra/header/1";
inline constexpr std::string_view kValidatorsTag = "electra/validators/1";

// Incremental: the tag, then any number of updates, then finish.
[[nodiscard]] inline Sha256 tagged_sha256(std::string_view tag) noexcept {
  const Bytes32 tag_hash = sha256(tag);
  Sha256 hash;
  hash.update(tag_hash).update(tag_hash);
  return hash;
}

[[nodiscard]] inline Bytes32 tagged_hash(std::string_view tag, ByteSpan message) noexcept {
  return tagged_sha256(tag).update(message).finish();
}

}  // namespace electra::proto
