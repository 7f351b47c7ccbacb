#include "bench/e2e/run.h"

#include <fmt/core.h>

#include <algorithm>

#include "bench/common/measure.h"
#include "bench/e2e/slow_clients.h"
#include "bench/e2e/tcp_transport.h"
#include "bench/e2e/udp_transport.h"
#include "engine/pipeline/audit.h"
#include "meter-proto/client/tcp_client.h"

namespace electra::bench {
namespace {

constexpr std::uint32_t kSpareConnections = 8;
constexpr std::uint32_t kSetupBatch = 64;
constexpr std::uint64_t kResendAfterNs = 250'000'000;  // longer than a receipt takes under full load
constexpr auto kTickPatience = std::chrono::seconds(20);

// The parts of a run; what fails is one sentence.
class Run {
 public:
  Run(Bench& bench, const Scenario& scenario, const RunPlan& plan) : bench_(bench), scenario_(scenario), plan_(plan) {
    settings_.directory = bench.directory / "run";
    settings_.scenario = scenario.options();
    settings_.verifier = bench.verifier;
    settings_.verify_threads = bench.verify_threads;
    settings_.table_kib = plan.table_kib;
    settings_.connections_max =
        scenario.options().connections + kSpareConnections + 2 * SlowClients::kKinds * plan.slow_clients;
    settings_.refusals_max = plan.refusals_max;
    settings_.accept_all = plan.accept_all;
    settings_.flush_delay_us = plan.flush_delay_us;
    settings_.snapshot_every = plan.snapshot_every;
    settings_.udp = plan.udp;
  }
  ~Run() {
    std::error_code ignored;
    gateway_.reset();
    std::filesystem::remove_all(settings_.directory, ignored);
  }

  [[nodiscard]] std::string measure_yardsticks() {
    bench_.progress.show("measuring the yardsticks");
    const auto verify = bench_.verify->measure(bench_.slice_ns);
    if (!verify) return verify.error();
    const auto disk = bench_.disk->measure(bench_.slice_ns);
    if (!disk) return disk.error();
    result_.verify_per_second = *verify;
    result_.disk_us = *disk;
    LoadOptions load = plan_.load;
    if (plan_.rate_v > 0) load.rate = plan_.rate_v * *verify;
    if (plan_.seconds > 0) load.messages = static_cast<std::uint64_t>(load.rate * plan_.seconds);
    load.stop_after = plan_.kill_after;
    if (plan_.udp) load.resend_after_ns = kResendAfterNs;
    result_.rate = load.rate;
    loader_ = std::make_unique<Loader>(scenario_.traffic(), load, forged());
    return {};
  }

  [[nodiscard]] std::string begin() {
    bench_.progress.show("starting the gateway");
    std::error_code error;
    std::filesystem::remove_all(settings_.directory, error);
    std::filesystem::create_directories(settings_.directory, error);
    if (error) return fmt::format("{}: {}", settings_.directory.string(), error.message());
    if (std::string text = start(); !text.empty()) return text;
    if (std::string text = tick(); !text.empty()) return text;
    if (scenario_.has_setup()) {
      if (std::string text = set_up(); !text.empty()) return text;
    }
    // A gateway serves at once, and makes tables meanwhile: what is measured is the time after that.
    return gateway_->wait_for_tables(scenario_.public_keys().size());
  }

  [[nodiscard]] std::string load() {
    auto transport = plan_.udp
                         ? connect_udp({.port = gateway_->port(), .connections = scenario_.traffic().frames.streams()})
                         : connect(scenario_.traffic());
    if (!transport) return transport.error();
    if (plan_.kill_after > 0) return load_and_kill(std::move(*transport));
    std::unique_ptr<SlowClients> slow;
    if (plan_.slow_clients > 0) {
      auto started = start_slow_clients();
      if (!started) return started.error();
      slow = std::move(*started);
    }
    const std::uint64_t begin_cpu = gateway_->cpu_ns();
    const std::uint64_t begin_disk = gateway_->disk_bytes_written();
    if (auto driven = loader_->drive(**transport, shown("loading")); !driven) return driven.error();
    const auto answers = static_cast<double>(loader_->accepted() + loader_->refused());
    result_.process_cpu_us = static_cast<double>(gateway_->cpu_ns() - begin_cpu) / answers / 1000.0;
    result_.loader_cpu_us = static_cast<double>(loader_->cpu_ns()) / answers / 1000.0;
    result_.disk_bytes = gateway_->disk_bytes_written() - begin_disk;
    note_memory();
    if (slow) {
      slow->stop();
      slow_sent_ = slow->sent();
      result_.slow_connects = slow->connected();
    }
    return {};
  }

