#include "bench/e2e/scenario.h"

#include <memory>

#include "crypto-offload/batch_signer.h"
#include "crypto-offload/software_signer.h"
#include "meter-proto/signing.h"

namespace electra::bench {
namespace {

constexpr std::uint64_t kGenesisSeconds = 1'451'865'600;  // 2016-01-04T00:00Z
constexpr std::string_view kPhrase = "electra benchmark";

// As crypto::SoftwareSigner, without its verification of each signature: the gateway verifies them all.
client::SignFunction sign_with(const Bytes32& seed) {
  const auto key = std::make_shared<const crypto::ExpandedKey>(seed);
  return [key](proto::SignatureKind kind, const Bytes32& genesis_hash, std::uint64_t sequence,
               ByteSpan payload) -> std::optional<Bytes64> {
    const Bytes16 tag = proto::signing_tag(kind, genesis_hash);
    const crypto::SignItem item{.key = key.get(), .tag = &tag, .sequence = sequence, .payload = payload};
    Bytes64 signature;
    crypto::sign_many({&item, 1}, {&signature, 1});
    return signature;
  };
}

}  // namespace

std::expected<Scenario, std::string> Scenario::make(const ScenarioOptions& options) {
  Scenario scenario;
  scenario.load_ = options.load;
  scenario.senders_ = options.senders;
  scenario.messages_per_sender_ = (options.messages + options.senders - 1) / options.senders;
  state::Genesis& genesis = scenario.genesis_;
  // A reading a second of one interval: so the interval holds as many as there are.
  const std::uint64_t day_s = 86'400;
  if (options.load == Load::readings && scenario.messages_per_sender_ >= day_s) {
    return std::unexpected("at most 86,399 readings a sender: use more senders");
  }
  genesis.chain_id = "electra-bench-0";
  genesis.hash = crypto::derive_development_seed(kPhrase, "genesis");
  genesis.time_ns = kGenesisSeconds * 1'000'000'000;
  genesis.params.interval_s = static_cast<std::uint32_t>(day_s);
  genesis.params.cycle_s = static_cast<std::uint32_t>(day_s);
  genesis.params.future_tolerance_s = 0;
  genesis.limits.holders_max = options.senders + 2;
  genesis.limits.accounts_max = 4 * options.senders + 64;
  const auto add = [&](std::string serial, std::uint32_t roles, std::uint32_t phases, std::uint64_t balance) {
    state::GenesisHolder holder;
    const Bytes32 seed = crypto::derive_development_seed(kPhrase, serial);
    holder.serial = std::move(serial);
    holder.public_key = crypto::ExpandedKey(seed).public_key();
    holder.roles = roles;
    holder.phases = phases;
    holder.balance = balance;
    genesis.holders.push_back(std::move(holder));
    return seed;
  };
  add("GRID", state::kRoleGateway | state::kRoleMeter, 1, 0);
  add("operator", state::kRoleOperator, 0, 0);
  for (std::uint32_t i = 0; i < options.senders; ++i) {
    scenario.seeds_.push_back(add("S" + std::to_string(i), state::kRoleMeter | state::kRoleOwner, 1, kBalance));
  }
  auto machine = state::Machine::create(genesis);
  if (!machine) return std::unexpected(machine.error());
  if (std::string error = scenario.sign_all(**machine); !error.empty()) return std::unexpected(std::move(error));
  return scenario;
}

std::string Scenario::sign_all(const state::Machine& machine) {
  std::array<std::uint8_t, proto::kClientBufferBytes> buffer;
  crypto::SignBatch batch;
  for (std::uint32_t i = 0; i < senders_; ++i) {
    const crypto::ExpandedKey key(seeds_[i]);
    batch.begin(proto::signing_tag(proto::SignatureKind::message, genesis_.hash));
    for (std::uint64_t n = 0; n < messages_per_sender_; ++n) {
      const std::size_t bytes = proto::encode_payload(payload(machine, i, n), buffer);
      if (bytes == 0) return "a payload is longer than a frame may be";
      batch.add(key, n + 1, ByteSpan(buffer).first(bytes));
    }
    batch.sign();
    for (std::size_t n = 0; n < batch.size(); ++n) {
      const auto size = client::write_signed_frame({.slot = slot(i)}, batch.sequence(n), batch.payload(n),
                                                   batch.signature(n), buffer);
      if (!size) return size.error();
      offsets_.push_back(bytes_.size());
      bytes_.insert(bytes_.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*size));
    }
  }
  offsets_.push_back(bytes_.size());
  return {};
}

