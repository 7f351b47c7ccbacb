#include "bench/chain/slow_root.h"

#include <array>
#include <bit>

#include "meter-proto/chain/merkle_path.h"

namespace electra::bench {
namespace {

// RFC 6962, section 2.1: the left part holds the largest power of two of leaves below n.
Bytes32 root_of(std::span<const Bytes32> leaves) {
  if (leaves.empty()) return {};
  if (leaves.size() == 1) return leaves.front();
  const std::size_t left = std::bit_floor(leaves.size() - 1);
  return proto::node_hash(root_of(leaves.first(left)), root_of(leaves.subspan(left)));
}

}  // namespace

Bytes32 slow_state_root(const state::Machine& machine) {
  std::array<Bytes32, state::kTables> roots;
  std::vector<std::uint8_t> leaf;
  for (std::size_t number = 0; number < state::kTables; ++number) {
    const auto table = static_cast<state::Table>(number);
    std::vector<Bytes32> hashes(machine.leaf_count(table));
    for (std::uint32_t index = 0; index < hashes.size(); ++index) {
      leaf.clear();
      machine.append_leaf(table, index, leaf);
      hashes[index] = proto::leaf_hash(leaf);
    }
    roots[number] = proto::table_root(static_cast<std::uint8_t>(number), hashes.size(), root_of(hashes));
  }
  return proto::state_root(roots);
}

}  // namespace electra::bench
