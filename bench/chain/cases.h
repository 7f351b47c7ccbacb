// The cases of the chain's benchmark. Each checks its own result: an error means that a figure would have been of
// something else, and ends the program.
//
// A case and its peer run in turns, in the same process and on the same data; what is told is the median over the runs, of
// the ratio too, so that what slows the whole machine down for a while does not count for one side only.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "bench/chain/town.h"

namespace electra::bench {

struct CaseOptions {
  std::uint32_t runs = 5;
  bool quick = false;
  std::string backend = "auto";  // of the verifier
};

struct CaseResult {
  std::string name;
  double per_second = 0;
  std::string unit;           // what is counted: "messages"
  double ratio = 0;           // above 1: better than what it is compared with
  std::string against;        // what that is, for people
  std::optional<double> bar;  // what the ratio shall reach; nothing: it is told for information
  std::string figures;        // the rest, for people, one line
  nlohmann::json more;        // the rest, for programs: an object, joined to the case's
};

using Outcome = std::expected<CaseResult, std::string>;

// electrad verify: messages a second of the offline audit on all cores, against the verifier alone on the same messages,
// cores and threads.
[[nodiscard]] Outcome verify_dir(const CaseOptions& options, const Town& town);

// A restart: the same journal replayed without signatures, blocks made again. Against the verifier on all cores.
[[nodiscard]] Outcome replay_dir(const CaseOptions& options, const Town& town);

// The transaction tree of a full block, by BlockMaker: leaves a second, against OpenSSL one hash after the other.
[[nodiscard]] Outcome tx_tree(const CaseOptions& options);

// The state root after a tenth of a million accounts changed.
[[nodiscard]] Outcome state_root(const CaseOptions& options);

// A block of one message in a small grid: what an idle gateway does each time.
[[nodiscard]] Outcome block_close(const CaseOptions& options);

}  // namespace electra::bench
