#include "engine/electrad/meter/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>

#include "engine/electrad/meter/exchange.h"
#include "engine/electrad/meter/meter_key.h"
#include "engine/electrad/meter/roster.h"
#include "engine/electrad/meter/schedule.h"

namespace electra::player {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::uint64_t kSecondsPerDay = 86'400;
constexpr std::uint64_t kSecondsPerHour = 3'600;
constexpr std::size_t kExchangeWindow = 4096;  // readings in flight, one a meter
// Signed between two looks at the socket: 0.1 ms of work.
constexpr std::size_t kSignaturesPerSlice = 64;
constexpr std::size_t kSignaturesPerSliceOneByOne = 8;
constexpr std::uint64_t kClosingTickNs = 1'000'000;  // a settlement that has work left gets time in steps of this
constexpr std::chrono::milliseconds kClosingPause{2};
constexpr std::chrono::milliseconds kPacePause{50};  // longest sleep: a stop is noticed within it
constexpr double kRateSmoothing = 0.1;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// The file of acknowledged messages; without a path it takes nothing.
class AcknowledgedFile {
 public:
  std::expected<void, std::string> open(const std::filesystem::path& path) {
    name_ = path.string();
    file_.reset(std::fopen(path.c_str(), "a"));
    if (!file_) return failure();
    return {};
  }

  [[nodiscard]] bool is_open() const noexcept { return file_ != nullptr; }

  void add(const OutgoingMessage& message, const Answer& answer, const Bytes32& id) {
    fmt::print(file_.get(), "{} {} {} {} {}\n", message.slot, message.sequence, result_name(answer.result),
               answer.batch, to_hex(id));
  }

  std::expected<void, std::string> flush() {
    if (file_ && (std::fflush(file_.get()) != 0 || std::ferror(file_.get()) != 0)) return failure();
    return {};
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };

  std::expected<void, std::string> failure() const {
    return std::unexpected(fmt::format("{}: cannot be written: {}", name_, std::strerror(errno)));
  }

  std::string name_;
  std::unique_ptr<std::FILE, Close> file_;
};

class Replay {
 public:
  Replay(const ReplayOptions& options, const DataSet& data, std::vector<MeterPlan> fleet, ProgressSink& progress)
      : options_(options),
        data_(data),
        fleet_(std::move(fleet)),
        sink_(progress),
        grid_key_(options.seed, kGridSerial),
        playback_(data, fleet_) {}

  std::expected<ReplayReport, std::string> run() {
    if (auto prepared = prepare(); !prepared) return std::unexpected(prepared.error());
    began_ = Clock::now();
    std::uint64_t boundary = report_.resumed_at;
    if (boundary <= schedule_.intervals) begin_signing(boundary);
    for (; boundary <= schedule_.intervals; ++boundary) {
      if (!wait_for_pace(boundary)) break;
      if (auto played = play(boundary); !played) return std::unexpected(played.error());
    }
    if (boundary > schedule_.intervals) {
      if (auto closed = close_cycles(); !closed) return std::unexpected(closed.error());
    }
    report_.answered = boundary;
    report_.seconds = seconds_since(began_);
    report_.reconnects = link_->reconnects();
    return std::move(report_);
  }

 private:
  std::expected<void, std::string> prepare() {
    auto link = open_as_gateway(options_.link, grid_key_);
    if (!link) return std::unexpected(link.error());
    link_.emplace(std::move(*link));
    if (!link_->chain().replay_clock) {
      return std::unexpected(
          "the gateway runs on the real clock: `replay` needs `clock: replay` in config.yml (or use `play`)");
    }
    const auto status = query_status(*link_);
    if (!status) return std::unexpected(status.error());
    const auto params = query_params(*link_);
    if (!params) return std::unexpected(params.error());
    params_ = *params;
    if (auto planned = plan_schedule(); !planned) return planned;
    auto roster = Roster::load(*link_, fleet_, options_.seed, grid_key_);
    if (!roster) return std::unexpected(roster.error());
    roster_.emplace(std::move(*roster));
    order_.emplace(static_cast<std::uint32_t>(roster_->senders().size()), options_.shuffle);
    if (options_.acknowledged) {
      if (auto opened = acknowledged_.open(*options_.acknowledged); !opened) return opened;
    }
    return find_resumption(*status);
  }

