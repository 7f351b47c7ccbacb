// `electrad repair`: what may be done to a journal that a gateway cannot start from, by explicit command.
#include <fmt/format.h>

#include <memory>

#include "engine/electrad/chain_setup.h"
#include "engine/electrad/commands/commands.h"
#include "engine/pipeline/tail_cut.h"
#include "io/directory_lock.h"

namespace electra::app {
namespace {

struct RepairOptions {
  bool cut_unacknowledged = false;
  bool yes = false;
};

constexpr std::size_t kMessagesShown = 1000;

Json cut_json(const pipeline::TailCut& cut, bool done) {
  Json messages = Json::array();
  for (const pipeline::LostMessage& message : cut.messages) {
    messages.push_back({{"batch", std::to_string(message.batch)},
                        {"slot", message.slot},
                        {"sequence", std::to_string(message.sequence)}});
  }
  return {{"cut", done},
          {"reason", cut.note.text()},
          {"firstBatch", std::to_string(cut.first_batch)},
          {"lastBatch", std::to_string(cut.last_batch)},
          {"watermark", std::to_string(cut.watermark)},
          {"acknowledged", std::to_string(cut.note.acknowledged.value_or(0))},
          {"file", cut.file.string()},
          {"offset", std::to_string(cut.offset)},
          {"messages", std::move(messages)}};
}

void print_cut(const pipeline::TailCut& cut, bool done) {
  fmt::print("execution stopped {}\n", cut.note.text());
  fmt::print("receipts have left up to batch {}; the journal's watermark is {}\n", cut.note.acknowledged.value_or(0),
             cut.watermark);
  fmt::print("{} batches {} to {}, from {} offset {} on, with these {} messages:\n", done ? "cut are" : "to be cut are",
             cut.first_batch, cut.last_batch, cut.file.string(), cut.offset, cut.messages.size());
  for (std::size_t i = 0; i < cut.messages.size() && i < kMessagesShown; ++i) {
    const pipeline::LostMessage& message = cut.messages[i];
    fmt::print("  batch {}  slot {}  sequence {}\n", message.batch, message.slot, message.sequence);
  }
  if (cut.messages.size() > kMessagesShown) {
    fmt::print("  and {} more; --json lists all\n", cut.messages.size() - kMessagesShown);
  }
  if (!done) fmt::print("nothing was changed; --yes cuts\n");
}

std::expected<void, Failure> run(const Home& home, const RepairOptions& options, bool json) {
  if (!options.cut_unacknowledged) {
    return std::unexpected(Failure{ExitCode::usage, "repair: say what: --cut-unacknowledged"});
  }
  const auto chain = load_chain(home);
  if (!chain) return std::unexpected(chain.error());
  const auto lock = io::DirectoryLock::acquire(home.root());
  if (!lock) return std::unexpected(Failure{ExitCode::home, lock.error()});
  const auto cut = pipeline::plan_tail_cut(home.journal_directory(), chain->genesis.hash, home.snapshots_directory());
  if (!cut) return std::unexpected(Failure{ExitCode::refused, cut.error()});
  if (options.yes) {
    if (const auto done = pipeline::cut_tail(home.journal_directory(), *cut); !done) {
      return std::unexpected(Failure{ExitCode::failed, done.error()});
    }
  }
  if (json) {
    print_json(cut_json(*cut, options.yes));
  } else {
    print_cut(*cut, options.yes);
  }
  return {};
}

}  // namespace

void add_repair(Command app, Context& context) {
  Command command = app.add_subcommand("repair", "Cut what keeps a gateway from starting, by explicit command");
  auto options = std::make_shared<RepairOptions>();
  command.add_flag("--cut-unacknowledged", options->cut_unacknowledged,
                   "The end of the journal from the batch on whose execution failed, which no receipt has left for");
  command.add_flag("--yes", options->yes, "Do it; without it only what would be lost is told");
  command.footer(
      "For a gateway that aborts at every start at the same message of its last batches. What a receipt may have left\n"
      "for is never cut: the gateway that failed has left a note of it, and without one nothing is. Senders still "
      "have\n"
      "what is lost and send it again; a program that executes it is needed, too.\n\n"
      "Examples:\n"
      "  electrad repair --cut-unacknowledged          what would be lost\n"
      "  electrad repair --cut-unacknowledged --yes    cut it");
  command.callback([&context, options] { context.finish(run(context.home(), *options, context.json)); });
}

}  // namespace electra::app
