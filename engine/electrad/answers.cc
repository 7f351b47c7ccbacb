#include "engine/electrad/answers.h"

#include <array>
#include <bit>

#include "engine/electrad/amount.h"
#include "engine/electrad/commands/record_json.h"
#include "engine/electrad/config.h"
#include "meter-proto/address.h"

namespace electra::app {
namespace {

constexpr std::string_view kToken = "uelectra";
constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

std::string hex(const std::string& bytes) { return to_hex(bytes_of(bytes)); }

std::string address(const std::string& bytes) {
  const auto exact = array_of<20>(bytes_of(bytes));
  return exact ? proto::address_text(*exact) : std::string();
}

std::vector<unsigned> phase_list(std::uint32_t phases) {
  std::vector<unsigned> list;
  for (unsigned phase = 1; phase <= 3; ++phase) {
    if ((phases >> (phase - 1) & 1U) != 0) list.push_back(phase);
  }
  return list;
}

template <typename Integer>
std::string digits(Integer value) {
  return std::to_string(value);
}

void flatten(const std::string& prefix, const Json& value, std::vector<std::pair<std::string, std::string>>& out) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) flatten(prefix.empty() ? key : prefix + "." + key, member, out);
    return;
  }
  if (value.is_array()) {
    const bool of_objects = !value.empty() && value.front().is_structured();
    std::string joined;
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (of_objects) {
        flatten(prefix + "." + std::to_string(i + 1), value[i], out);
      } else {
        joined += (i == 0 ? "" : ", ") + (value[i].is_string() ? value[i].get<std::string>() : value[i].dump());
      }
    }
    if (!of_objects) out.emplace_back(prefix, joined);
    return;
  }
  out.emplace_back(prefix, value.is_string() ? value.get<std::string>() : value.dump());
}

}  // namespace

Json current_cycle_json(const wire::Cycle& cycle) {
  return {{"cycleID", digits(cycle.cycle_id())},  {"begin", digits(cycle.begin())},
          {"end", digits(cycle.end())},           {"whin", digits(cycle.whin())},
          {"whout", digits(cycle.whout())},       {"moneyin", digits(cycle.moneyin())},
          {"moneyout", digits(cycle.moneyout())}, {"curency", kToken}};
}

Json billing_cycle_json(const wire::Cycle& cycle) {
  Json out = current_cycle_json(cycle);
  const bool is_final = cycle.state() == "final";
  out["valid"] = is_final;
  out["paid"] = is_final;
  out["creator"] = "";
  out["state"] = cycle.state();
  return out;
}

Json params_json(const wire::Params& params) {
  return {{"interval", digits(params.interval_s())},
          {"cycle", digits(params.cycle_s())},
          {"grace", digits(params.grace_s())},
          {"retailPrice", digits(params.retail_price())},
          {"feedInPrice", digits(params.feed_in_price())},
          {"poolRule", params.pool_rule()},
          {"genesisTime", digits(params.genesis_time())}};
}

Json meter_directory_json(const wire::Holder& holder) {
  const int phases = std::popcount(holder.phases());
  return {{"deviceID", address(holder.address())},
          {"barcodeserial", holder.serial()},
          {"model", ""},
          {"installationdate", ""},
          {"address", ""},
          {"ownerlastname", ""},
          {"ownerfirstname", ""},
          {"ownerphone", ""},
          {"gpsjson", ""},
          {"active", holder_status_name(holder.status()) == "active"},
          {"triphased", phases == 3},
          {"phasenbmono", digits(phases == 1 ? std::countr_zero(holder.phases()) + 1 : 0)}};
}

Json holder_json(const wire::Holder& holder) {
  Json registers = Json::array();
  for (const wire::RegisterPair& pair : holder.registers()) {
    registers.push_back({{"whin", digits(pair.whin())}, {"whout", digits(pair.whout())}});
  }
  return {{"slot", holder.slot()},
          {"address", address(holder.address())},
          {"serial", holder.serial()},
          {"status", holder_status_name(holder.status())},
          {"roles", role_names(holder.roles())},
          {"phases", phase_list(holder.phases())},
          {"ownerSlot", holder.owner_slot()},
          {"keyGeneration", holder.key_generation()},
          {"publicKey", hex(holder.public_key())},
          {"highestSequence", digits(holder.highest_sequence())},
          {"walletAccount", holder.wallet_account()},
          {"energyAccount", holder.energy_account()},
          {"debtAccount", holder.debt_account()},
          {"walletBalance", digits(holder.wallet_balance())},
          {"debt", digits(holder.debt())},
          {"lastReadingTime", digits(holder.last_reading_time())},
          {"registers", registers},
          {"consumedWh", digits(holder.consumed_wh())},
          {"generatedWh", digits(holder.generated_wh())},
          {"paid", digits(holder.paid())},
          {"received", digits(holder.received())},
          {"intervalsMissing", digits(holder.intervals_missing())},
          {"intervalsEstimated", digits(holder.intervals_estimated())},
          {"intervalsFaulty", digits(holder.intervals_faulty())},
          {"billHash", hex(holder.bill_hash())}};
}

