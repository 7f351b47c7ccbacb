#include "bench/e2e/run.h"

#include <poll.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "engine/pipeline/cpu_time.h"
#include "engine/pipeline/gateway.h"
#include "io/loop.h"
#include "meter-proto/client/tcp_client.h"

namespace electra::bench {
namespace {

constexpr std::uint64_t kStallNs = 20'000'000'000;  // without a receipt: something is wrong

std::uint64_t process_cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

struct SenderState {
  std::uint64_t sent = 0;
  std::uint64_t acknowledged = 0;
};

// The client side: sends what the windows allow, collects receipts.
class Loader {
 public:
  Loader(const Scenario& scenario, const RunOptions& options) : scenario_(scenario), options_(options) {
    senders_.resize(scenario.senders());
    sent_ns_.resize(scenario.senders() * scenario.messages_per_sender());
    latencies_ns_.reserve(sent_ns_.size());
  }

  [[nodiscard]] std::string connect(std::uint16_t port) {
    client::TcpClient::Options operator_options;
    operator_options.port = port;
    operator_options.sender.slot = Scenario::kOperator;
    auto ticker = client::TcpClient::connect(operator_options, scenario_.operator_signer());
    if (!ticker) return ticker.error().text;
    if (auto ticked = ticker->tick(scenario_.time_ns(), std::chrono::seconds(5)); !ticked) return ticked.error();
    for (std::uint32_t i = 0; i < options_.connections; ++i) {
      client::TcpClient::Options options;
      options.port = port;
      options.sender.slot = scenario_.slot(i % scenario_.senders());
      auto connected = client::TcpClient::connect(options, scenario_.signer(i % scenario_.senders()));
      if (!connected) return connected.error().text;
      clients_.push_back(std::make_unique<client::TcpClient>(std::move(*connected)));
    }
    return {};
  }

  [[nodiscard]] std::string drive() {
    std::vector<pollfd> descriptors;
    for (const auto& client : clients_) descriptors.push_back({client->descriptor(), POLLIN, 0});
    std::uint64_t progress_ns = io::monotonic_ns();
    while (latencies_ns_.size() < sent_ns_.size()) {
      const std::size_t before = latencies_ns_.size();
      for (std::size_t i = 0; i < clients_.size(); ++i) {
        fill(i);
        clients_[i]->flush();
        descriptors[i].events = static_cast<short>(POLLIN | (clients_[i]->unsent_bytes() > 0 ? POLLOUT : 0));
        if (std::string error = collect(i); !error.empty()) return error;
      }
      const std::uint64_t now = io::monotonic_ns();
      if (latencies_ns_.size() > before) {
        progress_ns = now;
        continue;
      }
      if (now - progress_ns > kStallNs) return "no receipt for 20 s";
      (void)poll(descriptors.data(), descriptors.size(), 100);
    }
    return {};
  }

  [[nodiscard]] std::vector<std::uint64_t>& latencies_ns() noexcept { return latencies_ns_; }

 private:
  void fill(std::size_t connection) {
    client::TcpClient& client = *clients_[connection];
    if (!client.is_open() || client.unsent_bytes() > (1U << 18)) return;
    const std::uint64_t now = io::monotonic_ns();
    for (std::size_t s = connection; s < senders_.size(); s += clients_.size()) {
      SenderState& sender = senders_[s];
      while (sender.sent < scenario_.messages_per_sender() &&
             sender.sent - sender.acknowledged < options_.outstanding) {
        client.session().send_frame(scenario_.frame(static_cast<std::uint32_t>(s), sender.sent));
        sent_ns_[s * scenario_.messages_per_sender() + sender.sent] = now;
        ++sender.sent;
      }
    }
  }

  [[nodiscard]] std::string collect(std::size_t connection) {
    while (auto event = clients_[connection]->wait_event(std::chrono::milliseconds(0))) {
      if (const auto* receipt = std::get_if<strict::Receipt>(&*event)) {
        if (receipt->result != Result::ok) return "a message got " + std::string(result_name(receipt->result));
        const std::size_t s = receipt->slot - scenario_.slot(0);
        latencies_ns_.push_back(io::monotonic_ns() -
                                sent_ns_[s * scenario_.messages_per_sender() + receipt->sequence - 1]);
        ++senders_[s].acknowledged;
      } else if (const auto* refusal = std::get_if<client::Refusal>(&*event)) {
        return "refused: " + refusal->text;
      } else if (const auto* closed = std::get_if<client::Closed>(&*event)) {
        return "closed: " + closed->reason;
      }
    }
    return {};
  }

