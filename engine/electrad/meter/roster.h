// Who sends: the meters of the fleet as the chain knows them, with their keys, and the grid connection meter.
//
// Built from the directory, which a query reads; a meter that is missing, not active or registered with another key is an
// error that says what to do. Writes readings: the bytes follow from key, chain, boundary and registers alone.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/electrad/meter/exchange.h"
#include "engine/electrad/meter/fleet.h"
#include "engine/electrad/meter/gateway_link.h"
#include "engine/electrad/meter/meter_key.h"

namespace electra::player {

// The gateway's holder by serial number, with all pages of the directory read.
[[nodiscard]] std::expected<std::unordered_map<std::string, wire::Holder>, std::string> load_holders(GatewayLink& link);

[[nodiscard]] std::expected<wire::Status, std::string> query_status(GatewayLink& link);
[[nodiscard]] std::expected<wire::Params, std::string> query_params(GatewayLink& link);
[[nodiscard]] std::expected<wire::Digest, std::string> query_digest(GatewayLink& link);

// A session of the gateway's own holder: it may tick, and its meter is the grid connection. The name of its key is its
// serial number, GRID.
[[nodiscard]] std::expected<GatewayLink, std::string> open_as_gateway(const LinkOptions& options, const MeterKey& key);

struct MeterSender {
  std::string serial;
  const MeterKey* key = nullptr;
  std::uint32_t slot = 0;
  std::uint32_t key_generation = 1;
  std::uint32_t phases = 1;  // bit set
  std::uint32_t plan = 0;    // index into the fleet; fleet.size() = the grid connection
  wire::Holder holder;       // as it was when the roster was loaded
};

class Roster {
 public:
  // The fleet's meters in order, then the grid connection meter. `grid_key` must outlive the roster.
  [[nodiscard]] static std::expected<Roster, std::string> load(GatewayLink& link, const std::vector<MeterPlan>& fleet,
                                                               std::string_view phrase, const MeterKey& grid_key);

  [[nodiscard]] const std::vector<MeterSender>& senders() const noexcept { return senders_; }

 private:
  std::vector<MeterSender> senders_;
  std::deque<MeterKey> keys_;  // addresses stay
};

// Frames of readings that were signed together, side by side in one buffer that is used again and again.
class ReadingBatch {
 public:
  // Empties it. What is added from now on is for this chain; with `with_ids` the message ids are kept too.
  void begin(const Bytes32& genesis_hash, bool with_ids);

  // Takes one reading stamped `time_s`, for sign(). The sender stays until then.
  [[nodiscard]] std::expected<void, std::string> add(const MeterSender& sender, std::uint64_t sequence,
                                                     std::int64_t time_s, Registers registers);

  // Signs what was added since the last time, and appends the frames. The more at once, the less each costs
  // (crypto-offload/batch_signer.h).
  [[nodiscard]] std::expected<void, std::string> sign();

  // Those that were signed. Valid until the next sign() or begin().
  [[nodiscard]] std::vector<OutgoingMessage> messages() const;
  [[nodiscard]] const Bytes32& id(std::size_t index) const noexcept { return entries_[index].id; }

 private:
  struct Entry {
    std::uint32_t slot = 0;
    std::uint64_t sequence = 0;
    std::size_t offset = 0;
    std::size_t size = 0;
    Bytes32 id{};
  };

  [[nodiscard]] std::expected<void, std::string> append_signed(std::size_t index);

  Bytes16 tag_{};
  bool with_ids_ = false;
  std::vector<std::uint8_t> bytes_;
  std::vector<Entry> entries_;
  std::vector<const MeterSender*> to_sign_;
  crypto::SignBatch payloads_;  // of these senders
};

// A meter's whole energy spread over its phases so that each phase's register never falls and their sum is exact.
[[nodiscard]] strict::Reading make_reading(std::int64_t time_s, std::uint32_t phases, Registers registers);

}  // namespace electra::player
