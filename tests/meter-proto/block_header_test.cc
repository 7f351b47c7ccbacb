// The header's bytes, its hash and signature, the batch hash; and docs/block-format.md, which must be true about them.
#include "meter-proto/chain/block_header.h"

#include <gmock/gmock.h>

#include <map>

#include "meter-proto/chain/tagged_hash.h"
#include "tests/meter-proto/page.h"
#include "tests/meter-proto/proof_support.h"

namespace electra {
namespace {

using test::Bytes;

const Bytes32 kGenesis = sha256("electra block format example");

// Every field another value, so that two exchanged fields show.
proto::BlockHeader example_header() {
  return {.rules_version = 1,
          .epoch = 2,
          .height = 3,
          .last_batch = 4,
          .time_ns = 1'451'865'605'000'000'006,
          .cycle = 7,
          .batches = 8,
          .messages = 9,
          .total_messages = 10,
          .previous_hash = test::counting_bytes(0x20),
          .batch_hash = test::counting_bytes(0x40),
          .transaction_root = test::counting_bytes(0x60),
          .state_root = test::counting_bytes(0x80),
          .validator_set_hash = test::counting_bytes(0xa0)};
}

proto::SignedHeader signed_example(const test::Key& key, const Bytes32& genesis = kGenesis) {
  const auto header = example_header();
  Bytes buffer(proto::kSigningPrefixBytes + proto::kHeaderBytes);
  return {header, key.sign(proto::signing_bytes(proto::signing_tag(proto::SignatureKind::header, genesis),
                                                header.height, proto::encode_header(header), buffer))};
}

proto::BatchLink example_link() {
  return {.number = 1,
          .time_ns = 1'451'865'600'000'000'001,
          .rules_version = 1,
          .flags = 1,
          .count = 2,
          .body_bytes = 300,
          .body_hash = test::counting_bytes(0xc0)};
}

TEST(BlockHeader, ComesBackFromItsBytes) {
  const auto bytes = proto::encode_header(example_header());
  const auto header = proto::decode_header(bytes);
  ASSERT_TRUE(header);
  EXPECT_EQ(*header, example_header());
  const auto signed_header = signed_example(test::Key(test::counting_bytes(0)));
  EXPECT_EQ(proto::decode_signed_header(proto::encode_signed_header(signed_header)), signed_header);
}

TEST(BlockHeader, RefusesOtherLengthsVersionsAndReservedBytes) {
  const auto bytes = proto::encode_header(example_header());
  EXPECT_FALSE(proto::decode_header(ByteSpan(bytes).first(223)));
  EXPECT_FALSE(proto::decode_signed_header(bytes));
  for (const std::size_t at : {0u, 1u, 2u, 3u, 52u, 53u, 54u, 55u}) {
    auto changed = bytes;
    changed[at] ^= 0x80;
    EXPECT_FALSE(proto::decode_header(changed)) << "byte " << at;
  }
}

TEST(BlockHeader, EveryByteCountsInHashAndSignature) {
  const test::Key key(test::counting_bytes(0));
  const auto good = proto::encode_signed_header(signed_example(key));
  ASSERT_TRUE(proto::header_signature_valid(signed_example(key), kGenesis, key.public_key));
  const Bytes32 hash = proto::header_hash(example_header());
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto changed = good;
    changed[at] ^= static_cast<std::uint8_t>(1u << (at % 8));
    const auto header = proto::decode_signed_header(changed);
    if (!header) continue;  // version or reserved
    EXPECT_FALSE(proto::header_signature_valid(*header, kGenesis, key.public_key)) << "byte " << at;
    if (at < proto::kHeaderBytes) {
      EXPECT_NE(proto::header_hash(header->header), hash) << "byte " << at;
    }
  }
}

TEST(BlockHeader, SignatureIsForOneChainOneKeyOneKind) {
  const test::Key key(test::counting_bytes(0));
  const test::Key other(test::counting_bytes(1));
  EXPECT_FALSE(proto::header_signature_valid(signed_example(key), kGenesis, other.public_key));
  EXPECT_FALSE(proto::header_signature_valid(signed_example(key, sha256("another chain")), kGenesis, key.public_key));
  const auto header = example_header();
  Bytes buffer(proto::kSigningPrefixBytes + proto::kHeaderBytes);
  const auto as_message = key.sign(proto::signing_bytes(proto::signing_tag(proto::SignatureKind::message, kGenesis),
                                                        header.height, proto::encode_header(header), buffer));
  EXPECT_FALSE(proto::header_signature_valid({header, as_message}, kGenesis, key.public_key));
}

TEST(BatchHash, DependsOnEveryField) {
  const Bytes32 hash = proto::batch_hash(kGenesis, example_link());
  const auto with = [](auto change) {
    proto::BatchLink link = example_link();
    change(link);
    return proto::batch_hash(kGenesis, link);
  };
  EXPECT_NE(proto::batch_hash(sha256("other"), example_link()), hash);
  EXPECT_NE(with([](auto& link) { ++link.number; }), hash);
  EXPECT_NE(with([](auto& link) { ++link.time_ns; }), hash);
  EXPECT_NE(with([](auto& link) { ++link.rules_version; }), hash);
  EXPECT_NE(with([](auto& link) { link.flags = 0; }), hash);
  EXPECT_NE(with([](auto& link) { ++link.count; }), hash);
  EXPECT_NE(with([](auto& link) { ++link.body_bytes; }), hash);
  EXPECT_NE(with([](auto& link) { link.body_hash[31] ^= 1; }), hash);
}

// --- docs/block-format.md --------------------------------------------------------------------------------------------

class BlockFormatPage : public testing::Test {
 protected:
  void expect(const std::string& name, ByteSpan bytes) { EXPECT_EQ(values_[name], to_hex(bytes)) << name; }

