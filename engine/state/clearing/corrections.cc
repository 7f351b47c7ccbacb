#include "engine/state/clearing/corrections.h"

namespace electra::state {
namespace {

// energy * total / weight, rounded half to even; at `fallback_price` where the interval has no price of its own.
std::uint64_t priced(std::uint64_t wh, std::uint64_t total, std::uint64_t weight, std::uint64_t fallback_price) {
  const u128 amount = weight == 0 ? u128{wh} * fallback_price : round_half_even(u128{wh} * total, weight);
  ELECTRA_ASSERT(amount <= UINT64_MAX);
  return static_cast<std::uint64_t>(amount);
}

}  // namespace

std::uint64_t Corrections::book(Slot gateway, Meter& meter, const SpreadEnergy& energy) {
  const bool is_grid = meter.slot == gateway;
  std::uint64_t lines = 0;
  BillLine sum;
  DigestWriter hash;
  hash.fixed(meter.correction_hash).integers(energy.first_interval, energy.settled);

  // What is older than the history goes in one line.
  std::uint64_t part = 0;
  if (energy.first_interval < history_.first_kept()) {
    part = std::min(energy.settled, history_.first_kept() - energy.first_interval);
    if (!is_grid)
      book_line(gateway, nullptr, first_parts(energy.wh_in, part, energy.intervals),
                first_parts(energy.wh_out, part, energy.intervals), sum, hash);
    ++lines;
  }
  for (; part < energy.settled; ++part, ++lines) {
    const std::uint64_t wh_in = even_part(energy.wh_in, part, energy.intervals);
    const std::uint64_t wh_out = even_part(energy.wh_out, part, energy.intervals);
    SettledInterval& settled = history_.change(energy.first_interval + part);
    if (is_grid)
      book_grid_line(gateway, settled, wh_in, wh_out);
    else
      book_line(gateway, &settled, wh_in, wh_out, sum, hash);
  }
  meter.consumed_wh += first_parts(energy.wh_in, energy.settled, energy.intervals);
  meter.generated_wh += first_parts(energy.wh_out, energy.settled, energy.intervals);
  if (is_grid) return lines;

  cashier_.collect(gateway, sum.get);
  cashier_.pay_out(meter.slot, sum.get);
  cashier_.collect(meter.slot, sum.pay);
  cashier_.pay_out(gateway, sum.pay);
  const AccountNumber own = directory_.at(meter.slot).energy_account;
  const AccountNumber grid = directory_.at(gateway).energy_account;
  ledger_.move(grid, own, sum.wh_in);
  ledger_.move(own, grid, sum.wh_out);
  meter.paid += sum.pay;
  meter.received += sum.get;
  meter.correction_hash = hash.finish();
  totals_.consumption_wh += sum.wh_in;
  totals_.generation_wh += sum.wh_out;
  totals_.import_wh += sum.wh_in;
  totals_.export_wh += sum.wh_out;
  totals_.consumers_pay += sum.pay;
  totals_.producers_get += sum.get;
  totals_.grid_gets += static_cast<std::int64_t>(sum.pay) - static_cast<std::int64_t>(sum.get);
  return lines;
}

void Corrections::book_line(Slot gateway, SettledInterval* settled, std::uint64_t wh_in, std::uint64_t wh_out,
                            BillLine& sum, DigestWriter& hash) {
  const SettledInterval unpriced;
  const SettledInterval& at = settled == nullptr ? unpriced : *settled;
  const std::uint64_t pay = priced(wh_in, at.consumers_pay, at.consumption_wh, retail_price_);
  const std::uint64_t get = priced(wh_out, at.producers_get, at.generation_wh, feed_in_price_);
  sum.wh_in += wh_in;
  sum.wh_out += wh_out;
  sum.pay += pay;
  sum.get += get;
  hash.integers(wh_in, wh_out, pay, get);
  if (settled == nullptr) return;
  settled->corrected_in += wh_in;
  settled->corrected_out += wh_out;
  // The grid's registers have counted this energy already: it was in `unaccounted`.
  if (settled->grid_known)
    add_unaccounted(gateway, static_cast<std::int64_t>(wh_out) - static_cast<std::int64_t>(wh_in));
}

void Corrections::book_grid_line(Slot gateway, SettledInterval& settled, std::uint64_t wh_in, std::uint64_t wh_out) {
  std::int64_t wh = static_cast<std::int64_t>(wh_in) - static_cast<std::int64_t>(wh_out);
  if (!settled.grid_known)
    wh -= static_cast<std::int64_t>(settled.consumption_wh + settled.corrected_in) -
          static_cast<std::int64_t>(settled.generation_wh + settled.corrected_out);
  settled.grid_known = true;
  add_unaccounted(gateway, wh);
}

void Corrections::add_unaccounted(Slot gateway, std::int64_t wh) {
  const AccountNumber grid = directory_.at(gateway).energy_account;
  if (wh > 0) ledger_.move(grid, kUnaccountedAccount, static_cast<std::uint64_t>(wh));
  if (wh < 0) ledger_.move(kUnaccountedAccount, grid, static_cast<std::uint64_t>(-wh));
  totals_.unaccounted_wh += wh;
}

}  // namespace electra::state
