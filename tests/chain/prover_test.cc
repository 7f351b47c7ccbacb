// Proofs of a real chain: more than a thousand, made at random heights of a machine's history, and each changed byte fails.
#include "engine/chain/prover.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <stdexcept>

#include "meter-proto/base/sha256.h"
#include "meter-proto/chain/merkle_path.h"
#include "meter-proto/chain/proof_check.h"
#include "meter-proto/chain/tagged_hash.h"
#include "meter-proto/encode.h"
#include "tests/meter-proto/support.h"

namespace electra::chain {
namespace {

using electra::test::Key;
using state::Slot;
using state::Table;

constexpr std::uint64_t kGenesisS = 1'451'865'600;
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr Slot kGrid = 1;
constexpr Slot kOperator = 2;
constexpr Slot kFirstMeter = 3;
constexpr Slot kMeters = 20;

Key key_of(Slot slot) { return Key(sha256("key of " + std::to_string(slot))); }

state::Genesis small_genesis() {
  state::Genesis genesis;
  genesis.chain_id = "prover-test";
  genesis.hash = sha256("prover test");
  genesis.time_ns = kGenesisS * kSecond;
  genesis.limits.holders_max = 256;
  genesis.limits.accounts_max = 4096;
  genesis.limits.pending_transfers_max = 256;
  for (Slot slot = kGrid; slot < kFirstMeter + kMeters; ++slot) {
    state::GenesisHolder holder;
    holder.serial = "M" + std::to_string(slot);
    holder.public_key = key_of(slot).public_key;
    holder.roles = slot == kGrid ? state::kRoleGateway : slot == kOperator ? state::kRoleOperator : state::kRoleMeter;
    holder.phases = slot == kOperator ? 0 : 1;
    holder.balance = slot < kFirstMeter ? 0 : 1'000'000;
    genesis.holders.push_back(holder);
  }
  return genesis;
}

// A chain that grows by random blocks: readings, transfers that succeed or fail, repetitions, new holders and accounts.
class RandomChain {
 public:
  RandomChain() {
    auto machine = state::Machine::create(small_genesis());
    if (!machine) throw std::runtime_error(machine.error());
    machine_ = std::move(*machine);
    maker_ = std::make_unique<BlockMaker>(*machine_);
  }

  // The next block, signed. messages() are its messages.
  void grow() {
    messages_.clear();
    for (std::uint64_t batches = 1 + below(3); batches > 0; --batches) add_batch(batches == 1);
    header_ = {maker_->close_block(), {}};
    electra::test::Bytes buffer(proto::kSigningPrefixBytes + proto::kHeaderBytes);
    header_.signature = key_of(kGrid).sign(
        proto::signing_bytes(proto::signing_tag(proto::SignatureKind::header, machine_->genesis_hash()),
                             header_.header.height, proto::encode_header(header_.header), buffer));
  }

  [[nodiscard]] ProvenBlock block() const { return {*machine_, maker_->trees(), header_}; }
  [[nodiscard]] const state::Machine& machine() const { return *machine_; }
  [[nodiscard]] const proto::SignedHeader& header() const { return header_; }
  [[nodiscard]] proto::TrustAnchor anchor() const { return {machine_->genesis_hash(), key_of(kGrid).public_key}; }
  [[nodiscard]] std::uint32_t message_count() const { return messages_.count(); }
  // Of the block's message `index`.
  [[nodiscard]] proto::Proof prove_message(std::uint32_t index) const {
    proto::MessageProof proof = proofs_.at(index);
    proof.path = messages_.path(index);
    return with_header(*machine_, header_, proof);
  }
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

 private:
  struct Sent {
    electra::test::Bytes payload;
    Bytes64 signature{};
    Slot slot = 0;
    std::uint64_t sequence = 0;
    Bytes32 id{};
  };

