// The transaction tree of one full block: BlockMaker beside OpenSSL, block by block in turns.
#include <fmt/core.h>
#include <openssl/sha.h>

#include <bit>

#include "bench/chain/cases.h"
#include "bench/common/measure.h"
#include "engine/chain/block_maker.h"
#include "engine/pipeline/cpu_time.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/base/sha256.h"
#include "meter-proto/chain/merkle_path.h"
#include "meter-proto/chain/tagged_hash.h"

// Deprecated since OpenSSL 3 in favour of EVP, which costs more for short messages: the peer is the faster one.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace electra::bench {
namespace {

constexpr std::size_t kBatchLeaves = 8192;
constexpr std::size_t kTagBytes = 64;

// The context after the tag's block, copied for every hash: no hash pays for the tag.
class ContextHash {
 public:
  explicit ContextHash(std::string_view tag) {
    const Bytes32 tag_hash = sha256(tag);
    SHA256_Init(&after_tag_);
    for (int i = 0; i < 2; ++i) SHA256_Update(&after_tag_, tag_hash.data(), tag_hash.size());
  }
  void operator()(const std::uint8_t* in, std::size_t bytes, std::uint8_t* out) {
    SHA256_CTX context = after_tag_;
    SHA256_Update(&context, in, bytes);
    SHA256_Final(out, &context);
  }

 private:
  SHA256_CTX after_tag_;
};

// SHA256() wants one piece, the tag in front.
class OneShotHash {
 public:
  explicit OneShotHash(std::string_view tag) {
    const Bytes32 tag_hash = sha256(tag);
    for (std::size_t i = 0; i < 2; ++i) std::ranges::copy(tag_hash, piece_.begin() + static_cast<int>(32 * i));
  }
  void operator()(const std::uint8_t* in, std::size_t bytes, std::uint8_t* out) {
    std::copy_n(in, bytes, piece_.begin() + kTagBytes);
    SHA256(piece_.data(), kTagBytes + bytes, out);
  }

 private:
  std::array<std::uint8_t, kTagBytes + 64> piece_{};
};

// The same tree, one hash after the other: a leaf, then every node that it completes.
template <typename Hash>
class PlainTree {
 public:
  void add(std::span<const state::VerifiedMessage> messages, std::span<const state::Outcome> outcomes) {
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const auto leaf =
          proto::transaction_leaf(messages[i].id, static_cast<std::uint16_t>(outcomes[i].result), outcomes[i].repeated);
      // left ‖ right: what waits on a level, and what arrives there.
      Bytes32 arriving;
      leaf_hash_(leaf.data(), leaf.size(), arriving.data());
      std::size_t level = 0;
      for (; (count_ >> level & 1) != 0; ++level) {
        std::ranges::copy(arriving, pairs_[level].begin() + 32);
        node_hash_(pairs_[level].data(), 64, arriving.data());
      }
      std::ranges::copy(arriving, pairs_[level].begin());
      ++count_;
    }
  }
  // Of a number of leaves that is a power of two.
  [[nodiscard]] Bytes32 root() const {
    ELECTRA_ASSERT(std::has_single_bit(count_));
    Bytes32 root;
    std::copy_n(pairs_[static_cast<std::size_t>(std::countr_zero(count_))].begin(), root.size(), root.begin());
    return root;
  }

 private:
  Hash leaf_hash_{proto::kLeafTag};
  Hash node_hash_{proto::kNodeTag};
  std::array<std::array<std::uint8_t, 64>, 33> pairs_{};
  std::uint64_t count_ = 0;
};

// Of one block, summed over its batches.
struct Times {
  double ours_ns = 0;
  double context_ns = 0;
  double one_shot_ns = 0;
};

// CPU time: none of them ever waits, and others that share the machine do not count.
template <typename F>
void add_time(double& total_ns, F&& work) {
  const std::uint64_t begin = pipeline::thread_cpu_ns();
  work();
  total_ns += static_cast<double>(pipeline::thread_cpu_ns() - begin);
}

state::Genesis genesis_of_one() {
  state::Genesis genesis;
  genesis.chain_id = "electra-bench-tree";
  genesis.limits.holders_max = 16;
  genesis.limits.accounts_max = 64;
  genesis.limits.pending_transfers_max = 16;
  state::GenesisHolder gateway;
  gateway.serial = "GRID";
  gateway.roles = state::kRoleGateway | state::kRoleMeter;
  gateway.phases = 1;
  genesis.holders.push_back(gateway);
  return genesis;
}

// Makes block after block with one BlockMaker, as a gateway does: only its first block pays for new memory. The machine
// executes empty batches meanwhile: what is measured does not ask what the messages did.
class Blocks {
 public:
  std::string open() {
    auto machine = state::Machine::create(genesis_of_one());
    if (!machine) return machine.error();
    machine_ = std::move(*machine);
    maker_.emplace(*machine_);
    return {};
  }

