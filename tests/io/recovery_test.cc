// The decision table, twice: as data (every pair, against the expectation written down here), and on disk (every pair that
// a directory can show, built by hand and recovered).
#include "io/journal/recovery.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "meter-proto/base/sha256.h"
#include "tests/io/support.h"

namespace electra::io {
namespace {

using enum Finding;

struct Expectation {
  Finding finding;
  Decision none;
  Decision beyond;
  Decision durable;
};

// finding, then the decision for: no later record, later records that do not vouch, a later watermark that does
constexpr Expectation kExpected[] = {
    {next_record, Decision::accept, Decision::accept, Decision::accept},
    {segment_end, Decision::next_segment, Decision::next_segment, Decision::next_segment},
    {missing_segment, Decision::end, Decision::damage, Decision::damage},
    {zeros, Decision::end, Decision::cut, Decision::damage},
    {bad_header, Decision::cut, Decision::cut, Decision::damage},
    {bad_body, Decision::cut, Decision::cut, Decision::damage},
    {ahead, Decision::cut, Decision::cut, Decision::damage},
    {stale, Decision::cut, Decision::cut, Decision::damage},
    {misplaced, Decision::damage, Decision::damage, Decision::damage},
    {broken_chain, Decision::damage, Decision::damage, Decision::damage},
    {foreign_genesis, Decision::wrong_genesis, Decision::wrong_genesis, Decision::wrong_genesis},
    {foreign_journal, Decision::damage, Decision::damage, Decision::damage},
    {inconsistent, Decision::damage, Decision::damage, Decision::damage},
    {newer_format, Decision::newer_format, Decision::newer_format, Decision::newer_format},
};
static_assert(std::size(kExpected) == kFindings);

TEST(DecisionTable, HasEveryPairExactlyOnceWithTheExpectedDecision) {
  std::set<std::pair<Finding, Evidence>> seen;
  for (const DecisionRow& row : decision_table()) {
    EXPECT_TRUE(seen.emplace(row.finding, row.evidence).second);
    EXPECT_FALSE(row.reason.empty());
    EXPECT_EQ(&decide(row.finding, row.evidence), &row);
  }
  EXPECT_EQ(seen.size(), kFindings * kEvidences);
  for (const Expectation& expected : kExpected) {
    EXPECT_EQ(decide(expected.finding, Evidence::none).decision, expected.none) << finding_name(expected.finding);
    EXPECT_EQ(decide(expected.finding, Evidence::beyond).decision, expected.beyond) << finding_name(expected.finding);
    EXPECT_EQ(decide(expected.finding, Evidence::durable).decision, expected.durable) << finding_name(expected.finding);
  }
}

TEST(DecisionTable, NothingThatAWatermarkVouchesForIsEverCut) {
  for (const DecisionRow& row : decision_table()) {
    if (row.evidence != Evidence::durable) continue;
    EXPECT_NE(row.decision, Decision::cut) << finding_name(row.finding);
    EXPECT_NE(row.decision, Decision::end) << finding_name(row.finding);
  }
}

TEST(DecisionTable, ThePageShowsEveryRow) {
  const auto bytes = read_file(std::string(ELECTRA_SOURCE_DIR) + "/docs/journal-format.md");
  const std::string page(bytes.begin(), bytes.end());
  for (const Expectation& expected : kExpected) {
    std::string row = "| `";
    row.append(finding_name(expected.finding)).append("` | ");
    row.append(decision_name(expected.none)).append(" | ").append(decision_name(expected.beyond)).append(" | ");
    row.append(decision_name(expected.durable)).append(" |");
    EXPECT_NE(page.find(row), std::string::npos) << row;
  }
}

// Three good records stand in segment 1; batch 4 is expected at their end.
constexpr std::uint64_t kGood = 3;
constexpr std::uint64_t kPlace = kGood * kRecordAlignment;

class JournalImage {
 public:
  JournalImage() {
    Bytes32 hash = test_genesis();
    for (std::uint64_t batch = 1; batch <= kGood; ++batch) {
      const SealedRecord record = seal_record(record_spec(1, batch, hash));
      add(record.bytes);
      hash = record.hash;
    }
    last_hash_ = hash;
  }
  void add(ByteSpan bytes) { segment_.insert(segment_.end(), bytes.begin(), bytes.end()); }
  void add_zeros(std::size_t bytes) { segment_.resize(segment_.size() + bytes); }

  // The record that is expected next, to be spoilt.
  [[nodiscard]] RecordSpec next() const { return record_spec(1, kGood + 1, last_hash_); }