  std::expected<void, std::string> plan_schedule() {
    const std::uint64_t per_day = kSecondsPerDay / static_cast<std::uint64_t>(params_.interval_s());
    const std::int64_t interval_s =
        data_.interval_s() != 0 ? data_.interval_s() : static_cast<std::int64_t>(params_.interval_s());
    if (static_cast<std::uint64_t>(interval_s) != params_.interval_s()) {
      return std::unexpected(
          fmt::format("the data has intervals of {} s, the chain of {} s", interval_s, params_.interval_s()));
    }
    if (static_cast<std::int64_t>(params_.genesis_time()) > data_.start_s()) {
      return std::unexpected(
          fmt::format("the data begins at {}, the chain at {}: `genesis.time` in config.yml must not be later",
                      format_time(data_.start_s()), format_time(static_cast<std::int64_t>(params_.genesis_time()))));
    }
    schedule_ = {.start_s = data_.start_s(), .interval_s = interval_s, .intervals = data_.intervals()};
    if (options_.days) {
      const std::uint64_t wanted = *options_.days * per_day;
      if (wanted == 0 || wanted > schedule_.intervals) {
        return std::unexpected(fmt::format("--days must be from 1 to {}", schedule_.intervals / per_day));
      }
      schedule_.intervals = wanted;
    }
    return {};
  }

  std::expected<void, std::string> find_resumption(const wire::Status& status) {
    std::vector<std::uint64_t> highest;
    std::uint64_t furthest = 0;
    for (const MeterSender& sender : roster_->senders()) {
      highest.push_back(sender.holder.highest_sequence());
      next_.push_back(next_boundary(highest.back()));
      furthest = std::max(furthest, next_.back());
    }
    if (furthest > schedule_.intervals + 1) {
      return std::unexpected(
          fmt::format("the chain has readings up to {} already; replay at least that far, or begin a new chain",
                      format_time(schedule_.boundary_s(furthest - 1))));
    }
    report_.resumed_at = schedule_.resume_boundary(highest);
    report_.chain_id = status.chain_id();
    report_.start_s = schedule_.start_s;
    report_.end_s = schedule_.end_s();
    report_.interval_s = static_cast<std::uint64_t>(schedule_.interval_s);
    report_.intervals = schedule_.intervals;
    report_.meters = roster_->senders().size();
    report_.retail_price = params_.retail_price();
    report_.feed_in_price = params_.feed_in_price();
    if (report_.resumed_at > 0) {
      sink_.on_note(fmt::format("continuing at interval {} of {}",
                                grouped(std::min(report_.resumed_at, schedule_.intervals)),
                                grouped(schedule_.intervals)));
    }
    return {};
  }

  // From here on sign_slice() fills preparing_ with the readings of `boundary`.
  void begin_signing(std::uint64_t boundary) {
    signing_boundary_ = boundary;
    playback_.seek(boundary);
    const auto order = order_->at(boundary);
    to_sign_.assign(order.begin(), order.end());
    std::erase_if(to_sign_, [&](std::uint32_t sender) { return !sends_at(next_[sender], boundary); });
    signed_count_ = 0;
    preparing_.begin(link_->chain().genesis_hash, acknowledged_.is_open());
  }

  // Signs a few readings; false when all are signed or one could not be.
  bool sign_slice() {
    const std::size_t end = std::min(signed_count_ + signatures_per_slice_, to_sign_.size());
    for (; signed_count_ < end && signing_failure_.empty(); ++signed_count_) {
      const MeterSender& sender = roster_->senders()[to_sign_[signed_count_]];
      const Registers registers =
          sender.plan == fleet_.size() ? playback_.grid() : playback_.registers(fleet_[sender.plan]);
      auto added = preparing_.add(sender, reading_sequence(signing_boundary_), schedule_.boundary_s(signing_boundary_),
                                  registers);
      if (!added) signing_failure_ = added.error();
    }
    if (auto made = preparing_.sign(); !made) signing_failure_ = made.error();
    return signed_count_ < to_sign_.size() && signing_failure_.empty();
  }

  std::expected<void, std::string> finish_signing() {
    while (sign_slice()) {
    }
    if (!signing_failure_.empty()) return std::unexpected(signing_failure_);
    return {};
  }

  // False when the run is to stop.
  bool wait_for_pace(std::uint64_t boundary) {
    if (options_.speed > 0) {
      const double simulated =
          static_cast<double>(boundary - report_.resumed_at) * static_cast<double>(schedule_.interval_s);
      while (!link_->stopped()) {
        const double early = simulated / options_.speed - seconds_since(began_);
        if (early <= 0) break;
        std::this_thread::sleep_for(
            std::min(std::chrono::duration<double>(early), std::chrono::duration<double>(kPacePause)));
      }
    }
    return !link_->stopped();
  }

  std::uint64_t boundary_ns(std::uint64_t boundary) const {
    return static_cast<std::uint64_t>(schedule_.boundary_s(boundary)) * kNanosecondsPerSecond;
  }

