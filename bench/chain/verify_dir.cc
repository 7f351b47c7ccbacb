// The audit of a whole data directory, and its replay, each beside the verifier alone.
#include <fmt/core.h>

#include <atomic>
#include <thread>

#include "bench/chain/cases.h"
#include "bench/common/measure.h"
#include "engine/pipeline/audit.h"
#include "engine/pipeline/replay.h"
#include "io/journal/recovery.h"
#include "io/loop.h"

namespace electra::bench {
namespace {

// Signatures that a thread takes at once.
constexpr std::size_t kItemsPerTurn = 256;

// Time of a replay on one core over that of the verifier on all, up to which the audit waits for signatures.
constexpr double kReplayShareMax = 0.2;

struct Took {
  double seconds = 0;
  double cpu_seconds = 0;
};

template <typename F>
Took time_of(F&& work) {
  const std::uint64_t begin_cpu = process_cpu_ns();
  const std::uint64_t begin = io::monotonic_ns();
  work();
  const std::uint64_t end = io::monotonic_ns();
  return {.seconds = static_cast<double>(end - begin) / 1e9,
          .cpu_seconds = static_cast<double>(process_cpu_ns() - begin_cpu) / 1e9};
}

std::uint32_t all_cores() { return std::max(1U, std::thread::hardware_concurrency()); }

// The peer: every message of the town through the verifier, on `threads` threads that do nothing else.
std::expected<Took, std::string> verify_alone(const Town& town, const crypto::Verifier& verifier,
                                              std::uint32_t threads) {
  const std::span<const crypto::VerifyItem> items = town.items();
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> valid{0};
  const auto work = [&] {
    std::vector<crypto::VerifyOutcome> outcomes(kItemsPerTurn);
    std::size_t good = 0;
    for (std::size_t first; (first = next.fetch_add(kItemsPerTurn)) < items.size();) {
      const std::size_t count = std::min(kItemsPerTurn, items.size() - first);
      verifier.verify(items.subspan(first, count), std::span(outcomes).first(count));
      for (std::size_t i = 0; i < count; ++i) good += outcomes[i].valid ? 1 : 0;
    }
    valid += good;
  };
  const Took took = time_of([&] {
    std::vector<std::jthread> workers;
    for (std::uint32_t i = 0; i < threads; ++i) workers.emplace_back(work);
  });
  if (valid != items.size()) return std::unexpected("the verifier refuses messages of the town");
  return took;
}

std::expected<Took, std::string> audit_once(const Town& town, const std::string& backend, std::uint32_t threads) {
  std::expected<pipeline::AuditReport, std::string> report;
  std::string error;
  const Took took = time_of([&] {
    auto source = pipeline::open_directory_source(town.journal(), town.headers_file(), town.genesis().hash, {});
    if (!source) {
      report = std::unexpected(source.error());
      return;
    }
    pipeline::AuditOptions options;
    options.verifier = backend;
    options.threads = threads;
    report = pipeline::audit(town.genesis(), **source, options);
  });
  if (!report) return std::unexpected(report.error());
  if (!report->good()) return std::unexpected("the audit says: " + report->problems.front().text);
  if (report->messages != town.messages() || report->batches != town.batches() ||
      report->executed_batches != town.batches() || report->blocks != town.last_header().height ||
      report->last_header != town.last_header() || report->settlement_digest != town.settlement_digest()) {
    return std::unexpected("the audit saw another chain than the one that was made");
  }
  return took;
}

// `verifier` makes no tables: nothing is verified.
std::expected<Took, std::string> replay_once(const Town& town, crypto::Verifier& verifier) {
  std::string error;
  Bytes32 last_hash{};
  const Took took = time_of([&] {
    auto machine = state::Machine::create(town.genesis());
    if (!machine) {
      error = machine.error();
      return;
    }
    crypto::KeyStore keys((*machine)->limits().holders_max, 0);
    pipeline::follow_key_changes(**machine, keys, verifier);
    chain::BlockMaker maker(**machine);
    pipeline::RecordReplayer replayer(**machine, keys, verifier, &maker);
    const auto recovered = io::recover_journal(town.journal(), town.genesis().hash, &replayer);
    if (!recovered) error = recovered.error().text() + " " + replayer.problem();
    last_hash = maker.last_header_hash();
  });
  if (!error.empty()) return std::unexpected(error);
  if (last_hash != proto::header_hash(town.last_header())) {
    return std::unexpected("the replay ends in another block than the one that was made");
  }
  return took;
}

// What the audit, the verifier alone and the replay took, in turns.
struct Runs {
  std::string backend;
  crypto::TableStatus tables;  // of the verifier alone
  std::vector<Took> audit, alone, replay;
};

// One that has made the tables of all the town's keys: what the verifier alone is measured with.
std::expected<std::unique_ptr<crypto::Verifier>, std::string> ready_verifier(const Town& town,
                                                                             const std::string& backend) {
  const auto& holders = town.genesis().holders;
  auto verifier = crypto::make_verifier(
      crypto::VerifierOptions{.backend = backend, .keys_max = static_cast<std::uint32_t>(holders.size())});
  if (!verifier) return verifier;
  for (std::uint32_t slot = 1; slot <= holders.size(); ++slot) (*verifier)->learn(slot, holders[slot - 1].public_key);
  (*verifier)->settle();
  return verifier;
}

std::expected<Runs, std::string> run_in_turns(const CaseOptions& options, const Town& town, bool with_audit) {
  const auto ready = ready_verifier(town, options.backend);
  if (!ready) return std::unexpected(ready.error());
  const auto without_tables = crypto::make_verifier(options.backend);
  if (!without_tables) return std::unexpected(without_tables.error());
  Runs runs{
      .backend = std::string((*ready)->name()), .tables = (*ready)->tables(), .audit = {}, .alone = {}, .replay = {}};
  // One more, whose figures are dropped: it brings the files into the page cache and both programs into memory.
  for (std::uint32_t run = 0; run <= options.runs; ++run) {
    for (std::uint32_t turn = 0; turn < 3; ++turn) {
      const std::uint32_t which = (turn + run) % 3;
      if (which == 0 && !with_audit) continue;
      const auto took = which == 0   ? audit_once(town, options.backend, all_cores())
                        : which == 1 ? verify_alone(town, **ready, all_cores())
                                     : replay_once(town, **without_tables);
      if (!took) return std::unexpected(took.error());
      if (run > 0) (which == 0 ? runs.audit : which == 1 ? runs.alone : runs.replay).push_back(*took);
    }
  }
  return runs;
}

// The median over the runs of what a function makes of each.
template <typename F>
double median_of(std::size_t runs, F&& figure) {
  std::vector<double> values;
  for (std::size_t i = 0; i < runs; ++i) values.push_back(figure(i));
  return median(values);
}

double rate(const Town& town, const std::vector<Took>& took) {
  return static_cast<double>(town.messages()) / median_of(took.size(), [&](std::size_t i) { return took[i].seconds; });
}
double cpu_us(const Town& town, const std::vector<Took>& took) {
  return median_of(took.size(), [&](std::size_t i) { return took[i].cpu_seconds; }) /
         static_cast<double>(town.messages()) * 1e6;
}

nlohmann::json facts(const Town& town, const Runs& runs) {
  return {{"messages", town.messages()},
          {"batches", town.batches()},
          {"blocks", town.last_header().height},
          {"threads", all_cores()},
          {"backend", runs.backend},
          {"table_kib", runs.tables.table_bytes >> 10},
          {"verifier_per_second", rate(town, runs.alone)},
          {"verifier_cpu_us_per_message", cpu_us(town, runs.alone)},
          {"replay_per_second", rate(town, runs.replay)},
          {"replay_cpu_us_per_message", cpu_us(town, runs.replay)}};
}

}  // namespace

Outcome verify_dir(const CaseOptions& options, const Town& town) {
  const auto runs = run_in_turns(options, town, true);
  if (!runs) return std::unexpected(runs.error());
  const auto& [backend, tables, audit, alone, replay] = *runs;
  const std::size_t count = audit.size();
  // The audit verifies on all cores and executes on one of them, so it takes at least what that one needs, and at least
  // its share of everything.
  const double possible = median_of(count, [&](std::size_t i) {
    return std::max(replay[i].seconds, (alone[i].cpu_seconds + replay[i].cpu_seconds) / all_cores()) / audit[i].seconds;
  });
  const double ratio = median_of(count, [&](std::size_t i) { return alone[i].seconds / audit[i].seconds; });
  const double cpu_ratio = median_of(count, [&](std::size_t i) { return alone[i].cpu_seconds / audit[i].cpu_seconds; });
  const double work_ratio = median_of(
      count, [&](std::size_t i) { return (alone[i].cpu_seconds + replay[i].cpu_seconds) / audit[i].cpu_seconds; });
  // A fast verifier is not what an audit waits for, and no audit can keep up with it.
  const bool waits_for_verifier =
      median_of(count, [&](std::size_t i) { return replay[i].seconds / alone[i].seconds; }) < kReplayShareMax;
  nlohmann::json more = facts(town, *runs);
  std::vector<double> seconds;
  for (const Took& took : audit) seconds.push_back(took.seconds);
  more.update({{"spread", spread(seconds)},
               {"possible_ratio", possible},
               {"cpu_ratio", cpu_ratio},
               {"work_ratio", work_ratio},
               {"cpu_us_per_message", cpu_us(town, audit)}});
  return CaseResult{
      .name = "verify_dir",
      .per_second = rate(town, audit),
      .unit = "messages",
      .ratio = ratio,
      .against = "the verifier alone",
      .bar = waits_for_verifier ? std::optional(0.9) : std::nullopt,
      .figures = fmt::format("{} messages, {} blocks, {}; alone the verifier {:.0f}/s, the replay {:.0f}/s; {:.2f} of "
                             "what both allow; CPU "
                             "us a message {:.2f}, verifier {:.2f} and replay {:.2f}",
                             town.messages(), town.last_header().height, backend, rate(town, alone), rate(town, replay),
                             possible, cpu_us(town, audit), cpu_us(town, alone), cpu_us(town, replay)),
      .more = more};
}

Outcome replay_dir(const CaseOptions& options, const Town& town) {
  const auto runs = run_in_turns(options, town, false);
  if (!runs) return std::unexpected(runs.error());
  const std::size_t count = runs->replay.size();
  const double per_second = rate(town, runs->replay);
  return CaseResult{
      .name = "replay_dir",
      .per_second = per_second,
      .unit = "messages",
      .ratio = median_of(count, [&](std::size_t i) { return runs->alone[i].seconds / runs->replay[i].seconds; }),
      .against = "the verifier alone",
      .bar = {},
      .figures = fmt::format("one core, no signatures: {:.2f} us a message, blocks made again", 1e6 / per_second),
      .more = facts(town, *runs)};
}

}  // namespace electra::bench
