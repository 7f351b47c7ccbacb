// Paths and roots against the recursive definition of RFC 6962, and the tagged hashes against their definition.
#include "meter-proto/chain/merkle_path.h"

#include <gtest/gtest.h>

#include "meter-proto/chain/tagged_hash.h"
#include "tests/meter-proto/proof_support.h"

namespace electra {
namespace {

std::vector<Bytes32> some_leaves(std::size_t count) {
  std::vector<Bytes32> leaves;
  for (std::size_t index = 0; index < count; ++index) leaves.push_back(sha256("leaf " + std::to_string(index)));
  return leaves;
}

TEST(MerklePath, LeadsToTheRootInTreesOfEverySize) {
  for (std::size_t count = 1; count <= 70; ++count) {
    const auto leaves = some_leaves(count);
    const Bytes32 root = test::reference_root(leaves);
    for (std::size_t index = 0; index < count; ++index) {
      const auto path = test::reference_path(index, leaves);
      EXPECT_EQ(proto::merkle_path_length(index, count), path.size()) << index << " of " << count;
      EXPECT_EQ(proto::root_of_path(leaves[index], index, count, path), root) << index << " of " << count;
    }
  }
}

TEST(MerklePath, LeadsToTheRootInLargeTrees) {
  for (const std::size_t count : {1000u, 1023u, 1024u, 1025u, 4097u, 65537u}) {
    const auto leaves = some_leaves(count);
    const Bytes32 root = test::reference_root(leaves);
    for (const std::size_t index : {std::size_t{0}, std::size_t{1}, count / 3, count / 2, count - 2, count - 1}) {
      EXPECT_EQ(proto::root_of_path(leaves[index], index, count, test::reference_path(index, leaves)), root)
          << index << " of " << count;
    }
  }
}

TEST(MerklePath, OfOnePlaceIsNoPathOfAnother) {
  for (std::size_t count = 1; count <= 20; ++count) {
    const auto leaves = some_leaves(count);
    const Bytes32 root = test::reference_root(leaves);
    for (std::size_t index = 0; index < count; ++index) {
      const auto path = test::reference_path(index, leaves);
      for (std::size_t other = 0; other < count + 3; ++other) {
        if (other != index) {
          EXPECT_NE(proto::root_of_path(leaves[index], other, count, path), root);
        }
      }
      auto longer = path;
      longer.push_back(root);
      EXPECT_FALSE(proto::root_of_path(leaves[index], index, count, longer));
      if (!path.empty()) {
        EXPECT_FALSE(proto::root_of_path(leaves[index], index, count, std::span(path).first(path.size() - 1)));
      }
    }
    EXPECT_FALSE(proto::root_of_path(root, count, count, {}));
  }
  EXPECT_FALSE(proto::root_of_path(Bytes32{}, 0, 0, {}));
}

TEST(MerklePath, LengthAtTheEdges) {
  struct Case {
    std::uint64_t index, count;
    std::size_t length;
  };
  for (const Case& c :
       {Case{0, 1, 0}, Case{0, 2, 1}, Case{2, 3, 1}, Case{0, 3, 2}, Case{4, 5, 1}, Case{6, 7, 2},
        Case{0, std::uint64_t{1} << 32, 32}, Case{(std::uint64_t{1} << 32) - 1, std::uint64_t{1} << 32, 32},
        Case{std::uint64_t{1} << 31, (std::uint64_t{1} << 31) + 1, 1}}) {
    EXPECT_EQ(proto::merkle_path_length(c.index, c.count), c.length) << c.index << " of " << c.count;
  }
}

TEST(TaggedHash, IsSha256WithTheTagTwiceInFront) {
  const test::Bytes message = {1, 2, 3};
  EXPECT_EQ(proto::tagged_hash("electra/leaf/1", message), test::reference_tagged_hash("electra/leaf/1", message));
  EXPECT_EQ(proto::leaf_hash(message), test::reference_tagged_hash("electra/leaf/1", message));
  const Bytes32 left = sha256("left");
  const Bytes32 right = sha256("right");
  EXPECT_EQ(proto::node_hash(left, right), test::reference_node(left, right));
  // Two leaves' hashes in one leaf are not the node above them.
  test::Bytes both(left.begin(), left.end());
  both.insert(both.end(), right.begin(), right.end());
  EXPECT_NE(proto::leaf_hash(both), proto::node_hash(left, right));
}

TEST(StateRoot, BindsTableNumberCountAndOrder) {
  const Bytes32 tree = sha256("tree");
  const test::ReferenceTable empty{.table = 4, .leaves = {}};
  EXPECT_EQ(proto::table_root(4, 0, Bytes32{}), empty.root());
  EXPECT_NE(proto::table_root(3, 5, tree), proto::table_root(4, 5, tree));
  EXPECT_NE(proto::table_root(3, 5, tree), proto::table_root(3, 6, tree));
  const std::vector<Bytes32> roots = {sha256("a"), sha256("b")};
  const std::vector<Bytes32> swapped = {roots[1], roots[0]};
  test::Bytes bytes(roots[0].begin(), roots[0].end());
  bytes.insert(bytes.end(), roots[1].begin(), roots[1].end());
  EXPECT_EQ(proto::state_root(roots), test::reference_tagged_hash("electra/state/1", bytes));
  EXPECT_NE(proto::state_root(roots), proto::state_root(swapped));
}

TEST(TransactionLeaf, IsIdResultAndFlag) {
  const Bytes32 id = test::counting_bytes(0x10);
  const auto leaf = proto::transaction_leaf(id, 0x1234, true);
  EXPECT_EQ(to_hex(leaf), to_hex(id) + "341201");
  EXPECT_EQ(to_hex(proto::transaction_leaf(id, 0, false)), to_hex(id) + "000000");
}

}  // namespace
}  // namespace electra
