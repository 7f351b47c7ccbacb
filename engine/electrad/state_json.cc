#include "engine/electrad/state_json.h"

#include "engine/electrad/answers.h"
#include "engine/electrad/config.h"
#include "meter-proto/address.h"

namespace electra::app {
namespace {

template <typename Integer>
std::string digits(Integer value) {
  return std::to_string(value);
}

std::string_view asset_name(state::Asset asset) {
  switch (static_cast<unsigned>(asset)) {
    case 1:  return "uelectra";
    case 2:  return "Wh";
    default: return "none";
  }
}

}  // namespace

Json account_json(const state::AccountView& account) {
  return {{"account", account.account},
          {"ownerSlot", account.owner_slot},
          {"asset", asset_name(account.asset)},
          {"flags", account.flags},
          {"debitsPosted", digits(account.debits_posted)},
          {"creditsPosted", digits(account.credits_posted)},
          {"debitsPending", digits(account.debits_pending)},
          {"creditsPending", digits(account.credits_pending)}};
}

Json holder_json(const state::HolderView& holder) {
  Json phases = Json::array();
  Json registers = Json::array();
  for (unsigned phase = 1; phase <= strict::kPhasesMax; ++phase) {
    if ((holder.phases >> (phase - 1) & 1U) != 0) phases.push_back(phase);
    const state::RegisterPair& pair = holder.registers[phase - 1];
    if (holder.phases != 0) registers.push_back({{"whin", digits(pair.whin)}, {"whout", digits(pair.whout)}});
  }
  return {{"slot", holder.slot},
          {"address", proto::address_text(holder.address)},
          {"serial", holder.serial},
          {"status", holder_status_name(static_cast<std::uint32_t>(holder.status))},
          {"roles", role_names(holder.roles)},
          {"phases", phases},
          {"ownerSlot", holder.owner_slot},
          {"keyGeneration", holder.key_generation},
          {"publicKey", to_hex(holder.public_key)},
          {"highestSequence", digits(holder.highest_sequence)},
          {"walletAccount", holder.wallet_account},
          {"energyAccount", holder.energy_account},
          {"debtAccount", holder.debt_account},
          {"walletBalance", digits(holder.wallet_balance)},
          {"debt", digits(holder.debt)},
          {"lastReadingTime", digits(holder.last_reading_time)},
          {"registers", registers},
          {"consumedWh", digits(holder.consumed_wh)},
          {"generatedWh", digits(holder.generated_wh)},
          {"paid", digits(holder.paid)},
          {"received", digits(holder.received)},
          {"intervalsMissing", digits(holder.intervals_missing)},
          {"intervalsEstimated", digits(holder.intervals_estimated)},
          {"intervalsFaulty", digits(holder.intervals_faulty)},
          {"billHash", to_hex(holder.bill_hash)}};
}

}  // namespace electra::app