  // A valid record two batches on whose watermark is what the evidence asks for.
  [[nodiscard]] SealedRecord witness(Evidence evidence, std::uint64_t segment = 1) const {
    RecordSpec spec = record_spec(segment, kGood + 2, sha256("a hash that nobody has"));
    spec.header.watermark = evidence == Evidence::durable ? kGood + 1 : kGood;
    return seal_record(spec);
  }
  void add_witness(Evidence evidence) {
    if (evidence != Evidence::none) add(witness(evidence).bytes);
  }

  std::expected<RecoveryResult, RecoveryError> recover(const Bytes32& genesis = test_genesis()) {
    write_file(directory_.path() / segment_name(1), segment_);
    records.records.clear();
    return recover_journal(directory_.path(), genesis, &records);
  }

  [[nodiscard]] std::filesystem::path file(std::uint64_t segment) const {
    return directory_.path() / segment_name(segment);
  }
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }
  [[nodiscard]] const Bytes32& last_hash() const { return last_hash_; }

  Recovered records;

 private:
  TemporaryDirectory directory_{TemporaryDirectory::Where::memory};
  std::vector<std::uint8_t> segment_;
  Bytes32 last_hash_{};
};

// Puts the finding at the place where batch 4 is expected; what follows it is the evidence.
void place(JournalImage& image, Finding finding) {
  RecordSpec spec = image.next();
  switch (finding) {
    case zeros:      image.add_zeros(kRecordAlignment); return;
    case bad_header: {
      SealedRecord record = seal_record(spec);
      record.bytes[100] ^= 1;
      image.add(record.bytes);
      return;
    }
    case bad_body: {
      SealedRecord record = seal_record(spec);
      record.bytes[kRecordHeaderBytes + 5] ^= 1;
      image.add(record.bytes);
      return;
    }
    case stale:           spec = record_spec(1, 2, sha256("the file's earlier use")); break;
    case misplaced:       spec.header.segment = 7; break;
    case broken_chain:    spec.header.previous_hash = sha256("another history"); break;
    case foreign_genesis: spec.header.genesis_hash = sha256("another genesis"); break;
    case foreign_journal: spec.header.journal_id.fill(0x77); break;
    case inconsistent:    spec.header.reserved[3] = 1; break;
    case newer_format:    spec.header.format_version = kJournalFormatVersion + 1; break;
    default:              break;
  }
  image.add(seal_record(spec).bytes);
}

void expect_decision(JournalImage& image, Finding finding, Evidence evidence) {
  SCOPED_TRACE(std::string(finding_name(finding)) + " with evidence " + std::string(evidence_name(evidence)));
  const auto result = image.recover();
  EXPECT_EQ(image.records.records.size(), kGood);
  const DecisionRow& row = decide(finding, evidence);
  if (row.decision == Decision::cut || row.decision == Decision::end) {
    ASSERT_TRUE(result.has_value()) << result.error().text();
    EXPECT_EQ(result->tail_cut, row.decision == Decision::cut);
    EXPECT_EQ(result->position.last_batch, kGood);
    EXPECT_EQ(result->position.last_hash, image.last_hash());
    EXPECT_EQ(result->position.segment, 1u);
    EXPECT_EQ(result->position.offset, kPlace);
    return;
  }
  ASSERT_FALSE(result.has_value());
  const auto kind = row.decision == Decision::damage          ? RecoveryError::Kind::damage
                    : row.decision == Decision::wrong_genesis ? RecoveryError::Kind::wrong_genesis
                                                              : RecoveryError::Kind::newer_format;
  EXPECT_EQ(result.error().kind, kind);
  EXPECT_EQ(result.error().file, image.file(1));
  EXPECT_EQ(result.error().offset, kPlace);
  EXPECT_EQ(result.error().batch, kGood + 1);
  EXPECT_EQ(result.error().reason, row.reason);
  EXPECT_NE(result.error().text().find("at offset 12288 (batch 4 expected)"), std::string::npos);
}

TEST(Recovery, DecidesOnDiskAsTheTableSays) {
  for (const Finding finding : {zeros, bad_header, bad_body, stale, misplaced, broken_chain, foreign_genesis,
                                foreign_journal, inconsistent, newer_format}) {
    for (const Evidence evidence : {Evidence::none, Evidence::beyond, Evidence::durable}) {
      JournalImage image;
      place(image, finding);
      image.add_witness(evidence);
      expect_decision(image, finding, evidence);
    }
  }
}

TEST(Recovery, ARecordThatIsAheadIsItsOwnEvidence) {
  for (const Evidence evidence : {Evidence::beyond, Evidence::durable}) {
    JournalImage image;
    image.add_witness(evidence);
    expect_decision(image, ahead, evidence);
  }
}

TEST(Recovery, EvidenceIsFoundFarBehindAndInLaterSegments) {
  struct Case {
    const char* name;
    bool in_next_segment;
    std::size_t gap;
  };
  for (const Case& test : {Case{"behind 3 MiB of zeros", false, 3 << 20}, Case{"at the next segment's start", true, 0},
                           Case{"in the next segment behind junk", true, 5 * kRecordAlignment}}) {
    SCOPED_TRACE(test.name);
    JournalImage image;
    place(image, bad_body);
    if (test.in_next_segment) {
      std::vector<std::uint8_t> next(test.gap, 0xee);
      const SealedRecord witness = image.witness(Evidence::durable, 2);
      next.insert(next.end(), witness.bytes.begin(), witness.bytes.end());
      write_file(image.file(2), next);
    } else {
      image.add_zeros(test.gap);
      image.add_witness(Evidence::durable);
    }
    expect_decision(image, bad_body, Evidence::durable);
  }
}

TEST(Recovery, RecordsThatCannotBeWitnessesAreNone) {
  struct Case {
    const char* name;
    void (*spoil)(RecordHeader&);
  };
  // A watermark of 4 would make batch 4 damage; none of these may be believed.
  const Case cases[] = {
      {"of another chain", [](RecordHeader& header) { header.genesis_hash = sha256("other"); }},
      {"of another journal, as forged inside a message", [](RecordHeader& header) { header.journal_id.fill(9); }},
      {"of a batch that was passed", [](RecordHeader& header) { header.batch = 2; }},
      {"with a watermark above itself", [](RecordHeader& header) { header.watermark = header.batch; }},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    JournalImage image;
    place(image, bad_body);
    RecordSpec spec = record_spec(1, kGood + 2, sha256("a hash that nobody has"));
    spec.header.watermark = kGood + 1;
    test.spoil(spec.header);
    image.add(seal_record(spec).bytes);
    expect_decision(image, bad_body, Evidence::none);
  }
}

TEST(Recovery, ARecordInsideATornRecordsBodyIsNoWitness) {
  JournalImage image;
  // The torn record is 3 blocks long and its second block is a whole record that would vouch for it.
  RecordSpec torn = image.next();
  torn.envelopes = {std::string(9000, 't')};
  SealedRecord record = seal_record(torn);
  const SealedRecord inside = image.witness(Evidence::durable);
  std::copy(inside.bytes.begin(), inside.bytes.end(), record.bytes.begin() + kRecordAlignment);
  image.add(record.bytes);
  expect_decision(image, bad_body, Evidence::none);
}

TEST(Recovery, RefusesEveryContradictionInAHeader) {
  struct Case {
    const char* name;
    void (*spoil)(RecordHeader&);
  };
  const Case cases[] = {
      {"header length", [](RecordHeader& header) { header.header_bytes = 512; }},
      {"unknown flag", [](RecordHeader& header) { header.flags = 4; }},
      {"too many messages", [](RecordHeader& header) { header.count = kRecordMessagesMax + 1; }},
      {"too long a body", [](RecordHeader& header) { header.body_bytes = kRecordBodyBytesMax + 1; }},
      {"messages without body", [](RecordHeader& header) { header.body_bytes = 0; }},
      {"body without messages", [](RecordHeader& header) { header.count = 0; }},
      {"count that is not the entries'", [](RecordHeader& header) { header.count = 3; }},
      {"watermark at itself", [](RecordHeader& header) { header.watermark = header.batch; }},
      {"watermark that falls", [](RecordHeader& header) { header.watermark = 1; }},
      {"time that stands still", [](RecordHeader& header) { header.time_ns = 1'000'000'000 + kGood; }},
      {"watermark flag with messages", [](RecordHeader& header) { header.flags = kRecordWatermark; }},
      {"reserved byte", [](RecordHeader& header) { header.reserved[47] = 1; }},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    JournalImage image;
    RecordSpec spec = image.next();
    const SealedRecord good = seal_record(spec);
    std::memcpy(&spec.header, good.bytes.data(), sizeof spec.header);
    const ByteSpan body = ByteSpan(good.bytes).subspan(kRecordHeaderBytes, spec.header.body_bytes);
    test.spoil(spec.header);
    image.add(seal_header_as_is(spec, body).bytes);
    expect_decision(image, inconsistent, Evidence::none);
  }
}

TEST(Recovery, NonZeroPaddingIsABadBody) {
  JournalImage image;
  SealedRecord record = seal_record(image.next());
  record.bytes.back() = 1;
  image.add(record.bytes);
  expect_decision(image, bad_body, Evidence::none);
}

// --- segments ---

TEST(Recovery, AnEmptyOrMissingDirectoryIsAnEmptyJournal) {
  TemporaryDirectory directory;
  for (const auto& path : {directory.path(), directory.path() / "not there"}) {
    const auto result = recover_journal(path, test_genesis(), nullptr);
    ASSERT_TRUE(result.has_value());
    EXPECT_EQ(result->position.last_batch, 0u);
    EXPECT_EQ(result->position.last_hash, test_genesis());
    EXPECT_EQ(result->position.segment, 1u);
    EXPECT_EQ(result->position.offset, 0u);
  }
}

TEST(Recovery, GoesOnInTheNextSegmentAndEndsAtItsStartWhenItIsEmpty) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{kRecordAlignment * 4}}) {
    JournalImage image;
    write_file(image.file(2), std::vector<std::uint8_t>(bytes));
    const auto result = image.recover();
    ASSERT_TRUE(result.has_value()) << result.error().text();
    EXPECT_EQ(result->position.segment, 2u);
    EXPECT_EQ(result->position.offset, 0u);
    EXPECT_EQ(image.records.records.size(), kGood);
    EXPECT_FALSE(result->tail_cut);
  }
}

