// bench_e2e: signed durable messages per second through a running gateway, with latencies and the CPU of each stage.
#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <sodium.h>

#include <algorithm>
#include <fstream>

#include "bench/e2e/run.h"
#include "bench/e2e/scenario.h"
#include "bench/e2e/verify_rate.h"

namespace electra::bench {
namespace {

struct Shape {
  const char* name;
  Load load;
  std::uint32_t senders;
  std::uint32_t connections;
  std::uint32_t outstanding;
  std::uint64_t messages;
};

// As many senders as the larger shapes have.
constexpr std::uint32_t kRoofKeys = 1000;

// Small enough for a few seconds each at libsodium's rate.
constexpr Shape kShapes[] = {
    {"transfers", Load::transfers, 1000, 8, 8, 200'000},
    {"readings", Load::readings, 1000, 8, 8, 200'000},
    {"single_32", Load::transfers, 32, 32, 1, 60'000},
    {"single_1", Load::readings, 1, 1, 1, 10'000},
};

// What one core verifies: the roofs that a gateway's rate is compared with.
struct Roofs {
  VerifyRate sodium;
  VerifyRate backend;
};

struct Arguments {
  std::string directory = ".";
  std::string json_file;
  std::string only;
  std::string backend = "auto";
  std::uint32_t runs = 5;
  std::uint32_t verify_threads = 0;
  bool quick = false;
};

std::string tables_text(const crypto::TableStatus& tables) {
  if (tables.table_bytes == 0) return "no tables";
  return fmt::format("{} tables of {} KiB", tables.tables, tables.table_bytes >> 10);
}

nlohmann::json to_json(const Shape& shape, const RunResult& result, const Roofs& roofs, double spread) {
  return {{"name", shape.name},
          {"per_second", result.per_second},
          {"ratio", result.per_second / roofs.sodium.per_second},
          {"backend_ratio", result.per_second / roofs.backend.per_second},
          {"tables", result.tables.tables},
          {"table_kib", result.tables.table_bytes >> 10},
          {"spread", spread},
          {"seconds", result.seconds},
          {"batch_mean", result.batch_mean},
          {"batch_max", result.batch_max},
          {"p50_us", result.p50_us},
          {"p99_us", result.p99_us},
          {"p999_us", result.p999_us},
          {"max_us", result.max_us},
          {"cpu_us_per_message",
           {{"decode", result.decode_us},
            {"verify", result.verify_us},
            {"execute", result.execute_us},
            {"client", result.client_us},
            {"process", result.process_us}}},
          {"journal_write_us", result.journal_wait_us},
          {"bytes_written", result.journal_bytes},
          {"bytes_ratio", result.bytes_ratio}};
}

int run(const Arguments& arguments) {
  const std::uint32_t runs = arguments.quick ? 1 : arguments.runs;
  const auto sodium = measure_verify_rate("sodium", kRoofKeys);
  const auto backend = measure_verify_rate(arguments.backend, kRoofKeys);
  for (const auto* each : {&sodium, &backend}) {
    if (*each) continue;
    fmt::print(stderr, "bench_e2e: {}\n", each->error());
    return 1;
  }
  const Roofs roofs{*sodium, *backend};
  fmt::print(
      "One core verifies {:.0f} signatures/s with libsodium (V), {:.0f} with the backend {} and {} (B).\nMedians of {} "
      "runs; "
      "gateway and client share the machine.\n\n",
      roofs.sodium.per_second, roofs.backend.per_second, roofs.backend.backend, tables_text(roofs.backend.tables),
      runs);
  fmt::print("{:<11}{:>10}{:>7}{:>7}{:>8}{:>9}{:>9}{:>9}  {:>7}{:>7}{:>7}{:>8}{:>9}{:>7}  {}\n", "shape", "messages/s",
             "x V", "x B", "batch", "p50 us", "p99 us", "p999 us", "decode", "verify", "exec", "client", "write us",
             "bytes", "tables");
  nlohmann::json shapes = nlohmann::json::array();
  bool known = arguments.only.empty();
  for (const Shape& shape : kShapes) {
    if (!arguments.only.empty() && arguments.only != shape.name) continue;
    known = true;
    const auto scenario = Scenario::make({.load = shape.load,
                                          .senders = shape.senders,
                                          .messages = arguments.quick ? shape.messages / 10 : shape.messages});
    if (!scenario) {
      fmt::print(stderr, "bench_e2e: {}: {}\n", shape.name, scenario.error());
      return 1;
    }
    std::vector<RunResult> results;
    for (std::uint32_t i = 0; i < runs; ++i) {
      RunOptions options;
      options.directory = std::filesystem::path(arguments.directory) / "electra-bench";
      options.connections = shape.connections;
      options.outstanding = shape.outstanding;
      options.verify_threads = arguments.verify_threads;
      options.verifier = arguments.backend;
      auto result = run_once(*scenario, options);
      if (!result) {
        fmt::print(stderr, "bench_e2e: {}: {}\n", shape.name, result.error());
        return 1;
      }
      results.push_back(*result);
    }
    std::sort(results.begin(), results.end(), [](const auto& a, const auto& b) { return a.per_second < b.per_second; });
    const RunResult& median = results[results.size() / 2];
    const double spread = (results.back().per_second - results.front().per_second) / median.per_second;
    fmt::print(
        "{:<11}{:>10.0f}{:>7.2f}{:>7.2f}{:>8.1f}{:>9.0f}{:>9.0f}{:>9.0f}  "
        "{:>7.2f}{:>7.2f}{:>7.2f}{:>8.2f}{:>9.0f}{:>7.2f}  {}\n",
        shape.name, median.per_second, median.per_second / roofs.sodium.per_second,
        median.per_second / roofs.backend.per_second, median.batch_mean, median.p50_us, median.p99_us, median.p999_us,
        median.decode_us, median.verify_us, median.execute_us, median.client_us, median.journal_wait_us,
        median.bytes_ratio, tables_text(median.tables));
    std::fflush(stdout);
    shapes.push_back(to_json(shape, median, roofs, spread));
  }
  if (!known) {
    fmt::print(stderr, "bench_e2e: there is no shape '{}'\n", arguments.only);
    return 2;
  }
  fmt::print(
      "\nx V, x B: multiples of what one core verifies. decode, verify, exec, client: CPU us a message. write: "
      "wall time of a\ndurable write. bytes: journal bytes over the messages' bytes. Every run's balances were "
      "checked.\n");
  if (!arguments.json_file.empty()) {
    std::ofstream out(arguments.json_file);
    out << nlohmann::json{{"libsodium_verify_per_second", roofs.sodium.per_second},
                          {"backend", roofs.backend.backend},
                          {"backend_verify_per_second", roofs.backend.per_second},
                          {"backend_table_kib", roofs.backend.tables.table_bytes >> 10},
                          {"runs", runs},
                          {"shapes", shapes}}
               .dump(2)
        << '\n';
    if (!out.flush()) {
      fmt::print(stderr, "bench_e2e: cannot write {}\n", arguments.json_file);
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace electra::bench

int main(int argc, char** argv) {
  CLI::App app("Signed durable messages per second through a running gateway.", "bench_e2e");
  electra::bench::Arguments arguments;
  app.add_option("--directory", arguments.directory,
                 "where to make a directory electra-bench for the journals (on the disk to be measured)");
  app.add_option("--json", arguments.json_file, "also write the results to this file");
  app.add_option("--shape", arguments.only, "only this shape: transfers, readings, single_32, single_1");
  app.add_option("--runs", arguments.runs, "runs of each shape; the median is shown")->check(CLI::Range(1, 99));
  app.add_option("--verify-threads", arguments.verify_threads, "0: as many as the machine has");
  app.add_option("--backend", arguments.backend, "the verifier: auto, or one that this machine has");
  app.add_flag("--quick", arguments.quick, "a tenth of the messages, one run");
  CLI11_PARSE(app, argc, argv);
  if (sodium_init() < 0) return 1;
  return electra::bench::run(arguments);
}
