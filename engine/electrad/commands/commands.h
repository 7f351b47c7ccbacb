// The commands of electrad, one source file each. Every add_… function declares its command line and help and leaves a
// callback that runs the command and sets Context::exit_code.
#pragma once

#include <CLI/CLI.hpp>

#include <expected>
#include <functional>
#include <string>

#include "engine/electrad/exit_code.h"
#include "engine/electrad/gateway_client.h"
#include "engine/electrad/home.h"
#include "engine/electrad/output.h"

namespace electra::app {

// What stands before every command.
struct Context {
  std::string home_option;
  bool json = false;
  ExitCode exit_code = ExitCode::ok;

  [[nodiscard]] Home home() const { return Home::choose(home_option); }

  // Keeps the exit code, and prints the failure if there is one.
  void finish(const std::expected<void, Failure>& outcome);
};

void add_init(CLI::App& app, Context& context);
void add_serve(CLI::App& app, Context& context);
void add_start(CLI::App& app, Context& context);
void add_keys(CLI::App& app, Context& context);
void add_query(CLI::App& app, Context& context);
void add_tx(CLI::App& app, Context& context);
void add_inspect(CLI::App& app, Context& context);
void add_snapshot(CLI::App& app, Context& context);
void add_repair(CLI::App& app, Context& context);
void add_export(CLI::App& app, Context& context);
void add_prove(CLI::App& app, Context& context);
void add_check_proof(CLI::App& app, Context& context);
void add_verify(CLI::App& app, Context& context);
void add_version(CLI::App& app, Context& context);

// Changes of the configuration that one start makes.
struct StartOptions {
  std::string listen;  // host:port
  std::string log_level;
  std::string new_epoch;  // name of the operator's key that begins a new epoch; empty = none
};

// Serves the home's chain until a signal comes or its journal fails. Used by `start` and `serve`.
[[nodiscard]] std::expected<void, Failure> run_gateway(const Home& home, const StartOptions& options);
void add_start_options(CLI::App& command, StartOptions& options);

// For options of unsigned type: digits only. Without it a sign would be taken and wrap around.
[[nodiscard]] CLI::Validator whole_number();

// --node, --from and --timeout. `from_default` is for the help only.
void add_node_options(CLI::App& command, NodeOptions& options, const std::string& from_default);

}  // namespace electra::app
