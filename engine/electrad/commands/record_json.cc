#include "engine/electrad/commands/record_json.h"

#include <fmt/format.h>

#include <type_traits>

#include "engine/electrad/amount.h"
#include "meter-proto/address.h"
#include "meter-proto/strict/envelope.h"
#include "meter-proto/strict/payload.h"

namespace electra::app {

Json operation_json(const strict::Operation& operation) {
  return std::visit(
      [](const auto& message) -> Json {
        using T = std::decay_t<decltype(message)>;
        if constexpr (std::is_same_v<T, strict::RegisterKey>) {
          return {{"registerKey",
                   {{"serial", message.serial},
                    {"publicKey", to_hex(message.public_key)},
                    {"roles", message.roles},
                    {"phases", message.phases},
                    {"ownerSlot", message.owner_slot}}}};
        } else if constexpr (std::is_same_v<T, strict::ProvePossession>) {
          return {{"provePossession", {{"registrationId", to_hex(message.registration_id)}}}};
        } else if constexpr (std::is_same_v<T, strict::SetStatus>) {
          return {{"setStatus", {{"slot", message.slot}, {"status", message.status}}}};
        } else if constexpr (std::is_same_v<T, strict::OpenAccounts>) {
          return {{"openAccounts",
                   {{"ownerSlot", message.owner_slot},
                    {"asset", message.asset},
                    {"flags", message.flags},
                    {"count", message.count}}}};
        } else if constexpr (std::is_same_v<T, strict::Transfers>) {
          Json list = Json::array();
          for (const strict::Transfer& transfer : message.all()) {
            list.push_back({{"kind", transfer.kind},
                            {"debitAccount", transfer.debit_account},
                            {"creditAccount", transfer.credit_account},
                            {"amount", std::to_string(transfer.amount)},
                            {"timeout", transfer.timeout},
                            {"pendingSlot", transfer.pending_slot},
                            {"pendingSequence", std::to_string(transfer.pending_sequence)},
                            {"pendingIndex", transfer.pending_index},
                            {"reference", std::to_string(transfer.reference)}});
          }
          return {{"transfers", list}};
        } else if constexpr (std::is_same_v<T, strict::Reading>) {
          Json phases = Json::array();
          for (const strict::PhaseReading& phase : message.phases()) {
            phases.push_back({{"phase", phase.phase},
                              {"whin", std::to_string(phase.whin)},
                              {"whout", std::to_string(phase.whout)},
                              {"mvolt", phase.mvolt},
                              {"mhertz", phase.mhertz},
                              {"mpf", phase.mpf},
                              {"maxmi", phase.maxmi}});
          }
          return {{"reading", {{"time", std::to_string(message.time)}, {"phases", phases}}}};
        } else if constexpr (std::is_same_v<T, strict::BeginEpoch>) {
          return {{"beginEpoch", {{"epoch", message.epoch}, {"height", std::to_string(message.height)}}}};
        } else if constexpr (std::is_same_v<T, strict::ScheduleRules>) {
          return {{"scheduleRules", {{"version", message.version}, {"height", std::to_string(message.height)}}}};
        } else {
          return Json::object();
        }
      },
      operation);
}

std::string nanosecond_text(std::uint64_t time_ns) {
  std::string text = instant_text(time_ns / 1'000'000'000);
  text.insert(text.size() - 1, fmt::format(".{:09}", time_ns % 1'000'000'000));
  return text;
}

std::string record_flags_text(std::uint32_t flags) {
  std::string text;
  if ((flags & io::kRecordBlockClose) != 0) text += "block";
  if ((flags & io::kRecordWatermark) != 0) text += text.empty() ? "watermark" : ",watermark";
  return text.empty() ? "-" : text;
}

Json record_json(const io::RecordView& record) {
  const io::RecordHeader& header = record.header;
  return {{"batch", std::to_string(header.batch)},
          {"time", std::to_string(header.time_ns)},
          {"timeText", nanosecond_text(header.time_ns)},
          {"segment", std::to_string(record.segment)},
          {"offset", std::to_string(record.file_offset)},
          {"count", header.count},
          {"bodyBytes", header.body_bytes},
          {"diskBytes", std::to_string(io::record_bytes(header.body_bytes))},
          {"flags", record_flags_text(header.flags)},
          {"watermark", std::to_string(header.watermark)},
          {"rulesVersion", header.rules_version},
          {"hash", to_hex(header.record_hash)},
          {"previousHash", to_hex(header.previous_hash)}};
}

Json message_json(ByteSpan bytes) {
  strict::EnvelopeView envelope;
  if (strict::decode_envelope(bytes, envelope) != Result::ok) return {{"undecodable", to_hex(bytes)}};
  Json out;
  if (envelope.slot != 0) {
    out["slot"] = envelope.slot;
  } else {
    out["address"] = proto::address_text(*array_of<20>(envelope.address));
  }
  out["keyGeneration"] = envelope.key_generation;
  out["sequence"] = std::to_string(envelope.sequence);
  strict::PayloadView payload;
  if (strict::decode_payload(envelope.payload, payload) == Result::ok) {
    if (payload.not_after != 0) out["notAfter"] = std::to_string(payload.not_after);
    out.update(operation_json(payload.operation));
  } else {
    out["undecodablePayload"] = to_hex(envelope.payload);
  }
  out["bytes"] = bytes.size();
  return out;
}

Json fault_json(const io::WalkFault& fault) {
  Json out = {{"kind", io::walk_fault_kind_name(fault.kind)},
              {"finding", io::finding_name(fault.finding)},
              {"file", fault.file.string()},
              {"offset", std::to_string(fault.offset)},
              {"batch", std::to_string(fault.batch)},
              {"reason", fault.reason}};
  if (fault.next_batch != 0) {
    out["next"] = {{"batch", std::to_string(fault.next_batch)},
                   {"file", fault.next_file.string()},
                   {"offset", std::to_string(fault.next_offset)}};
  }
  return out;
}

}  // namespace electra::app
