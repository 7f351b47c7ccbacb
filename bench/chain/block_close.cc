// A block of one message in a small grid: a reading, its leaf, and the header with both roots.
#include <fmt/core.h>

#include <algorithm>

#include "bench/chain/cases.h"
#include "bench/chain/slow_root.h"
#include "bench/common/measure.h"
#include "crypto-offload/software_signer.h"
#include "engine/chain/block_maker.h"
#include "io/journal/record_format.h"
#include "io/loop.h"
#include "meter-proto/base/sha256.h"
#include "meter-proto/chain/merkle_path.h"
#include "meter-proto/encode.h"

namespace electra::bench {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kGenesisS = 1'451'865'600;
constexpr std::uint64_t kIntervalS = 900;
constexpr std::uint32_t kMeters = 10;

state::Genesis small_grid() {
  state::Genesis genesis;
  genesis.chain_id = "electra-bench-small";
  genesis.time_ns = kGenesisS * kSecondNs;
  for (std::uint32_t i = 0; i <= kMeters; ++i) {
    state::GenesisHolder holder;
    holder.serial = std::string("M").append(std::to_string(i));
    holder.public_key = crypto::SoftwareSigner(sha256(holder.serial)).public_key();
    holder.roles = state::kRoleMeter | (i == 0 ? state::kRoleGateway : state::kRoleOwner);
    holder.phases = 1;
    holder.balance = 1'000'000'000;
    genesis.holders.push_back(holder);
  }
  return genesis;
}

class SmallGrid {
 public:
  std::string open() {
    auto machine = state::Machine::create(small_grid());
    if (!machine) return machine.error();
    machine_ = std::move(*machine);
    maker_.emplace(*machine_);
    return {};
  }

  // The next meter's reading and the end of its block. Nanoseconds of the block's part, or an error.
  std::expected<double, std::string> block() {
    const std::uint64_t row = blocks_ / kMeters;
    const auto slot = static_cast<state::Slot>(2 + blocks_ % kMeters);
    const std::uint64_t boundary_s = kGenesisS + row * kIntervalS;
    strict::PayloadView payload;
    strict::Reading& reading = payload.operation.emplace<strict::Reading>();
    reading.time = boundary_s;
    reading.count = 1;
    reading.items[0] = {.phase = 1, .whin = row * 100, .mvolt = 230'000, .mhertz = 50'000, .mpf = 958};
    std::array<std::uint8_t, proto::kClientBufferBytes> bytes;
    state::VerifiedMessage message;
    message.slot = message.envelope.slot = slot;
    message.envelope.key_generation = 1;
    message.envelope.sequence = row + 1;
    message.envelope.payload = ByteSpan(bytes).first(proto::encode_payload(payload, bytes));
    message.id = sha256(message.envelope.payload);
    state::Outcome outcome;
    const proto::BatchLink link{.number = machine_->batch_number() + 1,
                                .time_ns = std::max(boundary_s * kSecondNs, machine_->time_ns()) + 1,
                                .rules_version = machine_->rules_version(),
                                .flags = io::kRecordBlockClose,
                                .count = 1};
    machine_->execute({.number = link.number, .time_ns = link.time_ns, .closes_block = true, .messages = {&message, 1}},
                      {&outcome, 1});
    if (outcome.result != Result::ok)
      return std::unexpected("a reading got " + std::string(result_name(outcome.result)));

    const std::uint64_t begin = io::monotonic_ns();
    maker_->add_batch(link, {&message, 1}, {&outcome, 1});
    const proto::BlockHeader header = maker_->close_block();
    const auto ns = static_cast<double>(io::monotonic_ns() - begin);
    ++blocks_;
    const auto leaf = proto::transaction_leaf(message.id, static_cast<std::uint16_t>(outcome.result), false);
    if (header.height != blocks_ || header.messages != 1 || header.transaction_root != proto::leaf_hash(leaf)) {
      return std::unexpected("the block is not the one of this message");
    }
    if (blocks_ % kRootsChecked == 0 && header.state_root != slow_state_root(*machine_)) {
      return std::unexpected("the state root is not the one that the leaves have");
    }
    return ns;
  }

 private:
  static constexpr std::uint64_t kRootsChecked = 100;  // one block in so many

  std::unique_ptr<state::Machine> machine_;
  std::optional<chain::BlockMaker> maker_;
  std::uint64_t blocks_ = 0;
};

// What signing and checking such a block's message costs anyway: one signature of the verifier, nanoseconds.
std::expected<double, std::string> one_signature(const crypto::Verifier& verifier, std::uint32_t count) {
  const crypto::SoftwareSigner signer(sha256(std::string_view("M1")));
  const Bytes32 genesis_hash{};
  const Bytes16 tag = proto::signing_tag(proto::SignatureKind::message, genesis_hash);
  const std::array<std::uint8_t, 40> payload{};
  const auto signature = signer.sign(proto::SignatureKind::message, genesis_hash, 1, payload);
  if (!signature) return std::unexpected("the signer does not sign");
  const crypto::VerifyItem item{.public_key = signer.public_key().data(),
                                .signature = *signature,
                                .tag = &tag,
                                .sequence = 1,
                                .payload = payload};
  crypto::VerifyOutcome outcome;
  const std::uint64_t begin = io::monotonic_ns();
  for (std::uint32_t i = 0; i < count; ++i) {
    verifier.verify({&item, 1}, {&outcome, 1});
    if (!outcome.valid) return std::unexpected("the verifier refuses a good signature");
  }
  return static_cast<double>(io::monotonic_ns() - begin) / count;
}

}  // namespace

Outcome block_close(const CaseOptions& options) {
  const std::uint32_t blocks = options.quick ? 1000 : 10'000;
  const auto verifier = crypto::make_verifier("auto");
  if (!verifier) return std::unexpected(verifier.error());
  SmallGrid grid;
  if (std::string error = grid.open(); !error.empty()) return std::unexpected(error);
  std::vector<double> medians;
  std::vector<double> p99s;
  std::vector<double> ratios;
  for (std::uint32_t run = 0; run < options.runs; ++run) {
    std::vector<double> ns;
    for (std::uint32_t i = 0; i < blocks; ++i) {
      const auto block = grid.block();
      if (!block) return std::unexpected(block.error());
      ns.push_back(*block);
    }
    const auto signature = one_signature(**verifier, blocks / 10);
    if (!signature) return std::unexpected(signature.error());
    std::ranges::sort(ns);
    medians.push_back(median(ns));
    p99s.push_back(ns[ns.size() * 99 / 100]);
    ratios.push_back(*signature / medians.back());
  }
  const double close_us = median(medians) / 1000;
  return CaseResult{
      .name = "block_close",
      .per_second = 1e6 / close_us,
      .unit = "blocks",
      .ratio = median(ratios),
      .against = "verifying one signature",
      .bar = {},
      .figures = fmt::format("{:.1f} us (p99 {:.1f}) to end a block of one reading, {} meters", close_us,
                             median(p99s) / 1000, kMeters + 1),
      .more = {{"microseconds", close_us}, {"p99_microseconds", median(p99s) / 1000}, {"spread", spread(medians)}}};
}

}  // namespace electra::bench
