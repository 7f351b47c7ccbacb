#include "engine/electrad/genesis.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <limits>

#include "crypto-offload/software_signer.h"
#include "engine/electrad/amount.h"
#include "meter-proto/address.h"
#include "meter-proto/base/sha256.h"

namespace electra::app {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view kHashDomain = "electra/genesis/1";
constexpr std::string_view kFormat = "electra/genesis/1";
constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::uint64_t kU32Max = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kU64Max = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kDay = 86400;

// What the table reads into; addresses are not read, the comparison of the whole text checks them.
struct Target {
  state::Genesis genesis;
};

std::uint32_t u32(const Value& value) { return static_cast<std::uint32_t>(value.number); }

state::GenesisHolder& holder(Target& target) { return target.genesis.holders.back(); }
state::Params& params(Target& target) { return target.genesis.params; }
state::Limits& limits(Target& target) { return target.genesis.limits; }

using T = Target;
using V = Value;

// The shape of the file. Ranges of consensus values are wider than those of config.yml: Machine::create has the last
// word on them.
// clang-format off
const std::array kTable = std::to_array<KeyRow<Target>>({
    {{"format", Kind::choice, 0, 0, kFormat, true}, nullptr},
    {{"chainId", Kind::name, 0, 0, "", true}, [](T& t, const V& v) { t.genesis.chain_id = v.text; }},
    {{"time", Kind::instant, 0, 0, "", true}, [](T& t, const V& v) { t.genesis.time_ns = v.number * kNanosecondsPerSecond; }},
    {{"params", Kind::section, 0, 0, "", true}, nullptr},
    {{"params.interval", Kind::number, 1, kDay, "", true}, [](T& t, const V& v) { params(t).interval_s = u32(v); }},
    {{"params.cycle", Kind::number, 1, kDay, "", true}, [](T& t, const V& v) { params(t).cycle_s = u32(v); }},
    {{"params.grace", Kind::number, 0, kDay, "", true}, [](T& t, const V& v) { params(t).grace_s = u32(v); }},
    {{"params.futureTolerance", Kind::number, 0, kDay, "", true}, [](T& t, const V& v) { params(t).future_tolerance_s = u32(v); }},
    {{"params.retailPrice", Kind::number, 0, kU64Max, "", true}, [](T& t, const V& v) { params(t).retail_price = v.number; }},
    {{"params.feedInPrice", Kind::number, 0, kU64Max, "", true}, [](T& t, const V& v) { params(t).feed_in_price = v.number; }},
    {{"limits", Kind::section, 0, 0, "", true}, nullptr},
    {{"limits.holders", Kind::number, 1, kU32Max, "", true}, [](T& t, const V& v) { limits(t).holders_max = u32(v); }},
    {{"limits.accounts", Kind::number, 1, kU32Max, "", true}, [](T& t, const V& v) { limits(t).accounts_max = u32(v); }},
    {{"limits.pendingTransfers", Kind::number, 1, kU32Max, "", true}, [](T& t, const V& v) { limits(t).pending_transfers_max = u32(v); }},
    {{"limits.correctionHorizon", Kind::number, 1, kU32Max, "", true}, [](T& t, const V& v) { limits(t).correction_horizon_s = u32(v); }},
    {{"limits.pendingTimeout", Kind::number, 1, kU32Max, "", true}, [](T& t, const V& v) { limits(t).pending_timeout_max_s = u32(v); }},
    {{"limits.notAfter", Kind::number, 1, kU32Max, "", true}, [](T& t, const V& v) { limits(t).not_after_max_s = u32(v); }},
    {{"limits.timerVisits", Kind::number, 1, kU32Max, "", true}, [](T& t, const V& v) { limits(t).timer_visits_per_batch_max = u32(v); }},
    {{"holders", Kind::list, 0, 0, "", true}, [](T& t, const V&) { t.genesis.holders.emplace_back(); }},
    {{"holders[].serial", Kind::name, 0, 0, "", true}, [](T& t, const V& v) { holder(t).serial = v.text; }},
    {{"holders[].address", Kind::text, 1, 90, "", true}, nullptr},
    {{"holders[].publicKey", Kind::hex32, 0, 0, "", true},
     [](T& t, const V& v) { static_cast<void>(from_hex(v.text, holder(t).public_key)); }},
    {{"holders[].roles", Kind::flags, 0, 0, kRoleNames, true}, [](T& t, const V& v) { holder(t).roles = u32(v); }},
    {{"holders[].phases", Kind::phases, 0, 0, "", true}, [](T& t, const V& v) { holder(t).phases = u32(v); }},
    {{"holders[].registerModulus", Kind::number, 0, kU64Max, "", true}, [](T& t, const V& v) { holder(t).register_modulus = v.number; }},
    {{"holders[].maxWhPerInterval", Kind::number, 0, kU64Max, "", true}, [](T& t, const V& v) { holder(t).max_wh_per_interval = v.number; }},
    {{"holders[].ownerSlot", Kind::number, 0, kU32Max, "", true}, [](T& t, const V& v) { holder(t).owner_slot = u32(v); }},
    {{"holders[].balance", Kind::number, 0, kU64Max, "", true}, [](T& t, const V& v) { holder(t).balance = v.number; }},
});
// clang-format on

std::vector<unsigned> phase_numbers(std::uint32_t phases) {
  std::vector<unsigned> numbers;
  for (unsigned phase = 1; phase <= 3; ++phase) {
    if ((phases >> (phase - 1) & 1U) != 0) numbers.push_back(phase);
  }
  return numbers;
}

// Numbers that may pass 2^53 are strings, as everywhere in Electra's JSON.
ordered_json holder_json(const state::GenesisHolder& holder) {
  ordered_json out;
  out["serial"] = holder.serial;
  out["address"] = proto::address_text(proto::address_of(holder.public_key));
  out["publicKey"] = to_hex(holder.public_key);
  out["roles"] = role_names(holder.roles);
  out["phases"] = phase_numbers(holder.phases);
  out["registerModulus"] = std::to_string(holder.register_modulus);
  out["maxWhPerInterval"] = std::to_string(holder.max_wh_per_interval);
  out["ownerSlot"] = holder.owner_slot;
  out["balance"] = std::to_string(holder.balance);
  return out;
}

unsigned first_different_line(std::string_view left, std::string_view right) {
  const auto place = std::mismatch(left.begin(), left.end(), right.begin(), right.end()).first;
  return 1U + static_cast<unsigned>(std::count(left.begin(), place, '\n'));
}

}  // namespace

