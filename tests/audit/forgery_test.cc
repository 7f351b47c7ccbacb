// What an auditor says of data that somebody has changed with skill: each row is one forgery and what gives it away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/chain/block_maker.h"
#include "engine/pipeline/replay.h"
#include "io/journal/journal_reader.h"
#include "tests/audit/audited_chain.h"

namespace electra::test {
namespace {

using testing::HasSubstr;

using Records = std::vector<Record>;
using Headers = std::vector<proto::SignedHeader>;

// The first record with at least `count` messages, from `from` on.
std::size_t record_with(const Records& records, std::size_t count, std::size_t from = 0) {
  for (std::size_t i = from; i < records.size(); ++i) {
    if (records[i].envelopes.size() >= count) return i;
  }
  ADD_FAILURE() << "no such record";
  return 0;
}

// A record with a single message of this slot; the n-th of them.
std::size_t record_of(const Records& records, state::Slot slot, int n) {
  for (std::size_t i = 0; i < records.size(); ++i) {
    strict::EnvelopeView view;
    if (records[i].envelopes.size() != 1) continue;
    EXPECT_EQ(strict::decode_envelope(records[i].envelopes.front(), view), Result::ok);
    if (view.slot == slot && n-- == 0) return i;
  }
  ADD_FAILURE() << "no such record";
  return 0;
}

// Signs a header again with the gateway's own key: what a dishonest operator can do.
void sign_again(proto::SignedHeader& header) {
  header.signature = sign_header(header.header, small_genesis().hash, Person(holder_name(kGrid)));
}

// The state root of the block at `height` if one transfer of alice had been larger by 1: every account but two is the same.
Bytes32 root_with_one_other_account(const ChainFiles& files, std::uint64_t height) {
  TempDirectory other;
  Records records = load_records(files.journal);
  const std::size_t at = record_of(records, kAlice, 0);
  strict::EnvelopeView view;
  EXPECT_EQ(strict::decode_envelope(records[at].envelopes.front(), view), Result::ok);
  strict::PayloadView payload;
  EXPECT_EQ(strict::decode_payload(view.payload, payload), Result::ok);
  const auto& transfers = std::get<strict::Transfers>(payload.operation);
  const strict::Transfer& first = transfers.all().front();
  const auto changed = transfer(first.debit_account, first.credit_account, first.amount + 1);
  records[at].envelopes.front() = envelope_of(Person(holder_name(kAlice)), {.slot = kAlice}, view.sequence, changed);
  mend(records);
  store_records(other.path(), records);

  class Roots final : public pipeline::RecordReplayer {
   public:
    using RecordReplayer::RecordReplayer;
    bool after_block(const io::RecordView&, const proto::BlockHeader& header) override {
      roots.push_back(header.state_root);
      return true;
    }
    std::vector<Bytes32> roots;
  };
  const auto machine = state::Machine::create(small_genesis());
  const auto verifier = crypto::make_verifier("auto");
  crypto::KeyStore keys((*machine)->limits().holders_max, 0);
  pipeline::follow_key_changes(**machine, keys, **verifier);
  chain::BlockMaker maker(**machine);
  Roots roots(**machine, keys, **verifier, &maker);
  EXPECT_TRUE(io::read_journal(other.path(), roots)) << roots.problem();
  return roots.roots.at(height - 1);
}

struct Forgery {
  const char* name;
  void (*forge)(Records&, Headers&, const ChainFiles&);
  const char* text;  // of the first problem
};

const std::array kForgeries = std::to_array<Forgery>({
    // --- records, hashes as they were
    {"DropsARecord", [](Records& r, Headers&, const ChainFiles&) { r.erase(r.begin() + 5); }, "a durable record is missing"},
    {"SwapsTwoRecords", [](Records& r, Headers&, const ChainFiles&) { std::swap(r[5], r[6]); }, ""},
    {"PutsARecordOfAnotherChain",
     [](Records& r, Headers&, const ChainFiles&) {
       Record& foreign = r[5];
       foreign.header.genesis_hash[0] ^= 1;
       foreign.header.record_hash = io::compute_record_hash(foreign.header);
     },
     "another chain"},
    {"CutsTheLastBlock", [](Records& r, Headers&, const ChainFiles&) { r.resize(r.size() - 4); },
     "of blocks that the journal does not have"},
    // --- records, hashes made right again: only the signed header tells
    {"DropsARecordAndMendsTheChain",
     [](Records& r, Headers&, const ChainFiles&) {
       r.erase(r.begin() + 5);
       mend(r);
     },
     "the header is not the one that follows from the batches"},
    {"SwapsTwoRecordsAndMendsTheChain",
     [](Records& r, Headers&, const ChainFiles&) {
       std::swap(r[5].envelopes, r[6].envelopes);
       mend(r);
     },
     "the header is not the one that follows from the batches"},
    {"ChangesATimeAndMendsTheChain",
     [](Records& r, Headers&, const ChainFiles&) {
       // One that the next batch does not follow at once.
       std::size_t at = 5;
       while (r[at + 1].header.time_ns - r[at].header.time_ns < 2) ++at;
       ++r[at].header.time_ns;
       mend(r);
     },
     "batch hash"},
    {"DropsAMessageAndMendsTheChain",
     [](Records& r, Headers&, const ChainFiles&) {
       r[record_with(r, 2)].envelopes.pop_back();
       mend(r);
     },
     "the header is not the one that follows from the batches"},
    {"AppliesAMessageTwice",
     [](Records& r, Headers&, const ChainFiles&) {
       Record& record = r[record_with(r, 2)];
       record.envelopes.push_back(record.envelopes.front());
       mend(r);
     },
     "messages"},
    // --- messages
    {"TakesTheSignatureOfAnotherMessageOfTheMeter",
     [](Records& r, Headers&, const ChainFiles&) {
       const Bytes& other = r[record_of(r, kM2, 1)].envelopes.front();
       Bytes& message = r[record_of(r, kM2, 0)].envelopes.front();
       message = with_signature_of(message, other);
       mend(r);
     },
     "its signature is bad"},
    {"TakesAnotherValidSignatureOfTheSameMessage",
     [](Records& r, Headers&, const ChainFiles&) {
       Bytes& message = r[record_of(r, kM2, 0)].envelopes.front();
       message = with_another_valid_signature(message, holder_name(kM2));
       mend(r);
     },
     "transaction root"},
    {"InventsAMessageOfAnUnregisteredKey",
     [](Records& r, Headers&, const ChainFiles&) {
       r[5].envelopes.push_back(envelope_of(Person("nobody"), {.slot = 999}, 1, reading(0, 1)));
       mend(r);
     },
     "its sender's key was never registered"},
    {"InventsAMessageOfARegisteredMeter",
     [](Records& r, Headers&, const ChainFiles&) {
       r[5].envelopes.push_back(envelope_of(Person("nobody"), {.slot = kM1}, 1, reading(0, 1)));
       mend(r);
     },
     "its signature is bad"},
    {"InventsAMessageWithTheMetersOwnKey",
     [](Records& r, Headers&, const ChainFiles&) {
       r[5].envelopes.push_back(envelope_of(Person(holder_name(kM1)), {.slot = kM1}, 1, reading(0, 1)));
       mend(r);
     },
     "the header is not the one that follows from the batches"},
    {"PutsBytesThatAreNoMessage",
     [](Records& r, Headers&, const ChainFiles&) {
       r[5].envelopes.push_back(Bytes(20, 7));
       mend(r);
     },
     "not strictly encoded"},
    {"NamesRulesThatAreNotInForce",
     [](Records& r, Headers&, const ChainFiles&) {
       r[5].header.rules_version = 2;
       mend(r);
     },
     "rules version 2"},
    // --- headers
    {"ForgesAHeadersSignature",
     [](Records&, Headers& h, const ChainFiles&) {
       h[3].signature = sign_header(h[3].header, small_genesis().hash, Person("nobody"));
     },
     "the header's signature is bad"},
    {"SignsAHeaderForAnotherChain",
     [](Records&, Headers& h, const ChainFiles&) {
       h[3].signature = sign_header(h[3].header, small_genesis(1).hash, Person(holder_name(kGrid)));
     },
     "the header's signature is bad"},
    {"SignsAStateRootThatIsOffByOneAccount",
     [](Records&, Headers& h, const ChainFiles& files) {
       h.back().header.state_root = root_with_one_other_account(files, h.size());
       sign_again(h.back());
     },
     "state root"},
    {"SignsAnotherTransactionRoot",
     [](Records&, Headers& h, const ChainFiles&) {
       h[3].header.transaction_root[31] ^= 1;
       sign_again(h[3]);
     },
     "transaction root"},
    {"SignsAnotherCycle",
     [](Records&, Headers& h, const ChainFiles&) {
       ++h[3].header.cycle;
       sign_again(h[3]);
     },
     "cycle"},
    {"SwapsTwoHeaders", [](Records&, Headers& h, const ChainFiles&) { std::swap(h[2], h[3]); }, "height"},
    {"DropsTheLastHeader", [](Records&, Headers& h, const ChainFiles&) { h.pop_back(); }, "have no signed header"},
    {"AddsAHeader", [](Records&, Headers& h, const ChainFiles&) { h.push_back(h.back()); },
     "of blocks that the journal does not have"},
});

class Forged : public testing::TestWithParam<Forgery> {};

TEST_P(Forged, IsFoundAndItsPlaceNamed) {
  TempDirectory directory;
  const ChainFiles files = LivedChain::get().copy_to(directory.path() / "chain");
  Records records = load_records(files.journal);
  Headers headers = load_headers(files.headers());
  GetParam().forge(records, headers, files);
  store_records(files.journal, records);
  store_headers(files.headers(), headers);

  const pipeline::AuditReport report = audit_of(files);
  ASSERT_EQ(report.problem_count, 1U) << "without --all the first one ends it\n" << problems_of(report);
  const pipeline::SourceProblem& problem = report.problems.front();
  EXPECT_THAT(problem.text, HasSubstr(GetParam().text));
  EXPECT_FALSE(problem.place.file.empty());
  EXPECT_GT(problem.height, 0U);

  // With --all it goes on to the end, and the first thing it says is the same.
  const pipeline::AuditReport all = audit_of(files, true);
  ASSERT_FALSE(all.good());
  EXPECT_EQ(all.problems.front().text, problem.text);
  EXPECT_GE(all.batches, report.batches);
  EXPECT_GE(all.batches, records.size() - 2);
}

INSTANTIATE_TEST_SUITE_P(Chain, Forged, testing::ValuesIn(kForgeries),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Audit, OfAChainThatNobodyTouchedFindsNothing) {
  const pipeline::AuditReport report = audit_of(LivedChain::get().files());
  EXPECT_TRUE(report.good()) << problems_of(report);
  const Headers headers = load_headers(LivedChain::get().files().headers());
  EXPECT_EQ(report.blocks, headers.size());
  EXPECT_GE(report.blocks, 10U);
  EXPECT_GE(report.messages, 230U);
  EXPECT_EQ(report.last_header, headers.back().header);
  EXPECT_EQ(report.executed_batches, report.batches);
}

TEST(Audit, OfAnUnfinishedChainForgivesWhatAKillLeaves) {
  TempDirectory directory;
  const ChainFiles files = LivedChain::get().copy_to(directory.path() / "chain");
  Headers headers = load_headers(files.headers());
  headers.resize(headers.size() - 2);
  store_headers(files.headers(), headers);
  const auto segment = files.journal / io::segment_name(1);
  std::filesystem::resize_file(segment, std::filesystem::file_size(segment) - 100);

  EXPECT_FALSE(audit_of(files).good());
  const pipeline::AuditReport report = audit_of(files, false, true);
  EXPECT_TRUE(report.good()) << problems_of(report);
  EXPECT_EQ(report.unsigned_blocks, 2U);
}

TEST(Audit, OfAnEmptyDirectoryFindsAnEmptyChain) {
  TempDirectory directory;
  const pipeline::AuditReport report = audit_of({directory.path()});
  EXPECT_TRUE(report.good()) << problems_of(report);
  EXPECT_EQ(report.batches, 0U);
}

TEST(Audit, GoesOnBehindADamagedRecordAndJudgesTheRestAlone) {
  TempDirectory directory;
  const ChainFiles files = LivedChain::get().copy_to(directory.path() / "chain");
  Records records = load_records(files.journal);
  Headers headers = load_headers(files.headers());
  // A byte of record 5, and much later a header whose signature is nobody's.
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < 5; ++i) offset += io::record_bytes(records[i].header.body_bytes);
  turn_bits(files.journal / io::segment_name(1), offset + 300, 1);
  headers[7].signature = sign_header(headers[7].header, small_genesis().hash, Person("nobody"));
  store_headers(files.headers(), headers);

  const pipeline::AuditReport report = audit_of(files, true);
  ASSERT_EQ(report.problem_count, 2U) << problems_of(report);
  EXPECT_EQ(report.problems[0].batch, 6U);
  EXPECT_EQ(report.problems[0].place.offset, offset);
  EXPECT_EQ(report.problems[1].height, 8U);
  EXPECT_THAT(report.problems[1].text, HasSubstr("signature"));
  EXPECT_EQ(report.batches, records.size() - 1);
}

}  // namespace
}  // namespace electra::test
