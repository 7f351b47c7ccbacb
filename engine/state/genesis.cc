// State number 0: what a genesis must look like and what follows from it.

#include <limits>

#include "engine/state/parts.h"
#include "meter-proto/address.h"
#include "meter-proto/base/checked.h"

namespace electra::state {
namespace {

constexpr std::uint32_t kSecondsPerDay = 86400;
constexpr std::uint64_t kPriceMax = 1'000'000'000;           // uelectra per Wh
constexpr std::uint64_t kMoneyMax = std::uint64_t{1} << 62;  // uelectra, all that the genesis issues
constexpr std::uint32_t kHoldersMax = 1U << 22;
constexpr std::uint32_t kEntriesMax = 1U << 28;
constexpr std::uint64_t kTimeMaxS = std::uint64_t{1} << 33;  // in the year 2242; nanoseconds still fit into 64 bits
constexpr std::uint32_t kTimeoutMaxS = 10 * 366 * kSecondsPerDay;
constexpr std::size_t kKeyChangesPerBatch = 8192;
constexpr std::uint32_t kSystemAccounts = 4;

std::unexpected<std::string> wrong(std::string text) { return std::unexpected(std::move(text)); }

std::expected<void, std::string> check_params(const Genesis& genesis) {
  const Params& p = genesis.params;
  if (p.interval_s == 0 || p.cycle_s == 0 || p.cycle_s % p.interval_s != 0)
    return wrong("params.cycle_s must be a multiple of params.interval_s, both above 0");
  if (kSecondsPerDay % p.cycle_s != 0) return wrong("params.cycle_s must divide a day (86400 s)");
  if (Meters::ring_places(p) > kReadingRingMax)
    return wrong("cycle_s + grace_s + future_tolerance_s reach over more intervals than a meter keeps readings for (" +
                 std::to_string(kReadingRingMax) + ")");
  if (p.retail_price > kPriceMax)
    return wrong("params.retail_price is above " + std::to_string(kPriceMax) + " uelectra per Wh");
  if (p.feed_in_price > p.retail_price) return wrong("params.feed_in_price is above params.retail_price");
  const std::uint64_t cycle_ns = p.cycle_s * kNanosecondsPerSecond;
  if (genesis.time_ns % cycle_ns != 0) return wrong("the genesis time is not a multiple of params.cycle_s");
  if (genesis.time_ns > kTimeMaxS * kNanosecondsPerSecond) return wrong("the genesis time is after the year 2242");
  return {};
}

std::expected<void, std::string> check_limits(const Genesis& genesis) {
  const Limits& l = genesis.limits;
  if (l.holders_max == 0 || l.holders_max > kHoldersMax)
    return wrong("limits.holders_max must be 1.." + std::to_string(kHoldersMax));
  if (l.accounts_max > kEntriesMax || l.pending_transfers_max > kEntriesMax)
    return wrong("limits.accounts_max and limits.pending_transfers_max must be at most " + std::to_string(kEntriesMax));
  if (l.pending_timeout_max_s == 0 || l.pending_timeout_max_s > kTimeoutMaxS || l.not_after_max_s > kTimeoutMaxS ||
      l.correction_horizon_s > kTimeoutMaxS)
    return wrong(
        "limits.pending_timeout_max_s (above 0), not_after_max_s and correction_horizon_s must be at most ten years");
  if (l.correction_horizon_s < genesis.params.cycle_s + genesis.params.grace_s)
    return wrong("limits.correction_horizon_s must be at least params.cycle_s + params.grace_s");
  if (l.timer_visits_per_batch_max == 0) return wrong("limits.timer_visits_per_batch_max must be above 0");
  return {};
}

// `text` says which holder.
std::expected<void, std::string> check_holder(const Genesis& genesis, const GenesisHolder& holder,
                                              const std::string& text) {
  const std::uint64_t bound = wh_per_interval_bound(genesis.params.retail_price, genesis.limits.holders_max,
                                                    genesis.params.cycle_s / genesis.params.interval_s);
  if (!valid_serial(holder.serial)) return wrong(text + ": the serial must be 1..32 of [A-Za-z0-9._-]");
  if (holder.roles == 0 || holder.roles > 63) return wrong(text + ": roles must be 1..63");
  if (holder.phases > 7) return wrong(text + ": phases must be 0..7");
  if (holder.phases != 0 && (holder.roles & (kRoleMeter | kRoleProducer | kRoleGateway)) == 0)
    return wrong(text + ": has phases but no role of a meter");
  if (holder.register_modulus == 1) return wrong(text + ": a register modulus must be 0 or above 1");
  if (holder.max_wh_per_interval > bound)
    return wrong(text + ": max_wh_per_interval is above " + std::to_string(bound));
  if (holder.owner_slot > genesis.holders.size()) return wrong(text + ": there is no holder with its owner_slot");
  return {};
}

}  // namespace

std::expected<void, std::string> Machine::Parts::check(const Genesis& genesis) {
  if (const auto good = check_params(genesis); !good) return good;
  if (const auto good = check_limits(genesis); !good) return good;
  if (genesis.holders.size() > genesis.limits.holders_max) return wrong("more holders than limits.holders_max");

  std::uint64_t accounts = kSystemAccounts;
  std::uint64_t money = 0;
  std::uint32_t gateways = 0;
  Directory seen(static_cast<std::uint32_t>(genesis.holders.size()));
  for (std::size_t i = 0; i < genesis.holders.size(); ++i) {
    const GenesisHolder& holder = genesis.holders[i];
    const std::string text = "genesis holder " + std::to_string(i + 1);
    if (const auto good = check_holder(genesis, holder, text); !good) return good;
    Holder entry;
    entry.public_key = holder.public_key;
    entry.address = proto::address_of(holder.public_key);
    std::ranges::copy(holder.serial, entry.serial_text.begin());
    entry.serial_length = static_cast<std::uint8_t>(holder.serial.size());
    entry.roles = holder.roles;
    entry.phases = static_cast<std::uint8_t>(holder.phases);
    if (seen.find_key(entry.public_key) != 0) return wrong(text + ": its key is another holder's, too");
    if (seen.find_serial(entry.serial()) != 0) return wrong(text + ": its serial is another holder's, too");
    seen.add(entry);
    accounts += accounts_of(entry);
    gateways += (holder.roles & kRoleGateway) != 0 ? 1 : 0;
    const auto sum = checked_add(money, holder.balance);
    if (!sum || *sum > kMoneyMax) return wrong(text + ": the balances sum to more than 2^62 uelectra");
    money = *sum;
  }
  if (gateways != 1)
    return wrong("exactly one genesis holder must have the role gateway, not " + std::to_string(gateways));
  if (accounts > genesis.limits.accounts_max)
    return wrong("limits.accounts_max is below the " + std::to_string(accounts) + " accounts of the genesis");
  return {};
}

Machine::Parts::Parts(const Genesis& genesis, RulesRange known, Empty)
    : chain_id(genesis.chain_id),
      genesis_hash(genesis.hash),
      genesis_time_ns(genesis.time_ns),
      params(genesis.params),
      limits(genesis.limits),
      calendar(genesis.params, genesis.time_ns / kNanosecondsPerSecond),
      wh_per_interval_max(wh_per_interval_bound(genesis.params.retail_price, genesis.limits.holders_max,
                                                calendar.intervals_per_cycle())),
      known_rules(known),
      time_ns(genesis.time_ns),
      directory(limits.holders_max),
      windows(limits.holders_max),
      ledger(limits.accounts_max, limits.pending_transfers_max),
      meters(params, calendar, limits.holders_max),
      settlement(genesis, calendar, directory, ledger, meters),
      sets(touched_sets()),
      snapshot(sets, leaf_bytes_max()) {
  always_touched.mark(0);
  key_changes.reserve(std::max(genesis.holders.size(), kKeyChangesPerBatch));
}

Machine::Parts::Parts(const Genesis& genesis, RulesRange known) : Parts(genesis, known, Empty{}) {
  ELECTRA_ASSERT_EQ(ledger.open(0, Asset::uelectra, kSettlementOnly), kIssuerAccount);
  ELECTRA_ASSERT_EQ(ledger.open(0, Asset::uelectra, kSettlementOnly), kSettlementAccount);
  ELECTRA_ASSERT_EQ(ledger.open(0, Asset::watt_hour, kSettlementOnly), kCommunityAccount);
  ELECTRA_ASSERT_EQ(ledger.open(0, Asset::watt_hour, kSettlementOnly), kUnaccountedAccount);
  for (const GenesisHolder& from : genesis.holders) {
    Holder holder;
    holder.public_key = from.public_key;
    holder.address = proto::address_of(from.public_key);
    std::ranges::copy(from.serial, holder.serial_text.begin());
    holder.serial_length = static_cast<std::uint8_t>(from.serial.size());
    holder.status = HolderStatus::active;
    holder.phases = static_cast<std::uint8_t>(from.phases);
    holder.roles = from.roles;
    holder.key_generation = 1;
    holder.owner_slot = from.owner_slot;
    holder.register_modulus = from.register_modulus;
    holder.max_wh_per_interval = from.max_wh_per_interval;
    const Slot slot = add_holder(holder);
    if ((from.roles & kRoleGateway) != 0) gateway = slot;
    ledger.move(kIssuerAccount, directory.at(slot).wallet_account, from.balance);
  }
  settlement.set_gateway(gateway);
  settlement.set_time(time_ns);
}

std::expected<std::unique_ptr<Machine>, std::string> Machine::create(const Genesis& genesis, RulesRange known) {
  if (!known.contains(kRulesVersion))
    return wrong("this program does not know rules version " + std::to_string(kRulesVersion));
  if (auto good = Parts::check(genesis); !good) return std::unexpected(std::move(good.error()));
  try {
    return std::unique_ptr<Machine>(new Machine(std::make_unique<Parts>(genesis, known)));
  } catch (const std::bad_alloc&) {
    return wrong("not enough memory for the tables that the limits ask for");
  }
}

}  // namespace electra::state
