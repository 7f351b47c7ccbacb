// What the end-to-end benchmark sends: a chain with many funded senders, and their messages signed in advance.
//
// A function of its options: two processes that make it agree on every byte. Signing is done before the clock runs, so
// that the figure is the gateway's. Sender i sends on connection i mod connections; a connection's senders take turns, so
// that neighbours in a batch have different keys and accounts, as in a grid and unlike in a benchmark that wants to please
// the caches. Every message but the forged ones is due to be executed with result ok, and the balances afterwards follow
// from the model (model.h): a run that ends otherwise is no result.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/e2e/frames.h"
#include "bench/e2e/model.h"
#include "bench/e2e/picks.h"
#include "crypto-offload/signer.h"
#include "engine/state/types.h"
#include "meter-proto/base/bytes.h"
#include "meter-proto/client/message.h"

namespace electra::bench {

enum class Load : std::uint8_t { transfers, readings, mix };
[[nodiscard]] std::string_view load_name(Load load) noexcept;

struct ScenarioOptions {
  Load load = Load::transfers;
  Skew skew = Skew::uniform;           // of the accounts that receive
  std::uint32_t senders = 1000;        // keys
  std::uint32_t connections = 8;       // at most senders
  std::uint32_t accounts = 0;          // that transfers move between, at least senders; 0: a wallet each and no more
  std::uint64_t messages = 100'000;    // rounded up to a multiple of senders
  std::uint32_t forged_per_mille = 0;  // signed with another sender's key
  std::uint64_t seed = 1;
  bool operator==(const ScenarioOptions&) const = default;
};

// Frames, and which of them a receipt's slot and sequence mean: sender i of stream i mod streams has the positions
// i / streams + n · (senders of the stream), n = 0, 1, …, with sequence first_sequence + n.
struct Traffic {
  FrameStore frames;
  std::uint32_t senders = 0;
  state::Slot first_slot = 0;  // of sender 0; the others follow
  std::uint64_t first_sequence = 1;

  [[nodiscard]] std::uint32_t senders_of(std::uint32_t stream) const noexcept {
    return (senders - stream + frames.streams() - 1) / frames.streams();
  }
};

class Scenario {
 public:
  // gateway, operator, then senders.
  static constexpr state::Slot kGatewaySlot = 1;
  static constexpr state::Slot kOperatorSlot = 2;
  static constexpr state::Slot kFirstSender = 3;

  [[nodiscard]] static std::expected<std::unique_ptr<Scenario>, std::string> make(const ScenarioOptions& options,
                                                                                  const Progress& progress = {});

  // Of the holders, in the order of their slots: what another process needs beside the options to make the genesis
  // without deriving keys.
  [[nodiscard]] const std::vector<Bytes32>& public_keys() const noexcept { return public_keys_; }
  [[nodiscard]] static state::Genesis genesis_of(const ScenarioOptions& options,
                                                 const std::vector<Bytes32>& public_keys);
  // Of block headers.
  [[nodiscard]] static std::shared_ptr<const crypto::Signer> gateway_signer();
  // The time to which the operator ticks: every message is in order then.
  [[nodiscard]] static std::uint64_t time_ns() noexcept;

  [[nodiscard]] const ScenarioOptions& options() const noexcept { return options_; }
  [[nodiscard]] const state::Genesis& genesis() const noexcept { return genesis_; }
  [[nodiscard]] client::SignFunction signer(std::uint32_t sender) const;
  [[nodiscard]] client::SignFunction operator_signer() const;

  // Before the clock runs, if there are more accounts than wallets: the operator opens them, then their owners fund them.
  [[nodiscard]] bool has_setup() const noexcept { return opening_.frames.messages() > 0; }
  [[nodiscard]] const Traffic& opening() const noexcept { return opening_; }
  [[nodiscard]] const Traffic& funding() const noexcept { return funding_; }
  // What is measured.
  [[nodiscard]] const Traffic& traffic() const noexcept { return traffic_; }
  [[nodiscard]] bool forged(std::uint32_t stream, std::uint64_t position) const noexcept;
  [[nodiscard]] double mean_frame_bytes() const noexcept;

  // The books after the set-up and the first sent[s] messages of each stream s.
  [[nodiscard]] Model model_after(const std::vector<std::uint64_t>& sent) const;

 private:
  explicit Scenario(const ScenarioOptions& options);
  void derive_keys();
  [[nodiscard]] std::string name_accounts();
  [[nodiscard]] std::string sign_all(const Progress& progress);

  [[nodiscard]] std::uint32_t sender_at(std::uint32_t stream, std::uint64_t position) const noexcept;
  [[nodiscard]] std::uint64_t round_at(std::uint32_t stream, std::uint64_t position) const noexcept;
  [[nodiscard]] std::uint64_t hash_of(std::uint32_t sender, std::uint64_t round) const noexcept;
  [[nodiscard]] bool forged_hash(std::uint64_t hash) const noexcept;
  [[nodiscard]] bool is_reading(std::uint64_t hash) const noexcept;
  struct Move {
    state::AccountNumber debit = 0;
    state::AccountNumber credit = 0;
    std::uint64_t amount = 0;
  };
  [[nodiscard]] Move move_of(std::uint32_t sender, std::uint64_t hash) const noexcept;
  [[nodiscard]] state::AccountNumber account_in_play(std::uint64_t index) const noexcept;
  // The sender's further accounts: extra_ from this one on.
  [[nodiscard]] state::AccountNumber first_extra(std::uint32_t sender) const noexcept;
  void describe(std::uint32_t stream, std::uint64_t position, Draft& draft) const;
  void describe_opening(std::uint64_t position, Draft& draft) const;
  void describe_funding(std::uint32_t stream, std::uint64_t position, Draft& draft) const;

  ScenarioOptions options_;
  std::uint32_t extra_ = 0;           // accounts of each sender beside its wallet
  std::uint64_t funding_rounds_ = 0;  // messages of each sender for them
  std::uint64_t rounds_ = 0;          // messages of each sender in the traffic
  Picker picker_;                     // of the accounts in play
  state::Genesis genesis_;
  std::vector<Bytes32> public_keys_;
  std::vector<std::unique_ptr<crypto::ExpandedKey>> keys_;  // by slot - 1
  std::vector<state::AccountNumber> wallets_;               // of the senders
  state::AccountNumber operator_wallet_ = 0;
  std::uint32_t genesis_accounts_ = 0;
  Traffic opening_;
  Traffic funding_;
  Traffic traffic_;
};

}  // namespace electra::bench
