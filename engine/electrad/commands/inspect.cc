// `electrad inspect`: what lies on disk. Reads only; works while a gateway serves, and on damaged and empty directories.
#include "engine/electrad/commands/inspect.h"

#include <fmt/format.h>

#include <memory>

#include "engine/electrad/config.h"
#include "engine/electrad/genesis.h"
#include "engine/pipeline/restore.h"

namespace electra::app {

std::expected<std::filesystem::path, Failure> inspected_journal(const Context& context, const InspectOptions& options) {
  std::filesystem::path directory = context.home().journal_directory();
  if (!options.journal.empty()) directory = options.journal;
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) {
    return std::unexpected(Failure{ExitCode::home, fmt::format("{}: there is no journal here", directory.string())});
  }
  return directory;
}

std::optional<Bytes32> inspected_genesis(const Context& context, const InspectOptions& options) {
  if (!options.journal.empty()) return std::nullopt;
  const auto text = read_text_file(context.home().genesis_file());
  if (!text) return std::nullopt;
  return genesis_hash(*text);
}

std::expected<io::WalkEnd, io::RecoveryError> walk_for_inspection(const std::filesystem::path& directory,
                                                                  const std::optional<Bytes32>& genesis,
                                                                  io::WalkVisitor& visitor) {
  const bool later = pipeline::may_begin_later(directory, directory.parent_path() / "snapshots");
  return io::walk_journal(directory, genesis, visitor, {.allow_torn_tail = true, .live = true, .begins_later = later});
}

Failure damage_failure(std::uint64_t faults, const std::string& first) {
  return {ExitCode::journal_damaged, faults == 1 ? first : fmt::format("{} faults, the first: {}", faults, first)};
}

namespace {

void add_state_options(Command command, InspectOptions& options) {
  Option batch = command.add_option("--batch", options.at_batch, "As it was after this batch (default: the last one)");
  batch.whole_number();
  Option height = command.add_option("--height", options.at_height, "As it was after this block");
  height.whole_number().excludes(batch);
}

void add_list_options(Command command, InspectOptions& options, const std::string& what) {
  command.add_option("--from", options.from, fmt::format("First {} to show", what))
      .whole_number()
      .capture_default_str();
  command.add_option("--limit", options.limit, "How many to show, 0 = all").whole_number().capture_default_str();
}

}  // namespace

void add_inspect(Command app, Context& context) {
  Command inspect = app.add_subcommand("inspect", "Look into journal, blocks and state on disk");
  inspect.require_subcommand();
  auto options = std::make_shared<InspectOptions>();
  inspect.add_option("--journal", options->journal, "Directory of the journal (default: that of the home)");
  inspect.footer(
      "Reads only: safe while a gateway serves, and goes on behind damage. Ends with 7 if there is any.\n\n"
      "Examples:\n"
      "  electrad inspect journal\n"
      "  electrad inspect record 17 --json\n"
      "  electrad inspect meter FLAT-1 --height 12\n"
      "  electrad inspect journal --journal /backup/journal --from 1000 --limit 20");

  Command command = inspect.add_subcommand("journal", "One line a record, and every fault in its place");
  add_list_options(command, *options, "batch");
  command.footer("Example:\n  electrad inspect journal --from 1000 --limit 20");
  command.callback([&context, options] { context.finish(inspect_journal(context, *options)); });

  command = inspect.add_subcommand("record", "One record with its messages");
  command.add_option("batch", options->batch, "Number of the batch").required().whole_number();
  command.footer("Example:\n  electrad inspect record 17 --json");
  command.callback([&context, options] { context.finish(inspect_record(context, *options)); });

  command = inspect.add_subcommand("block", "The signed block headers, or one of them with its records");
  Option height = command.add_option("height", options->height, "Height of the block (default: list them)");
  height.whole_number();
  add_list_options(command, *options, "height");
  command.footer("Examples:\n  electrad inspect block --from 100 --limit 10\n  electrad inspect block 12 --json");
  command.callback([&context, options, height] {
    context.finish(height.count() > 0 ? inspect_block(context, *options) : inspect_blocks(context, *options));
  });

  command = inspect.add_subcommand("account", "An account of the ledger, by executing the journal again");
  command.add_option("number", options->account, "Its number").required().whole_number();
  add_state_options(command, *options);
  command.footer("Example:\n  electrad inspect account 5 --batch 1000");
  command.callback([&context, options] { context.finish(inspect_account(context, *options)); });

  command = inspect.add_subcommand("meter", "A meter or another holder, by executing the journal again");
  command.add_option("meter", options->meter, "Serial number (serial:123 if it is all digits), slot or address")
      .required();
  add_state_options(command, *options);
  command.footer("Examples:\n  electrad inspect meter FLAT-1\n  electrad inspect meter 3 --height 12 --json");
  command.callback([&context, options] { context.finish(inspect_meter(context, *options)); });

  command = inspect.add_subcommand("snapshot", "The snapshots of the state");
  command.footer(
      "Reads each of them wholly and checks its hashes; whether its state is the right one, `electrad verify` "
      "checks.\n\n"
      "Example:\n  electrad inspect snapshot");
  command.callback([&context] { context.finish(inspect_snapshots(context)); });
}

}  // namespace electra::app
