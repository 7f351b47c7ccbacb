#include "meter-proto/base/sha256.h"

#include "meter-proto/base/sha256_compress.h"

namespace electra {

Sha256::Sha256() noexcept { std::copy_n(kSha256Initial, state_.size(), state_.begin()); }

Sha256& Sha256::update(ByteSpan bytes) noexcept {
  Sha256Compress* const compress = sha256_compress();
  const std::size_t pending = bytes_ % kBlockBytes;
  bytes_ += bytes.size();
  if (pending > 0) {
    const std::size_t taken = std::min(kBlockBytes - pending, bytes.size());
    std::copy_n(bytes.data(), taken, pending_.data() + pending);
    bytes = bytes.subspan(taken);
    if (pending + taken < kBlockBytes) return *this;
    compress(state_.data(), pending_.data(), 1);
  }
  const std::size_t blocks = bytes.size() / kBlockBytes;
  compress(state_.data(), bytes.data(), blocks);
  bytes = bytes.subspan(blocks * kBlockBytes);
  std::copy_n(bytes.data(), bytes.size(), pending_.data());
  return *this;
}

// FIPS 180-4, 5.1.1: a one bit, zeros, and the length in bits in the last 8 bytes of a block.
Bytes32 Sha256::finish() noexcept {
  std::array<std::uint8_t, 2 * kBlockBytes> tail{};
  const std::size_t pending = bytes_ % kBlockBytes;
  std::copy_n(pending_.data(), pending, tail.data());
  tail[pending] = 0x80;
  const std::size_t blocks = pending + 1 + sizeof(std::uint64_t) <= kBlockBytes ? 1 : 2;
  store_le64(tail.data() + blocks * kBlockBytes - sizeof(std::uint64_t), std::byteswap(8 * bytes_));
  sha256_compress()(state_.data(), tail.data(), blocks);
  Bytes32 digest;
  for (std::size_t i = 0; i < state_.size(); ++i) store_le32(digest.data() + 4 * i, std::byteswap(state_[i]));
  return digest;
}

Bytes32 sha256(ByteSpan bytes) noexcept { return Sha256().update(bytes).finish(); }

}  // namespace electra
