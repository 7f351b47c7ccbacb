// Proofs of every kind: true ones are accepted with their facts, and nothing else is.
#include <gmock/gmock.h>

#include <cstdlib>
#include <functional>

#include "tests/meter-proto/proof_support.h"

namespace electra {
namespace {

using proto::AccountLeaf;
using proto::HolderLeaf;
using proto::MeterLeaf;
using proto::Proof;
using proto::ProofKind;
using test::Bytes;
using test::ReferenceBlock;
using testing::HasSubstr;

// What becomes of encoded bytes: nothing if they prove something, else why not.
std::string fault_of(ByteSpan bytes, const proto::TrustAnchor& anchor) {
  const auto proof = proto::decode_proof(bytes);
  if (!proof) return proof.error();
  const auto facts = proto::check_proof(*proof, anchor);
  return facts ? "" : facts.error();
}

TEST(Proof, OfEveryKindComesBackFromItsBytesAndIsTrue) {
  const ReferenceBlock block;
  std::uint32_t kind = 1;
  for (const Proof& proof : block.every_kind()) {
    EXPECT_EQ(static_cast<std::uint32_t>(proof.kind()), kind++);
    const Bytes bytes = proto::encode_proof(proof);
    const auto decoded = proto::decode_proof(bytes);
    ASSERT_TRUE(decoded) << decoded.error();
    EXPECT_EQ(*decoded, proof);
    EXPECT_EQ(fault_of(bytes, block.anchor()), "") << proof_kind_name(proof.kind());
  }
}

TEST(Proof, TellsTheFacts) {
  const ReferenceBlock block({.messages = 5, .holders = 4, .accounts = 9, .meters = 3}, 11);
  const auto message = proto::check_proof(block.message(2), block.anchor());
  ASSERT_TRUE(message) << message.error();
  EXPECT_EQ(message->header, block.header());
  EXPECT_EQ(message->header.height, 11u);
  EXPECT_NE(std::get<proto::MessageFacts>(message->facts).message_id, Bytes32{});

  const auto account = proto::check_proof(block.account(8), block.anchor());
  ASSERT_TRUE(account) << account.error();
  EXPECT_EQ(std::get<proto::AccountFacts>(account->facts).number, 9u);
  EXPECT_EQ(std::get<proto::AccountFacts>(account->facts).account.credits_posted, 1'000'008u);

  const auto meter = proto::check_proof(block.meter(1), block.anchor());
  ASSERT_TRUE(meter) << meter.error();
  const auto& registers = std::get<proto::MeterFacts>(meter->facts);
  EXPECT_EQ(registers.slot, 2u);
  EXPECT_EQ(registers.holder.serial(), "H2");
  EXPECT_EQ(registers.meter.newest.in[0], 123'457u);

  const auto holder = proto::check_proof(block.holder(3), block.anchor());
  ASSERT_TRUE(holder) << holder.error();
  EXPECT_EQ(std::get<proto::HolderFacts>(holder->facts).slot, 4u);
  EXPECT_EQ(std::get<proto::HolderFacts>(holder->facts).holder.serial(), "H4");

  const auto holders = proto::check_proof(block.absence(HolderLeaf::kTable), block.anchor());
  ASSERT_TRUE(holders) << holders.error();
  EXPECT_TRUE(std::get<proto::AbsenceFacts>(holders->facts).of_holders);
  EXPECT_EQ(std::get<proto::AbsenceFacts>(holders->facts).count, 4u);
  const auto accounts = proto::check_proof(block.absence(AccountLeaf::kTable), block.anchor());
  ASSERT_TRUE(accounts) << accounts.error();
  EXPECT_FALSE(std::get<proto::AbsenceFacts>(accounts->facts).of_holders);
  EXPECT_EQ(std::get<proto::AbsenceFacts>(accounts->facts).count, 9u);
}

TEST(Proof, HoldsInBlocksAndTablesOfEverySize) {
  for (std::size_t size = 1; size <= 70; ++size) {
    const ReferenceBlock block({.messages = size, .holders = size, .accounts = size, .meters = size}, size);
    for (const std::size_t index : {std::size_t{0}, size / 2, size - 1}) {
      for (const Proof& proof : {block.message(index), block.account(index), block.meter(index), block.holder(index)}) {
        EXPECT_EQ(fault_of(proto::encode_proof(proof), block.anchor()), "")
            << proof_kind_name(proof.kind()) << " " << index << " of " << size;
      }
    }
    EXPECT_EQ(fault_of(proto::encode_proof(block.absence(AccountLeaf::kTable)), block.anchor()), "") << size;
  }
}

TEST(Proof, OfAnEmptyTableShowsThatNothingIsThere) {
  const ReferenceBlock block({.messages = 0, .holders = 0, .accounts = 0, .meters = 0});
  const auto facts = proto::check_proof(block.absence(HolderLeaf::kTable), block.anchor());
  ASSERT_TRUE(facts) << facts.error();
  EXPECT_EQ(std::get<proto::AbsenceFacts>(facts->facts).count, 0u);
}

// Every bit, as damage and as a forgery with a new checksum; with ELECTRA_LONG every value of every byte.
TEST(Proof, WithAnyByteChangedFails) {
  const bool every_value = std::getenv("ELECTRA_LONG") != nullptr;
  const ReferenceBlock block({.messages = 6, .holders = 5, .accounts = 7, .meters = 5});
  for (const Proof& proof : block.every_kind()) {
    const Bytes good = proto::encode_proof(proof);
    ASSERT_EQ(fault_of(good, block.anchor()), "");
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (unsigned change = 1; change < 256; change = every_value ? change + 1 : change * 2) {
        Bytes changed = good;
        changed[at] ^= static_cast<std::uint8_t>(change);
        ASSERT_NE(fault_of(changed, block.anchor()), "")
            << proof_kind_name(proof.kind()) << ": byte " << at << " xor " << change;
        if (at >= good.size() - proto::kProofChecksumBytes) continue;
        ASSERT_NE(fault_of(test::with_checksum(changed), block.anchor()), "")
            << proof_kind_name(proof.kind()) << ": byte " << at << " xor " << change << " under a new checksum";
      }
    }
  }
}

TEST(Proof, WithBytesMissingOrAddedFails) {
  const ReferenceBlock block;
  for (const Proof& proof : block.every_kind()) {
    const Bytes good = proto::encode_proof(proof);
    for (std::size_t length = 0; length < good.size(); ++length) {
      const Bytes shorter(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length));
      EXPECT_FALSE(proto::decode_proof(shorter)) << length;
      if (length >= proto::kProofChecksumBytes) {
        EXPECT_FALSE(proto::decode_proof(test::with_checksum(shorter))) << length;
      }
    }
    for (std::size_t at = 0; at <= good.size(); ++at) {
      Bytes longer = good;
      longer.insert(longer.begin() + static_cast<std::ptrdiff_t>(at), 0);
      ASSERT_NE(fault_of(longer, block.anchor()), "") << proof_kind_name(proof.kind()) << ": a zero before byte " << at;
      if (at > good.size() - proto::kProofChecksumBytes) continue;
      ASSERT_NE(fault_of(test::with_checksum(longer), block.anchor()), "")
          << proof_kind_name(proof.kind()) << ": a zero before byte " << at << " under a new checksum";
    }
  }
  EXPECT_FALSE(proto::decode_proof(Bytes(proto::kProofBytesMax + 1)));
}

// Two accounts that are the same bytes side by side: the one's proof becomes the other's by its index, and both are true.
// Only the checksum keeps a single changed byte from passing.
TEST(Proof, OfEqualNeighboursIsToldApartByTheChecksum) {
  ReferenceBlock block({.accounts = 7});
  auto& leaves = block.table(AccountLeaf::kTable).leaves;
  leaves[3] = leaves[2];
  block.seal();
  Bytes bytes = proto::encode_proof(block.account(2));
  const Bytes other = proto::encode_proof(block.account(3));
  constexpr std::size_t kIndexAt = 368 + 11 * 32 + 1;
  ASSERT_EQ(bytes[kIndexAt], 2);
  bytes[kIndexAt] = 3;
  EXPECT_THAT(fault_of(bytes, block.anchor()), HasSubstr("checksum"));
  EXPECT_EQ(test::with_checksum(bytes), other);
  EXPECT_EQ(fault_of(other, block.anchor()), "");
}

// Forgeries that a changed byte does not reach, each with the check that stops it.
struct Forgery {
  const char* name;
  std::function<Proof(ReferenceBlock&)> make;
  const char* problem;
};

void PrintTo(const Forgery& forgery, std::ostream* out) { *out << forgery.name; }

class Forged : public testing::TestWithParam<Forgery> {};

TEST_P(Forged, IsStoppedByTheRightCheck) {
  ReferenceBlock block({.messages = 6, .holders = 5, .accounts = 7, .meters = 5});
  const Proof proof = GetParam().make(block);
  const auto facts = proto::check_proof(proof, block.anchor());
  ASSERT_FALSE(facts);
  EXPECT_THAT(facts.error(), HasSubstr(GetParam().problem));
  EXPECT_THAT(fault_of(proto::encode_proof(proof), block.anchor()), HasSubstr(GetParam().problem));
}

template <typename Content>
Proof changed(Proof proof, void (*change)(Content&)) {
  change(std::get<Content>(proof.content));
  return proof;
}

INSTANTIATE_TEST_SUITE_P(
    Proofs, Forged,
    testing::Values(
        Forgery{"another chain",
                [](ReferenceBlock& block) {
                  Proof proof = block.account(0);
                  proof.genesis_hash = sha256("another chain");
                  return proof;
                },
                "genesis hash"},
        Forgery{"another gateway, which signed the header itself",
                [](ReferenceBlock& block) {
                  Proof proof = block.account(0);
                  const test::Key other(test::counting_bytes(0x70));
                  proof.gateway_key = other.public_key;
                  Bytes buffer(300);
                  proof.header.signature = other.sign(proto::signing_bytes(
                      proto::signing_tag(proto::SignatureKind::header, proof.genesis_hash), proof.header.header.height,
                      proto::encode_header(proof.header.header), buffer));
                  return proof;
                },
                "another key"},
        Forgery{"the header of another height",
                [](ReferenceBlock& block) {
                  Proof proof = block.account(0);
                  ++proof.header.header.height;
                  return proof;
                },
                "header's signature"},
        Forgery{"the signed header of another block",
                [](ReferenceBlock& block) {
                  Proof proof = block.account(0);
                  proof.header = ReferenceBlock({.accounts = 8}, 8).account(0).header;
                  return proof;
                },
                "state root"},
        Forgery{"another result",
                [](ReferenceBlock& block) {
                  return changed<proto::MessageProof>(block.message(2), [](auto& message) { message.result = 0; });
                },
                "transaction root"},
        Forgery{"a repetition",
                [](ReferenceBlock& block) {
                  return changed<proto::MessageProof>(block.message(2), [](auto& message) { message.repeated = true; });
                },
                "transaction root"},
        Forgery{"another place in the block",
                [](ReferenceBlock& block) {
                  return changed<proto::MessageProof>(block.message(2), [](auto& message) { message.index = 3; });
                },
                "transaction root"},
        Forgery{"a place behind the block",
                [](ReferenceBlock& block) {
                  return changed<proto::MessageProof>(block.message(2), [](auto& message) { message.index = 6; });
                },
                "place in the block"},
        Forgery{"another payload",
                [](ReferenceBlock& block) {
                  return changed<proto::MessageProof>(block.message(2),
                                                      [](auto& message) { ++message.payload.back(); });
                },
                "message's signature"},
        Forgery{"the same signature with S + L",
                [](ReferenceBlock& block) {
                  return changed<proto::MessageProof>(block.message(2), [](auto& message) {
                    const Bytes order = test::hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
                    unsigned carry = 0;
                    for (std::size_t at = 0; at < 32; ++at) {
                      carry += message.signature[32 + at] + unsigned{order[at]};
                      message.signature[32 + at] = static_cast<std::uint8_t>(carry);
                      carry >>= 8;
                    }
                  });
                },
                "message's signature"},
        Forgery{"another valid message of the same key",
                [](ReferenceBlock& block) {
                  Proof proof = block.message(2);
                  const auto other = std::get<proto::MessageProof>(block.message(3).content);
                  auto& message = std::get<proto::MessageProof>(proof.content);
                  message.signature = other.signature;
                  message.payload = other.payload;
                  message.sequence = other.sequence;
                  return proof;
                },
                "transaction root"},
        Forgery{"a node as a leaf",
                [](ReferenceBlock& block) {
                  Proof proof = block.account(0);
                  auto& leaf = std::get<proto::AccountProof>(proof.content).account;
                  const Bytes32 left = test::reference_tagged_hash("electra/leaf/1", leaf.leaf);
                  leaf.leaf.assign(left.begin(), left.end());
                  leaf.leaf.insert(leaf.leaf.end(), leaf.path[0].begin(), leaf.path[0].end());
                  leaf.path.erase(leaf.path.begin());
                  leaf.count = 4;
                  return proof;
                },
                "table's root"},
        Forgery{"another balance",
                [](ReferenceBlock& block) {
                  return changed<proto::AccountProof>(block.account(1), [](auto& proof) { ++proof.account.leaf[8]; });
                },
                "table's root"},
        Forgery{"another number of accounts",
                [](ReferenceBlock& block) {
                  return changed<proto::AccountProof>(block.account(6), [](auto& proof) { proof.account.count = 5; });
                },
                "place in the table"},
        Forgery{"a table's root exchanged",
                [](ReferenceBlock& block) {
                  return changed<proto::AccountProof>(
                      block.account(1), [](auto& proof) { std::swap(proof.table_roots[0], proof.table_roots[1]); });
                },
                "state root"},
        Forgery{"a holder for an account",
                [](ReferenceBlock& block) {
                  return block.with(
                      proto::AccountProof{std::get<proto::HolderProof>(block.holder(0).content).table_roots,
                                          std::get<proto::HolderProof>(block.holder(0).content).holder});
                },
                "another table"},
        Forgery{"registers of one meter with the serial of another",
                [](ReferenceBlock& block) { return block.meter(1, 2); }, "do not name each other"},
        Forgery{"a meter that names a holder that does not name it",
                [](ReferenceBlock& block) {
                  auto& leaves = block.table(MeterLeaf::kTable).leaves;
                  std::swap(leaves[1], leaves[2]);
                  block.seal();
                  return block.meter(2, 1);
                },
                "do not name each other"},
        Forgery{"a holder that names a meter that does not name it",
                [](ReferenceBlock& block) {
                  auto& leaves = block.table(MeterLeaf::kTable).leaves;
                  std::swap(leaves[1], leaves[2]);
                  block.seal();
                  return block.meter(1, 1);
                },
                "do not name each other"},
        Forgery{"a leaf of another form, signed by the gateway",
                [](ReferenceBlock& block) {
                  block.table(AccountLeaf::kTable).leaves[1].push_back(0);
                  block.seal();
                  return block.account(1);
                },
                "a form that this program does not know"},
        Forgery{"absence from a table that has holes", [](ReferenceBlock& block) { return block.absence(4); },
                "accounts and of holders"},
        Forgery{"absence from a table that there is not",
                [](ReferenceBlock& block) {
                  return changed<proto::AbsenceProof>(block.absence(1), [](auto& proof) { proof.table = 11; });
                },
                "accounts and of holders"},
        Forgery{"fewer holders than there are",
                [](ReferenceBlock& block) {
                  return changed<proto::AbsenceProof>(block.absence(1), [](auto& proof) { proof.count = 4; });
                },
                "table's root"}),
    test::case_name<Forgery>);

// Bytes that no proof begins with, or that say something unknown.
TEST(Proof, NamesWhatIsWrongWithTheBytes) {
  const Bytes good = proto::encode_proof(ReferenceBlock().message(0));
  const auto with = [&good](std::size_t at, std::uint8_t value) {
    Bytes bytes = good;
    bytes[at] = value;
    return test::with_checksum(bytes);
  };
  struct Case {
    const char* name;
    Bytes bytes;
    const char* problem;
  };
  const Case cases[] = {
      {"nothing", {}, "no proof"},
      {"another magic", with(0, 'e'), "ELECTRAP"},
      {"another version", with(8, 2), "format version 2"},
      {"kind 0", with(12, 0), "kind 0"},
      {"kind 6", with(12, 6), "kind 6"},
      {"a header of another version", with(80, 2), "header"},
      {"a reserved byte of the header", with(80 + 52, 1), "header"},
      {"an empty payload", with(472, 0), "payload"},
      {"cut", test::with_checksum(Bytes(good.begin(), good.end() - 1)), "too early"},
      {"damaged at its end", Bytes(good.begin(), good.end() - 1), "checksum"},
  };
  for (const Case& c : cases) {
    const auto proof = proto::decode_proof(c.bytes);
    ASSERT_FALSE(proof) << c.name;
    EXPECT_THAT(proof.error(), HasSubstr(c.problem)) << c.name;
  }
}

}  // namespace
}  // namespace electra
