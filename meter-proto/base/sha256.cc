#include "meter-proto/base/sha256.h"

#include <sodium/crypto_hash_sha256.h>

namespace electra {
namespace {

static_assert(sizeof(crypto_hash_sha256_state) == 104);
static_assert(alignof(crypto_hash_sha256_state) <= 8);

crypto_hash_sha256_state* library_state(std::array<std::uint8_t, 104>& bytes) noexcept {
  return reinterpret_cast<crypto_hash_sha256_state*>(bytes.data());
}

}  // namespace

Sha256::Sha256() noexcept { crypto_hash_sha256_init(library_state(state_)); }

Sha256& Sha256::update(ByteSpan bytes) noexcept {
  crypto_hash_sha256_update(library_state(state_), bytes.data(), bytes.size());
  return *this;
}

Bytes32 Sha256::finish() noexcept {
  Bytes32 digest;
  crypto_hash_sha256_final(library_state(state_), digest.data());
  return digest;
}

Bytes32 sha256(ByteSpan bytes) noexcept { return Sha256().update(bytes).finish(); }

}  // namespace electra
