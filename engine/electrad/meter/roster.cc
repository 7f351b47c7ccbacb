#include "engine/electrad/meter/roster.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

#include "engine/state/types.h"
#include "meter-proto/address.h"
#include "meter-proto/encode.h"
#include "meter-proto/signing.h"

namespace electra::player {
namespace {

constexpr std::uint32_t kHoldersPerPage = 500;

std::string enrolment_error(std::string_view serial, std::string_view what) {
  return fmt::format("meter {} {}: run `electra-meter enroll` with the same --seed, --data and --count first", serial,
                     what);
}

std::expected<MeterSender, std::string> make_sender(const wire::Holder& holder, const MeterKey& key, std::size_t plan) {
  const auto chain_key = bytes_of(holder.public_key());
  if (!equal_bytes(chain_key, key.public_key())) {
    return std::unexpected(fmt::format(
        "meter {} is registered with another key: is --seed the phrase it was enrolled with?", holder.serial()));
  }
  if (holder.status() != static_cast<std::uint32_t>(state::HolderStatus::active)) {
    return std::unexpected(enrolment_error(holder.serial(), "is not active"));
  }
  if (holder.phases() == 0 || holder.phases() > 7) {
    return std::unexpected(fmt::format("meter {} has no metered phase", holder.serial()));
  }
  return MeterSender{.serial = holder.serial(),
                     .key = &key,
                     .slot = holder.slot(),
                     .key_generation = holder.key_generation(),
                     .phases = holder.phases(),
                     .plan = static_cast<std::uint32_t>(plan),
                     .holder = holder};
}

}  // namespace

std::expected<std::unordered_map<std::string, wire::Holder>, std::string> load_holders(GatewayLink& link) {
  std::unordered_map<std::string, wire::Holder> holders;
  std::uint32_t from_slot = 1;
  while (from_slot != 0) {
    wire::Query query;
    query.mutable_holders()->set_from_slot(from_slot);
    query.mutable_holders()->set_limit(kHoldersPerPage);
    auto answer = link.query(query);
    if (!answer) return std::unexpected(answer.error());
    for (const wire::Holder& holder : answer->holders().holders()) holders.emplace(holder.serial(), holder);
    const std::uint32_t next = answer->holders().next_slot();
    from_slot = next > from_slot ? next : 0;
  }
  return holders;
}

std::expected<wire::Status, std::string> query_status(GatewayLink& link) {
  wire::Query query;
  query.mutable_status();
  auto answer = link.query(query);
  if (!answer) return std::unexpected(answer.error());
  return answer->status();
}

std::expected<wire::Params, std::string> query_params(GatewayLink& link) {
  wire::Query query;
  query.mutable_params();
  auto answer = link.query(query);
  if (!answer) return std::unexpected(answer.error());
  if (answer->params().interval_s() == 0 || answer->params().cycle_s() == 0) {
    return std::unexpected("the gateway answers params without interval or cycle");
  }
  return answer->params();
}

std::expected<wire::Digest, std::string> query_digest(GatewayLink& link) {
  wire::Query query;
  query.mutable_digest();
  auto answer = link.query(query);
  if (!answer) return std::unexpected(answer.error());
  return answer->digest();
}

std::expected<GatewayLink, std::string> open_as_gateway(const LinkOptions& options, const MeterKey& key) {
  auto link = GatewayLink::open(options, {.address = proto::address_of(key.public_key())}, key.sign_function());
  if (!link) {
    return std::unexpected(
        fmt::format("{}\nno session as the grid connection meter {}: is the gateway running, and is --seed its chain's "
                    "development seed?",
                    link.error(), kGridSerial));
  }
  if ((link->hello_answer().roles & state::kRoleGateway) == 0) {
    return std::unexpected(fmt::format("the holder {} is not the gateway's", kGridSerial));
  }
  return link;
}

std::expected<Roster, std::string> Roster::load(GatewayLink& link, const std::vector<MeterPlan>& fleet,
                                                std::string_view phrase, const MeterKey& grid_key) {
  const auto holders = load_holders(link);
  if (!holders) return std::unexpected(holders.error());
  Roster roster;
  roster.senders_.reserve(fleet.size() + 1);
  for (std::size_t i = 0; i < fleet.size(); ++i) {
    const auto found = holders->find(fleet[i].serial);
    if (found == holders->end()) return std::unexpected(enrolment_error(fleet[i].serial, "is not registered"));
    auto sender = make_sender(found->second, roster.keys_.emplace_back(phrase, fleet[i].serial), i);
    if (!sender) return std::unexpected(sender.error());
    roster.senders_.push_back(std::move(*sender));
  }
  const auto grid = holders->find(std::string(kGridSerial));
  if (grid == holders->end()) return std::unexpected(fmt::format("the chain has no holder {}", kGridSerial));
  auto sender = make_sender(grid->second, grid_key, fleet.size());
  if (!sender) return std::unexpected(sender.error());
  roster.senders_.push_back(std::move(*sender));
  return roster;
}

void ReadingBatch::begin(const Bytes32& genesis_hash, bool with_ids) {
  tag_ = proto::signing_tag(proto::SignatureKind::message, genesis_hash);
  with_ids_ = with_ids;
  bytes_.clear();
  entries_.clear();
  to_sign_.clear();
  payloads_.begin(tag_);
}

std::expected<void, std::string> ReadingBatch::add(const MeterSender& sender, std::uint64_t sequence,
                                                   std::int64_t time_s, Registers registers) {
  strict::PayloadView payload;
  payload.operation = make_reading(time_s, sender.phases, registers);
  std::array<std::uint8_t, strict::kFrameBytesMax> buffer;
  const std::size_t bytes = proto::encode_payload(payload, buffer);
  if (bytes == 0) {
    return std::unexpected(fmt::format("meter {}: the payload is longer than a frame may be", sender.serial));
  }
  to_sign_.push_back(&sender);
  payloads_.add(sender.key->expanded(), sequence, ByteSpan(buffer).first(bytes));
  return {};
}

std::expected<void, std::string> ReadingBatch::sign() {
  payloads_.sign();
  for (std::size_t i = 0; i < payloads_.size(); ++i) {
    if (auto appended = append_signed(i); !appended) return appended;
  }
  to_sign_.clear();
  payloads_.begin(tag_);
  return {};
}

std::expected<void, std::string> ReadingBatch::append_signed(std::size_t index) {
  const MeterSender& sender = *to_sign_[index];
  const std::uint64_t sequence = payloads_.sequence(index);
  const ByteSpan payload = payloads_.payload(index);
  const Bytes64& signature = payloads_.signature(index);
  Entry entry{.slot = sender.slot, .sequence = sequence, .offset = bytes_.size()};
  bytes_.resize(entry.offset + proto::kClientBufferBytes);
  const auto size = client::write_signed_frame({.slot = sender.slot, .key_generation = sender.key_generation}, sequence,
                                               payload, signature, MutableByteSpan(bytes_).subspan(entry.offset));
  if (!size) return std::unexpected(fmt::format("meter {}: {}", sender.serial, size.error()));
  entry.size = *size;
  bytes_.resize(entry.offset + entry.size);
  if (with_ids_) {
    std::array<std::uint8_t, proto::kSigningPrefixBytes + strict::kFrameBytesMax> buffer;
    entry.id =
        proto::message_id(sender.key->public_key(), signature, proto::signing_bytes(tag_, sequence, payload, buffer));
  }
  entries_.push_back(entry);
  return {};
}

std::vector<OutgoingMessage> ReadingBatch::messages() const {
  std::vector<OutgoingMessage> out;
  out.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    out.push_back(
        {.slot = entry.slot, .sequence = entry.sequence, .frame = ByteSpan(bytes_).subspan(entry.offset, entry.size)});
  }
  return out;
}

strict::Reading make_reading(std::int64_t time_s, std::uint32_t phases, Registers registers) {
  strict::Reading reading;
  reading.time = static_cast<std::uint64_t>(time_s);
  const auto count = static_cast<std::uint64_t>(std::popcount(phases));
  for (std::uint32_t phase = 1; phase <= strict::kPhasesMax; ++phase) {
    if ((phases >> (phase - 1) & 1U) == 0) continue;
    const std::uint64_t part = reading.count;  // floor((total + part) / count) over all parts sums to total
    reading.items[reading.count++] = {.phase = phase,
                                      .whin = (registers.whin + part) / count,
                                      .whout = (registers.whout + part) / count,
                                      .mvolt = 0,
                                      .mhertz = 0,
                                      .mpf = 0,
                                      .maxmi = 0};
  }
  return reading;
}

}  // namespace electra::player