  std::string page_ = test::read_page("docs/block-format.md");
  std::map<std::string, std::string> values_ = test::worked_values(page_);
};

TEST_F(BlockFormatPage, PutsEveryFieldOfTheHeaderAtItsPlace) {
  // A header whose fields are all zero but one shows where that one lies.
  struct Field {
    const char* name;
    void (*fill)(proto::BlockHeader&);
  };
  static constexpr auto ones32 = [](std::uint32_t& field) { field = 0xffffffff; };
  static constexpr auto ones64 = [](std::uint64_t& field) { field = ~std::uint64_t{0}; };
  const Field fields[] = {
      {"rules version", [](auto& header) { ones32(header.rules_version); }},
      {"height", [](auto& header) { ones64(header.height); }},
      {"epoch", [](auto& header) { ones32(header.epoch); }},
      {"batches", [](auto& header) { ones32(header.batches); }},
      {"last batch", [](auto& header) { ones64(header.last_batch); }},
      {"time", [](auto& header) { ones64(header.time_ns); }},
      {"cycle", [](auto& header) { ones64(header.cycle); }},
      {"messages", [](auto& header) { ones32(header.messages); }},
      {"total messages", [](auto& header) { ones64(header.total_messages); }},
      {"previous hash", [](auto& header) { header.previous_hash.fill(0xff); }},
      {"batch hash", [](auto& header) { header.batch_hash.fill(0xff); }},
      {"transaction root", [](auto& header) { header.transaction_root.fill(0xff); }},
      {"state root", [](auto& header) { header.state_root.fill(0xff); }},
      {"validator set hash", [](auto& header) { header.validator_set_hash.fill(0xff); }},
  };
  std::size_t covered = 8;  // format version and reserved
  for (const Field& field : fields) {
    proto::BlockHeader header;
    field.fill(header);
    const auto bytes = proto::encode_header(header);
    const auto first = std::find(bytes.begin() + 4, bytes.end(), 0xff);
    const auto size = std::count(first, bytes.end(), 0xff);
    covered += static_cast<std::size_t>(size);
    EXPECT_THAT(page_, testing::HasSubstr("| " + std::to_string(first - bytes.begin()) + " | " + std::to_string(size) +
                                          " | " + field.name + " |"));
  }
  EXPECT_EQ(covered, proto::kHeaderBytes);
  EXPECT_THAT(page_, testing::HasSubstr("| 0 | 4 | format version |"));
  EXPECT_THAT(page_, testing::HasSubstr("| 52 | 4 | reserved |"));
  EXPECT_THAT(page_, testing::HasSubstr(std::to_string(proto::kHeaderBytes) + " bytes"));
  EXPECT_THAT(page_, testing::HasSubstr(std::to_string(proto::kSignedHeaderBytes) + " bytes"));
}

TEST_F(BlockFormatPage, WorkedBytesAreRight) {
  const test::Key key(test::counting_bytes(0));
  expect("genesis hash", kGenesis);
  expect("public key", key.public_key);
  expect("header", proto::encode_header(example_header()));
  expect("header hash", proto::header_hash(example_header()));
  expect("header tag", proto::signing_tag(proto::SignatureKind::header, kGenesis));
  expect("signature", signed_example(key).signature);
  expect("batch hash", proto::batch_hash(kGenesis, example_link()));
}

TEST_F(BlockFormatPage, ListsTheTags) {
  for (const std::string_view tag : {proto::kLeafTag, proto::kNodeTag, proto::kTableTag, proto::kStateTag,
                                     proto::kBatchTag, proto::kHeaderTag, proto::kValidatorsTag}) {
    EXPECT_THAT(page_, testing::HasSubstr("`" + std::string(tag) + "`"));
  }
}

}  // namespace
}  // namespace electra
