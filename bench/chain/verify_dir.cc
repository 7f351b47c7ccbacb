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

// Signatures that a thread takes at once: some 10 ms.
constexpr std::size_t kItemsPerTurn = 256;

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

std::expected<Took, std::string> audit_once(const Town& town, std::uint32_t threads) {
  std::expected<pipeline::AuditReport, std::string> report;
  std::string error;
  const Took took = time_of([&] {
    auto source = pipeline::open_directory_source(town.journal(), town.headers_file(), town.genesis().hash, {});
    if (!source) {
      report = std::unexpected(source.error());
      return;
    }
    pipeline::AuditOptions options;
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

std::expected<Took, std::string> replay_once(const Town& town, const crypto::Verifier& verifier) {
  std::string error;
  Bytes32 last_hash{};
  const Took took = time_of([&] {
    auto machine = state::Machine::create(town.genesis());
    if (!machine) {
      error = machine.error();
      return;
    }
    crypto::KeyStore keys((*machine)->limits().holders_max, 0);
    pipeline::follow_key_changes(**machine, keys, **verifier);
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

// A case and the verifier alone, in turns.
struct Duel {
  std::vector<double> rates;       // messages/s of the case
  std::vector<double> peer_rates;  // and of the verifier
  std::vector<double> ratios;
  std::vector<double> cpu_ratios;   // the same of CPU time: without waiting, and whatever else the machine did
  std::vector<double> cpu_us;       // CPU time a message
  std::vector<double> peer_cpu_us;  // likewise
};

template <typename F>
std::expected<Duel, std::string> duel(const CaseOptions& options, const Town& town, F&& once) {
  const auto verifier = crypto::make_verifier("auto");
  if (!verifier) return std::unexpected(verifier.error());
  const auto messages = static_cast<double>(town.messages());
  Duel duel;
  // One more, whose figures are dropped: it brings the files into the page cache and both programs into memory.
  for (std::uint32_t run = 0; run <= options.runs; ++run) {
    std::expected<Took, std::string> took;
    std::expected<Took, std::string> peer;
    for (std::uint32_t turn = 0; turn < 2; ++turn) {
      if (turn == run % 2) {
        took = once(**verifier);
        if (!took) return std::unexpected(took.error());
      } else {
        peer = verify_alone(town, **verifier, all_cores());
        if (!peer) return std::unexpected(peer.error());
      }
    }
    if (run == 0) continue;
    duel.rates.push_back(messages / took->seconds);
    duel.peer_rates.push_back(messages / peer->seconds);
    duel.ratios.push_back(peer->seconds / took->seconds);
    duel.cpu_ratios.push_back(peer->cpu_seconds / took->cpu_seconds);
    duel.cpu_us.push_back(took->cpu_seconds / messages * 1e6);
    duel.peer_cpu_us.push_back(peer->cpu_seconds / messages * 1e6);
  }
  return duel;
}

nlohmann::json facts(const Town& town, const Duel& duel) {
  return {{"messages", town.messages()},
          {"batches", town.batches()},
          {"blocks", town.last_header().height},
          {"threads", all_cores()},
          {"spread", spread(duel.rates)},
          {"verifier_per_second", median(duel.peer_rates)},
          {"cpu_ratio", median(duel.cpu_ratios)},
          {"cpu_us_per_message", median(duel.cpu_us)},
          {"verifier_cpu_us_per_message", median(duel.peer_cpu_us)}};
}

}  // namespace

Outcome verify_dir(const CaseOptions& options, const Town& town) {
  const auto result = duel(options, town, [&](const crypto::Verifier&) { return audit_once(town, all_cores()); });
  if (!result) return std::unexpected(result.error());
  return CaseResult{
      .name = "verify_dir",
      .per_second = median(result->rates),
      .unit = "messages",
      .ratio = median(result->ratios),
      .against = "the verifier alone",
      .bar = 0.9,
      .figures = fmt::format(
          "{} messages, {} blocks; verifier alone {:.0f}/s; by CPU time {:.2f} ({:.2f} us a message, verifier {:.2f})",
          town.messages(), town.last_header().height, median(result->peer_rates), median(result->cpu_ratios),
          median(result->cpu_us), median(result->peer_cpu_us)),
      .more = facts(town, *result)};
}

Outcome replay_dir(const CaseOptions& options, const Town& town) {
  const auto result =
      duel(options, town, [&](const crypto::Verifier& verifier) { return replay_once(town, verifier); });
  if (!result) return std::unexpected(result.error());
  return CaseResult{.name = "replay_dir",
                    .per_second = median(result->rates),
                    .unit = "messages",
                    .ratio = median(result->ratios),
                    .against = "the verifier alone",
                    .bar = {},
                    .figures = fmt::format("one core, no signatures: {:.2f} us a message, blocks made again",
                                           1e6 / median(result->rates)),
                    .more = facts(town, *result)};
}

}  // namespace electra::bench
