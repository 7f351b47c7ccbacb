// electra-bench: signed durable messages per second through a gateway, latencies, CPU of each stage, memory, bytes.
#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <sodium.h>

#include <cstring>
#include <fstream>

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
};

int run(const Arguments& arguments) {
  std::vector<Shape> chosen;
  for (Shape& shape : all_shapes(arguments.session.quick)) {
    if (arguments.only.empty() || std::ranges::find(arguments.only, shape.name) != arguments.only.end()) {
      chosen.push_back(std::move(shape));
    }
  }
  auto session = Session::open(arguments.session);
  if (!session) return fail(session.error());
  fmt::print("{}\n\n{}\n", (*session)->head(), table_head());
  std::fflush(stdout);
  for (const Shape& shape : chosen) {
    const auto done = (*session)->run(shape);
    if (!done) return fail(fmt::format("{}: {}", shape.name, done.error()));
    fmt::print("{}\n", table_line(**done));
    std::fflush(stdout);
  }
  fmt::print("\n{}\n", table_foot());
  if (arguments.json_file.empty()) return 0;
  std::ofstream out(arguments.json_file);
  out << to_json((*session)->facts(), (*session)->summaries()).dump(2) << '\n';
  return out.flush() ? 0 : fail(arguments.json_file + ": cannot be written");
}

std::vector<std::string> shape_names() {
  std::vector<std::string> names;
  for (const Shape& shape : all_shapes(true)) names.push_back(shape.name);
  return names;
}

}  // namespace
}  // namespace electra::bench

int main(int argc, char** argv) {
  if (sodium_init() < 0) return 1;
  // For itself only: the gateway's process.
  if (argc == 3 && std::strcmp(argv[1], "serve") == 0) return electra::bench::serve(argv[2]);
  CLI::App app("Signed durable messages per second through a gateway in a process of its own.", "electra-bench");
  electra::bench::Arguments arguments;
  electra::bench::SessionOptions& session = arguments.session;
  app.add_option("--directory", session.directory,
                 "where to make a directory for the journals: on the disk that is to be measured");
  app.add_option("--json", arguments.json_file, "also write the results to this file");
  app.add_option("--shape", arguments.only, "only this shape; may be given several times")
      ->check(CLI::IsMember(electra::bench::shape_names()));
  app.add_option("--runs", session.runs, "runs of each shape; medians are told")->check(CLI::Range(1, 99));
  app.add_option("--backend", session.backend, "the verifier: auto, or one that this machine has");
  app.add_option("--verify-threads", session.verify_threads, "0: as many as the machine has");
  app.add_flag("--quick", session.quick, "one short run of each, to see that it works");
  CLI11_PARSE(app, argc, argv);
  return electra::bench::run(arguments);
}
