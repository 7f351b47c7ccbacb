// The parent's side of `electra-bench serve`: starts it, listens to it, stops or kills it, and reads what it costs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "bench/e2e/model.h"
#include "bench/e2e/settings.h"

namespace electra::bench {

struct ProcessMemory {
  std::uint64_t rss_bytes = 0;
  std::uint64_t rss_peak_bytes = 0;
};

class GatewayProcess {
 public:
  // Writes the settings and starts the process. Its directory exists. The error is one sentence.
  [[nodiscard]] static std::expected<std::unique_ptr<GatewayProcess>, std::string> start(
      const ServeSettings& settings, const std::vector<Bytes32>& public_keys);
  // Kills it if it still runs.
  ~GatewayProcess();
  GatewayProcess(const GatewayProcess&) = delete;
  GatewayProcess& operator=(const GatewayProcess&) = delete;

  // Empty, or why it does not start.
  [[nodiscard]] std::string wait_until_it_listens();
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  // Until each of `keys` keys has its table, or never will: a gateway serves at once and makes them meanwhile.
  [[nodiscard]] std::string wait_for_tables(std::size_t keys);
  [[nodiscard]] std::uint32_t tables() const noexcept { return tables_; }
  [[nodiscard]] std::uint32_t table_bytes() const noexcept { return table_bytes_; }

  // CPU of all its threads since its start.
  [[nodiscard]] std::uint64_t cpu_ns() const;
  [[nodiscard]] ProcessMemory memory() const;
  // Bytes that it made the kernel write to disks, whatever for.
  [[nodiscard]] std::uint64_t disk_bytes_written() const;

  struct Left {
    ServeReport report;
    Model balances;
  };
  // SIGTERM; waits until it has stopped in order.
  [[nodiscard]] std::expected<Left, std::string> stop();
  // kill -9, as a failing power supply would.
  void kill();

 private:
  explicit GatewayProcess(const ServeSettings& settings) : settings_(settings) {}
  // The next line, without its end; nothing when none came in time or the process has ended.
  [[nodiscard]] std::expected<std::string, std::string> read_line(std::uint64_t timeout_ns);
  void take_line(const std::string& line);
  [[nodiscard]] int wait();

  const ServeSettings settings_;
  pid_t pid_ = -1;
  int output_ = -1;  // a pipe from its standard output
  std::string unread_;
  std::uint16_t port_ = 0;
  std::uint32_t keys_ = 0;
  std::uint32_t tables_ = 0;
  std::uint32_t without_ = 0;
  std::uint32_t table_bytes_ = 0;
};

}  // namespace electra::bench
