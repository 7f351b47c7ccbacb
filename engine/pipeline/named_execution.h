// Executes batches so that a bug can be laid at a message: if an assertion fails meanwhile, the process says on stderr which
// message of which batch it was executing, and leaves a note of it (trip_note.h), before it aborts.
//
// Which message it was is read off the outcomes: they are marked as missing before, and the machine fills them in order.
// That is a store a message, and nothing else happens until something fails. io thread only.
#pragma once

#include <filesystem>
#include <functional>
#include <span>

#include "engine/pipeline/trip_note.h"
#include "engine/state/machine.h"

namespace electra::pipeline {

using Execution = std::function<void(state::Machine&, const state::BatchInput&, std::span<state::Outcome>)>;

class NamedExecution {
 public:
  // other: instead of Machine::execute().
  explicit NamedExecution(std::filesystem::path note_file, Execution other = {})
      : note_file_(std::move(note_file)), other_(std::move(other)) {}

  // Of a batch whose receipts wait for it.
  void execute(state::Machine& machine, const state::BatchInput& batch, std::span<state::Outcome> outcomes) const {
    run(machine, batch, outcomes, acknowledged_);
  }
  // Of a record of the journal: whether its receipts had left is not known.
  void replay(state::Machine& machine, const state::BatchInput& batch, std::span<state::Outcome> outcomes) const {
    run(machine, batch, outcomes, {});
  }

  // Receipts of batches up to this one may leave from now on.
  void acknowledged(std::uint64_t batch) noexcept { acknowledged_ = batch; }

 private:
  void run(state::Machine& machine, const state::BatchInput& batch, std::span<state::Outcome> outcomes,
           std::optional<std::uint64_t> acknowledged) const;

  std::filesystem::path note_file_;
  Execution other_;
  std::uint64_t acknowledged_ = 0;
};

}  // namespace electra::pipeline
