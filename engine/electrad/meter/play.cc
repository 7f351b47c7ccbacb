#include "engine/electrad/meter/play.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "engine/electrad/meter/datagrams.h"
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
constexpr milliseconds kSecondPollPause{2};         // while the second of the last stamp lasts
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

namespace {

// A play in progress: the meters of a roster, and where each one's registers and sequence stand.
class Play {
 public:
  Play(const PlayOptions& options, const DataSet& data, const std::vector<MeterPlan>& fleet, GatewayLink& link,
       const Roster& roster)
      : options_(options), fleet_(fleet), link_(link), roster_(roster), meters_(data) {
    for (const MeterSender& sender : roster.senders()) {
      base_.push_back(shown_before(sender.holder));
      sequences_.push_back(sender.holder.highest_sequence());
      last_stamp_s_ = std::max(last_stamp_s_, static_cast<std::int64_t>(sender.holder.last_reading_time()));
    }
  }

  std::expected<PlayReport, std::string> run(ProgressSink& progress) {
    began_ = Clock::now();
    while ((options_.rounds == 0 || report_.rounds < options_.rounds) && wait_for_round()) {
      if (auto played = play_round(); !played) return std::unexpected(played.error());
      ++report_.rounds;
      progress.on_count("rounds", report_.rounds, options_.rounds != 0 ? options_.rounds : report_.rounds + 1);
    }
    report_.seconds = std::chrono::duration<double>(Clock::now() - began_).count();
    report_.reconnects = link_.reconnects();
    if (datagrams_) report_.sent_again = datagrams_->sent_again();
    return std::move(report_);
  }

  // From here on readings go by datagram.
  std::expected<void, std::string> open_datagrams() {
    const auto status = query_status(link_);
    if (!status) return std::unexpected(status.error());
    if (!status->has_datagrams()) {
      return std::unexpected("the gateway takes no datagrams: --udp needs `udp.listen: on` in its config.yml");
    }
    std::vector<std::uint32_t> slots;
    for (const MeterSender& sender : roster_.senders()) slots.push_back(sender.slot);
    auto opened = DatagramExchange::open(link_.options(), slots);
    if (!opened) return std::unexpected(opened.error());
    datagrams_.emplace(std::move(*opened));
    return {};
  }

 private:
  // Until the round is due and the second has passed that the last readings were stamped with. False: stop.
  bool wait_for_round() {
    const auto due = began_ + options_.interval * static_cast<std::int64_t>(report_.rounds);
    while (!link_.stopped() && (Clock::now() < due || now_s() <= last_stamp_s_)) {
      const auto rest = std::max<Clock::duration>(due - Clock::now(), kSecondPollPause);
      std::this_thread::sleep_for(std::min<Clock::duration>(rest, kStopPollPause));
    }
    return !link_.stopped();
  }

  std::expected<void, std::string> play_round() {
    const double elapsed_ms = std::chrono::duration<double, std::milli>(Clock::now() - began_).count();
    meters_.advance_to(static_cast<std::uint64_t>(elapsed_ms * options_.speed));
    advance_grid();
    last_stamp_s_ = now_s();
    batch_.begin(link_.chain().genesis_hash, false);
    for (std::size_t i = 0; i < roster_.senders().size(); ++i) {
      const MeterSender& sender = roster_.senders()[i];
      if (auto added = batch_.add(sender, ++sequences_[i], last_stamp_s_, shown_now(i)); !added) return added;
    }
    if (auto made = batch_.sign(); !made) return made;
    const auto messages = batch_.messages();
    report_.sent += messages.size();
    ExchangeHooks hooks;
    hooks.on_answer = [this](const Answer& answer) { count(answer); };
    if (datagrams_) return datagrams_->run(messages, hooks.on_answer);
    Exchange exchange(link_, kExchangeWindow);
    return exchange.run(messages, hooks);
  }

  // What the fleet drew from outside, or gave to it, since the last round.
  void advance_grid() {
    std::uint64_t consumed = 0;
    std::uint64_t generated = 0;
    for (const MeterPlan& meter : fleet_) (meter.producer ? generated : consumed) += meters_.wh(meter.series);
    const std::uint64_t more_in = consumed - consumed_;
    const std::uint64_t more_out = generated - generated_;
    grid_.whin += more_in - std::min(more_in, more_out);
    grid_.whout += more_out - std::min(more_in, more_out);
    consumed_ = consumed;
    generated_ = generated;
  }

  Registers shown_now(std::size_t index) const {
    const MeterSender& sender = roster_.senders()[index];
    Registers shown = base_[index];
    if (sender.plan == fleet_.size()) {
      shown.whin += grid_.whin;
      shown.whout += grid_.whout;
    } else {
      const MeterPlan& meter = fleet_[sender.plan];
      (meter.producer ? shown.whout : shown.whin) += meters_.wh(meter.series);
    }
    return shown;
  }

  void count(const Answer& answer) {
    if (answer.reached_chain) report_.latency.add(answer.latency_ns);
    if (answer.repeated) ++report_.repeated;
    if (answer.result == Result::ok) {
      ++report_.acknowledged;
    } else {
      ++report_.refused[std::string(result_name(answer.result))];
    }
  }

  const PlayOptions& options_;
  const std::vector<MeterPlan>& fleet_;
  GatewayLink& link_;
  const Roster& roster_;
  Meters meters_;
  std::vector<Registers> base_;  // by sender: what the registers showed before
  std::vector<std::uint64_t> sequences_;
  std::int64_t last_stamp_s_ = 0;
  ReadingBatch batch_;
  std::optional<DatagramExchange> datagrams_;
  Registers grid_;
  std::uint64_t consumed_ = 0;  // Wh of the whole fleet, at the last round
  std::uint64_t generated_ = 0;
  Clock::time_point began_;
  PlayReport report_;
};

}  // namespace

std::expected<PlayReport, std::string> run_play(const PlayOptions& options, ProgressSink& progress) {
  if (options.interval < kPlayIntervalMin) {
    return std::unexpected("rounds must be at least 1 s apart: a reading is stamped with the second");
  }
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
  Play play(options, *data, *fleet, *link, *roster);
  if (options.udp) {
    if (auto opened = play.open_datagrams(); !opened) return std::unexpected(opened.error());
  }
  return play.run(progress);
}

}  // namespace electra::player