  void add_batch(bool closes_block) {
    if (messages_.count() == 0) proofs_.clear();
    const std::size_t first = sent_.size();
    std::vector<const Sent*> batch;
    for (std::uint64_t left = below(9); left > 0; --left) {
      if (first > 0 && below(8) == 0) {
        batch.push_back(&sent_[first - 1 - below(std::min<std::size_t>(first, 20))]);  // the same bytes again
      } else {
        sent_.push_back(random_message());
        batch.push_back(&sent_.back());
      }
    }
    std::vector<state::VerifiedMessage> verified;
    for (const Sent* sent : batch) {
      verified.push_back({.envelope = {.slot = sent->slot,
                                       .key_generation = 1,
                                       .sequence = sent->sequence,
                                       .payload = sent->payload,
                                       .signature = sent->signature},
                          .id = sent->id,
                          .slot = sent->slot,
                          .embedded_key_valid = true});
    }
    std::vector<state::Outcome> outcomes(verified.size());
    time_ns_ += kSecond * (1 + below(600));
    machine_->execute({.number = ++batch_, .time_ns = time_ns_, .closes_block = closes_block, .messages = verified},
                      outcomes);
    maker_->add_batch({.number = batch_,
                       .time_ns = time_ns_,
                       .rules_version = machine_->rules_version(),
                       .flags = closes_block ? 1U : 0U,
                       .count = static_cast<std::uint32_t>(verified.size())},
                      verified, outcomes);
    for (std::size_t i = 0; i < verified.size(); ++i) {
      proofs_.push_back(message_proof(key_of(verified[i].slot).public_key, verified[i], outcomes[i],
                                      messages_.count() + static_cast<std::uint32_t>(i)));
    }
    messages_.add_batch(verified, outcomes);
  }

  Sent random_message() {
    const Slot meter = kFirstMeter + static_cast<Slot>(below(kMeters));
    strict::PayloadView payload;
    Slot slot = meter;
    switch (below(8)) {
      case 0: {
        slot = kOperator;
        payload.operation = strict::OpenAccounts{
            .owner_slot = meter, .asset = 1, .flags = 1, .count = static_cast<std::uint32_t>(1 + below(3))};
        break;
      }
      case 1: {
        slot = kOperator;
        const Slot next = machine_->holder_count() + 1 + static_cast<Slot>(below(3));
        new_keys_.push_back(key_of(next).public_key);
        new_serials_.push_back("N" + std::to_string(next));
        payload.operation = strict::RegisterKey{.public_key = new_keys_.back(),
                                                .serial = new_serials_.back(),
                                                .roles = state::kRoleMeter,
                                                .phases = static_cast<std::uint32_t>(below(2))};
        break;
      }
      case 2:
      case 3:
      case 4: {
        strict::Transfers transfers;
        transfers.count = 1;
        transfers.items[0].debit_account = machine_->holder(meter)->wallet_account;
        transfers.items[0].credit_account = machine_->holder(kFirstMeter)->wallet_account;
        transfers.items[0].amount = below(10) == 0 ? 10'000'000 : 1 + below(5000);
        payload.not_after = time_ns_ / kSecond + 86'400;
        payload.operation = transfers;
        break;
      }
      default: {
        strict::Reading reading;
        reading.time = time_ns_ / kSecond;
        reading.count = 1;
        reading.items[0].phase = 1;
        reading.items[0].whin = (registers_[meter] += below(300));
        payload.operation = reading;
      }
    }
    Sent sent;
    sent.slot = slot;
    sent.sequence = ++sequences_[slot];
    sent.payload.resize(proto::kClientBufferBytes);
    sent.payload.resize(proto::encode_payload(payload, sent.payload));
    electra::test::Bytes buffer(proto::kSigningPrefixBytes + sent.payload.size());
    const ByteSpan signing =
        proto::signing_bytes(proto::signing_tag(proto::SignatureKind::message, machine_->genesis_hash()), sent.sequence,
                             sent.payload, buffer);
    sent.signature = key_of(slot).sign(signing);
    sent.id = proto::message_id(key_of(slot).public_key, sent.signature, signing);
    return sent;
  }

