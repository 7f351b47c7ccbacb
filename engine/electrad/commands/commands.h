// The commands of electrad, one source file each. Every add_… function declares its command line and help and leaves a
// callback that runs the command and sets Context::exit_code.
#pragma once

#include <expected>
#include <functional>
#include <string>

#include "engine/electrad/command_line.h"
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

void add_init(Command app, Context& context);
void add_serve(Command app, Context& context);
void add_start(Command app, Context& context);
void add_keys(Command app, Context& context);
void add_query(Command app, Context& context);
void add_tx(Command app, Context& context);
void add_inspect(Command app, Context& context);
void add_snapshot(Command app, Context& context);
void add_repair(Command app, Context& context);
void add_export(Command app, Context& context);
void add_prove(Command app, Context& context);
void add_check_proof(Command app, Context& context);
void add_verify(Command app, Context& context);
void add_version(Command app, Context& context);

// Changes of the configuration that one start makes.
struct StartOptions {
  std::string listen;  // host:port
  std::string log_level;
  std::string new_epoch;  // name of the operator's key that begins a new epoch; empty = none
};

// Serves the home's chain until a signal comes or its journal fails. Used by `start` and `serve`.
[[nodiscard]] std::expected<void, Failure> run_gateway(const Home& home, const StartOptions& options);
void add_start_options(Command command, StartOptions& options);

// --node, --from and --timeout. `from_default` is for the help only.
void add_node_options(Command command, NodeOptions& options, const std::string& from_default);

}  // namespace electra::app
