// bench_chain: what blocks, roots and the offline audit cost, each beside what it is measured against.
#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <sodium.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "bench/chain/cases.h"
#include "bench/common/measure.h"
#include "crypto-offload/hash.h"
#include "crypto-offload/verifier.h"

namespace electra::bench {
namespace {

constexpr std::uint64_t kTownMessages = 300'000;
constexpr std::uint64_t kTownMessagesSlow = 60'000;  // for libsodium, which takes longer
constexpr std::uint64_t kTownMessagesQuick = 15'000;

struct Arguments {
  CaseOptions options;
  std::string directory = std::filesystem::temp_directory_path();
  std::string json_file;
  std::string only;
};

struct Case {
  const char* name;
  Outcome (*of_town)(const CaseOptions&, const Town&);  // either this
  Outcome (*alone)(const CaseOptions&);                 // or this
};

constexpr Case kCases[] = {
    {"verify_dir", verify_dir, nullptr},    {"replay_dir", replay_dir, nullptr},   {"tx_tree", nullptr, tx_tree},
    {"state_root_1m", nullptr, state_root}, {"block_close", nullptr, block_close},
};

nlohmann::json machine_facts() {
  return {{"cpu", cpu_model()},
          {"cores", std::thread::hardware_concurrency()},
          {"hash_backend", crypto::hash_backend()},
          {"load_average", load_average()}};
}

nlohmann::json to_json(const CaseResult& result) {
  nlohmann::json out = {
      {"name", result.name}, {"per_second", result.per_second}, {"ratio", result.ratio}, {"against", result.against}};
  if (result.bar) out.update({{"bar", *result.bar}, {"reached", result.ratio >= *result.bar}});
  out.update(result.more);
  return out;
}

void print_line(const CaseResult& result) {
  const std::string bar = result.bar ? fmt::format("{:.2f}", *result.bar) : "-";
  const char* const verdict = !result.bar ? "" : result.ratio >= *result.bar ? "reached" : "MISSED";
  fmt::print("{:<14}{:>12.0f} {:<10}{:>8.2f}{:>6}  {:<8}{}\n", result.name, result.per_second, result.unit,
             result.ratio, bar, verdict, result.figures);
  std::fflush(stdout);
}

std::uint64_t town_messages(const CaseOptions& options, std::string_view backend) {
  if (options.quick) return kTownMessagesQuick;
  return backend == "sodium" ? kTownMessagesSlow : kTownMessages;
}

int fail(const std::string& name, const std::string& error) {
  fmt::print(stderr, "bench_chain: {}: {}\n", name, error);
  return 1;
}

int run(const Arguments& arguments) {
  const CaseOptions& options = arguments.options;
  const auto verifier = crypto::make_verifier(options.backend);
  if (!verifier) return fail(options.backend, verifier.error());
  nlohmann::json facts = machine_facts();
  fmt::print(
      "Medians of {} runs on {} cores, each beside its peer in the same run. When it began the load average was "
      "{:.2f}: "
      "what\nelse ran shared the machine.\n\n",
      options.runs, std::thread::hardware_concurrency(), load_average());
  fmt::print("{:<14}{:>12} {:<10}{:>8}{:>6}  {:<8}{}\n", "case", "per second", "", "ratio", "bar", "", "");
  std::unique_ptr<Town> town;
  nlohmann::json cases = nlohmann::json::array();
  std::string peers;
  for (const Case& each : kCases) {
    if (!arguments.only.empty() && arguments.only != each.name) continue;
    if (each.of_town != nullptr && !town) {
      auto made = Town::make(arguments.directory, town_messages(options, (*verifier)->name()));
      if (!made) return fail(each.name, made.error());
      town = std::move(*made);
    }
    const Outcome result = each.of_town != nullptr ? each.of_town(options, *town) : each.alone(options);
    if (!result) return fail(each.name, result.error());
    print_line(*result);
    peers += fmt::format("{}{}: {}", peers.empty() ? "" : "; ", result->name, result->against);
    cases.push_back(to_json(*result));
  }
  facts["load_average_end"] = load_average();
  fmt::print("\nRatio, above 1 is better than: {}.\nEvery run's result was checked. Load average at the end: {:.2f}.\n",
             peers, load_average());
  if (arguments.json_file.empty()) return 0;
  std::ofstream out(arguments.json_file);
  out << nlohmann::json{{"machine", facts}, {"runs", options.runs}, {"quick", options.quick}, {"cases", cases}}.dump(2)
      << '\n';
  return out.flush() ? 0 : fail(arguments.json_file, "cannot be written");
}

}  // namespace
}  // namespace electra::bench

int main(int argc, char** argv) {
  using electra::bench::kCases;
  CLI::App app("What blocks, roots and the offline audit cost.", "bench_chain");
  electra::bench::Arguments arguments;
  std::vector<std::string> names;
  for (const auto& each : kCases) names.emplace_back(each.name);
  app.add_option("--directory", arguments.directory, "where to make a directory for the journal that is audited")
      ->check(CLI::ExistingDirectory);
  app.add_option("--json", arguments.json_file, "also write the results to this file");
  app.add_option("--case", arguments.only, "only this case")->check(CLI::IsMember(names));
  app.add_option("--runs", arguments.options.runs, "runs of each case; the median is shown")->check(CLI::Range(1, 99));
  app.add_option("--backend", arguments.options.backend, "the verifier of the audit: auto, or one of this machine");
  app.add_flag("--quick", arguments.options.quick, "less data; the figures are rough");
  CLI11_PARSE(app, argc, argv);
  if (sodium_init() < 0) return 1;
  return electra::bench::run(arguments);
}