  std::mt19937_64 random_{20160104};
  std::unique_ptr<state::Machine> machine_;
  std::unique_ptr<BlockMaker> maker_;
  proto::SignedHeader header_;
  std::uint64_t batch_ = 0;
  std::uint64_t time_ns_ = kGenesisS * kSecond;
  BlockMessages messages_;
  std::vector<proto::MessageProof> proofs_;
  std::deque<Sent> sent_;
  std::deque<Bytes32> new_keys_;
  std::deque<std::string> new_serials_;
  std::map<Slot, std::uint64_t> sequences_;
  std::map<Slot, std::uint64_t> registers_;
};

std::string fault_of(ByteSpan bytes, const proto::TrustAnchor& anchor) {
  const auto proof = proto::decode_proof(bytes);
  if (!proof) return proof.error();
  const auto facts = proto::check_proof(*proof, anchor);
  return facts ? "" : facts.error();
}

// Under a new checksum a change fails as well, or it names another place with the very same bytes: two new accounts of one
// owner, a message twice in a block.
bool fails_or_is_its_equal(const electra::test::Bytes& good, electra::test::Bytes changed,
                           const proto::TrustAnchor& anchor) {
  const std::size_t size = changed.size() - proto::kProofChecksumBytes;
  const Bytes32 checksum = proto::tagged_hash(proto::kProofTag, ByteSpan(changed).first(size));
  std::ranges::copy(checksum, changed.begin() + static_cast<std::ptrdiff_t>(size));
  if (!fault_of(changed, anchor).empty()) return true;
  proto::Proof proof = *proto::decode_proof(changed);
  const proto::Proof original = *proto::decode_proof(good);
  if (auto* message = std::get_if<proto::MessageProof>(&proof.content)) {
    message->index = std::get<proto::MessageProof>(original.content).index;
  } else if (auto* account = std::get_if<proto::AccountProof>(&proof.content)) {
    account->account.index = std::get<proto::AccountProof>(original.content).account.index;
  }
  return proof == original;
}

// The facts of a true proof are those of the machine.
void expect_facts(const proto::Proof& proof, const RandomChain& chain) {
  const auto checked = proto::check_proof(proof, chain.anchor());
  ASSERT_TRUE(checked) << proof_kind_name(proof.kind()) << ": " << checked.error();
  EXPECT_EQ(checked->header, chain.header().header);
  const state::Machine& machine = chain.machine();
  if (const auto* account = std::get_if<proto::AccountFacts>(&checked->facts)) {
    const auto view = machine.account(static_cast<state::AccountNumber>(account->number));
    ASSERT_TRUE(view);
    EXPECT_EQ(account->account.credits_posted, view->credits_posted);
    EXPECT_EQ(account->account.debits_posted, view->debits_posted);
    EXPECT_EQ(account->account.owner_slot, view->owner_slot);
  } else if (const auto* meter = std::get_if<proto::MeterFacts>(&checked->facts)) {
    const auto view = machine.holder(static_cast<Slot>(meter->slot));
    ASSERT_TRUE(view);
    EXPECT_EQ(meter->holder.serial(), view->serial);
    EXPECT_EQ(meter->meter.newest_time_s, view->last_reading_time);
    EXPECT_EQ(meter->meter.newest.in[0], view->registers[0].whin);
    EXPECT_EQ(meter->meter.consumed_wh, view->consumed_wh);
  } else if (const auto* holder = std::get_if<proto::HolderFacts>(&checked->facts)) {
    const auto view = machine.holder(static_cast<Slot>(holder->slot));
    ASSERT_TRUE(view);
    EXPECT_EQ(holder->holder.serial(), view->serial);
    EXPECT_EQ(holder->holder.public_key, view->public_key);
    EXPECT_EQ(holder->holder.status, static_cast<std::uint8_t>(view->status));
  } else if (const auto* absence = std::get_if<proto::AbsenceFacts>(&checked->facts)) {
    EXPECT_EQ(absence->count, absence->of_holders ? machine.holder_count() : machine.account_count());
  }
}

TEST(Prover, AThousandProofsFromRandomHeightsAreTrueAndFailWithAnyByteChanged) {
  const bool every_byte = std::getenv("ELECTRA_LONG") != nullptr;
  RandomChain chain;
  std::map<proto::ProofKind, int> kinds;
  std::map<std::uint16_t, int> results;
  int repeated = 0;
  std::set<std::uint64_t> heights;
  std::vector<electra::test::Bytes> encoded;
  while (encoded.size() < 1200) {
    chain.grow();
    if (chain.below(4) != 0) continue;
    heights.insert(chain.header().header.height);
    std::vector<proto::Proof> proofs;
    for (std::uint32_t left = std::min(chain.message_count(), 3U); left > 0; --left) {
      proofs.push_back(chain.prove_message(static_cast<std::uint32_t>(chain.below(chain.message_count()))));
      const auto& message = std::get<proto::MessageProof>(proofs.back().content);
      ++results[message.result];
      repeated += message.repeated ? 1 : 0;
    }
    const ProvenBlock block = chain.block();
    const state::Machine& machine = chain.machine();
    const auto any_slot = [&] { return 1 + static_cast<Slot>(chain.below(machine.holder_count())); };
    const auto number = 1 + static_cast<state::AccountNumber>(chain.below(machine.account_count()));
    proofs.push_back(prove_account(block, number).value());
    proofs.push_back(prove_account(block, machine.holder(any_slot())->wallet_account).value());
    proofs.push_back(prove_holder(block, any_slot()).value());
    proofs.push_back(prove_meter(block, kFirstMeter + static_cast<Slot>(chain.below(kMeters))).value());
    proofs.push_back(prove_absence(block, chain.below(2) == 0 ? Table::holders : Table::accounts));
    for (const proto::Proof& proof : proofs) {
      ASSERT_NO_FATAL_FAILURE(expect_facts(proof, chain));
      ++kinds[proof.kind()];
      encoded.push_back(proto::encode_proof(proof));
      ASSERT_EQ(fault_of(encoded.back(), chain.anchor()), "");
    }
  }
  EXPECT_GE(heights.size(), 150u);
  for (const auto kind : {proto::ProofKind::message, proto::ProofKind::account, proto::ProofKind::meter,
                          proto::ProofKind::holder, proto::ProofKind::absence}) {
    EXPECT_GE(kinds[kind], 100) << proof_kind_name(kind);
  }
  EXPECT_GE(results[static_cast<std::uint16_t>(Result::ok)], 50);
  EXPECT_GE(results[static_cast<std::uint16_t>(Result::exceeds_credits)], 3) << "refusals are proved, too";
  EXPECT_GE(repeated, 3);

  // All bytes of the first of each kind; of the others some, or all.
  std::map<std::uint8_t, int> seen;
  for (const auto& good : encoded) {
    const bool all = every_byte || seen[good[12]]++ == 0;
    for (std::size_t i = 0; i < (all ? good.size() : 40); ++i) {
      const std::size_t at = all ? i : chain.below(good.size());
      electra::test::Bytes changed = good;
      changed[at] ^= static_cast<std::uint8_t>(1U << chain.below(8));
      ASSERT_NE(fault_of(changed, chain.anchor()), "") << "kind " << int{good[12]} << ", byte " << at;
      if (at >= good.size() - proto::kProofChecksumBytes) continue;
      ASSERT_TRUE(fails_or_is_its_equal(good, changed, chain.anchor())) << "kind " << int{good[12]} << ", byte " << at;
    }
  }
}

TEST(Prover, AProofDoesNotFitAnotherHeader) {
  RandomChain chain;
  for (int blocks = 0; blocks < 5; ++blocks) chain.grow();
  const proto::SignedHeader older = chain.header();
  do {
    chain.grow();
  } while (chain.message_count() == 0);
  const ProvenBlock block = chain.block();
  for (proto::Proof proof : {chain.prove_message(0), *prove_account(block, 1), *prove_holder(block, 1),
                             *prove_meter(block, kFirstMeter), prove_absence(block, Table::holders)}) {
    EXPECT_TRUE(proto::check_proof(proof, chain.anchor()));
    proof.header = older;
    EXPECT_FALSE(proto::check_proof(proof, chain.anchor())) << proof_kind_name(proof.kind());
  }
}

TEST(Prover, FindsNothingWhereNothingIs) {
  RandomChain chain;
  for (int blocks = 0; blocks < 5; ++blocks) chain.grow();
  const ProvenBlock block = chain.block();
  EXPECT_FALSE(prove_account(block, 0));
  EXPECT_FALSE(prove_account(block, chain.machine().account_count() + 1));
  EXPECT_FALSE(prove_holder(block, 0));
  EXPECT_FALSE(prove_holder(block, chain.machine().holder_count() + 1));
  EXPECT_FALSE(prove_meter(block, 0));
  EXPECT_FALSE(prove_meter(block, chain.machine().holder_count() + 1));
  EXPECT_FALSE(prove_meter(block, kOperator)) << "it has no meter";
}

TEST(Prover, PathsLeadToTheTransactionRootInBlocksOfEverySize) {
  for (std::uint32_t count = 1; count <= 70; ++count) {
    std::vector<state::VerifiedMessage> messages(count);
    std::vector<state::Outcome> outcomes(count);
    MerkleFrontier frontier;
    std::vector<Bytes32> hashes;
    for (std::uint32_t i = 0; i < count; ++i) {
      messages[i].id = sha256("message " + std::to_string(i));
      outcomes[i].result = i % 2 == 0 ? Result::ok : Result::amount_zero;
      hashes.push_back(proto::leaf_hash(
          proto::transaction_leaf(messages[i].id, static_cast<std::uint16_t>(outcomes[i].result), false)));
    }
    BlockMessages block;
    block.add_batch(messages, outcomes);
    const std::vector<Bytes32> leaves = hashes;
    frontier.append(hashes);
    for (std::uint32_t i = 0; i < count; ++i) {
      EXPECT_EQ(proto::root_of_path(leaves[i], i, count, block.path(i)), frontier.root()) << i << " of " << count;
    }
  }
}

}  // namespace
}  // namespace electra::chain
