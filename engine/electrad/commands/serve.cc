// `electrad serve`: a development grid in one command.
#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "engine/electrad/chain_setup.h"
#include "engine/electrad/commands/commands.h"

namespace electra::app {
namespace {

constexpr std::string_view kLocalConfig = "config.yml";

struct Options {
  std::string config;
  StartOptions start;
};

// The configuration of a home without a chain: the option's, else ./config.yml, else the default.
std::expected<ChainFiles, Failure> create_from(const Home& home, std::string file) {
  std::error_code error;
  if (file.empty() && std::filesystem::exists(kLocalConfig, error)) file = kLocalConfig;
  if (file.empty()) return create_chain(home, "the default configuration", std::string(default_config_text()));
  const auto text = read_text_file(file);
  if (!text) return std::unexpected(Failure{ExitCode::configuration, text.error()});
  return create_chain(home, file, *text);
}

void print_next_steps(const Home& home) {
  const std::string root = home.root().string();
  fmt::print(
      "\nask it, in another terminal:\n"
      "  electrad query meter currentcycle-id --home {0}\n"
      "  electrad query bank balances alice --home {0}\n"
      "  electrad tx bank send alice bob 1.5elc --home {0}\n"
      "stop it with Ctrl-C; the same command continues the chain\n\n",
      root);
  std::fflush(stdout);
}

std::expected<void, Failure> run(const Home& home, const Options& options, bool json) {
  const bool is_new = !home.has_chain();
  const auto chain = is_new ? create_from(home, options.config) : load_chain(home);
  if (!chain) return std::unexpected(chain.error());
  print_chain(home, *chain, json);
  if (!json) {
    if (!is_new && !options.config.empty()) {
      print_warning(fmt::format("this chain exists; {} counts, and {} has no effect", home.config_file().string(),
                                options.config));
    }
    print_next_steps(home);
  }
  return run_gateway(home, options.start);
}

}  // namespace

void add_serve(Command app, Context& context) {
  Command command =
      app.add_subcommand("serve", "Start a development grid: makes the chain if there is none, then starts");
  auto options = std::make_shared<Options>();
  command.add_option(
      "--config", options->config,
      "The config.yml of a new chain (default: ./config.yml if there is one, else a documented small grid)");
  add_start_options(command, options->start);
  command.footer(
      "Accounts and meters of the configuration are active at once, with keys derived from its development seed.\n\n"
      "Examples:\n"
      "  electrad serve\n"
      "  electrad serve --home /tmp/grid --config data/lv-urban/config.yml\n"
      "  electrad serve --home /tmp/grid --listen 127.0.0.1:0");
  command.callback([&context, options] { context.finish(run(context.home(), *options, context.json)); });
}

}  // namespace electra::app
