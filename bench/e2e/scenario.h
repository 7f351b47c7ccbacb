// What the end-to-end benchmark sends: a chain with many funded senders, and their messages signed in advance.
//
// Signing is done before the clock runs, so that the figure is the gateway's. Every message is due to be executed with
// result ok, and the balances afterwards are known: a run that ends otherwise is no result.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crypto-offload/signer.h"
#include "engine/state/machine.h"
#include "meter-proto/base/bytes.h"
#include "meter-proto/client/message.h"

namespace electra::bench {

enum class Load : std::uint8_t { transfers, readings };

struct ScenarioOptions {
  Load load = Load::transfers;
  std::uint32_t senders = 256;
  std::uint64_t messages = 100'000;  // rounded up to a multiple of senders
};

class Scenario {
 public:
  [[nodiscard]] static std::expected<Scenario, std::string> make(const ScenarioOptions& options);

  [[nodiscard]] const state::Genesis& genesis() const noexcept { return genesis_; }
  [[nodiscard]] std::uint32_t senders() const noexcept { return senders_; }
  [[nodiscard]] std::uint64_t messages_per_sender() const noexcept { return messages_per_sender_; }
  [[nodiscard]] state::Slot slot(std::uint32_t sender) const noexcept { return kFirstSender + sender; }
  // The whole frame of the sender's message `index` (sequence index + 1).
  [[nodiscard]] ByteSpan frame(std::uint32_t sender, std::uint64_t index) const noexcept;
  [[nodiscard]] double mean_frame_bytes() const noexcept;
  [[nodiscard]] client::SignFunction signer(std::uint32_t sender) const;
  // The operator, who may tick; and the time at which every message is in order.
  static constexpr state::Slot kOperator = 2;
  [[nodiscard]] client::SignFunction operator_signer() const;
  // Of block headers.
  [[nodiscard]] std::shared_ptr<const crypto::Signer> gateway_signer() const;
  [[nodiscard]] std::uint64_t time_ns() const noexcept;

  // Empty, or what in the state is not as the messages demand.
  [[nodiscard]] std::string check(const state::Machine& machine) const;

 private:
  static constexpr state::Slot kFirstSender = 3;  // after gateway and operator
  static constexpr std::uint64_t kBalance = 1'000'000'000;

  [[nodiscard]] std::string sign_all(const state::Machine& machine);
  [[nodiscard]] strict::PayloadView payload(const state::Machine& machine, std::uint32_t sender,
                                            std::uint64_t index) const;

  state::Genesis genesis_;
  Load load_ = Load::transfers;
  std::uint32_t senders_ = 0;
  std::uint64_t messages_per_sender_ = 0;
  std::vector<Bytes32> seeds_;
  std::vector<std::uint8_t> bytes_;     // all frames, sender by sender
  std::vector<std::uint64_t> offsets_;  // of each frame in bytes_, and the end
};

}  // namespace electra::bench
