// What a proof says, in names and numbers. Nothing is checked here.
#include <fmt/format.h>

#include <bit>

#include "engine/electrad/amount.h"
#include "engine/electrad/answers.h"
#include "engine/electrad/config.h"
#include "engine/electrad/proof_json.h"
#include "meter-proto/address.h"
#include "meter-proto/base/result.h"
#include "meter-proto/chain/leaves.h"
#include "meter-proto/signing.h"
#include "meter-proto/strict/payload.h"

namespace electra::app {
namespace {

constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

template <typename Integer>
std::string digits(Integer value) {
  return std::to_string(value);
}

// Credits minus debits, over the whole range.
std::string difference(std::uint64_t credits, std::uint64_t debits) {
  return credits >= debits ? digits(credits - debits) : "-" + digits(debits - credits);
}

std::string asset_name(std::uint8_t asset) {
  return asset == 1 ? "uelectra" : asset == 2 ? "Wh" : fmt::format("asset {}", asset);
}

std::vector<unsigned> phase_list(std::uint32_t phases) {
  std::vector<unsigned> list;
  for (unsigned phase = 1; phase <= 3; ++phase) {
    if ((phases >> (phase - 1) & 1U) != 0) list.push_back(phase);
  }
  return list;
}

std::string operation_name(ByteSpan payload) {
  strict::PayloadView view;
  if (strict::decode_payload(payload, view) != Result::ok) return "unknown";
  return std::visit(
      [](const auto& operation) -> std::string {
        using T = std::decay_t<decltype(operation)>;
        if constexpr (std::is_same_v<T, strict::RegisterKey>) return "registerKey";
        if constexpr (std::is_same_v<T, strict::ProvePossession>) return "provePossession";
        if constexpr (std::is_same_v<T, strict::SetStatus>) return "setStatus";
        if constexpr (std::is_same_v<T, strict::OpenAccounts>) return "openAccounts";
        if constexpr (std::is_same_v<T, strict::Transfers>) return "transfers";
        if constexpr (std::is_same_v<T, strict::Reading>) return "reading";
        if constexpr (std::is_same_v<T, strict::BeginEpoch>) return "beginEpoch";
        if constexpr (std::is_same_v<T, strict::ScheduleRules>) return "scheduleRules";
        return "unknown";
      },
      view.operation);
}

Bytes32 id_of(const proto::MessageProof& message, const Bytes32& genesis_hash) {
  std::vector<std::uint8_t> buffer(proto::kSigningPrefixBytes + message.payload.size());
  return proto::message_id(message.sender_key, message.signature,
                           proto::signing_bytes(proto::signing_tag(proto::SignatureKind::message, genesis_hash),
                                                message.sequence, message.payload, buffer));
}

Json register_json(const proto::RegisterLeaf& registers, std::uint8_t phases) {
  Json list = Json::array();
  for (const unsigned phase : phase_list(phases)) {
    list.push_back(
        {{"phase", phase}, {"whin", digits(registers.in[phase - 1])}, {"whout", digits(registers.out[phase - 1])}});
  }
  return list;
}

Json leaf_json(const proto::HolderLeaf& holder, std::uint64_t slot) {
  return {{"slot", digits(slot)},
          {"serial", holder.serial()},
          {"address", proto::address_text(holder.address)},
          {"publicKey", to_hex(holder.public_key)},
          {"keyGeneration", holder.key_generation},
          {"status", holder_status_name(holder.status)},
          {"roles", role_names(holder.roles)},
          {"phases", phase_list(holder.phases)},
          {"ownerSlot", holder.owner_slot},
          {"walletAccount", holder.wallet_account},
          {"energyAccount", holder.energy_account},
          {"debtAccount", holder.debt_account}};
}

Json leaf_json(const proto::AccountLeaf& account, std::uint64_t number) {
  return {{"account", digits(number)},
          {"ownerSlot", account.owner_slot},
          {"asset", asset_name(account.asset)},
          {"balance", difference(account.credits_posted, account.debits_posted)},
          {"creditsPosted", digits(account.credits_posted)},
          {"debitsPosted", digits(account.debits_posted)},
          {"creditsPending", digits(account.credits_pending)},
          {"debitsPending", digits(account.debits_pending)}};
}

Json leaf_json(const proto::MeterLeaf& meter) {
  return {{"readingTime", digits(meter.newest_time_s)},
          {"registers", register_json(meter.newest, meter.phases)},
          {"consumedWh", digits(meter.consumed_wh)},
          {"generatedWh", digits(meter.generated_wh)},
          {"paid", digits(meter.paid)},
          {"received", digits(meter.received)},
          {"billedCycle", digits(meter.billed_cycle)},
          {"billHash", to_hex(meter.bill_hash)}};
}

constexpr std::string_view kUndecodable = "a leaf that this program cannot read";

struct Facts {
  const proto::Proof& proof;