  // One boundary: tick, send, sign the next one meanwhile, take the answers.
  std::expected<void, std::string> play(std::uint64_t boundary) {
    const auto begin = Clock::now();
    if (auto finished = finish_signing(); !finished) return finished;
    std::swap(sending_, preparing_);
    const std::uint64_t import_wh = playback_.last_import_wh();  // before the cursor moves on
    const std::uint64_t export_wh = playback_.last_export_wh();
    const EnergySums sums = playback_.sums();
    if (auto ticked = link_->tick(boundary_ns(boundary)); !ticked) return ticked;

    const bool has_next = boundary < schedule_.intervals;
    if (has_next) begin_signing(boundary + 1);
    const std::vector<OutgoingMessage> messages = sending_.messages();
    ExchangeHooks hooks;
    hooks.on_answer = [&](const Answer& answer) { count(messages[answer.index], answer); };
    if (has_next) hooks.idle_work = [this] { return sign_slice(); };
    // A gateway that came back may have lost a tick that nothing durable followed.
    hooks.after_reconnect = [&] { return link_->tick(boundary_ns(boundary)); };
    Exchange exchange(*link_, kExchangeWindow);
    report_.sent += messages.size();
    if (auto answered = exchange.run(messages, hooks); !answered) return answered;
    if (auto flushed = acknowledged_.flush(); !flushed) return flushed;
    tell(boundary, messages.size(), seconds_since(begin), import_wh, export_wh, sums);
    return {};
  }

  void count(const OutgoingMessage& message, const Answer& answer) {
    if (answer.reached_chain) report_.latency.add(answer.latency_ns);
    if (answer.repeated) ++report_.repeated;
    if (answer.result == Result::ok) {
      ++report_.acknowledged;
    } else {
      ++report_.refused[std::string(result_name(answer.result))];
    }
    if (acknowledged_.is_open() && answer.reached_chain) {
      acknowledged_.add(message, answer, sending_.id(answer.index));
    }
  }

  void tell(std::uint64_t boundary, std::size_t messages, double seconds, std::uint64_t import_wh,
            std::uint64_t export_wh, const EnergySums& sums) {
    const double rate = seconds > 0 ? static_cast<double>(messages) / seconds : 0;
    rate_ = rate_ == 0 ? rate : rate_ + kRateSmoothing * (rate - rate_);
    const double elapsed = seconds_since(began_);
    const auto done = static_cast<double>(boundary + 1 - report_.resumed_at);
    const auto left = static_cast<double>(schedule_.intervals - boundary);
    const auto interval_s = static_cast<std::uint64_t>(schedule_.interval_s);
    sink_.on_replay({.time_s = schedule_.boundary_s(boundary),
                     .boundary = boundary + 1,
                     .boundaries = schedule_.intervals + 1,
                     .messages = report_.sent,
                     .messages_per_s = rate_,
                     .import_w = import_wh * kSecondsPerHour / interval_s,
                     .export_w = export_wh * kSecondsPerHour / interval_s,
                     .import_wh = sums.import_wh,
                     .export_wh = sums.export_wh,
                     .seconds_left = elapsed / done * left});
  }

  // Moves time past the last cycle's grace and waits until the settlement has closed all of them.
  std::expected<void, std::string> close_cycles() {
    const std::uint64_t genesis_s = params_.genesis_time();
    const std::uint64_t span_s = static_cast<std::uint64_t>(schedule_.end_s()) - genesis_s;
    const std::uint64_t cycles = (span_s + params_.cycle_s() - 1) / params_.cycle_s();
    const std::uint64_t due_s = genesis_s + cycles * params_.cycle_s() + params_.grace_s();
    std::uint64_t time_ns = due_s * kNanosecondsPerSecond;
    const auto deadline = Clock::now() + options_.link.retry_for;
    wire::Status status;
    while (true) {
      if (auto ticked = link_->tick(time_ns); !ticked) return ticked;
      auto answer = query_status(*link_);
      if (!answer) return std::unexpected(answer.error());
      status = std::move(*answer);
      if (status.totals().cycles() >= cycles) break;
      if (Clock::now() > deadline || link_->stopped()) {
        return std::unexpected(
            fmt::format("{} of {} cycles are closed, and the rest does not come", status.totals().cycles(), cycles));
      }
      std::this_thread::sleep_for(kClosingPause);
      time_ns = std::max(time_ns, link_->time_ns()) + kClosingTickNs;
    }
    playback_.seek(schedule_.intervals);
    report_.data_sums = playback_.sums();
    return take_totals(status, cycles, cycles * params_.cycle_s() / params_.interval_s());
  }