Bytes32 genesis_hash(std::string_view file_bytes) { return Sha256().update(kHashDomain).update(file_bytes).finish(); }

std::vector<HolderConfig> genesis_holders(const Config& config) {
  std::vector<HolderConfig> holders = {config.gateway, config.grid_operator};
  holders.insert(holders.end(), config.accounts.begin(), config.accounts.end());
  holders.insert(holders.end(), config.meters.begin(), config.meters.end());
  return holders;
}

state::Genesis make_genesis(const Config& config, std::uint64_t now_s) {
  state::Genesis genesis;
  genesis.chain_id = config.chain_id;
  const std::uint64_t begin_s = config.genesis_time_s.value_or(now_s - now_s % config.params.cycle_s);
  genesis.time_ns = begin_s * kNanosecondsPerSecond;
  genesis.params = config.params;
  genesis.limits = config.limits;
  const std::vector<HolderConfig> holders = genesis_holders(config);
  for (const HolderConfig& source : holders) {
    const crypto::SoftwareSigner signer(crypto::derive_development_seed(config.development_seed, source.name));
    state::GenesisHolder holder;
    holder.serial = source.name;
    holder.public_key = signer.public_key();
    holder.roles = source.roles;
    holder.phases = source.phases;
    holder.register_modulus = source.register_modulus;
    holder.max_wh_per_interval = source.max_wh_per_interval;
    holder.balance = source.balance;
    if (!source.owner.empty()) {
      const auto owner = std::find_if(holders.begin(), holders.end(),
                                      [&](const HolderConfig& other) { return other.name == source.owner; });
      holder.owner_slot = static_cast<state::Slot>(owner - holders.begin() + 1);
    }
    genesis.holders.push_back(holder);
  }
  genesis.hash = genesis_hash(genesis_text(genesis));
  return genesis;
}