  const Scenario& scenario_;
  const RunOptions& options_;
  std::vector<std::unique_ptr<client::TcpClient>> clients_;
  std::vector<SenderState> senders_;
  std::vector<std::uint64_t> sent_ns_;  // sender-major
  std::vector<std::uint64_t> latencies_ns_;
};

// What the gateway's verifier says about its tables, from a thread of its own.
class TableWatch {
 public:
  void take(const crypto::TableStatus& status) {
    const std::lock_guard lock(mutex_);
    status_ = status;
    changed_.notify_all();
  }
  // False: it takes too long.
  [[nodiscard]] bool wait_until_made(std::size_t keys) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(1),
                             [&] { return status_.keys >= keys && status_.tables + status_.without >= status_.keys; });
  }
  [[nodiscard]] crypto::TableStatus status() {
    const std::lock_guard lock(mutex_);
    return status_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  crypto::TableStatus status_;
};

double percentile_us(const std::vector<std::uint64_t>& sorted, double share) {
  const auto index = static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1));
  return static_cast<double>(sorted[index]) / 1000.0;
}

}  // namespace

std::expected<RunResult, std::string> run_once(const Scenario& scenario, const RunOptions& options) {
  std::error_code error;
  std::filesystem::remove_all(options.directory, error);
  pipeline::GatewaySettings settings;
  settings.genesis = scenario.genesis();
  settings.journal_directory = options.directory / "journal";
  settings.blocks = {.signer = scenario.gateway_signer(),
                     .headers_file = options.directory / "headers.bin",
                     .signed_height_file = options.directory / "gateway.signed"};
  settings.listen_port = 0;
  settings.replay_clock = true;
  settings.verifier.backend = options.verifier;
  TableWatch tables;
  settings.verifier.on_tables = [&tables](const crypto::TableStatus& status) { tables.take(status); };
  settings.verify_threads = options.verify_threads;
  settings.connections_max = options.connections + 8;

  std::unique_ptr<pipeline::Gateway> gateway;
  std::string start_error;
  std::atomic<bool> ready{false};
  // The gateway's ring belongs to the thread that opens it.
  std::thread server([&] {
    auto opened = pipeline::Gateway::open(std::move(settings));
    if (opened) {
      gateway = std::move(*opened);
    } else {
      start_error = opened.error();
    }
    ready.store(true, std::memory_order_release);
    ready.notify_one();
    if (gateway) gateway->run();
  });
  ready.wait(false, std::memory_order_acquire);
  if (!gateway) {
    server.join();
    return std::unexpected(start_error);
  }

  Loader loader(scenario, options);
  std::string problem = loader.connect(gateway->port());
  // A gateway serves at once, and makes tables meanwhile: what is measured is the time after that.
  const crypto::TableStatus at_start = gateway->facts().tables;
  if (problem.empty() && at_start.table_bytes != 0 && !tables.wait_until_made(scenario.genesis().holders.size())) {
    problem = "no tables after 60 s";
  }
  const std::uint64_t begin_ns = io::monotonic_ns();
  const std::uint64_t begin_cpu = process_cpu_ns();
  const std::uint64_t begin_client = pipeline::thread_cpu_ns();
  if (problem.empty()) problem = loader.drive();
  const double seconds = static_cast<double>(io::monotonic_ns() - begin_ns) / 1e9;
  const double process_ns = static_cast<double>(process_cpu_ns() - begin_cpu);
  const double client_ns = static_cast<double>(pipeline::thread_cpu_ns() - begin_client);
  gateway->request_stop();
  server.join();
  if (problem.empty()) problem = scenario.check(gateway->machine());
  if (!problem.empty()) return std::unexpected(problem);

  const pipeline::GatewayCounters counters = gateway->counters();
  const auto messages = static_cast<double>(counters.messages);
  const auto batches = static_cast<double>(counters.batches);
  std::vector<std::uint64_t>& latencies = loader.latencies_ns();
  std::sort(latencies.begin(), latencies.end());
  const auto per_message_us = [messages](double ns) { return ns / messages / 1000.0; };
  RunResult result;
  result.seconds = seconds;
  result.per_second = messages / seconds;
  result.batch_mean = messages / batches;
  result.batch_max = counters.largest_batch;
  result.p50_us = percentile_us(latencies, 0.50);
  result.p99_us = percentile_us(latencies, 0.99);
  result.p999_us = percentile_us(latencies, 0.999);
  result.max_us = percentile_us(latencies, 1.0);
  result.decode_us = per_message_us(static_cast<double>(counters.decode_ns));
  result.verify_us = per_message_us(static_cast<double>(counters.verify_ns));
  result.execute_us = per_message_us(static_cast<double>(counters.execute_ns));
  result.process_us = per_message_us(process_ns);
  result.client_us = per_message_us(client_ns);
  result.journal_wait_us = static_cast<double>(counters.journal_wait_ns) / batches / 1000.0;
  result.journal_bytes = counters.journal_bytes;
  result.tables = tables.status();
  result.bytes_ratio = static_cast<double>(counters.journal_bytes) / (messages * scenario.mean_frame_bytes());
  std::filesystem::remove_all(options.directory, error);
  return result;
}

}  // namespace electra::bench
