// electra-bench: signed durable messages per second through a gateway, latencies, CPU of each stage, memory, bytes.
#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <sodium.h>

#include <cstring>
#include <fstream>

#include "bench/e2e/plots.h"
#include "bench/e2e/report.h"
#include "bench/e2e/serve.h"
#include "bench/e2e/session.h"

namespace electra::bench {
namespace {

int fail(const std::string& text) {
  fmt::print(stderr, "electra-bench: {}\n", text);
  return 1;
}

struct Arguments {
  SessionOptions session;
  std::vector<std::string> only;
  std::string json_file;
  std::string markdown_file;
  std::string plots_directory;
  bool sweep = false;
  // Of a run of one's own.
  bool free = false;
  Variant own{.scenario = {.senders = 10'000, .messages = 1'000'000}, .plan = {}};
  std::uint32_t batch = 0;
  std::uint32_t depth = 2;
  std::string load = "transfers";
  std::string skew = "uniform";
  std::string rate;
  std::uint32_t connections = 0;
  std::string transport = "tcp";
  double forged = 0;
  double slow_disk_ms = 0;
};

constexpr std::uint32_t kFreeConnections = 64;
constexpr std::uint32_t kFreeBatch = 512;
constexpr std::uint32_t kFreeOpenBatch = 16;
constexpr std::uint32_t kFreeDatagramBatch = 128;

// "250000" messages a second, or "10V".
std::string read_rate(const std::string& text, RunPlan& plan) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  const bool in_v = (*end == 'v' || *end == 'V') && end[1] == 0;
  if (end == text.c_str() || (*end != 0 && !in_v) || !(value > 0)) {
    return fmt::format("--rate {}: messages a second, or a multiple of V such as 10V", text);
  }
  (in_v ? plan.rate_v : plan.load.rate) = value;
  return {};
}

std::expected<Shape, std::string> shape_of_ones_own(Arguments& arguments) {
  const bool udp = arguments.transport == "udp";
  if (udp && arguments.forged > 0) {
    return std::unexpected("--forged with --transport udp: forged messages get no answer there that could be counted");
  }
  ScenarioOptions& scenario = arguments.own.scenario;
  RunPlan& plan = arguments.own.plan;
  if (!arguments.rate.empty()) {
    if (std::string error = read_rate(arguments.rate, plan); !error.empty()) return std::unexpected(std::move(error));
  }
  plan.load.batch = arguments.batch != 0      ? arguments.batch
                    : !arguments.rate.empty() ? kFreeOpenBatch
                    : udp                     ? kFreeDatagramBatch
                                              : kFreeBatch;
  plan.udp = udp;
  plan.load.depth = arguments.depth;
  scenario.load = arguments.load == "mix" ? Load::mix : arguments.load == "readings" ? Load::readings : Load::transfers;
  scenario.connections =
      arguments.connections != 0 ? arguments.connections : std::min(kFreeConnections, scenario.senders);
  if (arguments.skew == "zipf") scenario.skew = Skew::zipf;
  plan.flush_delay_us = static_cast<std::uint64_t>(arguments.slow_disk_ms * 1000);
  scenario.forged_per_mille = static_cast<std::uint32_t>(arguments.forged * 10);
  if (scenario.forged_per_mille > 0) plan.refusals_max = 1U << 30;
  return free_shape(arguments.own);
}

std::expected<std::vector<Shape>, std::string> chosen_shapes(Arguments& arguments) {
  std::vector<Shape> chosen;
  for (Shape& shape : all_shapes(arguments.session.quick)) {
    const bool all = arguments.only.empty() && !arguments.free;
    if (all || std::ranges::find(arguments.only, shape.name) != arguments.only.end()) {
      chosen.push_back(std::move(shape));
    }
  }
  if (arguments.free) {
    auto own = shape_of_ones_own(arguments);
    if (!own) return std::unexpected(own.error());
    chosen.push_back(std::move(*own));
  }
  return chosen;
}

int write_text(const std::string& file, const std::string& text) {
  if (file.empty()) return 0;
  std::ofstream out(file);
  out << text;
  return out.flush() ? 0 : fail(file + ": cannot be written");
}

int run(Arguments& arguments) {
  const auto chosen = chosen_shapes(arguments);
  if (!chosen) return fail(chosen.error());
  auto opened = Session::open(arguments.session);
  if (!opened) return fail(opened.error());
  Session& session = **opened;
  fmt::print("{}\n\n{}\n", session.head(), table_head());
  std::fflush(stdout);
  for (const Shape& shape : *chosen) {
    const auto done = session.run(shape);
    if (!done) return fail(fmt::format("{}: {}", shape.name, done.error()));
    fmt::print("{}\n", table_line(**done));
    std::fflush(stdout);
  }
  fmt::print("\n{}\n", table_foot());
  if (arguments.sweep || !arguments.plots_directory.empty()) {
    if (std::string error = session.sweep(); !error.empty()) return fail("load curve: " + error);
    fmt::print("\n{}", load_curve_text(session.load_curve()));
  }
  const auto summaries = session.summaries();
  const std::string json = to_json(session.facts(), summaries, session.load_curve()).dump(2) + "\n";
  if (const int status = write_text(arguments.json_file, json); status != 0) return status;
  const std::string markdown = to_markdown(session.facts(), summaries, session.load_curve());
  if (const int status = write_text(arguments.markdown_file, markdown); status != 0) return status;
  if (arguments.plots_directory.empty()) return 0;
  const std::string drawn = draw_plots(arguments.plots_directory, summaries, session.load_curve());
  return drawn.empty() ? 0 : fail("plots: " + drawn);
}

std::vector<std::string> shape_names() {
  std::vector<std::string> names;
  for (const Shape& shape : all_shapes(true)) names.push_back(shape.name);
  return names;
}

void add_options(CLI::App& app, Arguments& arguments) {
  SessionOptions& session = arguments.session;
  app.add_option("--shape", arguments.only, "only this shape; may be given several times")
      ->check(CLI::IsMember(shape_names()));
  app.add_option("--runs", session.runs, "runs of each shape (5, or 1 with --quick); medians are told")
      ->check(CLI::Range(1, 99));
  app.add_flag("--quick", session.quick, "few messages: to see that it works");
  app.add_option("--directory", session.directory,
                 "where to make a directory for the journals: on the disk that is to be measured")
      ->capture_default_str();
  app.add_option("--backend", session.backend, "the verifier: auto, or one that this machine has")
      ->capture_default_str();
  app.add_option("--verify-threads", session.verify_threads, "0: as many as the machine has")->capture_default_str();
  app.add_flag("--sweep", arguments.sweep, "also latency against offered load");
  app.add_option("--json", arguments.json_file, "write the results to this file");
  app.add_option("--markdown", arguments.markdown_file, "write them as a table for a document");
  app.add_option("--plots", arguments.plots_directory,
                 "draw them as SVG into this directory, by gnuplot; with --sweep");
  app.add_option("--commit", session.commit, "named in the report");
}

// Each of these makes a run of one's own instead of the table.
void add_own_options(CLI::App& app, Arguments& arguments) {
  ScenarioOptions& scenario = arguments.own.scenario;
  CLI::Option_group& own = *app.add_option_group("A run of one's own, instead of the table");
  const auto free = [&arguments](CLI::Option* option) {
    option->each([&arguments](const std::string&) { arguments.free = true; });
  };
  free(own.add_option("--load", arguments.load, "what is sent (transfers)")
           ->check(CLI::IsMember({"transfers", "readings", "mix"})));
  free(own.add_option("--messages", scenario.messages, "how many (1,000,000)")->check(CLI::PositiveNumber));
  free(own.add_option("--senders", scenario.senders, "keys (10,000)")->check(CLI::Range(1, 1'000'000)));
  free(own.add_option("--connections", arguments.connections, "1 … 1000 (64, at most one a sender)")
           ->check(CLI::Range(1, 1000)));
  free(own.add_option("--batch", arguments.batch, "messages in a write, 1 … 8189 (512; 128 by udp; 16 with --rate)")
           ->check(CLI::Range(1U, Loader::kBatchMax)));
  free(own.add_option("--depth", arguments.depth, "closed loop: writes of a connection under way (2)")
           ->check(CLI::Range(1, 1000)));
  free(own.add_option("--rate", arguments.rate, "open loop: messages a second, or a multiple of V: 10V"));
  free(own.add_option("--accounts", scenario.accounts, "that transfers move between (as many as senders)")
           ->check(CLI::Range(1, 10'000'000)));
  free(own.add_option("--skew", arguments.skew, "of the accounts that receive (uniform)")
           ->check(CLI::IsMember({"uniform", "zipf"})));
  free(own.add_option("--forged", arguments.forged, "percent of the messages with a forged signature (0)")
           ->check(CLI::Range(0.0, 100.0)));
  free(own.add_option("--slow-disk", arguments.slow_disk_ms, "ms that every durable write takes longer (0)")
           ->check(CLI::Range(0.0, 1000.0)));
  free(own.add_option("--table-kib", arguments.own.plan.table_kib, "of a key's table; 0: as the verifier thinks best"));
  free(own.add_flag("--unverified", arguments.own.plan.accept_all, "without the arithmetic of signatures")
           ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast));
  free(own.add_option("--transport", arguments.transport, "tcp or udp, several messages a datagram (tcp)")
           ->check(CLI::IsMember({"tcp", "udp"})));
  free(own.add_option("--seed", scenario.seed, "of amounts and accounts (1)"));
}

}  // namespace
}  // namespace electra::bench

int main(int argc, char** argv) {
  if (sodium_init() < 0) return 1;
  // For itself only: the gateway's process.
  if (argc == 3 && std::strcmp(argv[1], "serve") == 0) return electra::bench::serve(argv[2]);
  CLI::App app("Signed durable messages per second through a gateway in a process of its own.", "electra-bench");
  electra::bench::Arguments arguments;
  electra::bench::add_options(app, arguments);
  electra::bench::add_own_options(app, arguments);
  CLI11_PARSE(app, argc, argv);
  arguments.session.command = "electra-bench";
  for (int i = 1; i < argc; ++i) arguments.session.command += std::string(" ") + argv[i];
  return electra::bench::run(arguments);
}
