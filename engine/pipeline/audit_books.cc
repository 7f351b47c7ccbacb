#include "engine/pipeline/audit_books.h"

#include "meter-proto/base/checked.h"

namespace electra::pipeline {
namespace {

struct AssetSums {
  u128 debits_posted = 0;
  u128 credits_posted = 0;
  u128 debits_pending = 0;
  u128 credits_pending = 0;
};

std::string text(u128 value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  return digits;
}

class Books {
 public:
  explicit Books(const state::Machine& machine) : machine_(machine) {}

  std::vector<std::string> check() {
    add_up_accounts();
    check_asset("uelectra", money_);
    check_asset("Wh", energy_);
    check_totals();
    check_debt();
    return std::move(problems_);
  }

 private:
  void require_equal(u128 left, u128 right, const std::string& what) {
    if (left != right) problems_.push_back(what + ": " + text(left) + " and " + text(right));
  }

  void add_up_accounts() {
    for (state::AccountNumber number = 1; number <= machine_.account_count(); ++number) {
      const state::AccountView account = *machine_.account(number);
      AssetSums& sums = account.asset == state::Asset::watt_hour ? energy_ : money_;
      sums.debits_posted += account.debits_posted;
      sums.credits_posted += account.credits_posted;
      sums.debits_pending += account.debits_pending;
      sums.credits_pending += account.credits_pending;
      const auto limit = [&](std::uint8_t flag, u128 taken, u128 there, const char* what) {
        if ((account.flags & flag) != 0 && taken > there) {
          problems_.push_back("account " + std::to_string(number) + what + text(taken) + " of " + text(there));
        }
      };
      limit(state::kDebitsMustNotExceedCredits, u128{account.debits_posted} + account.debits_pending,
            account.credits_posted, " has more debits than credits: ");
      limit(state::kCreditsMustNotExceedDebits, u128{account.credits_posted} + account.credits_pending,
            account.debits_posted, " has more credits than debits: ");
    }
  }

  void check_asset(const std::string& asset, const AssetSums& sums) {
    require_equal(sums.debits_posted, sums.credits_posted, asset + ": the posted debits and credits differ");
    require_equal(sums.debits_pending, sums.credits_pending, asset + ": the pending debits and credits differ");
  }

  // Energy balance: what was consumed was generated here or came from the grid, and what was generated stayed or went
  // there. Money: what consumers pay, producers and the grid get.
  void check_totals() {
    const state::Totals totals = machine_.totals();
    require_equal(totals.consumption_wh, u128{totals.matched_wh} + totals.import_wh,
                  "energy: consumption is not what was matched and imported");
    require_equal(totals.generation_wh, u128{totals.matched_wh} + totals.export_wh,
                  "energy: generation is not what was matched and exported");
    const std::uint64_t to_grid = totals.grid_gets >= 0 ? static_cast<std::uint64_t>(totals.grid_gets) : 0;
    const std::uint64_t from_grid = totals.grid_gets < 0 ? ~static_cast<std::uint64_t>(totals.grid_gets) + 1 : 0;
    require_equal(u128{totals.consumers_pay} + from_grid, u128{totals.producers_get} + to_grid,
                  "money: what consumers pay is not what producers and grid get");
    // While a cycle is being settled it is on its way through these two.
    if (machine_.next_timer_ns() <= machine_.time_ns()) return;
    for (const state::AccountNumber number : {state::kSettlementAccount, state::kCommunityAccount}) {
      const state::AccountView account = *machine_.account(number);
      require_equal(account.debits_posted, account.credits_posted,
                    "account " + std::to_string(number) + " is not empty between two cycles");
    }
  }

  void check_debt() {
    u128 debt = 0;
    for (state::Slot slot = 1; slot <= machine_.holder_count(); ++slot) debt += machine_.holder(slot)->debt;
    require_equal(debt, machine_.totals().debt, "debt: the holders' sum is not the total");
  }

  const state::Machine& machine_;
  AssetSums money_;
  AssetSums energy_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> check_books(const state::Machine& machine) { return Books(machine).check(); }

std::string header_differences(const proto::BlockHeader& kept, const proto::BlockHeader& made) {
  std::string out;
  const auto add = [&out](const char* name, const std::string& left, const std::string& right) {
    if (left == right) return;
    if (!out.empty()) out += "; ";
    out += std::string(name) + " " + left + " instead of " + right;
  };
  const auto number = [&add](const char* name, std::uint64_t left, std::uint64_t right) {
    add(name, std::to_string(left), std::to_string(right));
  };
  const auto hash = [&add](const char* name, const Bytes32& left, const Bytes32& right) {
    add(name, to_hex(left), to_hex(right));
  };
  number("rules version", kept.rules_version, made.rules_version);
  number("epoch", kept.epoch, made.epoch);
  number("height", kept.height, made.height);
  number("last batch", kept.last_batch, made.last_batch);
  number("time", kept.time_ns, made.time_ns);
  number("cycle", kept.cycle, made.cycle);
  number("batches", kept.batches, made.batches);
  number("messages", kept.messages, made.messages);
  number("total messages", kept.total_messages, made.total_messages);
  hash("previous hash", kept.previous_hash, made.previous_hash);
  hash("batch hash", kept.batch_hash, made.batch_hash);
  hash("transaction root", kept.transaction_root, made.transaction_root);
  hash("state root", kept.state_root, made.state_root);
  hash("validator set hash", kept.validator_set_hash, made.validator_set_hash);
  return out;
}

}  // namespace electra::pipeline
