// Makes the headers of blocks from batches as they are executed: the same in gateway, auditor, prover and simulator.
//
// A block is the batches since the last one up to a record that says so; its header follows from the journal alone. The
// caller executes a batch and hands it over with its outcomes; after the last one of a block it asks for the header, which
// brings the trees of all touched tables up to date. Single thread. Costs per message: one leaf and about one node of the
// transaction tree (30 ns with AVX-512); per block: the touched leaves and the nodes above them, and some 40 hashes.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/chain/merkle_tree.h"
#include "engine/state/machine.h"
#include "engine/state/tables.h"
#include "meter-proto/chain/block_header.h"

namespace electra::chain {

// No gateway makes a larger block, and no auditor accepts one.
inline constexpr std::uint32_t kBlockMessagesMax = 1U << 20;
inline constexpr std::uint32_t kBlockBatchesMax = 1U << 16;

// The trees over all tables of a machine. Whoever follows a machine clears its touched sets, so there is one per machine.
//
// An update may be made in pieces, while the machine goes on: a leaf that a batch is about to change before its turn came
// is encoded right before that, so the root is that of the moment of begin(). What is encoded waits to be hashed, 25 MiB of
// it at most, so that a batch which changes much pays for the copies only.
class StateTrees final : state::LeafWatcher {
 public:
  // Of a machine of any age whose touched sets name every leaf, as they do after create().
  explicit StateTrees(state::Machine& machine);

  StateTrees(const StateTrees&) = delete;
  StateTrees& operator=(const StateTrees&) = delete;

  // Brings the trees up to the machine's state.
  void update();

  // The same in pieces: begin() between two batches, then step() between any two until it says true. Meanwhile roots and
  // trees say nothing. Hashes about `bytes` of leaves or nodes, at most 64 KiB and a leaf more.
  void begin();
  bool step(std::size_t bytes);  // of leaves and nodes that are hashed
  // About how many bytes step() has to hash in all, from begin() on.
  [[nodiscard]] std::size_t work_bytes() const noexcept { return work_bytes_; }
  [[nodiscard]] bool under_way() const noexcept { return under_way_; }
  [[nodiscard]] Bytes32 root() const noexcept;  // as of the last update()

  using TableRoots = std::array<Bytes32, state::kTables>;
  [[nodiscard]] TableRoots table_roots() const noexcept;
  [[nodiscard]] const MerkleTree& tree(state::Table table) const noexcept {
    return trees_[static_cast<std::size_t>(table)];
  }
  // When every table is full.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  // Leaves that were encoded and are not hashed yet.
  struct Chunk {
    std::vector<std::uint8_t> leaves;   // one after the other
    std::vector<crypto::HashJob> jobs;  // what to do with them; `in` is set at last
  };

  void before_change(state::Table table, std::uint32_t index) noexcept override { (void)encode(table, index); }
  // Returns the leaf's bytes.
  std::size_t encode(state::Table table, std::uint32_t index) noexcept;
  void close_chunk() noexcept;
  void add_chunk();
  // The oldest one that is closed; returns its bytes.
  std::size_t hash_chunk() noexcept;

  state::Machine& machine_;
  std::vector<MerkleTree> trees_;        // one a table
  state::Machine::LeafIndexes indexes_;  // that are touched, by table
  std::vector<Chunk> chunks_;            // a ring; grows up to its bound and stays
  std::size_t first_chunk_ = 0;          // the oldest closed one
  std::size_t closed_chunks_ = 0;        // behind them comes the one that is being filled
  bool under_way_ = false;
  bool leaves_done_ = false;  // nodes are being hashed
  std::size_t table_ = 0;     // where step() goes on
  std::size_t next_ = 0;      // of its indexes
  std::size_t work_bytes_ = 0;
};

class BlockMaker {
 public:
  // Right after Machine::create(). The machine outlives this.
  explicit BlockMaker(state::Machine& machine);

  // For a machine as it is after the last batch of the block with this header (Machine::Restorer makes such). Builds the trees
  // from all leaves and compares everything that the header says about the state: its root, height, epoch, time, counts,
  // validators. The error is one sentence for people. The header itself is the caller's to trust or not.
  [[nodiscard]] static std::expected<std::unique_ptr<BlockMaker>, std::string> restore(
      state::Machine& machine, const proto::BlockHeader& header);

  // After machine.execute() of this very batch.
  void add_batch(const proto::BatchLink& link, std::span<const state::VerifiedMessage> messages,
                 std::span<const state::Outcome> outcomes);

  // After add_batch() of the batch that closes the block.
  [[nodiscard]] proto::BlockHeader close_block();

  // The same in pieces: begin_close() at that place, then step() between any two batches, also of the next block, until it
  // gives the header. The next block cannot be closed before.
  void begin_close();
  [[nodiscard]] std::optional<proto::BlockHeader> step(std::size_t bytes);
  [[nodiscard]] bool closing() const noexcept { return closing_; }
  // About how many bytes step() has to hash for it in all.
  [[nodiscard]] std::size_t closing_bytes() const noexcept { return trees_.work_bytes(); }
  // Of the block that is being closed.
  [[nodiscard]] std::uint32_t closing_messages() const noexcept { return header_.messages; }

  // Of the block under way.
  [[nodiscard]] std::uint32_t open_batches() const noexcept { return open_batches_; }
  [[nodiscard]] std::uint32_t open_messages() const noexcept { return static_cast<std::uint32_t>(frontier_.count()); }

  // Of the last closed block, the one that is being closed included; 0 = none.
  [[nodiscard]] std::uint64_t height() const noexcept { return height_; }
  [[nodiscard]] const Bytes32& last_header_hash() const noexcept { return last_header_hash_; }  // at first the genesis
  [[nodiscard]] const Bytes32& batch_hash() const noexcept { return batch_hash_; }              // likewise

  // For proofs: as of the last closed block, while none is being closed.
  [[nodiscard]] const StateTrees& trees() const noexcept { return trees_; }
  [[nodiscard]] StateTrees& trees() noexcept { return trees_; }

 private:
  BlockMaker(state::Machine& machine, const proto::BlockHeader& last);

  state::Machine& machine_;
  StateTrees trees_;
  MerkleFrontier frontier_;
  std::uint64_t height_ = 0;
  Bytes32 last_header_hash_;
  Bytes32 batch_hash_;
  std::uint32_t open_batches_ = 0;
  proto::BatchLink last_link_;
  bool closing_ = false;
  proto::BlockHeader header_;  // that is being closed; without its state root
  std::vector<std::uint8_t> leaf_bytes_;
  std::vector<Bytes32> leaf_hashes_;
  std::vector<crypto::HashJob> jobs_;
};

// Over the public keys and powers of those who sign headers; now the gateway alone, with power 1.
[[nodiscard]] Bytes32 validator_set_hash(const state::Machine& machine);

// The gateway's key as the state has it.
[[nodiscard]] Bytes32 gateway_key(const state::Machine& machine);

}  // namespace electra::chain
