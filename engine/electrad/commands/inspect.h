// The parts of `electrad inspect`, one source file a topic. All only read: they may run while a gateway serves, and they go
// on behind damage, which they tell in its place and with exit code 7.
#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/electrad/commands/commands.h"
#include "engine/electrad/output.h"
#include "io/journal/journal_walk.h"

namespace electra::app {

struct InspectOptions {
  std::string journal;     // directory; empty = the home's
  std::uint64_t from = 1;  // first batch or height to list
  std::uint64_t limit = 0;
  std::uint64_t batch = 0;   // of `record`
  std::uint64_t height = 0;  // of `block`; 0 = list
  std::uint32_t account = 0;
  std::string meter;
  std::optional<std::uint64_t> at_batch;  // of the state; none = as far as the journal goes
  std::optional<std::uint64_t> at_height;
};

using Outcome = std::expected<void, Failure>;

[[nodiscard]] Outcome inspect_journal(const Context& context, const InspectOptions& options);
[[nodiscard]] Outcome inspect_record(const Context& context, const InspectOptions& options);
[[nodiscard]] Outcome inspect_blocks(const Context& context, const InspectOptions& options);
[[nodiscard]] Outcome inspect_block(const Context& context, const InspectOptions& options);
[[nodiscard]] Outcome inspect_account(const Context& context, const InspectOptions& options);
[[nodiscard]] Outcome inspect_meter(const Context& context, const InspectOptions& options);
[[nodiscard]] Outcome inspect_snapshots(const Context& context);

// --- shared ---

// The journal to look into; a failure if there is none.
[[nodiscard]] std::expected<std::filesystem::path, Failure> inspected_journal(const Context& context,
                                                                              const InspectOptions& options);

// What names the home's chain; nothing without a readable genesis, or when the journal is not the home's.
[[nodiscard]] std::optional<Bytes32> inspected_genesis(const Context& context, const InspectOptions& options);

// With the tail of a crashed or running gateway allowed, and a beginning that was dropped or archived if a snapshot beside the
// journal stands in for it.
[[nodiscard]] std::expected<io::WalkEnd, io::RecoveryError> walk_for_inspection(const std::filesystem::path& directory,
                                                                                const std::optional<Bytes32>& genesis,
                                                                                io::WalkVisitor& visitor);

// The failure that damage ends with: how much, and the first place.
[[nodiscard]] Failure damage_failure(std::uint64_t faults, const std::string& first);

}  // namespace electra::app
