// `electrad verify`: the offline auditor on a data directory or on packed blocks.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "engine/electrad/amount.h"
#include "engine/electrad/chain_setup.h"
#include "engine/electrad/commands/commands.h"
#include "engine/electrad/config.h"
#include "engine/electrad/genesis.h"
#include "engine/electrad/progress_bar.h"
#include "engine/pipeline/audit.h"
#include "engine/pipeline/packed_source.h"
#include "engine/pipeline/restore.h"
#include "io/directory_lock.h"
#include "io/snapshot/snapshot_directory.h"

namespace electra::app {
namespace {

struct Options {
  std::vector<std::string> paths;  // one directory, or files of packed blocks
  std::string genesis_hash;        // hex; empty = that of the data is taken
  std::string backend = "auto";
  std::uint32_t threads = 0;
  bool all = false;
  bool unfinished = false;
};

struct Subject {
  state::Genesis genesis;
  std::unique_ptr<pipeline::ChainSource> source;
  std::string name;
  bool served = false;                                // a gateway is writing to it
  std::optional<pipeline::SnapshotPlaces> places{};   // of a data directory
  std::optional<pipeline::RestoredState> restored{};  // from where it is checked, if its beginning is not there
};

struct CheckedSnapshot {
  std::string name;
  proto::BlockHeader header;
  std::string fault;  // empty: none
};

std::unexpected<Failure> failure(ExitCode code, std::string text) {
  return std::unexpected(Failure{code, std::move(text)});
}

// A journal whose first segments are gone is checked from the oldest snapshot on.
std::expected<void, Failure> begin_behind(Subject& subject, pipeline::DirectorySourceOptions& options) {
  const auto first = pipeline::first_segment(subject.places->journal);
  if (!first || *first <= 1) return {};  // what cannot be listed is the source's to tell
  auto search = pipeline::find_snapshot(*subject.places, subject.genesis, {.newest_first = false});
  if (!search) return failure(ExitCode::failed, search.error());
  if (!search->found) {
    return failure(ExitCode::not_verified,
                   pipeline::begins_later_text(subject.places->journal, *first, search->unusable));
  }
  subject.restored = std::move(search->found);
  options.behind = {.start = pipeline::start_behind(subject.restored->snapshot, subject.restored->header),
                    .last = subject.restored->header,
                    .gateway_key = chain::gateway_key(*subject.restored->machine)};
  return {};
}

// Each snapshot against the journal and the headers; those that a gateway has removed meanwhile are left out.
std::vector<CheckedSnapshot> check_snapshots(const Subject& subject) {
  std::vector<CheckedSnapshot> checked;
  if (!subject.places) return checked;
  const auto batches = io::list_snapshots(subject.places->snapshots);
  if (!batches) return {{.name = subject.places->snapshots.string(), .header = {}, .fault = batches.error()}};
  for (const std::uint64_t batch : *batches) {
    const std::filesystem::path file = subject.places->snapshots / io::snapshot_name(batch);
    const auto header = pipeline::check_snapshot(file, *subject.places, subject.genesis);
    std::error_code error;
    if (!header && !std::filesystem::exists(file, error)) continue;
    checked.push_back({.name = file.filename().string(),
                       .header = header ? *header : proto::BlockHeader{},
                       .fault = header ? std::string() : header.error()});
  }
  return checked;
}

std::expected<Subject, Failure> open_directory(const Home& home, const Options& options) {
  auto file = load_genesis(home);
  if (!file) return std::unexpected(file.error());
  Subject subject{.genesis = std::move(file->genesis), .source = {}, .name = home.root().string(), .served = false};
  // Not kept: an audit does not stand in a gateway's way.
  subject.served = !io::DirectoryLock::acquire(home.root()).has_value();
  subject.places = {.snapshots = home.snapshots_directory(),
                    .journal = home.journal_directory(),
                    .headers_file = home.headers_file()};
  pipeline::DirectorySourceOptions source_options{.unfinished = options.unfinished || subject.served, .behind = {}};
  if (auto begun = begin_behind(subject, source_options); !begun) return std::unexpected(begun.error());
  auto source = pipeline::open_directory_source(home.journal_directory(), home.headers_file(), subject.genesis.hash,
                                                source_options);
  if (!source) return failure(ExitCode::home, source.error());
  subject.source = std::move(*source);
  return subject;
}

std::expected<Subject, Failure> open_files(const Options& options) {
  auto source = pipeline::open_packed_source({options.paths.begin(), options.paths.end()});
  if (!source) {
    return failure(source.error().not_true ? ExitCode::not_verified : ExitCode::failed, source.error().text);
  }
  auto genesis = parse_genesis(options.paths.front() + " (genesis)", (*source)->genesis_text());
  if (!genesis) return failure(ExitCode::not_verified, genesis.error());
  return Subject{.genesis = std::move(*genesis),
                 .source = std::move(*source),
                 .name = fmt::format("{}", fmt::join(options.paths, " ")),
                 .served = false};
}

std::expected<Subject, Failure> open_subject(const Context& context, const Options& options) {
  std::error_code error;
  if (options.paths.empty()) return open_directory(context.home(), options);
  if (options.paths.size() == 1 && std::filesystem::is_directory(options.paths.front(), error)) {
    return open_directory(Home(options.paths.front()), options);
  }
  return open_files(options);
}

// "journal/000000000001.seg at offset 4096, batch 2, height 1: …"
std::string problem_text(const pipeline::SourceProblem& problem) {
  std::string text;
  if (!problem.place.file.empty()) {
    text = fmt::format("{} at offset {}, ", problem.place.file.string(), problem.place.offset);
  }
  if (problem.batch != 0) text += fmt::format("batch {}, ", problem.batch);
  if (problem.height != 0) text += fmt::format("height {}, ", problem.height);
  if (!text.empty()) text.replace(text.size() - 2, 2, ": ");
  return text + problem.text;
}

Json report_json(const Subject& subject, const pipeline::AuditReport& report,
                 const std::vector<CheckedSnapshot>& snapshots, double seconds) {
  Json checked = Json::array();
  for (const CheckedSnapshot& snapshot : snapshots) {
    checked.push_back({{"name", snapshot.name},
                       {"batch", std::to_string(snapshot.header.last_batch)},
                       {"height", std::to_string(snapshot.header.height)},
                       {"fault", snapshot.fault}});
  }
  Json problems = Json::array();
  for (const pipeline::SourceProblem& problem : report.problems) {
    problems.push_back({{"file", problem.place.file.string()},
                        {"offset", std::to_string(problem.place.offset)},
                        {"batch", std::to_string(problem.batch)},
                        {"height", std::to_string(problem.height)},
                        {"text", problem.text}});
  }
  return {{"verified", report.good()},
          {"subject", subject.name},
          {"chainId", subject.genesis.chain_id},
          {"genesisHash", to_hex(subject.genesis.hash)},
          {"served", subject.served},
          {"beginsBehindBatch", std::to_string(report.begins_behind_batch)},
          {"beginsBehindHeight", std::to_string(report.begins_behind_height)},
          {"batches", std::to_string(report.batches)},
          {"executedBatches", std::to_string(report.executed_batches)},
          {"openBatches", std::to_string(report.open_batches)},
          {"openMessages", std::to_string(report.open_messages)},
          {"messages", std::to_string(report.messages)},
          {"blocks", std::to_string(report.blocks)},
          {"unsignedBlocks", std::to_string(report.unsigned_blocks)},
          {"height", std::to_string(report.last_header.height)},
          {"headerHash", report.last_header.height == 0 ? "" : to_hex(proto::header_hash(report.last_header))},
          {"stateRoot", to_hex(report.last_header.state_root)},
          {"settlementDigest", to_hex(report.settlement_digest)},
          {"backend", report.verifier},
          {"threads", report.threads},
          {"seconds", seconds},
          {"messagesPerSecond", seconds > 0 ? static_cast<double>(report.messages) / seconds : 0.0},
          {"snapshots", std::move(checked)},
          {"problemCount", std::to_string(report.problem_count)},
          {"problems", std::move(problems)}};
}

void print_report(const Subject& subject, const pipeline::AuditReport& report,
                  const std::vector<CheckedSnapshot>& snapshots, double seconds) {
  std::vector<std::pair<std::string, std::string>> pairs = {{"chain", subject.genesis.chain_id},
                                                            {"genesis hash", to_hex(subject.genesis.hash)}};
  if (subject.restored) {
    pairs.emplace_back("not checked", fmt::format("batches 1 to {}: what was before block {} is taken from {}",
                                                  report.begins_behind_batch, report.begins_behind_height + 1,
                                                  subject.restored->file.filename().string()));
  }
  const std::vector<std::pair<std::string, std::string>> checked = {
      {"signatures", fmt::format("{} good, under {} threads of {}", report.messages, report.threads, report.verifier)},
      {"batches", fmt::format("{} executed", report.executed_batches)},
      {"headers", fmt::format("{} made again and compared", report.blocks)}};
  pairs.insert(pairs.end(), checked.begin(), checked.end());
  if (report.last_header.height != 0) {
    pairs.emplace_back("height", fmt::format("{}, ends {}", report.last_header.height,
                                             instant_text(report.last_header.time_ns / 1'000'000'000)));
    pairs.emplace_back("header hash", to_hex(proto::header_hash(report.last_header)));
    pairs.emplace_back("state root", to_hex(report.last_header.state_root));
  }
  if (report.unsigned_blocks != 0)
    pairs.emplace_back("not signed yet", fmt::format("{} blocks", report.unsigned_blocks));
  if (report.open_messages != 0) {
    pairs.emplace_back("behind them", fmt::format("{} messages of a block that is not closed", report.open_messages));
  }
  if (!snapshots.empty()) {
    const auto good = std::ranges::count(snapshots, std::string(), &CheckedSnapshot::fault);
    pairs.emplace_back("snapshots", fmt::format("{} of {} in order", good, snapshots.size()));
  }
  const state::Totals& totals = report.totals;
  pairs.emplace_back("energy",
                     fmt::format("{} Wh consumed = {} matched + {} imported; {} Wh generated", totals.consumption_wh,
                                 totals.matched_wh, totals.import_wh, totals.generation_wh));
  pairs.emplace_back("settlement", to_hex(report.settlement_digest));
  pairs.emplace_back("took", fmt::format("{:.1f} s, {:.0f} messages/s", seconds,
                                         seconds > 0 ? static_cast<double>(report.messages) / seconds : 0.0));
  print_pairs(pairs);
}

std::expected<void, Failure> run(const Context& context, const Options& options) {
  auto subject = open_subject(context, options);
  if (!subject) return std::unexpected(subject.error());
  if (!options.genesis_hash.empty() && options.genesis_hash != to_hex(subject->genesis.hash)) {
    return failure(ExitCode::not_verified, fmt::format("{}: this is another chain: its genesis hash is {}",
                                                       subject->name, to_hex(subject->genesis.hash)));
  }
  ProgressBar bar("verifying", !context.json);
  pipeline::AuditOptions audit_options;
  audit_options.verifier = options.backend;
  audit_options.threads = options.threads;
  audit_options.all = options.all;
  audit_options.progress = std::ref(bar);
  const auto begin = std::chrono::steady_clock::now();
  const bool behind = subject->restored.has_value();
  auto report = behind ? pipeline::audit_behind(std::move(*subject->restored), *subject->source, audit_options)
                       : pipeline::audit(subject->genesis, *subject->source, audit_options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  bar.end();
  if (!report) return failure(ExitCode::failed, report.error());
  std::vector<CheckedSnapshot> snapshots;
  if (report->good() || options.all) snapshots = check_snapshots(*subject);
  for (const CheckedSnapshot& snapshot : snapshots) {
    if (snapshot.fault.empty()) continue;
    ++report->problem_count;
    report->problems.push_back(
        {.text = snapshot.fault, .place = {}, .batch = snapshot.header.last_batch, .height = snapshot.header.height});
  }

  if (context.json) {
    print_json(report_json(*subject, *report, snapshots, seconds));
  } else {
    for (const pipeline::SourceProblem& problem : report->problems) fmt::print("wrong: {}\n", problem_text(problem));
    print_report(*subject, *report, snapshots, seconds);
  }
  if (!report->good()) {
    const std::uint64_t more = report->problem_count - report->problems.size();
    std::string text = fmt::format("{}: not verified: ", subject->name);
    text += options.all
                ? fmt::format("{} problems{}", report->problem_count, more != 0 ? ", not all of them shown" : "")
                : fmt::format("{}; --all goes on behind it", problem_text(report->problems.front()));
    return failure(ExitCode::not_verified, std::move(text));
  }
  if (!context.json) {
    std::fflush(stdout);
    fmt::print("verified{}\n", subject->served ? ", as far as the gateway that is serving had written it" : "");
  }
  return {};
}

}  // namespace

void add_verify(Command app, Context& context) {
  Command command = app.add_subcommand("verify", "Check a whole chain again, offline");
  auto options = std::make_shared<Options>();
  command.add_option("path", options->paths,
                     "A data directory, or files of packed blocks in order (default: the home)");
  command.add_flag("--all", options->all, "Go on behind a problem as far as that makes sense");
  command.add_flag("--unfinished", options->unfinished,
                   "The data of a gateway that was killed: a torn tail and unsigned last blocks are in order");
  command.add_option("--genesis-hash", options->genesis_hash, "The chain that it has to be, 64 hex digits");
  command.add_option("--threads", options->threads, "For signatures, 0 = as many as the machine has")
      .whole_number()
      .capture_default_str();
  command.add_option("--backend", options->backend, "Verifier: auto, avx512, avx2 or sodium").capture_default_str();
  command.footer(
      "Verifies every signature, hash and header, executes every batch, makes every state root again and adds up the\n"
      "books; makes the state of each snapshot and compares its root. Reads only. Ends with 10 if something is not\n"
      "true, and names the first such place. Where the first segments of the journal are gone, it begins with the\n"
      "oldest snapshot and says so.\n\n"
      "Examples:\n"
      "  electrad verify\n"
      "  electrad verify /backup/grid --all --json\n"
      "  electrad verify 2016.blocks 2017.blocks --genesis-hash 5e…");
  command.callback([&context, options] { context.finish(run(context, *options)); });
}

}  // namespace electra::app
