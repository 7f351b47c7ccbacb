// The offline auditor: checks a whole chain again, from the genesis to the last header, without believing its operator.
//
// Every signature is verified (on all cores, batches at a time, beside the execution of what was verified before), every
// batch executed, every block's header made again and compared with the signed one, and the books are added up at the end
// of each cycle: in each asset debits equal credits, and what was consumed was generated or imported. It runs the same
// state machine, trees and verifier as the gateway. What the hashes of records and files show comes from the source.
// Memory: the state, some MiB of batches under way, and tables of keys as in the gateway. Threads: the caller's, those that
// verify, and the one that makes tables.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "crypto-offload/verifier.h"
#include "engine/pipeline/chain_source.h"
#include "engine/pipeline/restore.h"
#include "engine/state/machine.h"

namespace electra::pipeline {

struct AuditOptions {
  std::string verifier = "auto";
  std::uint32_t threads = 0;  // for signatures; 0 = as many as the machine has; one more makes tables of keys
  std::size_t table_memory_bytes =
      crypto::VerifierOptions{}.table_memory_bytes;  // at most; 0: no tables, no such thread
  bool all = false;                                  // goes on behind a problem as far as that makes sense
  std::uint32_t problems_max = 1000;                 // more are counted and not kept
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;  // bytes, now and then
};

struct AuditReport {
  // Where the audit began. 0: with the genesis. Else behind this batch and block, with the state of a snapshot.
  std::uint64_t begins_behind_batch = 0;
  std::uint64_t begins_behind_height = 0;
  std::uint64_t batches = 0;           // seen
  std::uint64_t messages = 0;          // whose signature was verified
  std::uint64_t blocks = 0;            // whose header was made again and compared
  std::uint64_t unsigned_blocks = 0;   // at the end, in a source that may be unfinished
  std::uint64_t open_batches = 0;      // behind the last block: no header holds them yet
  std::uint64_t open_messages = 0;     // in them
  std::uint64_t executed_batches = 0;  // up to here the state could be followed
  std::uint64_t problem_count = 0;
  std::vector<SourceProblem> problems;

  // Of the last block that was made again; zero without one.
  proto::BlockHeader last_header;
  Bytes32 settlement_digest{};
  state::Totals totals;
  std::string verifier;
  std::uint32_t threads = 0;

  [[nodiscard]] bool good() const noexcept { return problem_count == 0; }
};

// The error: the audit could not be made at all (genesis, unknown verifier, unreadable source).
[[nodiscard]] std::expected<AuditReport, std::string> audit(const state::Genesis& genesis, ChainSource& source,
                                                            const AuditOptions& options);

// The same from a snapshot's state on; the source hands out what follows it (DirectorySourceOptions::behind). What came
// before is believed, as far as the root in a signed header goes.
[[nodiscard]] std::expected<AuditReport, std::string> audit_behind(RestoredState restored, ChainSource& source,
                                                                   const AuditOptions& options);

}  // namespace electra::pipeline
