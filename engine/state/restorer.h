// A machine out of the leaves of a snapshot: it goes on exactly as the one that the leaves were taken from.
//
// The leaves may come in any order, each once. What a leaf says alone is checked when it comes, what leaves say together at
// the end; what is no leaf (indexes, free places, the order of expiry, the serial order, the settling cursor's sums) is made
// anew. Bytes are not trusted: whatever they are, the answer is a machine or one sentence for people, which names table,
// index and what is wrong. That the state is the right one is for its root to say, which the caller compares with a
// header (chain::BlockMaker::restore): these checks keep wrong bytes from doing harm until then.
//
// Costs: some 100 ns a leaf, and the memory of the machine.
#pragma once

#include "engine/state/machine.h"

namespace electra::state {

class Machine::Restorer {
 public:
  // Of the chain of this genesis, with so many leaves in each table.
  [[nodiscard]] static std::expected<Restorer, std::string> create(const Genesis& genesis, RulesRange known,
                                                                   const LeafCounts& counts);
  Restorer(Restorer&&) noexcept;
  Restorer& operator=(Restorer&&) noexcept;
  ~Restorer();

  // `table` may be any number, and `index` and `bytes` anything. After an error nothing more may be loaded.
  [[nodiscard]] std::expected<void, std::string> load(Table table, std::uint32_t index, ByteSpan bytes);

  // Once, after every leaf. key_changes() of the machine are the keys of all holders, and every leaf counts as touched.
  [[nodiscard]] std::expected<std::unique_ptr<Machine>, std::string> finish();

 private:
  struct Work;
  explicit Restorer(std::unique_ptr<Work> work) noexcept;
  std::unique_ptr<Work> work_;
};

}  // namespace electra::state
