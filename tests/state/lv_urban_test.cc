// The oracle: 25 weeks of a dense urban grid, 123 meters and the grid connection, through the state machine alone.
//
// Sums in Wh and uelectra were computed independently of this code and must come out exactly. Every interval is checked
// against the invariants of pool pricing, and every bill line against its interval's totals.

#include <zlib.h>

#include "meter-proto/base/checked.h"
#include "tests/state/support.h"

namespace electra::state::test {
namespace {

constexpr std::uint64_t kIntervalS = 900;
constexpr std::uint64_t kIntervalsPerCycle = 4;

struct Series {
  std::vector<std::string> serials;
  std::vector<std::vector<std::uint64_t>> rows;  // Wh by interval, then by serial
};

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields(1);
  for (const char c : line) {
    if (c == ',')
      fields.emplace_back();
    else if (c != '\r' && c != '\n')
      fields.back() += c;
  }
  return fields;
}

Series load(const std::string& name) {
  Series series;
  const std::string path = std::string(ELECTRA_DATA_DIR) + "/" + name;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) {
    ADD_FAILURE() << "cannot open " << path;
    return series;
  }
  std::vector<char> line(1 << 16);
  while (gzgets(file, line.data(), static_cast<int>(line.size())) != nullptr) {
    std::vector<std::string> fields = split(line.data());
    if (series.serials.empty()) {
      series.serials.assign(fields.begin() + 1, fields.end());
      continue;
    }
    std::vector<std::uint64_t>& row = series.rows.emplace_back();
    for (std::size_t i = 1; i < fields.size(); ++i) row.push_back(std::stoull(fields[i]));
  }
  gzclose(file);
  return series;
}

// Registers of one meter and the phase that it reports them on.
struct Simulated {
  Slot slot = 0;
  std::uint64_t whin = 0;
  std::uint64_t whout = 0;
};

struct Grid {
  Series loads = load("households_load_15min.csv.gz");
  Series commerce = load("commercial_load_15min.csv.gz");
  Series pv = load("pv_15min.csv.gz");

  Genesis genesis() const {
    std::vector<GenesisHolder> holders;
    for (const Series* series : {&loads, &commerce, &pv})
      for (const std::string& serial : series->serials) {
        GenesisHolder holder = meter(serial, 1, 1'000'000'000'000);
        if (series == &pv) holder.roles = kRoleProducer;
        holders.push_back(holder);
      }
    return genesis_with(holders);
  }

  // Adds interval `row` to the registers: meters 0.. in the order of the genesis, the grid connection last.
  void advance(std::size_t row, std::vector<Simulated>& meters) const {
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    std::size_t at = 0;
    for (const Series* series : {&loads, &commerce})
      for (const std::uint64_t wh : series->rows[row]) {
        meters[at++].whin += wh;
        in += wh;
      }
    for (const std::uint64_t wh : pv.rows[row]) {
      meters[at++].whout += wh;
      out += wh;
    }
    meters[at].whin += in > out ? in - out : 0;
    meters[at].whout += out > in ? out - in : 0;
  }
};

// MARKET.md: what must hold in every interval, and that the lines sum to the totals.
void expect_interval_holds(const Machine& machine, std::uint64_t interval, const Params& params) {
  const IntervalView view = machine.interval(interval).value();
  const std::uint64_t d = view.consumption_wh;
  const std::uint64_t g = view.generation_wh;
  const std::uint64_t matched = std::min(d, g);
  const std::uint64_t import_wh = d - matched;
  const std::uint64_t export_wh = g - matched;
  ASSERT_EQ(view.consumers_pay + export_wh * params.feed_in_price,
            view.producers_get + import_wh * params.retail_price);
  // p_s <= sell <= buy <= p_b, as rationals; rounded totals may be a unit off.
  if (g != 0) {
    ASSERT_GE(view.producers_get, g * params.feed_in_price);
  }
  if (d != 0) {
    ASSERT_LE(view.consumers_pay, d * params.retail_price);
  }
  if (d != 0 && g != 0) {
    ASSERT_TRUE(u128{view.producers_get} * d <= u128{view.consumers_pay} * g + u128{d} + g);
  }
  ASSERT_TRUE(view.grid_known);
  ASSERT_EQ(view.unaccounted_wh, 0);

  BillLine sum;
  for (Slot slot = kFirstMeter; slot <= machine.holder_count(); ++slot) {
    const Bill bill = machine.last_bill(slot);
    ASSERT_EQ(bill.cycle_id, interval / kIntervalsPerCycle + 1);
    const BillLine& line = bill.lines[interval % kIntervalsPerCycle];
    sum.wh_in += line.wh_in;
    sum.wh_out += line.wh_out;
    sum.pay += line.pay;
    sum.get += line.get;
    // Largest remainder: never more than one unit away from the exact share.
    if (d != 0) {
      const u128 exact = u128{view.consumers_pay} * line.wh_in;
      ASSERT_TRUE(u128{line.pay} * d <= exact + d && u128{line.pay} * d + d >= exact);
    }
  }
  ASSERT_EQ(sum.wh_in, d);
  ASSERT_EQ(sum.wh_out, g);
  ASSERT_EQ(sum.pay, view.consumers_pay);
  ASSERT_EQ(sum.get, view.producers_get);
}

