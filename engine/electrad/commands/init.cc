// `electrad init`: makes a chain and stops.
#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "engine/electrad/chain_setup.h"
#include "engine/electrad/commands/commands.h"

namespace electra::app {
namespace {

struct Options {
  std::string config;
};

std::expected<void, Failure> run(const Home& home, const Options& options, bool json) {
  std::string text(default_config_text());
  std::string file = "the default configuration";
  if (!options.config.empty()) {
    auto read = read_text_file(options.config);
    if (!read) return std::unexpected(Failure{ExitCode::configuration, read.error()});
    text = std::move(*read);
    file = options.config;
  }
  const auto chain = create_chain(home, file, text);
  if (!chain) return std::unexpected(chain.error());
  print_chain(home, *chain, json);
  if (!json) fmt::print("\nstart it:  electrad start --home {}\n", home.root().string());
  return {};
}

}  // namespace

void add_init(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("init", "Make a chain: configuration, genesis, development keys");
  auto options = std::make_shared<Options>();
  command->add_option("--config", options->config,
                      "The config.yml to make it from (default: a documented small grid, written to the home)");
  command->footer(
      "Refuses a home that has a chain already.\n\n"
      "Examples:\n"
      "  electrad init\n"
      "  electrad init --home /var/lib/electra --config config.yml\n"
      "  electrad init --home /tmp/grid --json");
  command->callback([&context, options] { context.finish(run(context.home(), *options, context.json)); });
}

}  // namespace electra::app