TEST(Recovery, AnEmptySegmentAfterAnOpenOneIsIgnored) {
  JournalImage image;
  image.add_zeros(8 * kRecordAlignment);
  write_file(image.file(2), std::vector<std::uint8_t>(4 * kRecordAlignment));
  const auto result = image.recover();
  ASSERT_TRUE(result.has_value()) << result.error().text();
  EXPECT_EQ(result->position.segment, 1u);
  EXPECT_EQ(result->position.offset, kPlace);
}

TEST(Recovery, AMissingSegmentInTheMiddleIsDamage) {
  JournalImage image;
  write_file(image.file(3), image.witness(Evidence::durable, 3).bytes);
  const auto result = image.recover();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, RecoveryError::Kind::damage);
  EXPECT_EQ(result.error().reason, decide(missing_segment, Evidence::durable).reason);
}

TEST(Recovery, AMissingFirstSegmentIsDamage) {
  TemporaryDirectory directory;
  write_file(directory.path() / segment_name(2), seal_record(record_spec(2, 4, test_genesis())).bytes);
  const auto result = recover_journal(directory.path(), test_genesis(), nullptr);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, RecoveryError::Kind::damage);
  EXPECT_EQ(result.error().file, directory.path() / segment_name(1));
}

TEST(Recovery, AMissingSegmentBeforeAnEmptyOneIsTheEnd) {
  JournalImage image;
  write_file(image.file(3), std::vector<std::uint8_t>(kRecordAlignment));
  const auto result = image.recover();
  ASSERT_TRUE(result.has_value()) << result.error().text();
  EXPECT_EQ(result->position.segment, 1u);
}