strict::PayloadView Scenario::payload(const state::Machine& machine, std::uint32_t sender, std::uint64_t index) const {
  strict::PayloadView payload;
  if (load_ == Load::transfers) {
    payload.not_after = kGenesisSeconds + 86'400;
    strict::Transfers& transfers = payload.operation.emplace<strict::Transfers>();
    transfers.count = 1;
    transfers.items[0].debit_account = machine.holder(slot(sender))->wallet_account;
    transfers.items[0].credit_account = machine.holder(slot((sender + 1) % senders_))->wallet_account;
    transfers.items[0].amount = 1;
  } else {
    strict::Reading& reading = payload.operation.emplace<strict::Reading>();
    reading.time = kGenesisSeconds + 1 + index;
    reading.count = 1;
    reading.items[0] = {.phase = 1,
                        .whin = 1'000'000 + index,
                        .whout = 0,
                        .mvolt = 230'000,
                        .mhertz = 50'000,
                        .mpf = 958,
                        .maxmi = 16'000};
  }
  return payload;
}

client::SignFunction Scenario::signer(std::uint32_t sender) const { return sign_with(seeds_[sender]); }

std::shared_ptr<const crypto::Signer> Scenario::gateway_signer() const {
  return std::make_shared<crypto::SoftwareSigner>(
      crypto::derive_development_seed(kPhrase, genesis_.holders.front().serial));
}

client::SignFunction Scenario::operator_signer() const {
  return sign_with(crypto::derive_development_seed(kPhrase, "operator"));
}

std::uint64_t Scenario::time_ns() const noexcept { return (kGenesisSeconds + 86'399) * 1'000'000'000; }

ByteSpan Scenario::frame(std::uint32_t sender, std::uint64_t index) const noexcept {
  const std::uint64_t number = sender * messages_per_sender_ + index;
  return {bytes_.data() + offsets_[number], offsets_[number + 1] - offsets_[number]};
}

double Scenario::mean_frame_bytes() const noexcept {
  return static_cast<double>(bytes_.size()) / static_cast<double>(offsets_.size() - 1);
}

std::string Scenario::check(const state::Machine& machine) const {
  if (machine.messages_executed() != senders_ * messages_per_sender_) {
    return "executed " + std::to_string(machine.messages_executed()) + " messages instead of " +
           std::to_string(senders_ * messages_per_sender_);
  }
  for (std::uint32_t i = 0; i < senders_; ++i) {
    const auto holder = machine.holder(slot(i));
    // Everybody gave as much to the next as the one before gave to it.
    if (holder->wallet_balance != static_cast<std::int64_t>(kBalance)) {
      return "holder " + std::to_string(holder->slot) + " has " + std::to_string(holder->wallet_balance);
    }
    const auto account = machine.account(holder->wallet_account);
    const std::uint64_t moved = load_ == Load::transfers ? messages_per_sender_ : 0;
    if (account->debits_posted != moved) {
      return "holder " + std::to_string(holder->slot) + " has paid " + std::to_string(account->debits_posted);
    }
    if (load_ == Load::readings && holder->registers[0].whin != 1'000'000 + messages_per_sender_ - 1) {
      return "holder " + std::to_string(holder->slot) + " shows register " + std::to_string(holder->registers[0].whin);
    }
  }
  return {};
}

}  // namespace electra::bench
