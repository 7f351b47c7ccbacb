// docs/proof-format.md must be true: its worked proofs are made again here, and a checker in Python that
// was written from the page gives the same verdicts as ours.
#include <gmock/gmock.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "tests/meter-proto/page.h"
#include "tests/meter-proto/proof_support.h"

namespace electra {
namespace {

using proto::Proof;
using test::Bytes;
using test::ReferenceBlock;

class ProofFormatPage : public testing::Test {
 protected:
  std::string page_ = test::read_page("docs/proof-format.md");
  std::map<std::string, std::string> values_ = test::worked_values(page_);
};

TEST_F(ProofFormatPage, WorkedProofsAreRight) {
  const ReferenceBlock block;
  EXPECT_EQ(values_["genesis hash"], to_hex(block.anchor().genesis_hash));
  EXPECT_EQ(values_["gateway key"], to_hex(block.anchor().gateway_key));
  EXPECT_EQ(values_["message proof"], to_hex(proto::encode_proof(block.message(2))));
  EXPECT_EQ(values_["account proof"], to_hex(proto::encode_proof(block.account(1))));
  const auto facts = proto::check_proof(block.message(2), block.anchor());
  ASSERT_TRUE(facts);
  EXPECT_EQ(values_["message id"], to_hex(std::get<proto::MessageFacts>(facts->facts).message_id));
  EXPECT_EQ(values_["transaction root"], to_hex(block.header().transaction_root));
  EXPECT_EQ(values_["state root"], to_hex(block.header().state_root));
}

TEST_F(ProofFormatPage, ListsKindsAndLimits) {
  for (const auto kind : {proto::ProofKind::message, proto::ProofKind::account, proto::ProofKind::meter,
                          proto::ProofKind::holder, proto::ProofKind::absence}) {
    EXPECT_THAT(page_, testing::HasSubstr("| " + std::to_string(static_cast<std::uint32_t>(kind)) + " | `" +
                                          std::string(proto::proof_kind_name(kind)) + "` |"));
  }
  for (const std::size_t limit :
       {proto::kProofPayloadBytesMax, proto::kProofLeafBytesMax, proto::kProofBytesMax, proto::kStateTables}) {
    EXPECT_THAT(page_, testing::HasSubstr("**" + std::to_string(limit) + "**"));
  }
  for (const auto& [table, bytes] : {std::pair{proto::HolderLeaf::kTable, proto::HolderLeaf::kBytes},
                                     std::pair{proto::AccountLeaf::kTable, proto::AccountLeaf::kBytes},
                                     std::pair{proto::MeterLeaf::kTable, proto::MeterLeaf::kBytes}}) {
    EXPECT_THAT(page_, testing::HasSubstr("table " + std::to_string(table) + ", " + std::to_string(bytes) + " bytes"));
  }
}

template <typename Leaf>
struct LeafField {
  const char* name;
  void (*fill)(Leaf&);
};

template <typename Field>
void fill(Field& field) {
  std::memset(&field, std::is_same_v<Field, bool> ? 1 : 0xff, sizeof field);
}

// A leaf that is zero but for one field shows where that one lies. Returns how many bytes the fields have together.
template <typename Leaf>
std::size_t expect_rows(const std::string& page, std::initializer_list<LeafField<Leaf>> fields) {
  const auto is_set = [](std::uint8_t byte) { return byte != 0; };
  std::size_t covered = 0;
  for (const LeafField<Leaf>& field : fields) {
    Leaf leaf = Leaf::decode(Bytes(Leaf::kBytes)).value();
    field.fill(leaf);
    const auto bytes = leaf.encode();
    const auto first = std::find_if(bytes.begin(), bytes.end(), is_set);
    const auto size = std::count_if(first, bytes.end(), is_set);
    covered += static_cast<std::size_t>(size);
    EXPECT_THAT(page, testing::HasSubstr("| " + std::to_string(first - bytes.begin()) + " | " + std::to_string(size) +
                                         " | `" + field.name + "` |"));
  }
  return covered;
}

TEST_F(ProofFormatPage, PutsEveryFieldOfALeafAtItsPlace) {
#define ELECTRA_FIELD(field) {#field, [](auto& leaf) { fill(leaf.field); }}
  EXPECT_EQ(expect_rows<proto::HolderLeaf>(page_, {ELECTRA_FIELD(public_key),
                                                   ELECTRA_FIELD(registration_id),
                                                   ELECTRA_FIELD(address),
                                                   {"serial", [](auto& leaf) { fill(leaf.serial_text); }},
                                                   ELECTRA_FIELD(serial_length),
                                                   ELECTRA_FIELD(status),
                                                   ELECTRA_FIELD(phases),
                                                   ELECTRA_FIELD(roles),
                                                   ELECTRA_FIELD(key_generation),
                                                   ELECTRA_FIELD(owner_slot),
                                                   ELECTRA_FIELD(meter),
                                                   ELECTRA_FIELD(wallet_account),
                                                   ELECTRA_FIELD(energy_account),
                                                   ELECTRA_FIELD(debt_account),
                                                   ELECTRA_FIELD(register_modulus),
                                                   ELECTRA_FIELD(max_wh_per_interval)}),
            proto::HolderLeaf::kBytes);
  EXPECT_EQ(
      expect_rows<proto::AccountLeaf>(page_, {ELECTRA_FIELD(debits_posted), ELECTRA_FIELD(credits_posted),
                                              ELECTRA_FIELD(debits_pending), ELECTRA_FIELD(credits_pending),
                                              ELECTRA_FIELD(owner_slot), ELECTRA_FIELD(asset), ELECTRA_FIELD(flags)}),
      proto::AccountLeaf::kBytes);
  // One byte of a meter is zero.
  EXPECT_EQ(expect_rows<proto::MeterLeaf>(page_, {ELECTRA_FIELD(slot),
                                                  ELECTRA_FIELD(phases),
                                                  ELECTRA_FIELD(own_limit),
                                                  ELECTRA_FIELD(has_base),
                                                  ELECTRA_FIELD(register_modulus),
                                                  ELECTRA_FIELD(wh_per_interval_max),
                                                  ELECTRA_FIELD(base_boundary),
                                                  ELECTRA_FIELD(base_time_s),
                                                  ELECTRA_FIELD(base.in),
                                                  ELECTRA_FIELD(base.out),
                                                  ELECTRA_FIELD(newest_time_s),
                                                  ELECTRA_FIELD(newest_boundary),
                                                  ELECTRA_FIELD(newest.in),
                                                  ELECTRA_FIELD(newest.out),
                                                  ELECTRA_FIELD(consumed_wh),
                                                  ELECTRA_FIELD(generated_wh),
                                                  ELECTRA_FIELD(paid),
                                                  ELECTRA_FIELD(received),
                                                  ELECTRA_FIELD(intervals_missing),
                                                  ELECTRA_FIELD(intervals_estimated),
                                                  ELECTRA_FIELD(intervals_faulty),
                                                  ELECTRA_FIELD(billed_cycle),
                                                  ELECTRA_FIELD(bill_hash),
                                                  ELECTRA_FIELD(correction_hash)}) +
                1,
            proto::MeterLeaf::kBytes);
#undef ELECTRA_FIELD
}

// --- the checker in Python -------------------------------------------------------------------------------------------

struct Ran {
  int exit_code = -1;
  std::string out;
};

Ran run(const std::string& command) {
  Ran ran;
  std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return ran;
  std::array<char, 4096> buffer;
  for (std::size_t got; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    ran.out.append(buffer.data(), got);
  const int status = ::pclose(pipe);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

class PythonChecker : public testing::Test {
 protected:
  void SetUp() override {
    if (run("python3 --version").exit_code != 0) GTEST_SKIP() << "there is no python3";
    std::string path = (std::filesystem::temp_directory_path() / "electra-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
  }
  void TearDown() override {
    std::error_code ignored;
    if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
  }

  // Its lines, one a proof: "true: …" or "false: …".
  std::vector<std::string> verdicts(const std::vector<Bytes>& proofs, const proto::TrustAnchor& anchor) {
    std::string command = "python3 " ELECTRA_SOURCE_DIR "/tests/meter-proto/check_proof.py " +
                          to_hex(anchor.genesis_hash) + " " + to_hex(anchor.gateway_key);
    for (std::size_t index = 0; index < proofs.size(); ++index) {
      const auto file = directory_ / std::to_string(index);
      std::ofstream(file, std::ios::binary) << text_of(proofs[index]);
      command += " " + file.string();
    }
    const Ran ran = run(command);
    std::vector<std::string> lines;
    std::istringstream text(ran.out);
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    EXPECT_EQ(lines.size(), proofs.size()) << ran.out;
    lines.resize(proofs.size());
    return lines;
  }

  std::filesystem::path directory_;
};

TEST_F(PythonChecker, AcceptsWhatIsTrue) {
  const ReferenceBlock block({.messages = 13, .holders = 7, .accounts = 21, .meters = 6});
  std::vector<Bytes> proofs;
  for (const Proof& proof : block.every_kind()) proofs.push_back(proto::encode_proof(proof));
  proofs.push_back(proto::encode_proof(block.message(0)));
  proofs.push_back(proto::encode_proof(block.account(16)));
  for (const std::string& line : verdicts(proofs, block.anchor())) EXPECT_THAT(line, testing::StartsWith("true: "));
}

TEST_F(PythonChecker, RefusesOneChangedBitAnywhere) {
  const ReferenceBlock block({.messages = 2, .holders = 2, .accounts = 2, .meters = 2});
  std::vector<Bytes> proofs;
  for (const Proof& proof : block.every_kind()) {
    const Bytes good = proto::encode_proof(proof);
    for (std::size_t at = 0; at < good.size() - proto::kProofChecksumBytes; at += 7) {
      proofs.push_back(good);
      proofs.back()[at] ^= static_cast<std::uint8_t>(1u << (at % 8));
      if (at % 35 != 0) proofs.back() = test::with_checksum(proofs.back());
    }
  }
  for (const std::string& line : verdicts(proofs, block.anchor())) EXPECT_THAT(line, testing::StartsWith("false: "));
}

}  // namespace
}  // namespace electra
