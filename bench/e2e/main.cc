// bench_e2e: signed durable messages per second through a running gateway, with latencies and the CPU of each stage.
#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <sodium.h>

#include <algorithm>
#include <fstream>

#include "bench/e2e/run.h"
#include "bench/e2e/scenario.h"
#include "crypto-offload/verifier.h"
#include "io/loop.h"
#include "meter-proto/signing.h"

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

// Small enough for a few seconds each at libsodium's rate.
constexpr Shape kShapes[] = {
    {"transfers", Load::transfers, 1000, 8, 8, 200'000},
    {"readings", Load::readings, 1000, 8, 8, 200'000},
    {"single_32", Load::transfers, 32, 32, 1, 60'000},
    {"single_1", Load::readings, 1, 1, 1, 10'000},
};

// libsodium on one core, by the verifier interface: what a single-core gateway could reach at most.
double sodium_verify_per_second() {
  const auto verifier = *crypto::make_verifier("sodium");
  Bytes32 public_key;
  Bytes64 secret_key;
  const Bytes32 seed{7};
  crypto_sign_seed_keypair(public_key.data(), secret_key.data(), seed.data());
  const Bytes16 tag{1};
  const std::array<std::uint8_t, 60> payload{};
  std::array<std::uint8_t, 128> buffer;
  const ByteSpan message = proto::signing_bytes(tag, 1, payload, buffer);
  Bytes64 signature;
  crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(), secret_key.data());
  const crypto::VerifyItem item{
      .public_key = public_key.data(), .signature = signature, .tag = &tag, .sequence = 1, .payload = payload};
  const std::vector<crypto::VerifyItem> items(256, item);
  std::vector<crypto::VerifyOutcome> outcomes(items.size());
  std::uint64_t count = 0;
  const std::uint64_t begin = io::monotonic_ns();
  std::uint64_t now = begin;
  for (; now - begin < 1'000'000'000; now = io::monotonic_ns()) {
    verifier->verify(items, outcomes);
    count += items.size();
  }
  return outcomes[0].valid ? static_cast<double>(count) * 1e9 / static_cast<double>(now - begin) : 0;
}

nlohmann::json to_json(const Shape& shape, const RunResult& result, double ratio, double spread) {
  return {{"name", shape.name},
          {"per_second", result.per_second},
          {"ratio", ratio},
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

int run(const std::string& directory, const std::string& json_file, const std::string& only, std::uint32_t runs,
        bool quick, std::uint32_t verify_threads) {
  const double verify_rate = sodium_verify_per_second();
  fmt::print(
      "libsodium verifies {:.0f} signatures/s on one core. Medians of {} runs; gateway and client share the "
      "machine.\n\n",
      verify_rate, runs);
  fmt::print("{:<11}{:>10}{:>7}{:>8}{:>9}{:>9}{:>9}  {:>7}{:>7}{:>7}{:>8}{:>9}{:>7}\n", "shape", "messages/s", "x V",
             "batch", "p50 us", "p99 us", "p999 us", "decode", "verify", "exec", "client", "write us", "bytes");
  nlohmann::json shapes = nlohmann::json::array();
  bool known = only.empty();
  for (const Shape& shape : kShapes) {
    if (!only.empty() && only != shape.name) continue;
    known = true;
    const auto scenario = Scenario::make(
        {.load = shape.load, .senders = shape.senders, .messages = quick ? shape.messages / 10 : shape.messages});
    if (!scenario) {
      fmt::print(stderr, "bench_e2e: {}: {}\n", shape.name, scenario.error());
      return 1;
    }
    std::vector<RunResult> results;
    for (std::uint32_t i = 0; i < runs; ++i) {
      RunOptions options;
      options.directory = std::filesystem::path(directory) / "electra-bench";
      options.connections = shape.connections;
      options.outstanding = shape.outstanding;
      options.verify_threads = verify_threads;
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
        "{:<11}{:>10.0f}{:>7.2f}{:>8.1f}{:>9.0f}{:>9.0f}{:>9.0f}  {:>7.2f}{:>7.2f}{:>7.2f}{:>8.2f}{:>9.0f}{:>7.2f}\n",
        shape.name, median.per_second, median.per_second / verify_rate, median.batch_mean, median.p50_us, median.p99_us,
        median.p999_us, median.decode_us, median.verify_us, median.execute_us, median.client_us, median.journal_wait_us,
        median.bytes_ratio);
    std::fflush(stdout);
    shapes.push_back(to_json(shape, median, median.per_second / verify_rate, spread));
  }
  if (!known) {
    fmt::print(stderr, "bench_e2e: there is no shape '{}'\n", only);
    return 2;
  }
  fmt::print(
      "\nx V: multiples of libsodium's single-core rate. decode, verify, exec, client: CPU us a message. write: "
      "wall time of a\ndurable write. bytes: journal bytes over the messages' bytes. Every run's balances were "
      "checked.\n");
  if (!json_file.empty()) {
    std::ofstream out(json_file);
    out << nlohmann::json{{"libsodium_verify_per_second", verify_rate}, {"runs", runs}, {"shapes", shapes}}.dump(2)
        << '\n';
    if (!out.flush()) {
      fmt::print(stderr, "bench_e2e: cannot write {}\n", json_file);
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace electra::bench

int main(int argc, char** argv) {
  CLI::App app("Signed durable messages per second through a running gateway.", "bench_e2e");
  std::string directory = ".";
  std::string json_file;
  std::string only;
  std::uint32_t runs = 5;
  std::uint32_t verify_threads = 0;
  bool quick = false;
  app.add_option("--directory", directory,
                 "where to make a directory electra-bench for the journals (on the disk to be measured)");
  app.add_option("--json", json_file, "also write the results to this file");
  app.add_option("--shape", only, "only this shape: transfers, readings, single_32, single_1");
  app.add_option("--runs", runs, "runs of each shape; the median is shown")->check(CLI::Range(1, 99));
  app.add_option("--verify-threads", verify_threads, "0: as many as the machine has");
  app.add_flag("--quick", quick, "a tenth of the messages, one run");
  CLI11_PARSE(app, argc, argv);
  if (sodium_init() < 0) return 1;
  return electra::bench::run(directory, json_file, only, quick ? 1 : runs, quick, verify_threads);
}
