// electrad: the gateway of an Electra micro-grid, and the commands around it.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <exception>

#include "engine/electrad/commands/commands.h"

namespace {

using namespace electra::app;

void add_global_options(CLI::App& app, Context& context, std::string& output) {
  app.fallthrough();  // these options may also stand after the command; subcommands inherit it
  app.require_subcommand(1);
  app.add_option("--home", context.home_option, "Directory of the chain (default: $ELECTRA_HOME, else ~/.electra)");
  app.add_flag("--json", context.json, "Answer in JSON");
  app.add_option("-o,--output", output, "text or json")->check(CLI::IsMember({"text", "json"}));
  app.footer(
      "Examples:\n"
      "  electrad serve                              a development grid in one command\n"
      "  electrad init && electrad start             the same in two\n"
      "  electrad query meter currentcycle-id        ask it, in another terminal\n"
      "  electrad tx bank send alice bob 1.5elc      move money\n"
      "  electrad inspect journal                    what is on disk\n\n"
      "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 configuration or genesis refused, 4 home directory,\n"
      "5 no gateway answers, 6 the answer is no, 7 journal damaged, 8 the gateway cannot start, 9 it had to stop,\n"
      "10 not verified.\n"
      "docs/command-line.md and docs/configuration.md say more.");
}

int run(int argc, char** argv) {
  CLI::App app{"electrad: the gateway of an Electra micro-grid", "electrad"};
  Context context;
  std::string output = "text";
  add_global_options(app, context, output);
  // Commands run in callbacks, after every option was read: the one place where -o json becomes --json.
  app.parse_complete_callback([&] { context.json = context.json || output == "json"; });
  const Command commands(app);
  add_init(commands, context);
  add_serve(commands, context);
  add_start(commands, context);
  add_query(commands, context);
  add_tx(commands, context);
  add_keys(commands, context);
  add_inspect(commands, context);
  add_snapshot(commands, context);
  add_repair(commands, context);
  add_export(commands, context);
  add_prove(commands, context);
  add_check_proof(commands, context);
  add_verify(commands, context);
  add_version(commands, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // help was asked for
    std::string text = error.what();
    // "A subcommand is required" hides what stood in its place.
    if (const auto rest = app.remaining(true); !rest.empty()) text += fmt::format("; what is \"{}\"?", rest.front());
    print_error({ExitCode::usage, text + "; --help says what is"}, context.json || output == "json");
    return static_cast<int>(ExitCode::usage);
  }
  return static_cast<int>(context.exit_code);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {  // out of memory, or a library's own: nothing of ours throws
    fmt::print(stderr, "error: {}\n", error.what());
    return static_cast<int>(ExitCode::failed);
  }
}
