#include "engine/chain/packed.h"

#include <algorithm>

#include "engine/chain/block_maker.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/base/sentence.h"
#include "meter-proto/base/sha256.h"

namespace electra::chain {
namespace {

// Places in the prefix.
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kGenesisBytesAt = 12;
constexpr std::size_t kFirstHeightAt = 16;
constexpr std::size_t kBlockCountAt = 24;

// Places in a batch.
constexpr std::size_t kTimeAt = 0;
constexpr std::size_t kFlagsAt = 8;
constexpr std::size_t kCountAt = 12;
constexpr std::size_t kBodyBytesAt = 16;

}  // namespace

std::vector<std::uint8_t> encode_packed_header(std::uint64_t first_height, std::uint64_t block_count,
                                               std::string_view genesis) {
  ELECTRA_ASSERT_LE(1u, genesis.size());
  ELECTRA_ASSERT_LE(genesis.size(), kPackedGenesisBytesMax);
  ELECTRA_ASSERT_LE(1u, first_height);
  ELECTRA_ASSERT_LE(1u, block_count);
  const std::size_t covered = kPackedPrefixBytes + genesis.size();
  std::vector<std::uint8_t> bytes(covered + kPackedChecksumBytes);
  std::ranges::copy(kPackedMagic, bytes.begin());
  store_le32(bytes.data() + kVersionAt, kPackedFormatVersion);
  store_le32(bytes.data() + kGenesisBytesAt, static_cast<std::uint32_t>(genesis.size()));
  store_le64(bytes.data() + kFirstHeightAt, first_height);
  store_le64(bytes.data() + kBlockCountAt, block_count);
  std::ranges::copy(genesis, bytes.begin() + kPackedPrefixBytes);
  std::ranges::copy(sha256(ByteSpan(bytes).first(covered)), bytes.begin() + static_cast<std::ptrdiff_t>(covered));
  return bytes;
}

std::expected<PackedPrefix, std::string> decode_packed_prefix(std::span<const std::uint8_t, kPackedPrefixBytes> bytes) {
  if (!equal_bytes(bytes.first(kPackedMagic.size()), kPackedMagic))
    return std::unexpected(std::string("this is not a file of packed blocks: it does not begin with ELECTRAB"));
  if (const std::uint32_t version = load_le32(bytes.data() + kVersionAt); version != kPackedFormatVersion) {
    return std::unexpected(sentence("format version ", version,
                                    " of packed blocks is unknown; this program knows version ", kPackedFormatVersion));
  }
  const PackedPrefix prefix{.genesis_bytes = load_le32(bytes.data() + kGenesisBytesAt),
                            .first_height = load_le64(bytes.data() + kFirstHeightAt),
                            .block_count = load_le64(bytes.data() + kBlockCountAt)};
  if (prefix.genesis_bytes == 0 || prefix.genesis_bytes > kPackedGenesisBytesMax) {
    return std::unexpected(sentence("the file's header says that the genesis has ", prefix.genesis_bytes,
                                    " bytes; it can have 1 to ", kPackedGenesisBytesMax));
  }
  if (prefix.first_height == 0 || prefix.block_count == 0 || prefix.last_height() < prefix.first_height) {
    return std::unexpected(sentence("the file's header says ", prefix.block_count, " blocks from height ",
                                    prefix.first_height, " on, which cannot be"));
  }
  return prefix;
}

bool packed_checksum_valid(ByteSpan header) noexcept {
  if (header.size() < kPackedPrefixBytes + kPackedChecksumBytes) return false;
  const std::size_t covered = header.size() - kPackedChecksumBytes;
  return equal_bytes(sha256(header.first(covered)), header.subspan(covered));
}

std::string packed_block_fault(const proto::BlockHeader& header) {
  if (header.height == 0) return "its header says height 0";
  if (header.batches == 0 || header.batches > kBlockBatchesMax || header.batches > header.last_batch) {
    return sentence("its header says ", header.batches, " batches, the last of which is batch ", header.last_batch,
                    "; a block has 1 to ", kBlockBatchesMax);
  }
  if (header.messages > kBlockMessagesMax)
    return sentence("its header says ", header.messages, " messages; a block has at most ", kBlockMessagesMax);
  return {};
}

std::array<std::uint8_t, kPackedBatchBytes> encode_packed_batch(const PackedBatch& batch) noexcept {
  std::array<std::uint8_t, kPackedBatchBytes> bytes;
  store_le64(bytes.data() + kTimeAt, batch.time_ns);
  store_le32(bytes.data() + kFlagsAt, batch.flags);
  store_le32(bytes.data() + kCountAt, batch.count);
  store_le32(bytes.data() + kBodyBytesAt, batch.body_bytes);
  return bytes;
}

PackedBatch decode_packed_batch(std::span<const std::uint8_t, kPackedBatchBytes> bytes) noexcept {
  return {.time_ns = load_le64(bytes.data() + kTimeAt),
          .flags = load_le32(bytes.data() + kFlagsAt),
          .count = load_le32(bytes.data() + kCountAt),
          .body_bytes = load_le32(bytes.data() + kBodyBytesAt)};
}

std::string packed_batch_fault(const PackedBatch& batch, bool last) {
  if ((batch.flags & ~(kPackedBlockClose | kPackedWatermark)) != 0)
    return sentence("its flags are ", batch.flags, ", of which some are unknown");
  if (((batch.flags & kPackedBlockClose) != 0) != last) {
    return last ? "it is the last one of its block, but has no flag that says so"
                : "its flag says that it is the last one of its block, but it is not";
  }
  if (batch.count > kPackedBatchMessagesMax)
    return sentence("it says ", batch.count, " messages; a batch has at most ", kPackedBatchMessagesMax);
  if (batch.body_bytes > kPackedBodyBytesMax)
    return sentence("it says ", batch.body_bytes, " bytes of messages; a batch has at most ", kPackedBodyBytesMax);
  if ((batch.flags & kPackedWatermark) != 0 && batch.count != 0)
    return sentence("its flag says that it is empty, but it says ", batch.count, " messages");
  return {};
}

}  // namespace electra::chain