// Sends every meter's registers at the boundary after `row`, in an order that `shuffle` decides (0 = by slot).
void send_readings(Chain& chain, std::uint64_t time_s, const std::vector<Simulated>& meters, std::uint64_t shuffle) {
  std::vector<Message> messages;
  std::vector<std::size_t> order(meters.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (std::size_t i = order.size(); shuffle != 0 && i > 1; --i) {
    shuffle = shuffle * 6364136223846793005U + 1442695040888963407U;
    std::swap(order[i - 1], order[(shuffle >> 33) % i]);
  }
  for (const std::size_t i : order)
    messages.push_back(chain.make(meters[i].slot, reading(time_s, meters[i].whin, meters[i].whout)));
  for (const Outcome& outcome : chain.batch(time_s + 1, messages)) ASSERT_EQ(outcome.result, Result::ok);
}

std::vector<Simulated> meters_of(const Machine& machine) {
  std::vector<Simulated> meters;
  for (Slot slot = kFirstMeter; slot <= machine.holder_count(); ++slot) meters.push_back({.slot = slot});
  meters.push_back({.slot = kGrid});
  return meters;
}

TEST(LvUrban, TwentyFiveWeeksSettleExactly) {
  const Grid grid;
  const Genesis genesis = grid.genesis();
  Chain chain(genesis);
  Machine& machine = chain.machine();
  ASSERT_EQ(machine.holder_count(), 125U);
  std::vector<Simulated> meters = meters_of(machine);
  const std::size_t rows = grid.loads.rows.size();
  ASSERT_EQ(rows, 16800U);
  send_readings(chain, 0, meters, 0);
  for (std::size_t row = 0; row < rows; ++row) {
    grid.advance(row, meters);
    const std::uint64_t time_s = (row + 1) * kIntervalS;
    ASSERT_NO_FATAL_FAILURE(send_readings(chain, time_s, meters, 0));
    if ((row + 1) % kIntervalsPerCycle != 0) continue;
    chain.pass_time_to(time_s + genesis.params.grace_s);
    for (std::size_t interval = row + 1 - kIntervalsPerCycle; interval <= row; ++interval)
      ASSERT_NO_FATAL_FAILURE(expect_interval_holds(machine, interval, genesis.params)) << "interval " << interval;
  }
  EXPECT_EQ(machine.totals(), (Totals{.cycles = 4200,
                                      .intervals = 16800,
                                      .consumption_wh = 227'787'884,
                                      .generation_wh = 58'636'866,
                                      .matched_wh = 54'971'912,
                                      .import_wh = 172'815'972,
                                      .export_wh = 3'664'954,
                                      .consumers_pay = 62'289'454'880,
                                      .producers_get = 10'737'859'600,
                                      .grid_gets = 51'551'595'280,
                                      .debt = 0,
                                      .unaccounted_wh = 0}));
  expect_books_close(machine);
  std::uint64_t paid = 0;
  std::uint64_t received = 0;
  for (Slot slot = kFirstMeter; slot <= machine.holder_count(); ++slot) {
    const HolderView view = chain.holder(slot);
    paid += view.paid;
    received += view.received;
    EXPECT_EQ(view.consumed_wh, view.registers[0].whin);
    EXPECT_EQ(view.generated_wh, view.registers[0].whout);
    EXPECT_EQ(view.intervals_missing + view.intervals_estimated + view.intervals_faulty, 0U);
  }
  EXPECT_EQ(paid, 62'289'454'880U);
  EXPECT_EQ(received, 10'737'859'600U);
  EXPECT_EQ(chain.holder(kGrid).wallet_balance, 51'551'595'280);
  EXPECT_EQ(chain.holder(kGrid).energy_balance, 3'664'954 - 172'815'972);
}

// A week with another order of sending, and with another amount of timer work per batch, ends in the same settlement.
TEST(LvUrban, NeitherTheOrderOfMetersNorTheSizeOfTimerStepsMatters) {
  struct Run {
    std::uint64_t shuffle;
    std::uint32_t visits;
  };
  const Grid grid;
  std::vector<Bytes32> digests;
  for (const Run run : {Run{0, 2048}, Run{7, 2048}, Run{0, 1}, Run{3, 7}}) {
    Genesis genesis = grid.genesis();
    genesis.limits.timer_visits_per_batch_max = run.visits;
    Chain chain(genesis);
    std::vector<Simulated> meters = meters_of(chain.machine());
    send_readings(chain, 0, meters, run.shuffle);
    const std::size_t rows = run.visits < 2048 ? 24 : 24 * 4;
    for (std::size_t row = 0; row < rows; ++row) {
      grid.advance(row, meters);
      send_readings(chain, (row + 1) * kIntervalS, meters, run.shuffle == 0 ? 0 : run.shuffle + row);
      if (row + 1 == 24) {
        // The grace has passed for all but the newest cycle: settle and compare at the same moment in every run.
        chain.pass_time_to((row + 1) * kIntervalS + genesis.params.grace_s);
        digests.push_back(chain.machine().settlement_digest());
      }
    }
  }
  for (const Bytes32& digest : digests) EXPECT_EQ(to_hex(digest), to_hex(digests.front()));
}

}  // namespace
}  // namespace electra::state::test
