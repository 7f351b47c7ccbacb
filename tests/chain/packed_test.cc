// The bytes of packed blocks: what is written comes back, and what cannot be is named.
#include "engine/chain/packed.h"

#include <gtest/gtest.h>

#include "engine/chain/block_maker.h"
#include "meter-proto/base/sha256.h"

namespace electra::chain {
namespace {

constexpr std::string_view kGenesis = "{\"chain_id\": \"packed\"}\n";

std::expected<PackedPrefix, std::string> prefix_of(const std::vector<std::uint8_t>& file) {
  return decode_packed_prefix(ByteSpan(file).first<kPackedPrefixBytes>());
}

TEST(PackedHeader, HasTheLayoutOfThePage) {
  const std::vector<std::uint8_t> header = encode_packed_header(7, 3, kGenesis);
  ASSERT_EQ(header.size(), 32 + kGenesis.size() + 32);
  EXPECT_EQ(text_of(ByteSpan(header).first(8)), "ELECTRAB");
  EXPECT_EQ(load_le32(header.data() + 8), 1U);
  EXPECT_EQ(load_le32(header.data() + 12), kGenesis.size());
  EXPECT_EQ(load_le64(header.data() + 16), 7U);
  EXPECT_EQ(load_le64(header.data() + 24), 3U);
  EXPECT_EQ(text_of(ByteSpan(header).subspan(32, kGenesis.size())), kGenesis);
  EXPECT_TRUE(equal_bytes(ByteSpan(header).last(32), sha256(ByteSpan(header).first(header.size() - 32))));
  const auto prefix = prefix_of(header);
  ASSERT_TRUE(prefix) << prefix.error();
  EXPECT_EQ(*prefix,
            (PackedPrefix{
                .genesis_bytes = static_cast<std::uint32_t>(kGenesis.size()), .first_height = 7, .block_count = 3}));
  EXPECT_EQ(prefix->last_height(), 9U);
  EXPECT_EQ(prefix->header_bytes(), header.size());
}

TEST(PackedHeader, ChecksumFindsEveryFlippedBitAndEveryLength) {
  std::vector<std::uint8_t> header = encode_packed_header(1, 1, kGenesis);
  ASSERT_TRUE(packed_checksum_valid(header));
  for (std::size_t bit = 0; bit < 8 * header.size(); ++bit) {
    header[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    EXPECT_FALSE(packed_checksum_valid(header)) << bit;
    header[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  }
  for (std::size_t length = 0; length < header.size(); ++length)
    EXPECT_FALSE(packed_checksum_valid(ByteSpan(header).first(length))) << length;
}

struct PrefixCase {
  const char* name;
  std::size_t at;
  std::uint64_t value;
  std::size_t bytes;
  bool good;
};
class Prefix : public testing::TestWithParam<PrefixCase> {};

TEST_P(Prefix, IsRefusedOutsideOfItsLimits) {
  std::vector<std::uint8_t> header = encode_packed_header(1, 1, kGenesis);
  std::memcpy(header.data() + GetParam().at, &GetParam().value, GetParam().bytes);
  EXPECT_EQ(prefix_of(header).has_value(), GetParam().good);
}

INSTANTIATE_TEST_SUITE_P(Fields, Prefix,
                         testing::Values(PrefixCase{"another magic", 0, 0x5f, 1, false},            //
                                         PrefixCase{"version 0", 8, 0, 4, false},                   //
                                         PrefixCase{"a later version", 8, 2, 4, false},             //
                                         PrefixCase{"no genesis", 12, 0, 4, false},                 //
                                         PrefixCase{"largest genesis", 12, 64U << 20, 4, true},     //
                                         PrefixCase{"a byte more", 12, (64U << 20) + 1, 4, false},  //
                                         PrefixCase{"4 GiB of genesis", 12, 0xffffffff, 4, false},  //
                                         PrefixCase{"height 0", 16, 0, 8, false},                   //
                                         PrefixCase{"no block", 24, 0, 8, false},                   //
                                         PrefixCase{"last height is the last number", 24, ~std::uint64_t{0}, 8, true},
                                         PrefixCase{"begins at the last number", 16, ~std::uint64_t{0}, 8, true}),
                         [](const auto& info) {
                           std::string name = info.param.name;
                           std::ranges::replace(name, ' ', '_');
                           return name;
                         });

TEST(PackedPrefix, RefusesHeightsThatWrapAround) {
  EXPECT_TRUE(prefix_of(encode_packed_header(~std::uint64_t{0}, 1, kGenesis)));
  EXPECT_FALSE(prefix_of(encode_packed_header(~std::uint64_t{0}, 2, kGenesis)));
  EXPECT_FALSE(prefix_of(encode_packed_header(2, ~std::uint64_t{0}, kGenesis)));
}

TEST(PackedBatch, ComesBackAsItWasWritten) {
  const PackedBatch batch{.time_ns = 0x0102030405060708, .flags = 1, .count = 0x0a0b, .body_bytes = 0x0c0d0e};
  const auto bytes = encode_packed_batch(batch);
  EXPECT_EQ(to_hex(bytes), "0807060504030201010000000b0a00000e0d0c00");
  EXPECT_EQ(decode_packed_batch(bytes), batch);
}

struct BatchCase {
  const char* name;
  PackedBatch batch;
  bool last;
  bool good;
};

TEST(PackedBatch, IsRefusedOutsideOfItsLimits) {
  const BatchCase cases[] = {
      // name                        time flags count  bytes              last   good
      {"one message", {1, 0, 1, 100}, false, true},
      {"the last of its block", {1, 1, 1, 100}, true, true},
      {"a watermark", {1, 2, 0, 0}, false, true},
      {"a watermark that closes", {1, 3, 0, 0}, true, true},
      {"full", {1, 0, 8192, 2U << 20}, false, true},
      {"last without its flag", {1, 0, 1, 100}, true, false},
      {"flag before the last", {1, 1, 1, 100}, false, false},
      {"an unknown flag", {1, 4, 1, 100}, false, false},
      {"the highest unknown flag", {1, 1U << 31, 1, 100}, false, false},
      {"a watermark with a message", {1, 2, 1, 100}, false, false},
      {"a message too many", {1, 0, 8193, 100}, false, false},
      {"a byte too many", {1, 0, 1, (2U << 20) + 1}, false, false},
  };
  for (const BatchCase& row : cases) {
    const std::string fault = packed_batch_fault(row.batch, row.last);
    EXPECT_EQ(fault.empty(), row.good) << row.name << ": " << fault;
  }
}

struct BlockCase {
  const char* name;
  void (*change)(proto::BlockHeader&);
  bool good;
};

TEST(PackedBlock, IsRefusedOutsideOfItsLimits) {
  const BlockCase cases[] = {
      {"one batch", [](proto::BlockHeader&) {}, true},
      {"height 0", [](proto::BlockHeader& header) { header.height = 0; }, false},
      {"no batch", [](proto::BlockHeader& header) { header.batches = 0; }, false},
      {"more batches than there were", [](proto::BlockHeader& header) { header.last_batch = 0; }, false},
      {"most batches", [](proto::BlockHeader& header) { header.last_batch = header.batches = kBlockBatchesMax; }, true},
      {"a batch too many",
       [](proto::BlockHeader& header) { header.last_batch = header.batches = kBlockBatchesMax + 1; }, false},
      {"most messages", [](proto::BlockHeader& header) { header.messages = kBlockMessagesMax; }, true},
      {"a message too many", [](proto::BlockHeader& header) { header.messages = kBlockMessagesMax + 1; }, false},
  };
  for (const BlockCase& row : cases) {
    proto::BlockHeader header;
    header.height = header.last_batch = header.batches = 1;
    row.change(header);
    const std::string fault = packed_block_fault(header);
    EXPECT_EQ(fault.empty(), row.good) << row.name << ": " << fault;
  }
}

TEST(PackedBlock, CountsItsBatchesUpToTheLast) {
  proto::BlockHeader header;
  header.last_batch = 12;
  header.batches = 5;
  EXPECT_EQ(first_batch(header), 8U);
  EXPECT_EQ(packed_block_bytes_min(header), 288U + 5 * 20);
}

}  // namespace
}  // namespace electra::chain