std::string genesis_text(const state::Genesis& genesis) {
  ordered_json out;
  out["format"] = kFormat;
  out["chainId"] = genesis.chain_id;
  out["time"] = instant_text(genesis.time_ns / kNanosecondsPerSecond);
  out["params"] = {{"interval", genesis.params.interval_s},
                   {"cycle", genesis.params.cycle_s},
                   {"grace", genesis.params.grace_s},
                   {"futureTolerance", genesis.params.future_tolerance_s},
                   {"retailPrice", std::to_string(genesis.params.retail_price)},
                   {"feedInPrice", std::to_string(genesis.params.feed_in_price)}};
  out["limits"] = {{"holders", genesis.limits.holders_max},
                   {"accounts", genesis.limits.accounts_max},
                   {"pendingTransfers", genesis.limits.pending_transfers_max},
                   {"correctionHorizon", genesis.limits.correction_horizon_s},
                   {"pendingTimeout", genesis.limits.pending_timeout_max_s},
                   {"notAfter", genesis.limits.not_after_max_s},
                   {"timerVisits", genesis.limits.timer_visits_per_batch_max}};
  out["holders"] = ordered_json::array();
  for (const state::GenesisHolder& holder : genesis.holders) out["holders"].push_back(holder_json(holder));
  return out.dump(2) + "\n";
}

std::expected<state::Genesis, std::string> parse_genesis(std::string_view file, const std::string& text) {
  // JSON is YAML, so the reader of config.yml reads it with line numbers; that it is JSON, complete and in canonical
  // form follows from the comparison with the text that `init` would have written.
  Target target;
  const DocumentReport report = read_document_into<Target>(target, file, text, kTable);
  if (!report.problems.empty()) return std::unexpected(fmt::format("{}", fmt::join(report.problems, "\n")));
  const std::string canonical = genesis_text(target.genesis);
  if (canonical != text) {
    const unsigned line = first_different_line(text, canonical);
    return std::unexpected(complaint(file, line, "",
                                     "not in canonical form: this line is not as `electrad init` writes it "
                                     "(an address must be that of its publicKey); use the file as it was made"));
  }
  target.genesis.hash = genesis_hash(text);
  return std::move(target.genesis);
}

std::vector<std::string> keys_without_effect(const Config& config, const state::Genesis& genesis) {
  std::vector<std::string> keys;
  const auto compare = [&](std::string_view key, const auto& wanted, const auto& chain) {
    if (wanted != chain) keys.push_back(fmt::format("{} (chain: {})", key, chain));
  };
  compare("genesis.chain_id", config.chain_id, genesis.chain_id);
  const std::uint64_t time_s = genesis.time_ns / kNanosecondsPerSecond;
  compare("genesis.time", instant_text(config.genesis_time_s.value_or(time_s)), instant_text(time_s));
  compare("metering.interval", config.params.interval_s, genesis.params.interval_s);
  compare("metering.cycle", config.params.cycle_s, genesis.params.cycle_s);
  compare("metering.grace", config.params.grace_s, genesis.params.grace_s);
  compare("metering.future_tolerance", config.params.future_tolerance_s, genesis.params.future_tolerance_s);
  compare("prices.retail", config.params.retail_price, genesis.params.retail_price);
  compare("prices.feed_in", config.params.feed_in_price, genesis.params.feed_in_price);
  compare("limits.holders", config.limits.holders_max, genesis.limits.holders_max);
  compare("limits.accounts", config.limits.accounts_max, genesis.limits.accounts_max);
  compare("limits.pending_transfers", config.limits.pending_transfers_max, genesis.limits.pending_transfers_max);
  compare("limits.correction_horizon", config.limits.correction_horizon_s, genesis.limits.correction_horizon_s);
  compare("limits.pending_timeout", config.limits.pending_timeout_max_s, genesis.limits.pending_timeout_max_s);
  compare("limits.not_after", config.limits.not_after_max_s, genesis.limits.not_after_max_s);
  compare("limits.timer_visits", config.limits.timer_visits_per_batch_max, genesis.limits.timer_visits_per_batch_max);
  const std::vector<HolderConfig> holders = genesis_holders(config);
  compare("accounts and meters: number of holders", holders.size(), genesis.holders.size());
  if (holders.size() == genesis.holders.size()) {
    const state::Genesis wanted = make_genesis(config, time_s);
    for (std::size_t i = 0; i < holders.size(); ++i) {
      if (holder_json(wanted.holders[i]) != holder_json(genesis.holders[i])) {
        keys.push_back(fmt::format("the entry of {} in accounts, meters, gateway or operator", holders[i].name));
      }
    }
  }
  return keys;
}

const state::GenesisHolder* gateway_of(const state::Genesis& genesis) noexcept {
  for (const state::GenesisHolder& holder : genesis.holders) {
    if ((holder.roles & state::kRoleGateway) != 0) return &holder;
  }
  return nullptr;
}

}  // namespace electra::app
