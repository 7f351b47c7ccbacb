#include "engine/electrad/proof_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <type_traits>

#include "engine/electrad/amount.h"

namespace electra::app {
namespace {

constexpr std::string_view kTextFormat = "electra/proof/1";

// The one list of members in the order of the text. A writer and a reader of equal shape walk it, so they cannot disagree.
template <typename Walker, typename Header>
void walk_header(Walker& walker, Header& signed_header) {
  auto& header = signed_header.header;
  walker.integer("rulesVersion", header.rules_version);
  walker.integer("height", header.height);
  walker.integer("epoch", header.epoch);
  walker.integer("batches", header.batches);
  walker.integer("lastBatch", header.last_batch);
  walker.integer("time", header.time_ns);
  walker.integer("cycle", header.cycle);
  walker.integer("messages", header.messages);
  walker.integer("totalMessages", header.total_messages);
  walker.array("previousHash", header.previous_hash);
  walker.array("batchHash", header.batch_hash);
  walker.array("transactionRoot", header.transaction_root);
  walker.array("stateRoot", header.state_root);
  walker.array("validatorSetHash", header.validator_set_hash);
  walker.array("signature", signed_header.signature);
}

template <typename Walker, typename Leaf>
void walk_leaf(Walker& walker, Leaf& leaf) {
  walker.integer("table", leaf.table);
  walker.integer("index", leaf.index);
  walker.integer("count", leaf.count);
  walker.bytes("leaf", leaf.leaf, proto::kProofLeafBytesMax);
  walker.hashes("path", leaf.path);
}

template <typename Walker, typename Content>
void walk_content(Walker& walker, Content& content) {
  using Kind = std::remove_const_t<Content>;
  if constexpr (std::is_same_v<Kind, proto::MessageProof>) {
    walker.object("message", [&](auto& inner) {
      inner.array("senderKey", content.sender_key);
      inner.array("signature", content.signature);
      inner.integer("sequence", content.sequence);
      inner.bytes("payload", content.payload, proto::kProofPayloadBytesMax);
      inner.integer("result", content.result);
      inner.flag("repeated", content.repeated);
      inner.integer("index", content.index);
      inner.hashes("path", content.path);
    });
  } else {
    walker.hashes("tableRoots", content.table_roots);
    if constexpr (std::is_same_v<Kind, proto::AccountProof>) {
      walker.object("account", [&](auto& inner) { walk_leaf(inner, content.account); });
    } else if constexpr (std::is_same_v<Kind, proto::MeterProof>) {
      walker.object("meter", [&](auto& inner) { walk_leaf(inner, content.meter); });
      walker.object("holder", [&](auto& inner) { walk_leaf(inner, content.holder); });
    } else if constexpr (std::is_same_v<Kind, proto::HolderProof>) {
      walker.object("holder", [&](auto& inner) { walk_leaf(inner, content.holder); });
    } else {
      walker.object("absence", [&](auto& inner) {
        inner.integer("table", content.table);
        inner.integer("count", content.count);
        inner.array("treeRoot", content.tree_root);
      });
    }
  }
}

class JsonWriter {
 public:
  template <typename Integer>
  void integer(const char* name, const Integer& value) {
    if constexpr (sizeof value == 8) {
      out_[name] = std::to_string(value);
    } else {
      out_[name] = value;
    }
  }
  void flag(const char* name, const bool& value) { out_[name] = value; }
  template <std::size_t kSize>
  void array(const char* name, const std::array<std::uint8_t, kSize>& value) {
    out_[name] = to_hex(value);
  }
  void bytes(const char* name, const std::vector<std::uint8_t>& value, std::size_t) { out_[name] = to_hex(value); }
  template <typename Hashes>
  void hashes(const char* name, const Hashes& values) {
    Json list = Json::array();
    for (const Bytes32& value : values) list.push_back(to_hex(value));
    out_[name] = std::move(list);
  }
  template <typename Fill>
  void object(const char* name, Fill fill) {
    JsonWriter inner;
    fill(inner);
    out_[name] = inner.take();
  }
  [[nodiscard]] Json take() { return std::move(out_); }

 private:
  Json out_ = Json::object();
};

// Members that it does not ask for are found by writing the text again. The first problem counts.
class JsonReader {
 public:
  JsonReader(const Json& from, std::string& problem) : from_(from), problem_(problem) {}

