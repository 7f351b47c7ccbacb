#include "bench/e2e/scenario.h"

#include <algorithm>

#include "crypto-offload/software_signer.h"
#include "engine/state/machine.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/signing.h"

namespace electra::bench {
namespace {

constexpr std::uint64_t kGenesisSeconds = 1'451'865'600;  // 2016-01-04T00:00Z
constexpr std::uint64_t kDaySeconds = 86'400;             // the interval: readings of one are never settled
constexpr std::string_view kPhrase = "electra benchmark";
constexpr std::uint64_t kWalletFunds = 1'000'000'000'000;  // uelectra
constexpr std::uint64_t kExtraFunds = 10'000'000;          // of each further account
constexpr std::uint64_t kAmountMax = 100;
constexpr std::uint64_t kFirstRegister = 1'000'000;  // Wh
constexpr std::uint32_t kExtraMax = 8192;            // accounts that one message opens
constexpr std::uint32_t kSpareAccounts = 64;

// Different questions about one message get different hashes.
constexpr std::uint64_t kSaltForged = 0x666f726765640001;
constexpr std::uint64_t kSaltKind = 0x6b696e6400000002;
constexpr std::uint64_t kSaltDebit = 0x6465626974000003;
constexpr std::uint64_t kSaltCredit = 0x6372656469740004;
constexpr std::uint64_t kSaltAmount = 0x616d6f756e740005;

std::uint64_t divide_up(std::uint64_t value, std::uint64_t by) { return (value + by - 1) / by; }

std::string serial_of(state::Slot slot) {
  if (slot == Scenario::kGatewaySlot) return "GRID";
  if (slot == Scenario::kOperatorSlot) return "operator";
  return "S" + std::to_string(slot - Scenario::kFirstSender);
}

std::uint32_t extra_of(const ScenarioOptions& options) {
  return options.accounts <= options.senders
             ? 0
             : static_cast<std::uint32_t>(divide_up(options.accounts - options.senders, options.senders));
}

client::SignFunction sign_with(const crypto::ExpandedKey& key) {
  return [&key](proto::SignatureKind kind, const Bytes32& genesis_hash, std::uint64_t sequence,
                ByteSpan payload) -> std::optional<Bytes64> {
    const Bytes16 tag = proto::signing_tag(kind, genesis_hash);
    const crypto::SignItem item{.key = &key, .tag = &tag, .sequence = sequence, .payload = payload};
    Bytes64 signature;
    crypto::sign_many({&item, 1}, {&signature, 1});
    return signature;
  };
}

}  // namespace

std::string_view load_name(Load load) noexcept {
  return load == Load::transfers ? "transfers" : load == Load::readings ? "readings" : "mix";
}

Scenario::Scenario(const ScenarioOptions& options)
    : options_(options),
      extra_(extra_of(options)),
      funding_rounds_(divide_up(extra_, strict::kTransfersMax)),
      rounds_(divide_up(options.messages, options.senders)),
      picker_(options.skew, options.senders * (1 + extra_)) {}

std::expected<std::unique_ptr<Scenario>, std::string> Scenario::make(const ScenarioOptions& options,
                                                                     const Progress& progress) {
  if (options.senders == 0 || options.connections == 0 || options.messages == 0) {
    return std::unexpected("there must be a sender, a connection and a message");
  }
  if (options.connections > options.senders) return std::unexpected("there are more connections than senders");
  if (options.accounts != 0 && options.accounts < options.senders) {
    return std::unexpected("there are fewer accounts than senders: each has a wallet");
  }
  if (extra_of(options) > kExtraMax) return std::unexpected("at most 8192 accounts a sender: use more senders");
  std::unique_ptr<Scenario> scenario(new Scenario(options));
  if (options.load != Load::transfers && scenario->rounds_ >= kDaySeconds) {
    return std::unexpected("at most 86,399 messages a sender with readings: use more senders");
  }
  scenario->derive_keys();
  scenario->genesis_ = genesis_of(options, scenario->public_keys_);
  if (std::string error = scenario->name_accounts(); !error.empty()) return std::unexpected(std::move(error));
  if (std::string error = scenario->sign_all(progress); !error.empty()) return std::unexpected(std::move(error));
  return scenario;
}

void Scenario::derive_keys() {
  for (state::Slot slot = 1; slot < kFirstSender + options_.senders; ++slot) {
    keys_.push_back(std::make_unique<crypto::ExpandedKey>(crypto::derive_development_seed(kPhrase, serial_of(slot))));
    public_keys_.push_back(keys_.back()->public_key());
  }
}

state::Genesis Scenario::genesis_of(const ScenarioOptions& options, const std::vector<Bytes32>& public_keys) {
  state::Genesis genesis;
  genesis.chain_id = "electra-bench-0";
  genesis.hash = crypto::derive_development_seed(kPhrase, "genesis");
  genesis.time_ns = kGenesisSeconds * 1'000'000'000;
  genesis.params.interval_s = kDaySeconds;
  genesis.params.cycle_s = kDaySeconds;
  genesis.params.future_tolerance_s = 0;
  genesis.limits.holders_max = options.senders + kFirstSender - 1;
  genesis.limits.accounts_max = (3 + extra_of(options)) * options.senders + kSpareAccounts;
  for (const Bytes32& key : public_keys) {
    const auto slot = static_cast<state::Slot>(genesis.holders.size() + 1);
    state::GenesisHolder holder;
    holder.serial = serial_of(slot);
    holder.public_key = key;
    holder.roles = slot == kGatewaySlot    ? state::kRoleGateway | state::kRoleMeter
                   : slot == kOperatorSlot ? state::kRoleOperator
                                           : state::kRoleMeter | state::kRoleOwner;
    holder.phases = slot == kOperatorSlot ? 0 : 1;
    holder.balance = slot < kFirstSender ? 0 : kWalletFunds;
    genesis.holders.push_back(std::move(holder));
  }
  return genesis;
}

std::shared_ptr<const crypto::Signer> Scenario::gateway_signer() {
  return std::make_shared<crypto::SoftwareSigner>(crypto::derive_development_seed(kPhrase, serial_of(kGatewaySlot)));
}

std::uint64_t Scenario::time_ns() noexcept { return (kGenesisSeconds + kDaySeconds - 1) * 1'000'000'000; }

client::SignFunction Scenario::signer(std::uint32_t sender) const {
  return sign_with(*keys_[kFirstSender - 1 + sender]);
}

client::SignFunction Scenario::operator_signer() const { return sign_with(*keys_[kOperatorSlot - 1]); }

double Scenario::mean_frame_bytes() const noexcept {
  return static_cast<double>(traffic_.frames.bytes()) / static_cast<double>(traffic_.frames.messages());
}

// Which numbers the accounts of the genesis have. Balances come from nowhere but the model.
std::string Scenario::name_accounts() {
  const auto machine = state::Machine::create(genesis_);
  if (!machine) return machine.error();
  for (std::uint32_t i = 0; i < options_.senders; ++i) {
    wallets_.push_back((*machine)->holder(kFirstSender + i)->wallet_account);
  }
  operator_wallet_ = (*machine)->holder(kOperatorSlot)->wallet_account;
  genesis_accounts_ = (*machine)->account_count();
  return {};
}

// --- which message is which ------------------------------------------------------------------------------------------

std::uint32_t Scenario::sender_at(std::uint32_t stream, std::uint64_t position) const noexcept {
  const std::uint32_t taking_turns = (options_.senders - stream + options_.connections - 1) / options_.connections;
  return stream + static_cast<std::uint32_t>(position % taking_turns) * options_.connections;
}

std::uint64_t Scenario::round_at(std::uint32_t stream, std::uint64_t position) const noexcept {
  return position / ((options_.senders - stream + options_.connections - 1) / options_.connections);
}

std::uint64_t Scenario::hash_of(std::uint32_t sender, std::uint64_t round) const noexcept {
  return mix64(mix64(options_.seed) ^ (std::uint64_t{sender} << 32) ^ round);
}

bool Scenario::forged_hash(std::uint64_t hash) const noexcept {
  return options_.forged_per_mille > 0 && scale_to(mix64(hash ^ kSaltForged), 1000) < options_.forged_per_mille;
}

bool Scenario::forged(std::uint32_t stream, std::uint64_t position) const noexcept {
  return options_.forged_per_mille > 0 && forged_hash(hash_of(sender_at(stream, position), round_at(stream, position)));
}

bool Scenario::is_reading(std::uint64_t hash) const noexcept {
  return options_.load == Load::readings || (options_.load == Load::mix && (mix64(hash ^ kSaltKind) & 1) != 0);
}

state::AccountNumber Scenario::first_extra(std::uint32_t sender) const noexcept {
  return genesis_accounts_ + 1 + sender * extra_;
}

state::AccountNumber Scenario::account_in_play(std::uint64_t index) const noexcept {
  return index < options_.senders ? wallets_[index]
                                  : genesis_accounts_ + 1 + static_cast<state::AccountNumber>(index - options_.senders);
}

Scenario::Move Scenario::move_of(std::uint32_t sender, std::uint64_t hash) const noexcept {
  const std::uint64_t own = scale_to(mix64(hash ^ kSaltDebit), 1 + extra_);
  const auto debit = own == 0 ? wallets_[sender] : first_extra(sender) + static_cast<state::AccountNumber>(own - 1);
  const std::uint64_t in_play = std::uint64_t{options_.senders} * (1 + extra_);
  std::uint64_t chosen = picker_.pick(mix64(hash ^ kSaltCredit));
  if (account_in_play(chosen) == debit) chosen = (chosen + 1) % in_play;
  const auto credit = in_play == 1 ? operator_wallet_ : account_in_play(chosen);
  return {.debit = debit, .credit = credit, .amount = 1 + scale_to(mix64(hash ^ kSaltAmount), kAmountMax)};
}

// --- drafts ----------------------------------------------------------------------------------------------------------

void Scenario::describe(std::uint32_t stream, std::uint64_t position, Draft& draft) const {
  const std::uint32_t sender = sender_at(stream, position);
  const std::uint64_t round = round_at(stream, position);
  const std::uint64_t hash = hash_of(sender, round);
  draft.slot = kFirstSender + sender;
  draft.sequence = funding_rounds_ + 1 + round;
  // A forgery looks like any signature: it is one, by a key that is not the sender's.
  const state::Slot other = options_.senders == 1 ? kOperatorSlot : kFirstSender + (sender + 1) % options_.senders;
  draft.key = keys_[(forged_hash(hash) ? other : draft.slot) - 1].get();
  if (is_reading(hash)) {
    draft.payload.not_after = 0;
    strict::Reading& reading = draft.payload.operation.emplace<strict::Reading>();
    reading.time = kGenesisSeconds + 1 + round;
    reading.count = 1;
    reading.items[0] = {.phase = 1,
                        .whin = kFirstRegister + round,
                        .whout = 0,
                        .mvolt = 230'000,
                        .mhertz = 50'000,
                        .mpf = 958,
                        .maxmi = 16'000};
    return;
  }
  const Move move = move_of(sender, hash);
  draft.payload.not_after = kGenesisSeconds + kDaySeconds;
  strict::Transfers& transfers = draft.payload.operation.emplace<strict::Transfers>();
  transfers.count = 1;
  transfers.items[0].debit_account = move.debit;
  transfers.items[0].credit_account = move.credit;
  transfers.items[0].amount = move.amount;
}

void Scenario::describe_opening(std::uint64_t position, Draft& draft) const {
  draft.slot = kOperatorSlot;
  draft.sequence = 1 + position;
  draft.key = keys_[kOperatorSlot - 1].get();
  draft.payload.not_after = 0;
  draft.payload.operation = strict::OpenAccounts{.owner_slot = kFirstSender + static_cast<state::Slot>(position),
                                                 .asset = static_cast<std::uint32_t>(state::Asset::uelectra),
                                                 .flags = state::kDebitsMustNotExceedCredits,
                                                 .count = extra_};
}

void Scenario::describe_funding(std::uint32_t stream, std::uint64_t position, Draft& draft) const {
  const std::uint32_t sender = sender_at(stream, position);
  const std::uint64_t round = round_at(stream, position);
  draft.slot = kFirstSender + sender;
  draft.sequence = 1 + round;
  draft.key = keys_[draft.slot - 1].get();
  draft.payload.not_after = kGenesisSeconds + kDaySeconds;
  strict::Transfers& transfers = draft.payload.operation.emplace<strict::Transfers>();
  for (std::uint64_t i = round * strict::kTransfersMax; i < extra_ && transfers.count < strict::kTransfersMax; ++i) {
    strict::Transfer& transfer = transfers.items[transfers.count++];
    transfer.debit_account = wallets_[sender];
    transfer.credit_account = first_extra(sender) + static_cast<state::AccountNumber>(i);
    transfer.amount = kExtraFunds;
  }
}

std::string Scenario::sign_all(const Progress& progress) {
  const Bytes16 tag = proto::signing_tag(proto::SignatureKind::message, genesis_.hash);
  const auto lengths = [this](std::uint64_t rounds) {
    std::vector<std::uint64_t> out;
    for (std::uint32_t stream = 0; stream < options_.connections; ++stream) {
      out.push_back(rounds * ((options_.senders - stream + options_.connections - 1) / options_.connections));
    }
    return out;
  };
  if (extra_ > 0) {
    const std::vector<std::uint64_t> one_each{options_.senders};
    auto opening = FrameStore::sign(tag, one_each, [this](std::uint32_t, std::uint64_t position, Draft& draft) {
      describe_opening(position, draft);
    });
    if (!opening) return opening.error();
    opening_ = {.frames = std::move(*opening), .senders = 1, .first_slot = kOperatorSlot, .first_sequence = 1};
    auto funding = FrameStore::sign(tag, lengths(funding_rounds_),
                                    [this](std::uint32_t stream, std::uint64_t position, Draft& draft) {
                                      describe_funding(stream, position, draft);
                                    });
    if (!funding) return funding.error();
    funding_ = {
        .frames = std::move(*funding), .senders = options_.senders, .first_slot = kFirstSender, .first_sequence = 1};
  }
  auto frames = FrameStore::sign(
      tag, lengths(rounds_),
      [this](std::uint32_t stream, std::uint64_t position, Draft& draft) { describe(stream, position, draft); },
      progress);
  if (!frames) return frames.error();
  traffic_ = {.frames = std::move(*frames),
              .senders = options_.senders,
              .first_slot = kFirstSender,
              .first_sequence = funding_rounds_ + 1};
  return {};
}

// --- the books -------------------------------------------------------------------------------------------------------

Model Scenario::model_after(const std::vector<std::uint64_t>& sent) const {
  ELECTRA_ASSERT_EQ(sent.size(), options_.connections);
  Model model;
  model.accounts.resize(genesis_accounts_ + std::size_t{extra_} * options_.senders);
  model.registers.resize(public_keys_.size());
  for (const state::AccountNumber wallet : wallets_) model.move(1, wallet, kWalletFunds);  // 1: the issuer's
  if (extra_ > 0) model.messages += options_.senders * (1 + funding_rounds_);
  for (std::uint32_t sender = 0; sender < options_.senders; ++sender) {
    for (std::uint32_t i = 0; i < extra_; ++i) model.move(wallets_[sender], first_extra(sender) + i, kExtraFunds);
  }
  for (std::uint32_t stream = 0; stream < options_.connections; ++stream) {
    for (std::uint64_t position = 0; position < sent[stream]; ++position) {
      const std::uint32_t sender = sender_at(stream, position);
      const std::uint64_t round = round_at(stream, position);
      const std::uint64_t hash = hash_of(sender, round);
      if (forged_hash(hash)) continue;
      ++model.messages;
      if (is_reading(hash)) {
        model.registers[kFirstSender - 1 + sender] = kFirstRegister + round;
        continue;
      }
      const Move move = move_of(sender, hash);
      model.move(move.debit, move.credit, move.amount);
    }
  }
  return model;
}

}  // namespace electra::bench
