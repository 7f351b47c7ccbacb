// `electrad export blocks`: the home's chain as one file that others can check and start from.
#include "engine/pipeline/export.h"

#include <fmt/format.h>

#include <memory>

#include "engine/electrad/chain_setup.h"
#include "engine/electrad/commands/commands.h"
#include "engine/electrad/genesis.h"
#include "engine/electrad/progress_bar.h"

namespace electra::app {
namespace {

struct Options {
  std::string out;
  std::uint64_t from = 1;
  std::uint64_t to = 0;
};

ExitCode exit_code_of(pipeline::ExportError::Kind kind) {
  switch (kind) {
    case pipeline::ExportError::Kind::range:   return ExitCode::failed;
    case pipeline::ExportError::Kind::damaged: return ExitCode::journal_damaged;
    case pipeline::ExportError::Kind::in_out:  break;
  }
  return ExitCode::failed;
}

std::expected<void, Failure> run(const Home& home, const Options& options, bool json) {
  // Only the genesis counts: configuration and keys stay at home.
  auto file = load_genesis(home);
  if (!file) return std::unexpected(file.error());
  const state::Genesis& genesis = file->genesis;

  ProgressBar progress("exporting blocks", !json);
  const auto exported = pipeline::export_blocks({.journal_directory = home.journal_directory(),
                                                 .headers_file = home.headers_file(),
                                                 .genesis_hash = genesis.hash,
                                                 .genesis_text = std::move(file->text),
                                                 .out = options.out,
                                                 .first_height = options.from,
                                                 .last_height = options.to,
                                                 .progress = std::ref(progress)});
  progress.end();
  if (!exported) return std::unexpected(Failure{exit_code_of(exported.error().kind), exported.error().text});
  if (json) {
    print_json({{"file", options.out},
                {"chainId", genesis.chain_id},
                {"genesisHash", to_hex(genesis.hash)},
                {"firstHeight", std::to_string(exported->first_height)},
                {"lastHeight", std::to_string(exported->last_height)},
                {"batches", std::to_string(exported->batches)},
                {"messages", std::to_string(exported->messages)},
                {"bytes", std::to_string(exported->bytes)},
                {"lastHeaderHash", to_hex(exported->last_header_hash)}});
    return {};
  }
  print_pairs({{"file", options.out},
               {"chain", genesis.chain_id},
               {"genesis hash", to_hex(genesis.hash)},
               {"blocks", fmt::format("{} to {}", exported->first_height, exported->last_height)},
               {"batches", std::to_string(exported->batches)},
               {"messages", std::to_string(exported->messages)},
               {"bytes", std::to_string(exported->bytes)},
               {"last header hash", to_hex(exported->last_header_hash)}});
  return {};
}

}  // namespace

void add_export(Command app, Context& context) {
  Command group = app.add_subcommand("export", "Write the chain to a file for others");
  group.require_subcommand();
  Command command = group.add_subcommand("blocks", "Packed blocks: signed headers and messages, no secrets");
  auto options = std::make_shared<Options>();
  command.add_option("--out", options->out, "The file to write; it must not be there").required();
  command.add_option("--from", options->from, "First block").whole_number().positive().capture_default_str();
  command.add_option("--to", options->to, "Last block (default: the last one that is signed)")
      .whole_number()
      .positive();
  command.footer(
      "Safe while a gateway serves. A damaged journal is not exported: the exit code is 7.\n"
      "`electrad init --from FILE` makes a home from the file, `electrad verify FILE` checks it.\n\n"
      "Examples:\n"
      "  electrad export blocks --out chain.blocks\n"
      "  electrad export blocks --out week-2.blocks --from 10081 --to 20160 --json");
  command.callback([&context, options] { context.finish(run(context.home(), *options, context.json)); });
}

}  // namespace electra::app
