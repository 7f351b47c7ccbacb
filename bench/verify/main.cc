// bench_verify: what one core verifies, signs and hashes in a second, each case beside libsodium in the same run.
#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <sodium.h>

#include <fstream>
#include <thread>

#include "bench/common/measure.h"
#include "bench/verify/cases.h"
#include "bench/verify/matrix.h"
#include "bench/verify/stages.h"

namespace electra::bench {
namespace {

struct Arguments {
  Options options;
  std::string json_file;
  std::string only;
  bool matrix = false;
  bool stages = false;
};

nlohmann::json to_json(const Case& done) {
  nlohmann::json out = {{"name", done.name},
                        {"per_second", median(done.rates)},
                        {"unit", done.unit},
                        {"ratio", median(done.ratios)},
                        {"against", done.against},
                        {"against_per_second", median(done.peer_rates)},
                        {"ratios", done.ratios},
                        {"spread", spread(done.ratios)},
                        {"cpu_ratio", median(done.cpu_ratios)}};
  if (done.bar) out.update({{"bar", *done.bar}, {"aim", *done.aim}, {"reached", median(done.ratios) >= *done.bar}});
  out.update(done.more);
  return out;
}

void print_line(const Case& done) {
  const double ratio = median(done.ratios);
  const std::string bar = done.bar ? fmt::format("{:g}", *done.bar) : "-";
  const std::string aim = done.aim ? fmt::format("{:g}", *done.aim) : "-";
  const char* const verdict = !done.bar ? "" : ratio >= *done.aim ? "aim" : ratio >= *done.bar ? "reached" : "MISSED";
  fmt::print("{:<16}{:>10.0f} {:<11}{:>7.2f}{:>6}{:>5}  {:<8}{:>7.2f}{:>7.1f} %  {}\n", done.name, median(done.rates),
             done.unit, ratio, bar, aim, verdict, median(done.cpu_ratios), 100 * spread(done.ratios), done.note);
}

int fail(const std::string& name, const std::string& error) {
  fmt::print(stderr, "bench_verify: {}: {}\n", name, error);
  return 1;
}

// The figures, or the name of a case and what went wrong with it.
std::expected<nlohmann::json, std::string> run_cases(Arena& arena, const std::string& only) {
  std::vector<std::unique_ptr<Case>> cases;
  for (const std::string& name : Arena::names()) {
    if (!only.empty() && only != name) continue;
    auto made = arena.make(name);
    if (!made) return std::unexpected(name + ": " + made.error());
    if (*made) {
      cases.push_back(std::move(*made));
    } else {
      fmt::print("{}: left out, {}\n", name, arena.why_not());
    }
  }
  // One more, whose figures are dropped: it brings everything into memory.
  for (std::uint32_t run = 0; run <= arena.options().runs; ++run) {
    for (const auto& each : cases) {
      const auto done = run_once(*each, run, arena.options().quick);
      if (!done) return std::unexpected(each->name + ": " + done.error());
      if (run == 0) each->forget();
    }
  }
  fmt::print("\n{:<16}{:>10} {:<11}{:>7}{:>6}{:>5}  {:<8}{:>7}{:>9}\n", "case", "per second", "", "ratio", "bar", "aim",
             "", "by CPU", "spread");
  nlohmann::json out = nlohmann::json::array();
  for (const auto& each : cases) {
    print_line(*each);
    out.push_back(to_json(*each));
  }
  fmt::print(
      "\nRatio: to libsodium doing the same with the same messages on one core, two_cores: to one core. Messages of {} "
      "bytes, each\nwith a signature of its own, one in 64 damaged. Every verdict, message id, signature and hash was "
      "checked. With tables each\nrun begins with all messages once, not timed.\nBy CPU: the ratio by CPU time, "
      "without "
      "what else ran on the machine. Spread: largest less smallest ratio, over the median.\n",
      kSignedBytes);
  return out;
}

int run(const Arguments& arguments) {
  const Options& options = arguments.options;
  const auto verifier = learn_nothing(options.backend);
  if (!verifier) return fail(options.backend, verifier.error());
  nlohmann::json report = {{"machine",
                            {{"cpu", cpu_model()},
                             {"cores", std::thread::hardware_concurrency()},
                             {"memory_available_bytes", memory_available_bytes()},
                             {"load_average", load_average()}}},
                           {"backend", verifier->verifier->name()},
                           {"runs", options.runs},
                           {"quick", options.quick},
                           {"cases", nlohmann::json::array()}};
  fmt::print(
      "Backend {}. Medians of {} runs. When it began the load average was {:.2f}: what else ran shared the "
      "machine.\n\n",
      verifier->verifier->name(), options.runs, load_average());
  std::fflush(stdout);
  Arena arena(options);
  if (arguments.matrix) {
    const auto figures = measure_matrix(arena);
    if (!figures) return fail("matrix", figures.error());
    report.update(*figures);
  } else if (arguments.stages) {
    const auto figures = measure_stages(arena);
    if (!figures) return fail("stages", figures.error());
    report.update(*figures);
  } else {
    const auto figures = run_cases(arena, arguments.only);
    if (!figures) return fail("a wrong result, or none", figures.error());
    report["cases"] = *figures;
  }
  report["machine"]["load_average_end"] = load_average();
  fmt::print("Load average at the end: {:.2f}.\n", load_average());
  if (arguments.json_file.empty()) return 0;
  std::ofstream out(arguments.json_file);
  out << report.dump(2) << '\n';
  return out.flush() ? 0 : fail(arguments.json_file, "cannot be written");
}

}  // namespace
}  // namespace electra::bench

int main(int argc, char** argv) {
  CLI::App app("What one core verifies, signs and hashes in a second, each case beside libsodium.", "bench_verify");
  electra::bench::Arguments arguments;
  std::uint64_t table_memory_mib = 0;
  app.add_option("--json", arguments.json_file, "also write the results to this file");
  app.add_option("--case", arguments.only, "only this case")->check(CLI::IsMember(electra::bench::Arena::names()));
  app.add_option("--runs", arguments.options.runs, "runs of each case; the median is shown")->check(CLI::Range(1, 99));
  app.add_option("--backend", arguments.options.backend, "the verifier: auto, or one that this machine has");
  app.add_option("--table-memory", table_memory_mib,
                 "MiB for the tables of known_100k, which get the largest size that fits; 0: what 64 KiB a key need, "
                 "if there is so much");
  app.add_flag("--matrix", arguments.matrix,
               "instead of the cases: table sizes by numbers of keys, and how fast tables are made");
  app.add_flag("--stages", arguments.stages, "instead of the cases: what each stage of a signature takes");
  app.add_flag("--quick", arguments.options.quick, "a tenth of the keys, fewer messages; the figures are rough");
  CLI11_PARSE(app, argc, argv);
  arguments.options.table_memory_bytes = table_memory_mib << 20;
  if (sodium_init() < 0) return 1;
  return electra::bench::run(arguments);
}