  [[nodiscard]] std::string end() {
    bench_.progress.show("stopping the gateway");
    auto left = gateway_->stop();
    if (!left) return left.error();
    bench_.progress.show("comparing all balances");
    Model expected = scenario_.model_after(loader_->sent());
    // A datagram that came twice at once may be executed twice, without effect; what was lost is not there to be counted.
    expected.messages =
        plan_.udp ? std::max(expected.messages, left->balances.messages) : expected.messages + loader_->repeated();
    // Nobody knows how many of theirs came through before they were cut off; the audit counts them again.
    result_.slow_messages =
        std::min(left->balances.messages - std::min(left->balances.messages, expected.messages), slow_sent_);
    expected.messages += result_.slow_messages;
    if (std::string text = difference(expected, left->balances); !text.empty()) {
      return "the model disagrees: " + text;
    }
    result_.gateway = left->report;
    if (result_.gateway.snapshots < plan_.snapshots_min) {
      return fmt::format("{} snapshots were sealed under the load instead of {} or more", result_.gateway.snapshots,
                         plan_.snapshots_min);
    }
    return audit(*left);
  }

  [[nodiscard]] RunResult finish() {
    const std::vector<std::uint32_t> sorted = loader_->latencies().sorted();
    result_.accepted = loader_->accepted();
    result_.refused = loader_->refused();
    result_.udp = plan_.udp;
    result_.resent = loader_->resent();
    result_.latency = percentiles(sorted);
    result_.curve = latency_curve(sorted);
    result_.loader_late_us = static_cast<double>(loader_->late_ns_max()) / 1000.0;
    result_.bytes_ratio = static_cast<double>(result_.gateway.record_bytes) /
                          (static_cast<double>(result_.gateway.messages) * scenario_.mean_frame_bytes());
    return std::move(result_);
  }

 private:
  [[nodiscard]] Loader::Forged forged() const {
    if (scenario_.options().forged_per_mille == 0) return {};
    return [this](std::uint32_t stream, std::uint64_t position) { return scenario_.forged(stream, position); };
  }
  [[nodiscard]] Progress shown(const char* what) {
    return [this, what](std::uint64_t done, std::uint64_t total) { bench_.progress.show(what, done, total); };
  }

  // What is done `meanwhile` costs no time.
  template <typename Meanwhile>
  [[nodiscard]] std::string start(Meanwhile&& meanwhile) {
    auto started = GatewayProcess::start(settings_, scenario_.public_keys());
    if (!started) return started.error();
    gateway_ = std::move(*started);
    meanwhile();
    return gateway_->wait_until_it_listens();
  }
  [[nodiscard]] std::string start() {
    return start([] {});
  }

  [[nodiscard]] std::string tick() {
    client::TcpClient::Options options;
    options.port = gateway_->port();
    options.sender.slot = Scenario::kOperatorSlot;
    auto ticker = client::TcpClient::connect(options, scenario_.operator_signer());
    if (!ticker) return ticker.error().text;
    if (const auto ticked = ticker->tick(Scenario::time_ns(), kTickPatience); !ticked) return ticked.error();
    return {};
  }

  [[nodiscard]] std::expected<std::unique_ptr<Transport>, std::string> connect(const Traffic& traffic) {
    const bool by_operator = traffic.first_slot == Scenario::kOperatorSlot;
    return connect_tcp(
        {.port = gateway_->port(),
         .connections = traffic.frames.streams(),
         .sender = [&](std::uint32_t i) { return client::Sender{.slot = traffic.first_slot + i}; },
         .signer = [&](std::uint32_t i) { return by_operator ? scenario_.operator_signer() : scenario_.signer(i); }});
  }

  [[nodiscard]] std::expected<std::unique_ptr<SlowClients>, std::string> start_slow_clients() {
    const client::Sender sender{.slot = Scenario::kOperatorSlot};
    strict::PayloadView payload;
    strict::Reading& reading = payload.operation.emplace<strict::Reading>();
    reading.time = Scenario::time_ns() / 1'000'000'000;
    reading.count = 1;
    reading.items[0].phase = 1;
    auto frame = client::make_message_frame(sender, scenario_.genesis().hash, 1, payload, scenario_.operator_signer());
    if (!frame) return std::unexpected(frame.error());
    return SlowClients::start({.port = gateway_->port(),
                               .of_each_kind = plan_.slow_clients,
                               .sender = sender,
                               .signer = scenario_.operator_signer(),
                               .frame = std::move(*frame)});
  }