  // One block of the same messages in each of the three ways; `first` begins.
  std::expected<Times, std::string> next(std::size_t batches, std::size_t first) {
    PlainTree<ContextHash> context;
    PlainTree<OneShotHash> one_shot;
    proto::BlockHeader header;
    Times times;
    for (std::size_t turn = 0; turn < 3; ++turn) {
      id_ = sha256(std::string_view("the first message"));
      switch ((first + turn) % 3) {
        case 0:  header = make_block(batches, times.ours_ns); break;
        case 1:  make_tree(context, batches, times.context_ns); break;
        default: make_tree(one_shot, batches, times.one_shot_ns);
      }
    }
    if (header.messages != batches * kBatchLeaves || header.transaction_root != context.root() ||
        header.transaction_root != one_shot.root()) {
      return std::unexpected("OpenSSL makes another transaction root");
    }
    return times;
  }

 private:
  proto::BlockHeader make_block(std::size_t batches, double& total_ns) {
    for (std::size_t batch = 1; batch <= batches; ++batch) {
      const proto::BatchLink link{.number = machine_->batch_number() + 1,
                                  .time_ns = machine_->time_ns() + 1,
                                  .rules_version = machine_->rules_version(),
                                  .flags = 0,
                                  .count = kBatchLeaves};
      machine_->execute(
          {.number = link.number, .time_ns = link.time_ns, .closes_block = batch == batches, .messages = {}}, {});
      next_messages();
      add_time(total_ns, [&] { maker_->add_batch(link, messages_, outcomes_); });
    }
    return maker_->close_block();
  }

  template <typename Tree>
  void make_tree(Tree& tree, std::size_t batches, double& total_ns) {
    for (std::size_t batch = 1; batch <= batches; ++batch) {
      next_messages();
      add_time(total_ns, [&] { tree.add(messages_, outcomes_); });
    }
  }

  // Of the next batch. As after execution, they are in the cache as far as they fit.
  void next_messages() {
    for (std::size_t i = 0; i < kBatchLeaves; ++i) {
      store_le64(id_.data(), load_le64(id_.data()) * 6364136223846793005U + 1442695040888963407U);
      messages_[i].id = id_;
      outcomes_[i].result = i % 16 == 0 ? Result::exceeds_credits : Result::ok;
      outcomes_[i].repeated = i % 64 == 0;
    }
  }

  std::unique_ptr<state::Machine> machine_;
  std::optional<chain::BlockMaker> maker_;
  std::vector<state::VerifiedMessage> messages_{kBatchLeaves};
  std::vector<state::Outcome> outcomes_{kBatchLeaves};
  Bytes32 id_{};
};

}  // namespace

Outcome tx_tree(const CaseOptions& options) {
  const std::size_t batches = options.quick ? 16 : chain::kBlockMessagesMax / kBatchLeaves;
  const auto leaves = static_cast<double>(batches * kBatchLeaves);
  std::vector<double> rates;
  std::vector<double> ratios;
  std::vector<double> one_shot_ratios;
  std::vector<double> context_ns;
  Blocks blocks;
  if (std::string error = blocks.open(); !error.empty()) return std::unexpected(error);
  for (std::uint32_t run = 0; run <= options.runs; ++run) {
    const auto times = blocks.next(batches, run % 3);
    if (!times) return std::unexpected(times.error());
    if (run == 0) continue;  // memory was touched for the first time
    rates.push_back(leaves * 1e9 / times->ours_ns);
    ratios.push_back(times->context_ns / times->ours_ns);
    one_shot_ratios.push_back(times->one_shot_ns / times->ours_ns);
    context_ns.push_back(times->context_ns / leaves);
  }
  return CaseResult{
      .name = "tx_tree",
      .per_second = median(rates),
      .unit = "leaves",
      .ratio = median(ratios),
      .against = "OpenSSL, a hash at a time",
      .bar = 4.0,
      .figures = fmt::format("{:.1f} ns a leaf with its node, OpenSSL {:.1f}; {:.1f} times its one-shot SHA256(); {}",
                             1e9 / median(rates), median(context_ns), median(one_shot_ratios), crypto::hash_backend()),
      .more = {{"leaves", batches * kBatchLeaves},
               {"batch_leaves", kBatchLeaves},
               {"spread", spread(rates)},
               {"ns_per_leaf", 1e9 / median(rates)},
               {"openssl_ns_per_leaf", median(context_ns)},
               {"ratio_one_shot", median(one_shot_ratios)}}};
}

}  // namespace electra::bench
