#include "meter-proto/chain/proof.h"

#include <concepts>

#include "meter-proto/base/assert.h"
#include "meter-proto/chain/merkle_path.h"
#include "meter-proto/chain/tagged_hash.h"

namespace electra::proto {
namespace {

class Writer {
 public:
  void bytes(ByteSpan from) { out_.insert(out_.end(), from.begin(), from.end()); }
  template <std::unsigned_integral Integer>
  void integer(const Integer& value) {
    bytes({reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
  }
  template <std::size_t kSize>
  void array(const std::array<std::uint8_t, kSize>& value) {
    bytes(value);
  }
  void flag(const bool& value) { integer(std::uint8_t{value}); }
  void counted(const std::vector<std::uint8_t>& value, std::size_t bytes_max, const char*) {
    ELECTRA_ASSERT_LE(1u, value.size());
    ELECTRA_ASSERT_LE(value.size(), bytes_max);
    integer(static_cast<std::uint16_t>(value.size()));
    bytes(value);
  }
  void path(const std::vector<Bytes32>& hashes) {
    ELECTRA_ASSERT_LE(hashes.size(), kMerklePathMax);
    integer(static_cast<std::uint8_t>(hashes.size()));
    for (const Bytes32& hash : hashes) bytes(hash);
  }

  [[nodiscard]] std::vector<std::uint8_t> take() { return std::move(out_); }

 private:
  std::vector<std::uint8_t> out_;
};

// Once something is wrong it stays failed and everything read is zero, so a decoder asks at the end.
class Reader {
 public:
  explicit Reader(ByteSpan in) : in_(in) {}

  [[nodiscard]] ByteSpan bytes(std::size_t count) {
    if (in_.size() - at_ < count) fail("the proof ends too early");
    if (failed()) return {};
    at_ += count;
    return in_.subspan(at_ - count, count);
  }
  template <std::unsigned_integral Integer>
  void integer(Integer& value) {
    value = 0;
    if (const ByteSpan from = bytes(sizeof value); !failed()) std::memcpy(&value, from.data(), sizeof value);
  }
  template <std::size_t kSize>
  void array(std::array<std::uint8_t, kSize>& value) {
    if (const ByteSpan from = bytes(kSize); !failed()) std::ranges::copy(from, value.begin());
  }
  void flag(bool& value) {
    std::uint8_t byte = 0;
    integer(byte);
    if (byte > 1) fail("a flag is neither 0 nor 1");
    value = byte == 1;
  }
  void counted(std::vector<std::uint8_t>& value, std::size_t bytes_max, const char* name) {
    std::uint16_t length = 0;
    integer(length);
    if (!failed() && (length == 0 || length > bytes_max)) fail(std::string(name) + " is empty or too long");
    const ByteSpan from = bytes(length);
    value.assign(from.begin(), from.end());
  }
  void path(std::vector<Bytes32>& hashes) {
    std::uint8_t count = 0;
    integer(count);
    if (count > kMerklePathMax) fail("a path is longer than any tree is high");
    if (!failed()) hashes.resize(count);
    for (Bytes32& hash : hashes) array(hash);
  }
  void finish() {
    if (at_ != in_.size()) fail("there are bytes behind the proof");
  }

  // The first failure counts.
  void fail(std::string text) {
    if (failed()) return;
    problem_ = std::move(text) + " (at byte " + std::to_string(at_) + ")";
  }
  [[nodiscard]] bool failed() const noexcept { return !problem_.empty(); }
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

 private:
  ByteSpan in_;
  std::size_t at_ = 0;
  std::string problem_;
};

// The one list of fields in the order of their bytes; writing and reading both walk it.
template <typename Walker, typename Leaf>
void walk_leaf(Walker& walker, Leaf& leaf) {
  walker.integer(leaf.table);
  walker.integer(leaf.index);
  walker.integer(leaf.count);
  walker.counted(leaf.leaf, kProofLeafBytesMax, "a leaf");
  walker.path(leaf.path);
}

template <typename Walker, typename Content>
void walk_content(Walker& walker, Content& content) {
  using Kind = std::remove_const_t<Content>;
  if constexpr (std::same_as<Kind, MessageProof>) {
    walker.array(content.sender_key);
    walker.array(content.signature);
    walker.integer(content.sequence);
    walker.counted(content.payload, kProofPayloadBytesMax, "the payload");
    walker.integer(content.result);
    walker.flag(content.repeated);
    walker.integer(content.index);
    walker.path(content.path);
  } else {
    for (auto& root : content.table_roots) walker.array(root);
    if constexpr (std::same_as<Kind, AccountProof>) {
      walk_leaf(walker, content.account);
    } else if constexpr (std::same_as<Kind, MeterProof>) {
      walk_leaf(walker, content.meter);
      walk_leaf(walker, content.holder);
    } else if constexpr (std::same_as<Kind, HolderProof>) {
      walk_leaf(walker, content.holder);
    } else {
      static_assert(std::same_as<Kind, AbsenceProof>);
      walker.integer(content.table);
      walker.integer(content.count);
      walker.array(content.tree_root);
    }
  }
}

// Makes `proof` hold the content of this kind. False: there is no such kind.
bool choose_content(Proof& proof, std::uint32_t kind) {
  switch (static_cast<ProofKind>(kind)) {
    case ProofKind::message: proof.content.emplace<MessageProof>(); return true;
    case ProofKind::account: proof.content.emplace<AccountProof>(); return true;
    case ProofKind::meter:   proof.content.emplace<MeterProof>(); return true;
    case ProofKind::holder:  proof.content.emplace<HolderProof>(); return true;
    case ProofKind::absence: proof.content.emplace<AbsenceProof>(); return true;
  }
  return false;
}

}  // namespace

std::string_view proof_kind_name(ProofKind kind) noexcept {
  switch (kind) {
    case ProofKind::message: return "message";
    case ProofKind::account: return "account";
    case ProofKind::meter:   return "meter";
    case ProofKind::holder:  return "holder";
    case ProofKind::absence: return "absence";
  }
  return "unknown";
}

std::vector<std::uint8_t> encode_proof(const Proof& proof) {
  Writer writer;
  writer.bytes(bytes_of(kProofMagic));
  writer.integer(kProofFormatVersion);
  writer.integer(static_cast<std::uint32_t>(proof.kind()));
  writer.array(proof.genesis_hash);
  writer.array(proof.gateway_key);
  writer.array(encode_signed_header(proof.header));
  std::visit([&writer](const auto& content) { walk_content(writer, content); }, proof.content);
  std::vector<std::uint8_t> bytes = writer.take();
  const Bytes32 checksum = tagged_hash(kProofTag, bytes);
  bytes.insert(bytes.end(), checksum.begin(), checksum.end());
  ELECTRA_ASSERT_LE(bytes.size(), kProofBytesMax);
  return bytes;
}

std::expected<Proof, std::string> decode_proof(ByteSpan bytes) {
  if (bytes.size() > kProofBytesMax)
    return std::unexpected("no proof is longer than " + std::to_string(kProofBytesMax) + " bytes");
  const std::size_t checked = bytes.size() - std::min(bytes.size(), kProofChecksumBytes);
  Reader reader(bytes.first(checked));
  if (const ByteSpan magic = reader.bytes(kProofMagic.size()); !equal_bytes(magic, bytes_of(kProofMagic))) {
    return std::unexpected("this is no proof: it does not begin with ELECTRAP");
  }
  std::uint32_t version = 0;
  std::uint32_t kind = 0;
  reader.integer(version);
  if (!reader.failed() && version != kProofFormatVersion) {
    return std::unexpected("format version " + std::to_string(version) + " of proofs is not known to this program");
  }
  if (!equal_bytes(tagged_hash(kProofTag, bytes.first(checked)), bytes.subspan(checked))) {
    return std::unexpected("the checksum at the end is not that of the bytes before: the proof is damaged");
  }
  reader.integer(kind);
  Proof proof;
  if (!reader.failed() && !choose_content(proof, kind)) {
    return std::unexpected("kind " + std::to_string(kind) + " of proofs is not known to this program");
  }
  reader.array(proof.genesis_hash);
  reader.array(proof.gateway_key);
  std::array<std::uint8_t, kSignedHeaderBytes> header_bytes;
  header_bytes.fill(0);
  reader.array(header_bytes);
  if (const auto header = decode_signed_header(header_bytes)) {
    proof.header = *header;
  } else {
    reader.fail("the header has another format version, or reserved bytes that are not zero");
  }
  std::visit([&reader](auto& content) { walk_content(reader, content); }, proof.content);
  reader.finish();
  if (reader.failed()) return std::unexpected(reader.problem());
  return proof;
}

}  // namespace electra::proto