  template <typename Integer>
  void integer(const char* name, Integer& value) {
    std::uint64_t number = 0;
    if constexpr (sizeof value == 8) {
      const auto digits = parse_whole(string(name));
      if (!digits) return fail(name, "a whole number in quotes");
      number = *digits;
    } else {
      const Json* found = member(name);
      if (found == nullptr || !found->is_number_unsigned()) return fail(name, "a whole number");
      number = found->get<std::uint64_t>();
      if (number > std::numeric_limits<Integer>::max()) return fail(name, "a smaller number");
    }
    value = static_cast<Integer>(number);
  }
  void flag(const char* name, bool& value) {
    const Json* found = member(name);
    if (found == nullptr || !found->is_boolean()) return fail(name, "true or false");
    value = found->get<bool>();
  }
  template <std::size_t kSize>
  void array(const char* name, std::array<std::uint8_t, kSize>& value) {
    if (!from_hex(string(name), value)) fail(name, fmt::format("{} hexadecimal digits", 2 * kSize).c_str());
  }
  void bytes(const char* name, std::vector<std::uint8_t>& value, std::size_t bytes_max) {
    auto read = from_hex(string(name));
    if (!read || read->empty() || read->size() > bytes_max) return fail(name, "hexadecimal digits");
    value = std::move(*read);
  }
  template <typename Hashes>
  void hashes(const char* name, Hashes& values) {
    const Json* found = member(name);
    if (found == nullptr || !found->is_array()) return fail(name, "a list of hashes");
    if constexpr (requires { values.resize(0); }) {
      if (found->size() > 32) return fail(name, "at most 32 hashes");
      values.resize(found->size());
    } else if (found->size() != values.size()) {
      return fail(name, fmt::format("{} hashes", values.size()).c_str());
    }
    for (std::size_t at = 0; at < values.size(); ++at) {
      const Json& hash = (*found)[at];
      if (!hash.is_string() || !from_hex(hash.get_ref<const std::string&>(), values[at])) {
        return fail(name, "hashes of 64 hexadecimal digits");
      }
    }
  }
  template <typename Fill>
  void object(const char* name, Fill fill) {
    const Json* found = member(name);
    if (found == nullptr || !found->is_object()) return fail(name, "an object");
    JsonReader inner(*found, problem_);
    fill(inner);
  }

 private:
  [[nodiscard]] const Json* member(const char* name) const {
    const auto found = from_.find(name);
    return found == from_.end() ? nullptr : &*found;
  }
  [[nodiscard]] std::string string(const char* name) const {
    const Json* found = member(name);
    return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
  }
  void fail(const char* name, const char* expected) {
    if (problem_.empty()) problem_ = fmt::format("{}: expected {}", name, expected);
  }

  const Json& from_;
  std::string& problem_;
};

}  // namespace

std::string proof_text(const proto::Proof& proof) {
  Json out = {{"format", kTextFormat},
              {"kind", proto::proof_kind_name(proof.kind())},
              {"genesisHash", to_hex(proof.genesis_hash)},
              {"gatewayKey", to_hex(proof.gateway_key)}};
  JsonWriter header;
  walk_header(header, proof.header);
  out["header"] = header.take();
  JsonWriter content;
  std::visit([&content](const auto& of_kind) { walk_content(content, of_kind); }, proof.content);
  out.update(content.take());
  const auto bytes = proto::encode_proof(proof);
  out["checksum"] = to_hex(ByteSpan(bytes).last(proto::kProofChecksumBytes));
  out["facts"] = proof_facts_json(proof);
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::expected<proto::Proof, std::string> parse_proof_text(std::string_view text) {
  if (text.size() > kProofTextBytesMax) return std::unexpected("no proof is as long as this file");
  const Json document = Json::parse(text, nullptr, false);
  if (!document.is_object()) return std::unexpected("this is no proof: neither its bytes nor JSON");
  std::string problem;
  proto::Proof proof;
  JsonReader reader(document, problem);
  reader.array("genesisHash", proof.genesis_hash);
  reader.array("gatewayKey", proof.gateway_key);
  reader.object("header", [&proof](auto& inner) { walk_header(inner, proof.header); });
  const auto kind = document.find("kind");
  const auto named = [&](proto::ProofKind candidate) {
    return kind != document.end() && kind->is_string() &&
           kind->get_ref<const std::string&>() == proto::proof_kind_name(candidate);
  };
  if (named(proto::ProofKind::message)) {
    proof.content.emplace<proto::MessageProof>();
  } else if (named(proto::ProofKind::account)) {
    proof.content.emplace<proto::AccountProof>();
  } else if (named(proto::ProofKind::meter)) {
    proof.content.emplace<proto::MeterProof>();
  } else if (named(proto::ProofKind::holder)) {
    proof.content.emplace<proto::HolderProof>();
  } else if (named(proto::ProofKind::absence)) {
    proof.content.emplace<proto::AbsenceProof>();
  } else {
    return std::unexpected("kind: expected message, account, meter, holder or absence");
  }
  std::visit([&reader](auto& of_kind) { walk_content(reader, of_kind); }, proof.content);
  if (!problem.empty()) return std::unexpected(problem);
  const std::string canonical = proof_text(proof);
  if (canonical != text) {
    const auto differs = std::ranges::mismatch(canonical, text).in1;
    const auto line = 1 + std::count(canonical.begin(), differs, '\n');
    return std::unexpected(fmt::format("line {} does not follow from the rest of the proof", line));
  }
  return proof;
}

std::expected<proto::Proof, std::string> read_proof(std::string_view file_bytes) {
  if (file_bytes.starts_with(proto::kProofMagic)) return proto::decode_proof(bytes_of(file_bytes));
  return parse_proof_text(file_bytes);
}

}  // namespace electra::app