  // Opens and funds the further accounts, then starts the gateway again: what it counts from there on is the load's.
  [[nodiscard]] std::string set_up() {
    for (const Traffic* traffic : {&scenario_.opening(), &scenario_.funding()}) {
      auto transport = connect(*traffic);
      if (!transport) return transport.error();
      Loader loader(*traffic, {.batch = kSetupBatch, .depth = 4});
      if (auto driven = loader.drive(**transport, shown("opening accounts")); !driven) return driven.error();
    }
    if (auto left = gateway_->stop(); !left) return left.error();
    return start();
  }

  void note_memory() {
    const ProcessMemory memory = gateway_->memory();
    result_.rss_bytes = memory.rss_bytes;
    result_.rss_peak_bytes = memory.rss_peak_bytes;
    result_.tables = gateway_->tables();
    result_.table_bytes = gateway_->table_bytes();
    result_.seconds = static_cast<double>(loader_->took_ns()) / 1e9;
    result_.per_second = static_cast<double>(loader_->accepted()) / result_.seconds;
  }

  [[nodiscard]] std::string load_and_kill(std::unique_ptr<Transport> transport) {
    if (auto driven = loader_->drive(*transport, shown("loading")); !driven) return driven.error();
    note_memory();
    const std::uint64_t killed_ns = wall_ns();
    gateway_->kill();
    const std::uint64_t gone_ns = wall_ns();
    if (std::string text = start([&] {
          transport.reset();
          loader_->resume();
        });
        !text.empty()) {
      return text;
    }
    const std::uint64_t listening_ns = wall_ns();
    auto again = connect(scenario_.traffic());
    if (!again) return again.error();
    const std::uint64_t connected_ns = wall_ns();
    if (auto driven = loader_->drive(**again, shown("going on after the kill")); !driven) return driven.error();
    if (loader_->first_fresh_ns() == 0) return "no new message after the kill";
    const auto ms = [](std::uint64_t from, std::uint64_t to) { return static_cast<double>(to - from) / 1e6; };
    result_.restart_ms = ms(killed_ns, loader_->first_fresh_ns());
    result_.restart = {.gone_ms = ms(killed_ns, gone_ns),
                       .listening_ms = ms(gone_ns, listening_ns),
                       .connected_ms = ms(listening_ns, connected_ns),
                       .answered_ms = ms(connected_ns, loader_->first_fresh_ns())};
    return {};
  }

  [[nodiscard]] std::string audit(const GatewayProcess::Left& left) {
    auto source =
        pipeline::open_directory_source(settings_.journal(), settings_.headers_file(), scenario_.genesis().hash, {});
    if (!source) return source.error();
    pipeline::AuditOptions options;
    options.verifier = bench_.verifier;
    options.progress = shown("auditing");
    const auto report = pipeline::audit(scenario_.genesis(), **source, options);
    if (!report) return "the audit could not be made: " + report.error();
    if (!report->good()) return "the audit says: " + report->problems.front().text;
    if (report->messages != left.balances.messages || report->open_messages != 0) {
      return fmt::format("the audit saw {} messages, {} of them in no block, instead of {}", report->messages,
                         report->open_messages, left.balances.messages);
    }
    if (to_hex(report->settlement_digest) != left.report.settlement_digest) {
      return "the audit ends with other books than the gateway";
    }
    return {};
  }

  Bench& bench_;
  const Scenario& scenario_;
  const RunPlan& plan_;
  ServeSettings settings_;
  std::unique_ptr<GatewayProcess> gateway_;
  std::unique_ptr<Loader> loader_;
  std::uint64_t slow_sent_ = 0;
  RunResult result_;
};

}  // namespace

std::expected<RunResult, std::string> run_once(Bench& bench, const Scenario& scenario, const RunPlan& plan) {
  Run run(bench, scenario, plan);
  for (const auto step : {&Run::measure_yardsticks, &Run::begin, &Run::load, &Run::end}) {
    if (std::string error = (run.*step)(); !error.empty()) return std::unexpected(std::move(error));
  }
  return run.finish();
}

}  // namespace electra::bench