TEST(Recovery, SegmentsInEachOthersPlaceAreDamage) {
  // Segments 1..3 with one record each; 2 and 3 swapped.
  TemporaryDirectory directory;
  Bytes32 hash = test_genesis();
  for (std::uint64_t segment = 1; segment <= 3; ++segment) {
    const SealedRecord record = seal_record(record_spec(segment, segment, hash));
    hash = record.hash;
    const std::uint64_t name = segment == 1 ? 1 : 5 - segment;
    write_file(directory.path() / segment_name(name), record.bytes);
  }
  const auto result = recover_journal(directory.path(), test_genesis(), nullptr);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, RecoveryError::Kind::damage);
  EXPECT_EQ(result.error().file, directory.path() / segment_name(2));
  EXPECT_EQ(result.error().reason, decide(misplaced, Evidence::none).reason);
}

TEST(Recovery, AFileThatIsNoSegmentIsNamed) {
  JournalImage image;
  write_file(image.directory() / "1.seg", {});
  const auto result = image.recover();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, RecoveryError::Kind::io_error);
  EXPECT_NE(result.error().text().find("1.seg"), std::string::npos);
}

TEST(Recovery, AnotherGenesisIsAnErrorOfItsOwn) {
  JournalImage image;
  const auto result = image.recover(sha256("another genesis"));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, RecoveryError::Kind::wrong_genesis);
  EXPECT_NE(result.error().text().find("belongs to another chain"), std::string::npos);
  EXPECT_TRUE(image.records.records.empty());
}

TEST(Recovery, StopsWhereTheReceiverRefuses) {
  struct Refuse : RecordSink {
    bool on_record(const RecordView& record) override { return record.header.batch < 2; }
  } refuse;
  JournalImage image;
  ASSERT_TRUE(image.recover().has_value());
  const auto result = recover_journal(image.directory(), test_genesis(), &refuse);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, RecoveryError::Kind::stopped);
  EXPECT_EQ(result.error().batch, 2u);
}

}  // namespace
}  // namespace electra::io
