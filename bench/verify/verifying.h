// Verifiers with the tables they shall have, and their batches as contestants.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "bench/verify/contestant.h"
#include "crypto-offload/verifier.h"

namespace electra::bench {

struct TablesWanted {
  std::string backend = "auto";
  std::uint32_t table_kib = 0;  // 0: the largest for which the budget has room
  std::uint64_t budget_bytes = 0;
};

// A verifier that learned the keys of a workload.
struct ReadyVerifier {
  std::unique_ptr<crypto::Verifier> verifier;
  crypto::TableStatus tables;
  double seconds = 0;  // from the first learn until all tables were there
};

// The memory that tables of this size take for `keys` keys, with room for what the verifier needs around them.
[[nodiscard]] std::uint64_t budget_for(std::uint32_t keys, std::uint32_t table_kib) noexcept;

// Key number i + 1 for key i. An error if a size was demanded and not every key got such a table, but for a backend
// that has no tables.
[[nodiscard]] std::expected<ReadyVerifier, std::string> learn_all(const Workload& workload, const TablesWanted& wanted);
// Without tables.
[[nodiscard]] std::expected<ReadyVerifier, std::string> learn_nothing(const std::string& backend);

// Batches of this size; verdicts and message ids are checked. `known`: with the numbers under which keys were learned.
[[nodiscard]] std::unique_ptr<Contestant> verify_batches(const Workload& workload, const crypto::Verifier& verifier,
                                                         std::size_t batch, bool known);
// The same by two threads at once, each with batches of its own. An operation counts once.
[[nodiscard]] std::unique_ptr<Contestant> verify_batches_on_two_cores(const Workload& workload,
                                                                      const crypto::Verifier& verifier,
                                                                      std::size_t batch);

}  // namespace electra::bench