Json balances_json(const wire::Holder& holder) {
  return {{"balances", Json::array({Json{{"denom", kToken}, {"amount", digits(holder.wallet_balance())}}})},
          {"debt", digits(holder.debt())},
          {"pagination", {{"next_key", nullptr}, {"total", "1"}}}};
}

namespace {

Json datagrams_json(const wire::Datagrams& datagrams) {
  return {{"received", digits(datagrams.received())},
          {"messages", digits(datagrams.messages())},
          {"receipts", digits(datagrams.receipts())},
          {"sent", digits(datagrams.sent())},
          {"lost", digits(datagrams.lost())},
          {"malformed", digits(datagrams.malformed())},
          {"unknownSender", digits(datagrams.unknown_sender())},
          {"malformedPayload", digits(datagrams.malformed_payload())},
          {"badSignature", digits(datagrams.bad_signature())},
          {"overloaded", digits(datagrams.overloaded())},
          {"unsent", digits(datagrams.unsent())}};
}

}  // namespace

Json status_json(const wire::Status& status) {
  const wire::Totals& totals = status.totals();
  Json out = {{"chainId", status.chain_id()},
              {"genesisHash", hex(status.genesis_hash())},
              {"batch", digits(status.batch())},
              {"time", digits(status.time())},
              {"timeText", instant_text(status.time() / kNanosecondsPerSecond)},
              {"height", digits(status.height())},
              {"signedHeight", digits(status.signed_height())},
              {"epoch", status.epoch()},
              {"signerProblem", status.signer_problem()},
              {"diskProblem", status.disk_problem()},
              {"rulesVersion", status.rules_version()},
              {"messages", digits(status.messages())},
              {"holders", status.holders()},
              {"accounts", status.accounts()},
              {"backend", status.backend()},
              {"version", status.version()},
              {"clock", status.replay_clock() ? "replay" : "real"},
              {"totals",
               {{"cycles", digits(totals.cycles())},
                {"intervals", digits(totals.intervals())},
                {"consumptionWh", digits(totals.consumption_wh())},
                {"generationWh", digits(totals.generation_wh())},
                {"matchedWh", digits(totals.matched_wh())},
                {"importWh", digits(totals.import_wh())},
                {"exportWh", digits(totals.export_wh())},
                {"consumersPay", digits(totals.consumers_pay())},
                {"producersGet", digits(totals.producers_get())},
                {"gridGets", digits(totals.grid_gets())},
                {"debt", digits(totals.debt())},
                {"unaccountedWh", digits(totals.unaccounted_wh())}}}};
  if (status.has_datagrams()) out["datagrams"] = datagrams_json(status.datagrams());
  return out;
}

Json digest_json(const wire::Digest& digest) {
  return {{"settlement", hex(digest.settlement())},
          {"state", hex(digest.state())},
          {"stateRoot", hex(digest.state_root())}};
}

Json account_json(const wire::Account& account) {
  return {{"account", account.account()},
          {"ownerSlot", account.owner_slot()},
          {"asset", account.asset() == 1   ? "uelectra"
                    : account.asset() == 2 ? "Wh"
                                           : "none"},
          {"flags", account.flags()},
          {"debitsPosted", digits(account.debits_posted())},
          {"creditsPosted", digits(account.credits_posted())},
          {"debitsPending", digits(account.debits_pending())},
          {"creditsPending", digits(account.credits_pending())}};
}

Json block_json(const proto::SignedHeader& block) {
  const proto::BlockHeader& header = block.header;
  return {{"height", digits(header.height)},
          {"epoch", header.epoch},
          {"time", digits(header.time_ns)},
          {"timeText", nanosecond_text(header.time_ns)},
          {"cycle", digits(header.cycle)},
          {"rulesVersion", header.rules_version},
          {"lastBatch", digits(header.last_batch)},
          {"batches", header.batches},
          {"messages", header.messages},
          {"totalMessages", digits(header.total_messages)},
          {"hash", to_hex(proto::header_hash(header))},
          {"previousHash", to_hex(header.previous_hash)},
          {"batchHash", to_hex(header.batch_hash)},
          {"transactionRoot", to_hex(header.transaction_root)},
          {"stateRoot", to_hex(header.state_root)},
          {"validatorSetHash", to_hex(header.validator_set_hash)},
          {"signature", to_hex(block.signature)}};
}

Json receipt_json(const Receipt& receipt) {
  return {{"result", result_name(receipt.result)},
          {"code", static_cast<unsigned>(receipt.result)},
          {"text", receipt.text.empty() ? std::string(result_text(receipt.result)) : receipt.text},
          {"slot", receipt.slot},
          {"sequence", digits(receipt.sequence)},
          {"batch", digits(receipt.batch)},
          {"detail", digits(receipt.detail)},
          {"repeated", receipt.repeated},
          {"messageId", to_hex(receipt.message_id)}};
}

std::vector<std::pair<std::string, std::string>> flat_pairs(const Json& object) {
  std::vector<std::pair<std::string, std::string>> out;
  flatten("", object, out);
  return out;
}

std::string_view holder_status_name(std::uint32_t status) noexcept {
  constexpr std::array<std::string_view, 5> kNames = {"none", "pending", "active", "suspended", "retired"};
  return status < kNames.size() ? kNames[status] : "unknown";
}

}  // namespace electra::app