  Json operator()(const proto::MessageProof& message) const {
    const auto result = static_cast<Result>(message.result);
    return {{"messageId", to_hex(id_of(message, proof.genesis_hash))},
            {"senderAddress", proto::address_text(proto::address_of(message.sender_key))},
            {"operation", operation_name(message.payload)},
            {"resultName", result_name(result)},
            {"resultText", result_text(result)}};
  }
  Json operator()(const proto::AccountProof& account) const {
    const auto leaf = proto::AccountLeaf::decode(account.account.leaf);
    return leaf ? leaf_json(*leaf, account.account.index + 1) : Json(kUndecodable);
  }
  Json operator()(const proto::HolderProof& holder) const {
    const auto leaf = proto::HolderLeaf::decode(holder.holder.leaf);
    return leaf ? leaf_json(*leaf, holder.holder.index + 1) : Json(kUndecodable);
  }
  Json operator()(const proto::MeterProof& meter) const {
    const auto registers = proto::MeterLeaf::decode(meter.meter.leaf);
    const auto holder = proto::HolderLeaf::decode(meter.holder.leaf);
    if (!registers || !holder) return kUndecodable;
    Json out = {{"slot", digits(meter.holder.index + 1)},
                {"serial", holder->serial()},
                {"address", proto::address_text(holder->address)}};
    out.update(leaf_json(*registers));
    return out;
  }
  Json operator()(const proto::AbsenceProof& absence) const {
    return {{absence.table == proto::HolderLeaf::kTable ? "slots" : "accounts", digits(absence.count)}};
  }
};

struct Sentence {
  const proto::Proof& proof;

  std::string operator()(const proto::MessageProof& message) const {
    const auto result = static_cast<Result>(message.result);
    return fmt::format("the message {} with sequence {} of {} is in the block; result {} ({}: {}){}",
                       to_hex(id_of(message, proof.genesis_hash)), message.sequence,
                       proto::address_text(proto::address_of(message.sender_key)), message.result, result_name(result),
                       result_text(result), message.repeated ? ", as the first time that it came" : "");
  }
  std::string operator()(const proto::AccountProof& account) const {
    const auto leaf = proto::AccountLeaf::decode(account.account.leaf);
    if (!leaf) return std::string(kUndecodable);
    return fmt::format("account {} of {} has a balance of {} {}", account.account.index + 1,
                       leaf->owner_slot == 0 ? "the system" : fmt::format("slot {}", leaf->owner_slot),
                       difference(leaf->credits_posted, leaf->debits_posted), asset_name(leaf->asset));
  }
  std::string operator()(const proto::HolderProof& holder) const {
    const auto leaf = proto::HolderLeaf::decode(holder.holder.leaf);
    if (!leaf) return std::string(kUndecodable);
    return fmt::format("slot {} is {}, {}, with the key {}", holder.holder.index + 1, leaf->serial(),
                       holder_status_name(leaf->status), to_hex(leaf->public_key));
  }
  std::string operator()(const proto::MeterProof& meter) const {
    const auto registers = proto::MeterLeaf::decode(meter.meter.leaf);
    const auto holder = proto::HolderLeaf::decode(meter.holder.leaf);
    if (!registers || !holder) return std::string(kUndecodable);
    if (registers->newest_time_s == 0) {
      return fmt::format("meter {} (slot {}) has sent no reading", holder->serial(), meter.holder.index + 1);
    }
    std::string text = fmt::format("meter {} (slot {}) read at {}:", holder->serial(), meter.holder.index + 1,
                                   instant_text(registers->newest_time_s));
    for (const unsigned phase : phase_list(registers->phases)) {
      text += fmt::format(" L{} {} Wh in, {} Wh out;", phase, registers->newest.in[phase - 1],
                          registers->newest.out[phase - 1]);
    }
    text.pop_back();
    return text;
  }
  std::string operator()(const proto::AbsenceProof& absence) const {
    const char* thing = absence.table == proto::HolderLeaf::kTable ? "slot" : "account";
    return fmt::format("there is no {} above {}", thing, absence.count);
  }
};

}  // namespace

Json proof_facts_json(const proto::Proof& proof) { return std::visit(Facts{proof}, proof.content); }

std::string proof_sentence(const proto::Proof& proof) {
  const proto::BlockHeader& header = proof.header.header;
  return fmt::format("at height {} ({}) {}", header.height, instant_text(header.time_ns / kNanosecondsPerSecond),
                     std::visit(Sentence{proof}, proof.content));
}

}  // namespace electra::app
