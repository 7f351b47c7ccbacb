// `electrad snapshot`: a hot backup of the home.
#include <fmt/format.h>

#include <memory>

#include "engine/electrad/commands/commands.h"
#include "engine/electrad/hot_backup.h"
#include "engine/electrad/progress_bar.h"

namespace electra::app {
namespace {

std::expected<void, Failure> run(const Home& home, const std::string& out, bool json) {
  ProgressBar progress("copying", !json);
  const auto copy = make_backup(home, out, std::ref(progress));
  progress.end();
  if (!copy) return std::unexpected(copy.error());
  if (json) {
    print_json({{"directory", out},
                {"chainId", copy->chain_id},
                {"genesisHash", to_hex(copy->genesis_hash)},
                {"snapshotBatch", std::to_string(copy->snapshot_batch)},
                {"snapshotHeight", std::to_string(copy->snapshot_height)},
                {"lastBatch", std::to_string(copy->last_batch)},
                {"height", std::to_string(copy->height)},
                {"segments", std::to_string(copy->segments)},
                {"bytes", std::to_string(copy->bytes)}});
    return {};
  }
  print_pairs({{"directory", out},
               {"chain", copy->chain_id},
               {"genesis hash", to_hex(copy->genesis_hash)},
               {"snapshot", copy->snapshot_batch == 0
                                ? "none: the whole journal"
                                : fmt::format("batch {}, block {}", copy->snapshot_batch, copy->snapshot_height)},
               {"journal", fmt::format("up to batch {}, {} segments", copy->last_batch, copy->segments)},
               {"headers", fmt::format("up to block {}", copy->height)},
               {"bytes", std::to_string(copy->bytes)}});
  return {};
}

}  // namespace

void add_snapshot(Command app, Context& context) {
  Command command = app.add_subcommand("snapshot", "Copy the home for a backup, while a gateway serves or not");
  auto out = std::make_shared<std::string>();
  command.add_option("--out", *out, "The directory to make; it must not be there, or be empty").required();
  command.footer(
      "The newest snapshot of the state, the journal from there on, headers, genesis and configuration: a home that\n"
      "`electrad start` accepts elsewhere, when the gateway's key has been put there. Private keys are never "
      "copied.\n\n"
      "Examples:\n"
      "  electrad snapshot --out /backup/grid-monday\n"
      "  electrad snapshot --out /backup/grid-monday --json");
  command.callback([&context, out] { context.finish(run(context.home(), *out, context.json)); });
}

}  // namespace electra::app
