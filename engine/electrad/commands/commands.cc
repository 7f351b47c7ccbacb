#include "engine/electrad/commands/commands.h"

#include <fmt/format.h>

#include "engine/electrad/version.h"
#include "engine/state/types.h"

namespace electra::app {

void Context::finish(const std::expected<void, Failure>& outcome) {
  if (outcome) return;
  exit_code = outcome.error().code;
  std::fflush(stdout);
  print_error(outcome.error(), json);
}

void add_node_options(Command command, NodeOptions& options, const std::string& from_default) {
  command.add_option("--node", options.node,
                     "The gateway's address, host:port (default: the one that serves the home)");
  command.add_option("--from", options.from, fmt::format("Name of the key that signs ({})", from_default));
  command.add_option("--timeout", options.timeout_s, "Seconds to wait for answers")
      .in_range(0.1, 86400.0)
      .capture_default_str();
}

void add_version(Command app, Context& context) {
  Command command = app.add_subcommand("version", "Print the version");
  command.footer("Example:\n  electrad version --json");
  command.callback([&context] {
    if (context.json) {
      print_json({{"name", "electrad"}, {"version", kVersion}, {"rulesVersion", state::kRulesVersion}});
    } else {
      fmt::print("electrad {} (rules version {})\n", kVersion, state::kRulesVersion);
    }
  });
}

}  // namespace electra::app
