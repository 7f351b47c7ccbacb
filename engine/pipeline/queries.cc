#include "engine/pipeline/queries.h"

#include <algorithm>

namespace electra::pipeline {
namespace {

constexpr std::uint32_t kListDefault = 100;
constexpr std::uint32_t kListMax = 1000;
// One answer looks at so many holders at most, whoever asks: the io thread has meters to serve. 10,000 take about 2 ms.
constexpr std::uint32_t kHoldersLookedAtMax = 10'000;

std::string text_of_bytes(ByteSpan bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

std::uint32_t list_limit(std::uint32_t asked) { return asked == 0 ? kListDefault : std::min(asked, kListMax); }

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

void fill(wire::Totals& out, const state::Totals& totals) {
  out.set_cycles(totals.cycles);
  out.set_intervals(totals.intervals);
  out.set_consumption_wh(totals.consumption_wh);
  out.set_generation_wh(totals.generation_wh);
  out.set_matched_wh(totals.matched_wh);
  out.set_import_wh(totals.import_wh);
  out.set_export_wh(totals.export_wh);
  out.set_consumers_pay(totals.consumers_pay);
  out.set_producers_get(totals.producers_get);
  out.set_grid_gets(totals.grid_gets);
  out.set_debt(totals.debt);
  out.set_unaccounted_wh(totals.unaccounted_wh);
}

void fill(wire::Datagrams& out, const DatagramCounters& counters) {
  out.set_received(counters.port.received);
  out.set_messages(counters.messages);
  out.set_receipts(counters.receipts + counters.refusals);
  out.set_sent(counters.port.sent);
  out.set_lost(counters.port.lost);
  out.set_malformed(counters.malformed + counters.not_a_message + counters.port.oversize);
  out.set_unknown_sender(counters.unknown_sender);
  out.set_malformed_payload(counters.malformed_payload);
  out.set_bad_signature(counters.bad_signature);
  out.set_overloaded(counters.overloaded);
  out.set_unsent(counters.port.output_full + counters.port.output_failed);
}

void fill(wire::Cycle& out, const state::CycleView& cycle) {
  out.set_cycle_id(cycle.cycle_id);
  out.set_begin(cycle.begin);
  out.set_end(cycle.end);
  out.set_whin(cycle.whin);
  out.set_whout(cycle.whout);
  out.set_moneyin(cycle.moneyin);
  out.set_moneyout(cycle.moneyout);
  out.set_state(std::string(state::cycle_state_name(cycle.state)));
}

void fill(wire::Holder& out, const state::HolderView& holder) {
  out.set_slot(holder.slot);
  out.set_address(text_of_bytes(holder.address));
  out.set_serial(std::string(holder.serial));
  out.set_status(static_cast<std::uint32_t>(holder.status));
  out.set_roles(holder.roles);
  out.set_phases(holder.phases);
  out.set_owner_slot(holder.owner_slot);
  out.set_key_generation(holder.key_generation);
  out.set_public_key(text_of_bytes(holder.public_key));
  out.set_highest_sequence(holder.highest_sequence);
  out.set_wallet_account(holder.wallet_account);
  out.set_energy_account(holder.energy_account);
  out.set_debt_account(holder.debt_account);
  out.set_last_reading_time(holder.last_reading_time);
  if (holder.phases != 0) {
    for (const state::RegisterPair& pair : holder.registers) {
      wire::RegisterPair& registers = *out.add_registers();
      registers.set_whin(pair.whin);
      registers.set_whout(pair.whout);
    }
  }
  out.set_consumed_wh(holder.consumed_wh);
  out.set_generated_wh(holder.generated_wh);
  out.set_paid(holder.paid);
  out.set_received(holder.received);
  out.set_wallet_balance(holder.wallet_balance);
  out.set_debt(holder.debt);
  out.set_intervals_missing(holder.intervals_missing);
  out.set_intervals_estimated(holder.intervals_estimated);
  out.set_intervals_faulty(holder.intervals_faulty);
  out.set_bill_hash(text_of_bytes(holder.bill_hash));
}

void fill(wire::Account& out, const state::AccountView& account) {
  out.set_account(account.account);
  out.set_owner_slot(account.owner_slot);
  out.set_asset(static_cast<std::uint32_t>(account.asset));
  out.set_flags(account.flags);
  out.set_debits_posted(account.debits_posted);
  out.set_credits_posted(account.credits_posted);
  out.set_debits_pending(account.debits_pending);
  out.set_credits_pending(account.credits_pending);
}

// Personal figures are shown to their holder, its owner, operators, auditors and the gateway only. A session outlives the
// status that it was opened with: an office that was suspended or retired since is one no more.
bool sees_everything(const state::HolderView& asker) {
  return asker.status == state::HolderStatus::active &&
         (asker.roles & (state::kRoleOperator | state::kRoleAuditor | state::kRoleGateway)) != 0;
}
bool may_see(const state::HolderView& asker, const state::HolderView& holder) {
  return sees_everything(asker) || holder.slot == asker.slot || holder.owner_slot == asker.slot;
}

state::Slot find_holder(const wire::HolderQuery& query, const state::Machine& machine) {
  switch (query.by_case()) {
    case wire::HolderQuery::kSlot:    return query.slot();
    case wire::HolderQuery::kAddress: {
      const auto address = array_of<20>(bytes_of(query.address()));
      return address ? machine.find_address(*address) : 0;
    }
    case wire::HolderQuery::kSerial:    return machine.find_serial(query.serial());
    case wire::HolderQuery::BY_NOT_SET: break;
  }
  return 0;
}

Result answer_status(wire::Status& out, const state::Machine& machine, const BlockKeeper& keeper,
                     const GatewayFacts& facts) {
  out.set_chain_id(machine.chain_id());
  out.set_genesis_hash(text_of_bytes(machine.genesis_hash()));
  out.set_batch(machine.batch_number());
  out.set_time(machine.time_ns());
  out.set_rules_version(machine.rules_version());
  out.set_messages(machine.messages_executed());
  out.set_holders(machine.holder_count());
  out.set_accounts(machine.account_count());
  out.set_backend(facts.backend);
  out.set_version(facts.version);
  out.set_replay_clock(facts.replay_clock);
  fill(*out.mutable_totals(), machine.totals());
  out.set_height(keeper.maker().height());
  out.set_signed_height(keeper.signed_height());
  out.set_epoch(machine.epoch());
  out.set_signer_problem(keeper.problem());
  out.set_disk_problem(facts.disk_problem);
  if (facts.datagrams) fill(*out.mutable_datagrams(), *facts.datagrams);
  return Result::ok;
}

Result answer_block(const wire::BlockQuery& query, wire::Block& out, const BlockKeeper& keeper) {
  const auto header = keeper.signed_header(query.height() == 0 ? keeper.signed_height() : query.height());
  if (!header) return Result::not_found;
  out.set_signed_header(text_of_bytes(*header));
  return Result::ok;
}

Result answer_params(wire::Params& out, const state::Machine& machine) {
  const state::Params& params = machine.params();
  out.set_interval_s(params.interval_s);
  out.set_cycle_s(params.cycle_s);
  out.set_grace_s(params.grace_s);
  out.set_retail_price(params.retail_price);
  out.set_feed_in_price(params.feed_in_price);
  out.set_pool_rule(std::string(machine.pool_rule()));
  out.set_genesis_time(machine.genesis_time_ns() / kNsPerSecond);
  return Result::ok;
}

Result answer_cycles(const wire::CycleListQuery& query, wire::CycleList& out, const state::Machine& machine) {
  const std::uint32_t limit = list_limit(query.limit());
  std::uint64_t id = std::max(query.from_cycle(), machine.first_kept_cycle());
  for (std::uint32_t n = 0; n < limit; ++n, ++id) {
    const auto cycle = machine.cycle(id);
    if (!cycle) break;
    fill(*out.add_cycles(), *cycle);
  }
  return Result::ok;
}

Result answer_holders(const wire::HolderListQuery& query, const state::HolderView& asker, wire::HolderList& out,
                      const state::Machine& machine) {
  const std::uint32_t limit = list_limit(query.limit());
  state::Slot slot = std::max(query.from_slot(), std::uint32_t{1});
  // A page may be short or empty and not be the last: next_slot tells.
  std::uint32_t looked_at = 0;
  for (; slot <= machine.holder_count() && looked_at < kHoldersLookedAtMax; ++slot, ++looked_at) {
    if (static_cast<std::uint32_t>(out.holders_size()) == limit) break;
    const state::HolderView holder = *machine.holder(slot);
    if (may_see(asker, holder)) fill(*out.add_holders(), holder);
  }
  out.set_next_slot(slot <= machine.holder_count() ? slot : 0);
  out.set_total(machine.holder_count());
  return Result::ok;
}

Result answer_account(const wire::AccountQuery& query, const state::HolderView& asker, wire::Account& out,
                      const state::Machine& machine) {
  const auto account = machine.account(query.account());
  if (!account) return Result::not_found;
  if (!sees_everything(asker)) {
    const auto owner = machine.holder(account->owner_slot);
    if (!owner || !may_see(asker, *owner)) return Result::not_permitted;
  }
  fill(out, *account);
  return Result::ok;
}

}  // namespace

wire::QueryAnswer answer_query(const wire::Query& query, const Asker& asker, const state::Machine& machine,
                               BlockKeeper& keeper, const GatewayFacts& facts) {
  wire::QueryAnswer answer;
  answer.set_id(query.id());
  const auto asker_view = machine.holder(asker.slot);
  const auto needs_hello = [&](auto&& reply) { return asker_view ? reply(*asker_view) : Result::hello_required; };

  Result result = Result::malformed_frame;
  switch (query.what_case()) {
    case wire::Query::kStatus: result = answer_status(*answer.mutable_status(), machine, keeper, facts); break;
    case wire::Query::kParams: result = answer_params(*answer.mutable_params(), machine); break;
    case wire::Query::kCurrentCycle:
      fill(*answer.mutable_current_cycle(), machine.current_cycle());
      result = Result::ok;
      break;
    case wire::Query::kCycles: result = answer_cycles(query.cycles(), *answer.mutable_cycles(), machine); break;
    case wire::Query::kDigest:
      // A walk over all tables: not for everybody.
      result = needs_hello([&](const state::HolderView& who) {
        if (!sees_everything(who)) return Result::not_permitted;
        answer.mutable_digest()->set_settlement(text_of_bytes(machine.settlement_digest()));
        answer.mutable_digest()->set_state(text_of_bytes(machine.digest()));
        keeper.work(SIZE_MAX);
        chain::StateTrees& trees = keeper.maker().trees();
        trees.update();
        answer.mutable_digest()->set_state_root(text_of_bytes(trees.root()));
        return Result::ok;
      });
      break;
    case wire::Query::kBlock: result = answer_block(query.block(), *answer.mutable_block(), keeper); break;
    case wire::Query::kHolder:
      result = needs_hello([&](const state::HolderView& who) {
        const auto holder = machine.holder(find_holder(query.holder(), machine));
        if (!holder) return Result::not_found;
        if (!may_see(who, *holder)) return Result::not_permitted;
        fill(*answer.mutable_holder(), *holder);
        return Result::ok;
      });
      break;
    case wire::Query::kHolders:
      result = needs_hello([&](const state::HolderView& who) {
        return answer_holders(query.holders(), who, *answer.mutable_holders(), machine);
      });
      break;
    case wire::Query::kAccount:
      result = needs_hello([&](const state::HolderView& who) {
        return answer_account(query.account(), who, *answer.mutable_account(), machine);
      });
      break;
    case wire::Query::WHAT_NOT_SET: break;
  }
  answer.set_result(static_cast<std::uint32_t>(result));
  if (result != Result::ok) answer.clear_what();
  return answer;
}

}  // namespace electra::pipeline
