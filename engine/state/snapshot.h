// A snapshot: all leaves as they are at one moment, given out piece by piece while the machine runs on.
//
// No second copy of the state: a cursor walks tables and indexes in order, and a leaf that a batch is about to change before
// the cursor has come there is given out right before that change (TouchedSet::mark). So every leaf comes exactly once,
// with the bytes of the moment of begin(), in an order that says nothing. Leaves that were added later are not part of it.
// The leaves of the tables that change with every batch (chain, settlement) come at once.
//
// Nothing is allocated between begin() and the end, beyond what the sink does; one bit a leaf says what is out already.
// Costs: nothing while none is under way; then some 10 ns a mark of a leaf that is not out yet, and one encoding a leaf.
#pragma once

#include <array>
#include <vector>

#include "engine/state/tables.h"
#include "engine/state/touched_set.h"
#include "meter-proto/base/bytes.h"

namespace electra::state {

class Machine;

// Takes the leaves of a snapshot, also in the middle of Machine::execute(). Must not call the machine.
class LeafSink {
 public:
  // The bytes are valid during the call. A batch brings at most what it changes for the first time: of a message the
  // sender's window (1552 bytes) and the accounts, pending transfers or meter that it names; of a visit of the settling
  // cursor a meter, its lines and three accounts.
  virtual void leaf(Table table, std::uint32_t index, ByteSpan bytes) noexcept = 0;

 protected:
  ~LeafSink() = default;
};

// Walks one machine's tables. Internal to engine/state; Machine::begin_snapshot() and its sisters are the way to it.
class SnapshotCursor final : public LeafWatcher {
 public:
  // By table; null where the table's leaf changes with every batch.
  using Sets = std::array<TouchedSet*, kTables>;

  // `leaf_bytes_max`: of any leaf. The sets outlive this.
  SnapshotCursor(const Sets& sets, std::size_t leaf_bytes_max);

  // None may be under way.
  void begin(const Machine& machine, LeafSink& sink);
  // Gives out leaves until they make `bytes_max` bytes or more. False: that was all, and the snapshot has ended.
  bool step(std::size_t bytes_max);
  // Ends it, whole or not.
  void stop() noexcept;

  [[nodiscard]] bool under_way() const noexcept { return sink_ != nullptr; }
  // Of the snapshot begun last.
  [[nodiscard]] const LeafCounts& leaf_counts() const noexcept { return counts_; }

  [[nodiscard]] static std::size_t memory_bytes(const Sets& sets, std::size_t leaf_bytes_max) noexcept;

 private:
  void before_change(Table table, std::uint32_t index) noexcept override;
  std::size_t give(std::size_t table, std::uint32_t index) noexcept;
  // From at_ on, the first leaf of the current table that is not out; its count if there is none.
  [[nodiscard]] std::uint32_t next_inside() const noexcept;

  Sets sets_;
  std::array<std::vector<std::uint64_t>, kTables>
      out_;                         // bit i of word w: leaf 64 w + i was given out before its change
  std::vector<std::uint8_t> leaf_;  // being encoded
  const Machine* machine_ = nullptr;
  LeafSink* sink_ = nullptr;  // null: none is under way
  LeafCounts counts_{};
  std::size_t table_ = 0;  // where the cursor is: leaves before (table_, at_) are out
  std::uint32_t at_ = 0;
};

}  // namespace electra::state
