// `electrad inspect account` and `inspect meter`: the state, made again from the journal; and `inspect snapshot`.
#include <fmt/format.h>

#include "crypto-offload/key_store.h"
#include "crypto-offload/verifier.h"
#include "engine/electrad/answers.h"
#include "engine/electrad/chain_setup.h"
#include "engine/electrad/commands/inspect.h"
#include "engine/electrad/commands/record_json.h"
#include "engine/electrad/config.h"
#include "engine/electrad/genesis.h"
#include "engine/electrad/state_json.h"
#include "engine/pipeline/replay.h"
#include "engine/pipeline/restore.h"
#include "engine/state/machine.h"
#include "io/snapshot/snapshot_directory.h"
#include "io/snapshot/snapshot_reader.h"

namespace electra::app {
namespace {

// Executes records until the place that is asked for, or the first fault: behind it no state can be made.
class Executor final : public io::WalkVisitor {
 public:
  Executor(const InspectOptions& options, state::Machine& machine, crypto::KeyStore& keys, crypto::Verifier& verifier)
      : height(machine.height()), options_(options), machine_(machine), replayer_(machine, keys, verifier) {
    pipeline::follow_key_changes(machine, keys, verifier);
  }

  [[nodiscard]] bool arrived() const {
    return (options_.at_batch && machine_.batch_number() >= *options_.at_batch) ||
           (options_.at_height && height >= *options_.at_height);
  }

  bool on_record(const io::RecordView& record, bool follows) override {
    if (record.header.batch <= machine_.batch_number()) return true;  // the state is that of a snapshot
    if (!follows || arrived()) return false;                          // a fault before it has been told already
    if (!replayer_.on_record(record)) {
      problem = fmt::format("batch {} (segment {}, offset {}) cannot be executed: {}", record.header.batch,
                            record.segment, record.file_offset, replayer_.problem());
      return false;
    }
    if ((record.header.flags & io::kRecordBlockClose) != 0) ++height;
    return !arrived();
  }

  bool on_fault(const io::WalkFault& fault) override {
    problem = fault.text();
    return false;
  }

  std::uint64_t height;  // of the last block that ended
  std::string problem;   // why it went no further