  std::expected<void, std::string> take_totals(const wire::Status& status, std::uint64_t expected_cycles,
                                               std::uint64_t expected_intervals) {
    const auto digest = query_digest(*link_);
    if (!digest) return std::unexpected(digest.error());
    report_.state_digest = to_hex(bytes_of(digest->state()));
    report_.state_root = to_hex(bytes_of(digest->state_root()));
    report_.settlement_digest = to_hex(bytes_of(digest->settlement()));
    report_.chain_messages = status.messages();
    const wire::Totals& totals = status.totals();
    report_.totals = {.cycles = totals.cycles(),
                      .intervals = totals.intervals(),
                      .energy = {.consumption_wh = totals.consumption_wh(),
                                 .generation_wh = totals.generation_wh(),
                                 .matched_wh = totals.matched_wh(),
                                 .import_wh = totals.import_wh(),
                                 .export_wh = totals.export_wh()},
                      .consumers_pay = totals.consumers_pay(),
                      .producers_get = totals.producers_get(),
                      .grid_gets = totals.grid_gets(),
                      .debt = totals.debt(),
                      .unaccounted_wh = totals.unaccounted_wh()};
    report_.differences = compare_totals(report_, expected_cycles, expected_intervals);
    report_.complete = true;
    return {};
  }

  const ReplayOptions& options_;
  const DataSet& data_;
  std::vector<MeterPlan> fleet_;
  ProgressSink& sink_;
  MeterKey grid_key_;
  Playback playback_;  // stands at the boundary that is being signed
  Schedule schedule_;
  wire::Params params_;
  std::optional<GatewayLink> link_;
  std::optional<Roster> roster_;
  std::optional<SendOrder> order_;
  std::vector<std::uint64_t> next_;  // boundary that each sender had not sent when the run began
  AcknowledgedFile acknowledged_;

  ReadingBatch sending_;
  ReadingBatch preparing_;
  std::vector<std::uint32_t> to_sign_;  // senders of the batch in preparation
  std::size_t signed_count_ = 0;
  const std::size_t signatures_per_slice_ =
      crypto::batch_signer_name() == "sodium" ? kSignaturesPerSliceOneByOne : kSignaturesPerSlice;
  std::uint64_t signing_boundary_ = 0;
  std::string signing_failure_;

  Clock::time_point began_;
  double rate_ = 0;
  ReplayReport report_;
};

void expect_equal(std::vector<std::string>& out, std::string_view what, std::string_view unit, std::uint64_t chain,
                  std::uint64_t expected) {
  if (chain != expected) {
    out.push_back(
        fmt::format("{}: the chain says {} {}, the data {} {}", what, grouped(chain), unit, grouped(expected), unit));
  }
}

}  // namespace

std::vector<std::string> compare_totals(const ReplayReport& report, std::uint64_t expected_cycles,
                                        std::uint64_t expected_intervals) {
  std::vector<std::string> out;
  const ChainTotals& chain = report.totals;
  const EnergySums& data = report.data_sums;
  expect_equal(out, "cycles", "closed", chain.cycles, expected_cycles);
  expect_equal(out, "intervals", "settled", chain.intervals, expected_intervals);
  expect_equal(out, "consumption", "Wh", chain.energy.consumption_wh, data.consumption_wh);
  expect_equal(out, "generation", "Wh", chain.energy.generation_wh, data.generation_wh);
  expect_equal(out, "matched locally", "Wh", chain.energy.matched_wh, data.matched_wh);
  expect_equal(out, "import", "Wh", chain.energy.import_wh, data.import_wh);
  expect_equal(out, "export", "Wh", chain.energy.export_wh, data.export_wh);
  // With an odd sum of prices the mid-market rate is no whole number and each interval rounds for itself.
  if (const std::uint64_t twice_mid = report.retail_price + report.feed_in_price; twice_mid % 2 == 0) {
    const std::uint64_t local = data.matched_wh * (twice_mid / 2);
    const std::uint64_t pay = local + data.import_wh * report.retail_price;
    const std::uint64_t get = local + data.export_wh * report.feed_in_price;
    expect_equal(out, "consumers pay", "uelectra", chain.consumers_pay, pay);
    expect_equal(out, "producers get", "uelectra", chain.producers_get, get);
  }
  const auto grid = static_cast<std::int64_t>(chain.consumers_pay - chain.producers_get);
  if (chain.grid_gets != grid) {
    out.push_back(fmt::format("the grid gets {} uelectra, but consumers pay {} more than producers get",
                              grouped(chain.grid_gets), grouped(grid)));
  }
  if (chain.unaccounted_wh != 0) {
    out.push_back(fmt::format("{} Wh at the grid connection are unaccounted for", grouped(chain.unaccounted_wh)));
  }
  return out;
}

std::expected<ReplayReport, std::string> run_replay(const ReplayOptions& options, ProgressSink& progress) {
  const auto data = DataSet::load(options.data);
  if (!data) return std::unexpected(data.error());
  auto fleet = plan_fleet(*data, options.count);
  if (!fleet) return std::unexpected(fleet.error());
  Replay replay(options, *data, std::move(*fleet), progress);
  return replay.run();
}

}  // namespace electra::player
