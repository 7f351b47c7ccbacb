#include "engine/electrad/meter/play.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "engine/electrad/meter/exchange.h"
#include "engine/electrad/meter/meter_key.h"
#include "engine/electrad/meter/roster.h"
#include "meter-proto/base/assert.h"

namespace electra::player {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kExchangeWindow = 4096;
constexpr milliseconds kStopPollPause{50};
constexpr std::int64_t kIntervalIfUnknown_s = 900;  // a table of one row does not tell

std::int64_t now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// What a holder's registers showed when the play began, all phases together.
Registers shown_before(const wire::Holder& holder) {
  Registers sum;
  for (const wire::RegisterPair& pair : holder.registers()) {
    sum.whin += pair.whin();
    sum.whout += pair.whout();
  }
  return sum;
}

}  // namespace

Meters::Meters(const DataSet& data)
    : data_(&data),
      interval_ms_(static_cast<std::uint64_t>(data.interval_s() != 0 ? data.interval_s() : kIntervalIfUnknown_s) *
                   1'000),
      cumulative_(data.series().size()) {}

void Meters::advance_to(std::uint64_t data_ms) {
  const std::uint64_t whole = data_ms / interval_ms_;
  ELECTRA_ASSERT_LE(whole_intervals_, whole);
  for (; whole_intervals_ < whole; ++whole_intervals_) {
    const auto row = data_->row(whole_intervals_ % data_->intervals());
    for (std::size_t i = 0; i < row.size(); ++i) cumulative_[i] += row[i];
  }
  rest_ms_ = data_ms % interval_ms_;
}

std::uint64_t Meters::wh(std::uint32_t series) const noexcept {
  const std::uint64_t running = data_->row(whole_intervals_ % data_->intervals())[series];
  return cumulative_[series] + running * rest_ms_ / interval_ms_;
}

std::expected<PlayReport, std::string> run_play(const PlayOptions& options, ProgressSink& progress) {
  if (options.interval < kPlayIntervalMin)
    return std::unexpected("rounds must be at least 1 s apart: a reading is stamped with the second");
  const auto data = DataSet::load(options.data);
  if (!data) return std::unexpected(data.error());
  const auto fleet = plan_fleet(*data, options.count);
  if (!fleet) return std::unexpected(fleet.error());
  const MeterKey grid_key(options.seed, kGridSerial);
  auto link = open_as_gateway(options.link, grid_key);
  if (!link) return std::unexpected(link.error());
  if (link->chain().replay_clock) return std::unexpected("the gateway runs on the replay clock: use `replay`");
  const auto roster = Roster::load(*link, *fleet, options.seed, grid_key);
  if (!roster) return std::unexpected(roster.error());

  Meters meters(*data);
  std::vector<Registers> base;
  std::vector<std::uint64_t> sequences;
  for (const MeterSender& sender : roster->senders()) {
    base.push_back(shown_before(sender.holder));
    sequences.push_back(sender.holder.highest_sequence());
  }
  PlayReport report;
  ReadingBatch batch;
  Registers grid;
  std::uint64_t consumed_before = 0;
  std::uint64_t generated_before = 0;
  const auto begin = Clock::now();
  while ((options.rounds == 0 || report.rounds < options.rounds) && !link->stopped()) {
    const auto due = begin + options.interval * static_cast<std::int64_t>(report.rounds);
    while (Clock::now() < due && !link->stopped())
      std::this_thread::sleep_for(std::min<Clock::duration>(due - Clock::now(), kStopPollPause));
    const auto elapsed_ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    meters.advance_to(static_cast<std::uint64_t>(elapsed_ms * options.speed));
    std::uint64_t consumed = 0;
    std::uint64_t generated = 0;
    for (const MeterPlan& meter : *fleet) (meter.producer ? generated : consumed) += meters.wh(meter.series);
    const std::uint64_t more_in = consumed - consumed_before;
    const std::uint64_t more_out = generated - generated_before;
    grid.whin += more_in - std::min(more_in, more_out);
    grid.whout += more_out - std::min(more_in, more_out);
    consumed_before = consumed;
    generated_before = generated;

    batch.clear();
    const std::int64_t stamp_s = now_s();
    for (std::size_t i = 0; i < roster->senders().size(); ++i) {
      const MeterSender& sender = roster->senders()[i];
      Registers registers = base[i];
      if (sender.plan == fleet->size()) {
        registers.whin += grid.whin;
        registers.whout += grid.whout;
      } else {
        const MeterPlan& meter = (*fleet)[sender.plan];
        (meter.producer ? registers.whout : registers.whin) += meters.wh(meter.series);
      }
      auto added = batch.add(sender, link->chain().genesis_hash, ++sequences[i], stamp_s, registers, false);
      if (!added) return std::unexpected(added.error());
    }
    const auto messages = batch.messages();
    ExchangeHooks hooks;
    hooks.on_answer = [&](const Answer& answer) {
      if (answer.reached_chain) report.latency.add(answer.latency_ns);
      if (answer.repeated) ++report.repeated;
      if (answer.result == Result::ok) {
        ++report.acknowledged;
      } else {
        ++report.refused[std::string(result_name(answer.result))];
      }
    };
    report.sent += messages.size();
    Exchange exchange(*link, kExchangeWindow);
    if (auto answered = exchange.run(messages, hooks); !answered) return std::unexpected(answered.error());
    ++report.rounds;
    progress.on_count("rounds", report.rounds, std::max(options.rounds, report.rounds + (options.rounds == 0 ? 1 : 0)));
  }
  report.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  report.reconnects = link->reconnects();
  return report;
}

}  // namespace electra::player
