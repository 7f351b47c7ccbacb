// `electrad init`: makes a chain, new or from packed blocks, and stops.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "engine/electrad/chain_import.h"
#include "engine/electrad/chain_setup.h"
#include "engine/electrad/commands/commands.h"

namespace electra::app {
namespace {

struct Options {
  std::string config;
  std::vector<std::string> from;
};

void print_imported(const Home& home, const ImportedChain& chain, bool json) {
  const pipeline::ImportSummary& summary = chain.summary;
  std::error_code error;
  const bool has_key = std::filesystem::exists(chain.gateway_key_file, error);
  if (json) {
    print_json({{"chainId", chain.genesis.chain_id},
                {"genesisHash", to_hex(chain.genesis.hash)},
                {"home", home.root().string()},
                {"blocks", std::to_string(summary.blocks)},
                {"batches", std::to_string(summary.batches)},
                {"messages", std::to_string(summary.messages)},
                {"stateRoot", to_hex(summary.last_header.state_root)},
                {"lastHeaderHash", to_hex(chain.last_header_hash)},
                {"gatewayKeyFile", chain.gateway_key_file.string()},
                {"gatewayKeyPresent", has_key}});
    return;
  }
  print_pairs({{"chain", chain.genesis.chain_id},
               {"genesis hash", to_hex(chain.genesis.hash)},
               {"home", home.root().string()},
               {"blocks", std::to_string(summary.blocks)},
               {"batches", std::to_string(summary.batches)},
               {"messages", std::to_string(summary.messages)},
               {"state root", to_hex(summary.last_header.state_root)},
               {"last header hash", to_hex(chain.last_header_hash)}});
  if (has_key) {
    fmt::print("\nstart it:  electrad start --home {}\n", home.root().string());
  } else {
    fmt::print(
        "\nPacked blocks hold no private keys. Before this home can serve, put the gateway's key at\n  {}\n"
        "and, from the same place, the file .signed beside it, which keeps the key from contradicting itself.\n",
        chain.gateway_key_file.string());
  }
}

std::expected<void, Failure> run(const Home& home, const Options& options, bool json) {
  std::string text(default_config_text());
  std::string file = "the default configuration";
  if (!options.config.empty()) {
    auto read = read_text_file(options.config);
    if (!read) return std::unexpected(Failure{ExitCode::configuration, read.error()});
    text = std::move(*read);
    file = options.config;
  }
  if (!options.from.empty()) {
    const auto imported = import_home(
        home, std::vector<std::filesystem::path>(options.from.begin(), options.from.end()), file, text, !json);
    if (!imported) return std::unexpected(imported.error());
    print_imported(home, *imported, json);
    return {};
  }
  const auto chain = create_chain(home, file, text);
  if (!chain) return std::unexpected(chain.error());
  print_chain(home, *chain, json);
  if (!json) fmt::print("\nstart it:  electrad start --home {}\n", home.root().string());
  return {};
}

}  // namespace

void add_init(Command app, Context& context) {
  Command command =
      app.add_subcommand("init", "Make a chain: configuration, genesis, development keys; or take one over");
  auto options = std::make_shared<Options>();
  command.add_option("--config", options->config,
                     "The config.yml to make it from (default: a documented small grid, written to the home)");
  command
      .add_option("--from", options->from,
                  "Take over the chain in these files of packed blocks, in their order (`electrad export blocks`)")
      .expected(1, -1);
  command.footer(
      "Refuses a home that has a chain already. With --from everything in the files is checked first, and the\n"
      "gateway's key has to be put into the home before `start`; what a config.yml says of the genesis has no "
      "effect.\n\n"
      "Examples:\n"
      "  electrad init\n"
      "  electrad init --home /var/lib/electra --config config.yml\n"
      "  electrad init --home /tmp/grid --json\n"
      "  electrad init --home /tmp/copy --from week-1.blocks week-2.blocks");
  command.callback([&context, options] { context.finish(run(context.home(), *options, context.json)); });
}

}  // namespace electra::app
