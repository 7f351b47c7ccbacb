#include "engine/chain/block_maker.h"

#include "meter-proto/base/assert.h"
#include "meter-proto/chain/merkle_path.h"
#include "meter-proto/chain/tagged_hash.h"

namespace electra::chain {
namespace {

constexpr std::uint64_t kGatewayPower = 1;

const crypto::HashMidstate& leaf_midstate() {
  static const crypto::HashMidstate midstate = crypto::tag_midstate(proto::kLeafTag);
  return midstate;
}

}  // namespace

Bytes32 gateway_key(const state::Machine& machine) {
  const auto gateway = machine.holder(machine.gateway_slot());
  ELECTRA_ASSERT(gateway.has_value());
  return gateway->public_key;
}

Bytes32 validator_set_hash(const state::Machine& machine) {
  std::array<std::uint8_t, 40> gateway;
  std::ranges::copy(gateway_key(machine), gateway.begin());
  store_le64(gateway.data() + 32, kGatewayPower);
  return proto::tagged_hash(proto::kValidatorsTag, gateway);
}

BlockMaker::BlockMaker(state::Machine& machine)
    : machine_(machine),
      trees_(machine),
      last_header_hash_(machine.genesis_hash()),
      batch_hash_(machine.genesis_hash()) {
  ELECTRA_ASSERT_EQ(machine.batch_number(), 0u);
}

BlockMaker::BlockMaker(state::Machine& machine, const proto::BlockHeader& last)
    : machine_(machine),
      trees_(machine),
      height_(last.height),
      last_header_hash_(proto::header_hash(last)),
      batch_hash_(last.batch_hash) {}

std::expected<std::unique_ptr<BlockMaker>, std::string> BlockMaker::restore(state::Machine& machine,
                                                                            const proto::BlockHeader& header) {
  const auto differs = [&](const std::string& state, const std::string& said) {
    return std::unexpected("the state has " + state + ", the header of block " + std::to_string(header.height) +
                           " says " + said);
  };
  struct Number {
    std::string_view before;
    std::uint64_t state;
    std::string_view behind;
    std::uint64_t said;
  };
  const Number numbers[] = {
      {"height ", machine.height(), "", header.height},
      {"batch ", machine.batch_number(), "", header.last_batch},
      {"time ", machine.time_ns(), "", header.time_ns},
      {"epoch ", machine.epoch(), "", header.epoch},
      {"cycle ", machine.current_cycle().cycle_id, "", header.cycle},
      {"", machine.messages_executed(), " messages", header.total_messages},
  };
  for (const auto& [before, state, behind, said] : numbers)
    if (state != said)
      return differs(std::string(before) + std::to_string(state) + std::string(behind), std::to_string(said));
  if (header.height == 0) return std::unexpected("block 0 has no header");
  // A later version may have come into force at the block's end.
  if (header.rules_version > machine.rules_version())
    return differs("rules version " + std::to_string(machine.rules_version()), std::to_string(header.rules_version));
  if (const Bytes32 validators = validator_set_hash(machine); validators != header.validator_set_hash)
    return differs("validators " + to_hex(validators), to_hex(header.validator_set_hash));
  std::unique_ptr<BlockMaker> maker(new BlockMaker(machine, header));
  if (const Bytes32 root = maker->trees_.root(); root != header.state_root)
    return differs("root " + to_hex(root), to_hex(header.state_root));
  return maker;
}

void BlockMaker::add_batch(const proto::BatchLink& link, std::span<const state::VerifiedMessage> messages,
                           std::span<const state::Outcome> outcomes) {
  ELECTRA_ASSERT_EQ(link.number, machine_.batch_number());
  ELECTRA_ASSERT_EQ(link.count, messages.size());
  ELECTRA_ASSERT_EQ(messages.size(), outcomes.size());
  batch_hash_ = proto::batch_hash(batch_hash_, link);
  last_link_ = link;
  ++open_batches_;
  if (messages.empty()) return;

  leaf_bytes_.resize(messages.size() * proto::kTransactionLeafBytes);
  leaf_hashes_.resize(messages.size());
  jobs_.clear();
  std::uint8_t* to = leaf_bytes_.data();
  for (std::size_t i = 0; i < messages.size(); ++i, to += proto::kTransactionLeafBytes) {
    proto::write_transaction_leaf(messages[i].id, static_cast<std::uint16_t>(outcomes[i].result), outcomes[i].repeated,
                                  to);
    jobs_.push_back({.in = to, .bytes = proto::kTransactionLeafBytes, .out = leaf_hashes_[i].data()});
  }
  crypto::hash_many(leaf_midstate(), jobs_);
  frontier_.append(leaf_hashes_);
  ELECTRA_ASSERT_LE(frontier_.count(), kBlockMessagesMax);
}

proto::BlockHeader BlockMaker::close_block() {
  begin_close();
  const auto header = step(SIZE_MAX);
  ELECTRA_ASSERT(header.has_value());
  return *header;
}

void BlockMaker::begin_close() {
  ELECTRA_ASSERT(!closing_);
  ELECTRA_ASSERT_LT(0u, open_batches_);
  closing_ = true;
  trees_.begin();
  header_ = {.rules_version = last_link_.rules_version,
             .epoch = machine_.epoch(),
             .height = height_ + 1,
             .last_batch = last_link_.number,
             .time_ns = last_link_.time_ns,
             .cycle = machine_.current_cycle().cycle_id,
             .batches = open_batches_,
             .messages = open_messages(),
             .total_messages = machine_.messages_executed(),
             .previous_hash = last_header_hash_,
             .batch_hash = batch_hash_,
             .transaction_root = frontier_.root(),
             .state_root = {},
             .validator_set_hash = validator_set_hash(machine_)};
  ELECTRA_ASSERT_EQ(header_.height, machine_.height());
  height_ = header_.height;
  open_batches_ = 0;
  frontier_.clear();
}

std::optional<proto::BlockHeader> BlockMaker::step(std::size_t bytes) {
  ELECTRA_ASSERT(closing_);
  if (!trees_.step(bytes)) return std::nullopt;
  closing_ = false;
  header_.state_root = trees_.root();
  last_header_hash_ = proto::header_hash(header_);
  return header_;
}

}  // namespace electra::chain
