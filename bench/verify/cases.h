// The cases of the benchmark of verification, and how they are compared.
//
// A case and its peer work in turns of 20 ms on the same messages in one process, and all cases follow each other in
// every run. What slows the machine down for a while so hits both sides. Told is the median over the runs, of the ratio
// too. Every result was checked: a wrong one is an error and there is no figure.
#pragma once

#include <nlohmann/json.hpp>

#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/verify/verifying.h"

namespace electra::bench {

struct Options {
  std::uint32_t runs = 5;
  bool quick = false;  // a tenth of the keys, fewer messages, short turns
  std::string backend = "auto";
  std::uint64_t table_memory_bytes = 0;  // for the tables of known_100k; 0: what 64 KiB need, if there is so much
};

// Two contestants, and what came out.
struct Case {
  std::string name;
  std::string unit;     // what is counted: "signatures"
  std::string against;  // what the peer is, for people
  std::unique_ptr<Contestant> contestant;
  std::unique_ptr<Contestant> peer;
  // Before each run the contestant goes once through its messages, not timed. On a virtual machine 6 GiB of tables that
  // had rested for 10 s, while other cases ran, took 15 µs a signature at first instead of 1 µs; 600 MiB did not.
  bool warms_up = false;
  std::optional<double> bar;  // what the ratio shall reach; nothing: it is told for information
  std::optional<double> aim;
  std::string note;     // for people, one line
  nlohmann::json more;  // for programs: an object, joined to the case's

  std::vector<double> rates;  // operations a second, of each run
  std::vector<double> peer_rates;
  std::vector<double> ratios;
  std::vector<double> cpu_ratios;  // by CPU time: had nothing else run

  void forget() noexcept {
    rates.clear();
    peer_rates.clear();
    ratios.clear();
    cpu_ratios.clear();
  }
};

// Makes keys, messages, verifiers and cases when they are first asked for, and keeps them.
class Arena {
 public:
  explicit Arena(Options options) : options_(std::move(options)) {}

  // In the order of the report.
  [[nodiscard]] static const std::vector<std::string>& names();

  // Prints what it makes if that takes long. Null: this machine can't run the case (`why_not` says why).
  [[nodiscard]] std::expected<std::unique_ptr<Case>, std::string> make(const std::string& name);
  [[nodiscard]] const std::string& why_not() const noexcept { return why_not_; }

  [[nodiscard]] const Options& options() const noexcept { return options_; }
  // As many as asked for, in a quick run a tenth.
  [[nodiscard]] std::uint32_t keys(std::uint32_t count) const noexcept { return options_.quick ? count / 10 : count; }
  [[nodiscard]] const Workload& workload(std::uint32_t keys);

 private:
  using Made = std::expected<std::unique_ptr<Case>, std::string>;
  struct Batch {
    std::size_t size;
    double bar;
    double aim;
  };

  [[nodiscard]] std::expected<const ReadyVerifier*, std::string> verifier(std::uint32_t keys, std::uint32_t table_kib,
                                                                          std::uint64_t budget_bytes);
  [[nodiscard]] Made make_unnamed(const std::string& name);
  [[nodiscard]] Made known(std::uint32_t keys, std::uint32_t table_kib, Batch batch);
  [[nodiscard]] Made unknown();
  [[nodiscard]] Made two_cores();
  [[nodiscard]] Made plain(const std::string& name);
  [[nodiscard]] const Workload& workload(std::uint32_t keys, std::uint32_t messages);
  [[nodiscard]] std::uint64_t budget(std::uint32_t keys) const;

  Options options_;
  KeyRing ring_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::unique_ptr<Workload>> workloads_;  // by keys and messages
  std::map<std::pair<std::uint32_t, std::uint32_t>, ReadyVerifier> verifiers_;              // by keys and KiB
  std::string why_not_;
};

// One run of a case: both sides in turns. `run` says who begins.
[[nodiscard]] std::expected<void, std::string> run_once(Case& which, std::uint32_t run, bool quick);

}  // namespace electra::bench
