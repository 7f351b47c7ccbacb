// electra-meter: plays any number of meters against a gateway.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "engine/electrad/meter/enroll.h"
#include "engine/electrad/meter/play.h"
#include "engine/electrad/meter/progress.h"
#include "engine/electrad/meter/replay.h"
#include "engine/electrad/meter/report.h"

namespace electra::player {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitStopped = 130;  // as a shell names a program that SIGINT ended
constexpr double kSpeedMax = 1e9;

std::atomic<bool> stop_requested{false};

void on_signal(int) { stop_requested.store(true); }

void stop_on_signals() {
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // a second one ends the program at once
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

// What all commands have in common.
struct Common {
  std::string gateway = "127.0.0.1:26600";
  std::string data = "data/lv-urban";
  std::string seed = "electra development seed: never use for real meters";
  std::uint32_t count = 0;
  double retry_for_s = 30;
  bool quiet = false;
};

void add_common(CLI::App& app, Common& common) {
  app.add_option("--gateway", common.gateway, "address of the gateway, HOST:PORT")->capture_default_str();
  app.add_option("--data", common.data, "folder with the measured series")->capture_default_str();
  app.add_option("--seed", common.seed, "phrase that the development keys are derived from")->capture_default_str();
  app.add_option("--count", common.count,
                 "number of meters; more than the data has repeats its series (H001-2 ...); 0 = every series once")
      ->capture_default_str();
  app.add_option("--retry-for", common.retry_for_s, "seconds without success after which a lost connection is given up")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  app.add_flag("--quiet", common.quiet, "show no progress");
}

int fail(const std::string& text) {
  fmt::print(stderr, "electra-meter: {}\n", text);
  return kExitFailed;
}

// What every command's options share, from what the command line says.
template <typename Options>
std::expected<void, std::string> take_common(const Common& common, Options& options) {
  if (auto parsed = parse_endpoint(common.gateway, options.link); !parsed) {
    return std::unexpected("--gateway: " + parsed.error());
  }
  options.link.retry_for = std::chrono::milliseconds(static_cast<std::int64_t>(common.retry_for_s * 1000));
  options.link.stop = &stop_requested;
  options.data = common.data;
  options.seed = common.seed;
  options.count = common.count;
  return {};
}

std::unique_ptr<ProgressSink> make_progress(const Common& common) {
  if (common.quiet) return std::make_unique<SilentProgress>();
  return std::make_unique<ConsoleProgress>(stderr);
}

struct EnrollCommand {
  Common common;
  EnrollOptions options;
  std::string operator_key;

  void add_to(CLI::App& root) {
    CLI::App* app = root.add_subcommand("enroll", "register the meters and fill the consumers' wallets");
    add_common(*app, common);
    app->add_option("--operator-key", operator_key, "key file of the operator; else the key `operator` of the phrase")
        ->check(CLI::ExistingFile);
    app->add_option("--fund", options.fund_uelectra, "uelectra for each consumer, 0 = none")->capture_default_str();
    app->add_option("--register-modulus", options.register_modulus, "Wh at which a register begins again, 0 = never")
        ->capture_default_str();
    app->add_option("--max-wh-per-interval", options.max_wh_per_interval, "plausible Wh in an interval, 0 = no limit")
        ->capture_default_str();
    app->footer(
        "Safe to run again at any time: what is there stays as it is.\n\n"
        "Example:\n  electra-meter enroll --gateway 127.0.0.1:26600 --data data/lv-urban");
  }

  int run() {
    if (auto taken = take_common(common, options); !taken) return fail(taken.error());
    if (!operator_key.empty()) options.operator_key = operator_key;
    const auto progress = make_progress(common);
    const auto report = run_enroll(options, *progress);
    if (!report) return stop_requested.load() ? kExitStopped : fail(report.error());
    fmt::print(
        "{} meters are enrolled: {} registered, {} activated, {} funded by this run; {} messages, {} of them known "
        "before\n",
        report->meters, report->registered, report->activated, report->funded, report->messages, report->repeated);
    return 0;
  }
};

struct ReplayCommand {
  Common common;
  ReplayOptions options;
  std::uint32_t days = 0;
  std::uint64_t shuffle = 0;
  std::string json;
  std::string acknowledged;
  CLI::Option* shuffle_option = nullptr;
  CLI::Option* days_option = nullptr;

  void add_to(CLI::App& root) {
    CLI::App* app = root.add_subcommand("replay", "replay the data in lock step (gateway with `clock: replay`)");
    add_common(*app, common);
    days_option = app->add_option("--days", days, "replay the first days only")->check(CLI::Range(1U, 1'000'000U));
    shuffle_option = app->add_option("--shuffle", shuffle, "send in an order that follows from this number");
    app->add_option("--speed", options.speed,
                    "simulated seconds a second; 0 = as fast as possible, 900 = an interval of 15 min a second")
        ->check(CLI::Range(0.0, kSpeedMax))
        ->capture_default_str();
    app->add_option("--json", json, "file for the summary as JSON");
    app->add_option("--acknowledged", acknowledged,
                    "file that gets a line for every receipt: slot sequence result batch message-id");
    app->footer(
        "Continues where the chain stands. Ends with 0 only if every reading was taken and the chain's totals\n"
        "equal the data's.\n\n"
        "Example:\n  electra-meter replay --days 2 --shuffle 7 --json summary.json");
  }

  int run() {
    if (auto taken = take_common(common, options); !taken) return fail(taken.error());
    if (days_option->count() != 0) options.days = days;
    if (shuffle_option->count() != 0) options.shuffle = shuffle;
    if (!acknowledged.empty()) options.acknowledged = acknowledged;
    const auto progress = make_progress(common);
    const auto report = run_replay(options, *progress);
    if (!report) return stop_requested.load() ? kExitStopped : fail(report.error());
    fmt::print("{}", report_table(*report));
    if (!json.empty()) {
      if (auto written = write_text_file(json, report_json(*report, options)); !written) return fail(written.error());
    }
    if (!report->complete) return kExitStopped;
    return report->differences.empty() && report->refused.empty() ? 0 : kExitFailed;
  }
};

struct PlayCommand {
  Common common;
  PlayOptions options;
  std::int64_t interval_ms = 1'000;

  void add_to(CLI::App& root) {
    CLI::App* app = root.add_subcommand("play", "play the meters against a gateway with `clock: real`");
    app->alias("run");
    add_common(*app, common);
    app->add_option("--interval-ms", interval_ms, "between two readings of a meter")
        ->check(CLI::Range(std::int64_t{kPlayIntervalMin.count()}, std::int64_t{86'400'000}))
        ->capture_default_str();
    app->add_option("--speed", options.speed, "data seconds a second")
        ->check(CLI::Range(0.0, kSpeedMax))
        ->capture_default_str();
    app->add_option("--rounds", options.rounds, "readings of each meter, 0 = until SIGINT")->capture_default_str();
    app->add_flag("--udp", options.udp,
                  "send readings by datagram, each until its receipt comes (gateway with `udp.listen: on`)");
    app->footer("Example:\n  electra-meter play --count 20 --interval-ms 5000 --rounds 12");
  }

  int run() {
    if (auto taken = take_common(common, options); !taken) return fail(taken.error());
    options.interval = std::chrono::milliseconds(interval_ms);
    const auto progress = make_progress(common);
    const auto report = run_play(options, *progress);
    if (!report) return stop_requested.load() ? kExitStopped : fail(report.error());
    const std::string trouble = options.udp ? fmt::format("{} sent again", report->sent_again)
                                            : fmt::format("{} lost connections", report->reconnects);
    fmt::print("{} rounds in {}: {} sent, {} acknowledged, {} known before, {}\n", report->rounds,
               duration_text(report->seconds), report->sent, report->acknowledged, report->repeated, trouble);
    for (const auto& [reason, count] : report->refused) fmt::print("  refused: {} {}\n", reason, count);
    fmt::print("  sent to durable: p50 {:.2f} ms, p99 {:.2f} ms, p99.9 {:.2f} ms\n",
               static_cast<double>(report->latency.quantile_ns(500)) / 1e6,
               static_cast<double>(report->latency.quantile_ns(990)) / 1e6,
               static_cast<double>(report->latency.quantile_ns(999)) / 1e6);
    return report->refused.empty() ? 0 : kExitFailed;
  }
};

int run_program(int argc, char** argv) {
  CLI::App app("Plays electricity meters: registers them, sends their signed readings, reports what became of them.",
               "electra-meter");
  app.require_subcommand(1);
  app.footer("Exit codes: 0 done, 1 failed or refused, 2 wrong command line, 130 stopped by a signal.");
  EnrollCommand enroll;
  ReplayCommand replay;
  PlayCommand play;
  enroll.add_to(app);
  replay.add_to(app);
  play.add_to(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  stop_on_signals();
  if (app.got_subcommand("enroll")) return enroll.run();
  if (app.got_subcommand("replay")) return replay.run();
  return play.run();
}

}  // namespace
}  // namespace electra::player

int main(int argc, char** argv) { return electra::player::run_program(argc, argv); }
