#include "crypto-offload/sodium/sodium_verifier.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <vector>

#include "crypto-offload/encoding.h"
#include "crypto-offload/sodium/library.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/signing.h"

namespace electra::crypto::sodium {
namespace {

constexpr std::size_t kPointBytes = 32;
constexpr std::size_t kSignatureBytes = 64;
constexpr std::size_t kMessageAt = 2 * kPointBytes;  // in R ‖ A ‖ M

// Every message that fits a frame fits here; a longer one (test vectors) takes the heap.
constexpr std::size_t kScratchBytes = 2048;

// L − 1, little endian.
constexpr Bytes32 kGroupOrderMinusOne = {0xec, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                         0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                         0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};

// The signing bytes of an item: their length, and how to write them.
std::size_t message_bytes(const VerifyItem& item) { return proto::kSigningPrefixBytes + item.payload.size(); }
std::size_t message_bytes(const RawVerifyItem& item) { return item.message.size(); }

void write_message(MutableByteSpan out, const VerifyItem& item) {
  ELECTRA_ASSERT(item.tag != nullptr);
  proto::signing_bytes(*item.tag, item.sequence, item.payload, out);
}
void write_message(MutableByteSpan out, const RawVerifyItem& item) { std::ranges::copy(item.message, out.begin()); }

// Verdict and id from R ‖ A ‖ M, which lie together so that both hashes read them in place. libsodium hashes the same
// bytes once more inside: its interface takes no finished hash, and 1 % of the cost is not worth leaving it.
VerifyOutcome verify_assembled(ByteSpan signature, ByteSpan assembled) {
  VerifyOutcome outcome;
  Bytes64 hash;
  crypto_hash_sha512(hash.data(), assembled.data(), assembled.size());
  std::copy_n(hash.begin(), outcome.message_id.size(), outcome.message_id.begin());

  outcome.valid = is_canonical_scalar(Encoding(signature.data() + kPointBytes, kPointBytes)) &&
                  !is_small_order_point(Encoding(signature.data(), kPointBytes)) &&
                  crypto_sign_verify_detached(signature.data(), assembled.data() + kMessageAt,
                                              assembled.size() - kMessageAt, assembled.data() + kPointBytes) == 0;
  return outcome;
}

template <typename Item>
VerifyOutcome verify_one(const Item& item) {
  if (item.signature.size() != kSignatureBytes) return {};
  ELECTRA_ASSERT(item.public_key != nullptr);

  const std::size_t bytes = kMessageAt + message_bytes(item);
  std::array<std::uint8_t, kScratchBytes> scratch;
  std::vector<std::uint8_t> long_scratch;
  if (bytes > scratch.size()) long_scratch.resize(bytes);
  const MutableByteSpan assembled = (long_scratch.empty() ? MutableByteSpan(scratch) : long_scratch).first(bytes);

  std::copy_n(item.signature.data(), kPointBytes, assembled.begin());
  std::copy_n(item.public_key, kPointBytes, assembled.begin() + kPointBytes);
  write_message(assembled.subspan(kMessageAt), item);
  return verify_assembled(item.signature, assembled);
}

template <typename Item>
void verify_all(std::span<const Item> items, std::span<VerifyOutcome> outcomes) {
  ELECTRA_ASSERT_EQ(items.size(), outcomes.size());
  for (std::size_t i = 0; i < items.size(); ++i) outcomes[i] = verify_one(items[i]);
}

}  // namespace

SodiumVerifier::SodiumVerifier() { require_library(); }

bool SodiumVerifier::check_key(const Bytes32& public_key) const {
  if (!is_canonical_point(public_key) || is_small_order_point(public_key)) return false;

  // [L]A is the identity just if [L−1]A = −A. libsodium's own subgroup check is not enough: releases that look at the
  // x coordinate only take a point of order 2L for one of order L (CVE-2025-69277). The multiplication also fails for
  // bytes that do not decompress.
  Bytes32 product;
  if (crypto_scalarmult_ed25519_noclamp(product.data(), kGroupOrderMinusOne.data(), public_key.data()) != 0) {
    return false;
  }
  Bytes32 negated = public_key;
  negated[31] ^= 0x80;  // x is not 0, so the sign bit alone turns A into −A
  return product == negated;
}

void SodiumVerifier::verify(std::span<const VerifyItem> items, std::span<VerifyOutcome> outcomes) const {
  verify_all(items, outcomes);
}

void SodiumVerifier::verify_raw(std::span<const RawVerifyItem> items, std::span<VerifyOutcome> outcomes) const {
  verify_all(items, outcomes);
}

}  // namespace electra::crypto::sodium
