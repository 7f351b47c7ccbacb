#include "engine/pipeline/named_execution.h"

#include <algorithm>
#include <cstdio>
#include <limits>

#include "meter-proto/base/assertion_witness.h"

namespace electra::pipeline {
namespace {

// No batch has this number, so no outcome of a machine has it.
constexpr std::uint64_t kMissing = std::numeric_limits<std::uint64_t>::max();

class Witness final : public AssertionWitness {
 public:
  Witness(const state::BatchInput& batch, std::span<const state::Outcome> outcomes,
          std::optional<std::uint64_t> acknowledged, const std::filesystem::path& note_file) noexcept
      : batch_(batch), outcomes_(outcomes), acknowledged_(acknowledged), note_file_(note_file) {}

  void testify() const noexcept override {
    TripNote note{.batch = batch_.number,
                  .message = 0,
                  .messages = static_cast<std::uint32_t>(batch_.messages.size()),
                  .slot = 0,
                  .sequence = 0,
                  .id = {},
                  .acknowledged = acknowledged_};
    const auto missing = std::ranges::find(outcomes_, kMissing, &state::Outcome::batch);
    if (missing != outcomes_.end()) {
      const auto index = static_cast<std::size_t>(missing - outcomes_.begin());
      const state::VerifiedMessage& message = batch_.messages[index];
      note.message = static_cast<std::uint32_t>(index + 1);
      note.slot = message.slot;
      note.sequence = message.envelope.sequence;
      note.id = message.id;
    }
    std::fprintf(stderr, "electra: execution stopped %s\n", note.text().c_str());
    // What a replay does not know, the first failure may have told.
    const auto before = read_trip_note(note_file_);
    if (!note.acknowledged && before && before->batch == note.batch) return;
    write_trip_note(note, note_file_);
  }

 private:
  const state::BatchInput& batch_;
  std::span<const state::Outcome> outcomes_;
  std::optional<std::uint64_t> acknowledged_;
  const std::filesystem::path& note_file_;
};

}  // namespace

void NamedExecution::run(state::Machine& machine, const state::BatchInput& batch, std::span<state::Outcome> outcomes,
                         std::optional<std::uint64_t> acknowledged) const {
  for (state::Outcome& outcome : outcomes) outcome.batch = kMissing;
  const Witness witness(batch, outcomes, acknowledged, note_file_);
  if (other_) {
    other_(machine, batch, outcomes);
  } else {
    machine.execute(batch, outcomes);
  }
}

}  // namespace electra::pipeline