 private:
  const InspectOptions& options_;
  state::Machine& machine_;
  pipeline::RecordReplayer replayer_;
};

struct Reached {
  std::unique_ptr<state::Machine> machine;
  std::uint64_t height = 0;
  std::string problem;  // not empty: the journal is damaged behind this place
};

// Where to begin: the genesis, or if the journal's first segments are gone the newest snapshot before the place.
std::expected<std::unique_ptr<state::Machine>, Failure> begin(const std::filesystem::path& journal,
                                                              const Context& context, const InspectOptions& options,
                                                              const state::Genesis& genesis) {
  const auto first = pipeline::first_segment(journal);
  if (first && *first > 1) {
    auto search = pipeline::find_snapshot(
        {.snapshots = journal.parent_path() / "snapshots",
         .journal = journal,
         .headers_file = context.home().headers_file()},
        genesis,
        {.last = options.at_batch.value_or(UINT64_MAX), .last_height = options.at_height.value_or(UINT64_MAX)});
    if (!search) return std::unexpected(Failure{ExitCode::failed, search.error()});
    if (search->found) return std::move(search->found->machine);
    return std::unexpected(
        Failure{ExitCode::journal_damaged, pipeline::begins_later_text(journal, *first, search->unusable)});
  }
  auto machine = state::Machine::create(genesis);
  if (!machine) return std::unexpected(Failure{ExitCode::configuration, machine.error()});
  return std::move(*machine);
}

// The state at the place that the options name. A failure only if there is none at all.
std::expected<Reached, Failure> execute(const Context& context, const InspectOptions& options) {
  const auto file = load_genesis(context.home());
  if (!file) return std::unexpected(file.error());
  const state::Genesis& genesis = file->genesis;
  const auto directory = inspected_journal(context, options);
  if (!directory) return std::unexpected(directory.error());
  auto machine = begin(*directory, context, options, genesis);
  if (!machine) return std::unexpected(machine.error());
  const auto verifier = crypto::make_verifier("auto");
  if (!verifier) return std::unexpected(Failure{ExitCode::failed, verifier.error()});
  crypto::KeyStore keys((*machine)->limits().holders_max, 0);
  Executor executor(options, **machine, keys, **verifier);
  if (!executor.arrived()) {
    const auto end = walk_for_inspection(*directory, genesis.hash, executor);
    if (!end && executor.problem.empty()) executor.problem = end.error().text();
  }
  if (!executor.arrived() && executor.problem.empty() && (options.at_batch || options.at_height)) {
    return std::unexpected(
        Failure{ExitCode::failed, fmt::format("{}: the journal ends with batch {}, block {}", directory->string(),
                                              (*machine)->batch_number(), executor.height)});
  }
  return Reached{std::move(*machine), executor.height, std::move(executor.problem)};
}

// Prints what was found at that place, and says if the journal goes no further for damage.
Outcome show(const Context& context, const Reached& reached, const std::string& name, const Json& found,
             const std::string& missing) {
  const state::Machine& machine = *reached.machine;
  Json document = {{"batch", std::to_string(machine.batch_number())},
                   {"height", std::to_string(reached.height)},
                   {"time", std::to_string(machine.time_ns())},
                   {"timeText", nanosecond_text(machine.time_ns())},
                   {"complete", reached.problem.empty()}};
  if (!reached.problem.empty()) document["damage"] = reached.problem;
  if (!found.is_null()) {
    if (context.json) {
      document[name] = found;
      print_json(document);
    } else {
      print_pairs(flat_pairs(document));
      fmt::print("\n");
      print_pairs(flat_pairs(found));
    }
  }
  std::string text = found.is_null() ? fmt::format("{} after batch {}", missing, machine.batch_number()) : "";
  if (!reached.problem.empty()) {
    if (!text.empty()) text += "; ";
    text +=
        fmt::format("the journal could be executed up to batch {} only: {}", machine.batch_number(), reached.problem);
    return std::unexpected(Failure{ExitCode::journal_damaged, std::move(text)});
  }
  if (found.is_null()) return std::unexpected(Failure{ExitCode::failed, std::move(text)});
  return {};
}

state::Slot find_holder(const wire::HolderQuery& query, const state::Machine& machine) {
  switch (query.by_case()) {
    case wire::HolderQuery::kSlot:      return query.slot();
    case wire::HolderQuery::kSerial:    return machine.find_serial(query.serial());
    case wire::HolderQuery::kAddress:   return machine.find_address(*array_of<20>(bytes_of(query.address())));
    case wire::HolderQuery::BY_NOT_SET: break;
  }
  return 0;
}

}  // namespace

Outcome inspect_account(const Context& context, const InspectOptions& options) {
  const auto reached = execute(context, options);
  if (!reached) return std::unexpected(reached.error());
  const auto account = reached->machine->account(options.account);
  return show(context, *reached, "account", account ? account_json(*account) : Json(),
              fmt::format("there is no account {}", options.account));
}

Outcome inspect_meter(const Context& context, const InspectOptions& options) {
  const auto query = parse_holder_name(options.meter);
  if (!query) return std::unexpected(Failure{ExitCode::usage, query.error()});
  const auto reached = execute(context, options);
  if (!reached) return std::unexpected(reached.error());
  const state::Slot slot = find_holder(*query, *reached->machine);
  const auto holder = slot == 0 ? std::nullopt : reached->machine->holder(slot);
  return show(context, *reached, "meter", holder ? holder_json(*holder) : Json(),
              fmt::format("there is no meter or other holder {}", options.meter));
}

Outcome inspect_snapshots(const Context& context) {
  const std::filesystem::path directory = context.home().snapshots_directory();
  const auto batches = io::list_snapshots(directory);
  if (!batches) return std::unexpected(Failure{ExitCode::failed, batches.error()});
  Json list = Json::array();
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> faults;
  for (const std::uint64_t batch : *batches) {
    const std::filesystem::path file = directory / io::snapshot_name(batch);
    const auto snapshot = io::read_snapshot(file, nullptr);
    std::error_code gone;
    if (!snapshot && !std::filesystem::exists(file, gone)) continue;  // a gateway has put it away
    const auto header =
        snapshot ? pipeline::header_in_snapshot(file, *snapshot) : std::unexpected(snapshot.error().text());
    if (!header) {
      faults.push_back(header.error());
      list.push_back({{"name", file.filename().string()}, {"fault", header.error()}});
      continue;
    }
    list.push_back({{"name", file.filename().string()},
                    {"batch", std::to_string(batch)},
                    {"height", std::to_string(header->height)},
                    {"time", std::to_string(header->time_ns)},
                    {"timeText", nanosecond_text(header->time_ns)},
                    {"leaves", std::to_string(snapshot->entries)},
                    {"bytes", std::to_string(snapshot->file_bytes)},
                    {"segment", std::to_string(snapshot->segment)},
                    {"recordOffset", std::to_string(snapshot->record_offset)},
                    {"recordHash", to_hex(snapshot->record_hash)},
                    {"genesisHash", to_hex(snapshot->genesis_hash)},
                    {"stateRoot", to_hex(header->state_root)},
                    {"fault", ""}});
    rows.push_back({std::to_string(batch), std::to_string(header->height), nanosecond_text(header->time_ns),
                    std::to_string(snapshot->entries), std::to_string(snapshot->file_bytes),
                    std::to_string(snapshot->segment), to_hex(header->state_root).substr(0, 16)});
  }
  if (context.json) {
    print_json({{"directory", directory.string()}, {"snapshots", std::move(list)}, {"faults", faults}});
  } else {
    if (rows.empty() && faults.empty()) fmt::print("{}: there is no snapshot\n", directory.string());
    if (!rows.empty()) {
      print_table({{"BATCH", Align::right},
                   {"HEIGHT", Align::right},
                   {"TIME"},
                   {"LEAVES", Align::right},
                   {"BYTES", Align::right},
                   {"SEGMENT", Align::right},
                   {"STATE ROOT"}},
                  rows);
    }
    for (const std::string& fault : faults) fmt::print("damage: {}\n", fault);
  }
  if (!faults.empty()) return std::unexpected(damage_failure(faults.size(), faults.front()));
  return {};
}

}  // namespace electra::app
