// The walk as a table: what is done to a directory, and all that the visitor is then told, in order, as one line.
#include "io/journal/journal_walk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "meter-proto/base/sha256.h"
#include "tests/io/support.h"

namespace electra::io {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kBlock = kRecordAlignment;

// "1 2 [damage bad_header 1+8192] ~4 5": batches as they came, ~ before one that does not follow; a fault is kind, finding,
// segment + offset.
struct Diary final : WalkVisitor {
  std::string text;
  std::vector<WalkFault> faults;
  std::uint64_t records = 0;
  std::uint64_t stop_at_record = 0;
  bool stop_at_fault = false;
  bool fault_since_record = false;

  bool on_record(const RecordView& record, bool follows) override {
    EXPECT_TRUE(follows || fault_since_record)
        << "batch " << record.header.batch << " does not follow, and no fault says why";
    EXPECT_EQ(sha256(record.body), record.header.body_hash);
    fault_since_record = false;
    add((follows ? "" : "~") + std::to_string(record.header.batch));
    return ++records != stop_at_record;
  }
  bool on_fault(const WalkFault& fault) override {
    fault_since_record = true;
    faults.push_back(fault);
    const auto segment = parse_segment_name(fault.file.filename().string());
    add("[" + std::string(walk_fault_kind_name(fault.kind)) + " " + std::string(finding_name(fault.finding)) + " " +
        (segment ? std::to_string(*segment) : fault.file.filename().string()) + "+" + std::to_string(fault.offset) +
        "]");
    return !stop_at_fault;
  }
  void add(const std::string& word) { text += (text.empty() ? "" : " ") + word; }
};

// Segment 1 closed with batches 1..4, segment 2 closed with 5..6 (5 is three blocks long), segment 3 with 7..9 and two
// blocks of zeros.
struct JournalFiles {
  using Bytes = std::vector<std::uint8_t>;

  JournalFiles() {
    Bytes32 hash = test_genesis();
    for (std::uint64_t batch = 1; batch <= 9; ++batch) {
      const std::uint64_t segment = batch <= 4 ? 1 : batch <= 6 ? 2 : 3;
      RecordSpec spec = record_spec(segment, batch, hash);
      if (batch == 5) spec.envelopes = {std::string(9000, 'x')};
      hash = append(segment, spec);
    }
    last_hash = hash;
    files[2].resize(files[2].size() + 2 * kBlock);
    for (std::uint64_t segment = 1; segment <= 3; ++segment) write(segment, file(segment));
  }

  Bytes32 append(std::uint64_t segment, const RecordSpec& spec) {
    const SealedRecord record = seal_record(spec);
    file(segment).insert(file(segment).end(), record.bytes.begin(), record.bytes.end());
    return record.hash;
  }
  Bytes& file(std::uint64_t segment) { return files[segment - 1]; }
  [[nodiscard]] fs::path path(std::uint64_t segment) const { return directory.path() / segment_name(segment); }
  void write(std::uint64_t segment, ByteSpan bytes) { write_file(path(segment), bytes); }

  // A record of another chain or journal in the shape of batch `batch`.
  static SealedRecord foreign(std::uint64_t segment, std::uint64_t batch, bool other_chain) {
    RecordSpec spec = record_spec(segment, batch, sha256("nobody's"));
    if (other_chain) spec.header.genesis_hash = sha256("another genesis");
    spec.header.journal_id.fill(0x99);
    return seal_record(spec);
  }
  static void put(Bytes& bytes, std::uint64_t offset, ByteSpan what) {
    if (bytes.size() < offset + what.size()) bytes.resize(offset + what.size());
    std::copy(what.begin(), what.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
  }
  static void remove(Bytes& bytes, std::uint64_t offset, std::uint64_t length) {
    const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(offset);
    bytes.erase(from, from + static_cast<std::ptrdiff_t>(length));
  }

  WalkEnd walk(Diary& diary, WalkOptions options = {}, const std::optional<Bytes32>& genesis = test_genesis()) {
    const auto end = walk_journal(directory.path(), genesis, diary, options);
    EXPECT_TRUE(end.has_value()) << end.error().text();
    if (!end) return {};
    EXPECT_EQ(end->records, diary.records);
    EXPECT_EQ(end->faults, diary.faults.size());
    return *end;
  }

  TemporaryDirectory directory{TemporaryDirectory::Where::memory};
  std::array<Bytes, 3> files;
  Bytes32 last_hash{};
};

TEST(JournalWalk, AWholeJournalIsWalkedWithoutAFaultAndEndsWhereRecoveryDoes) {
  JournalFiles journal;
  Recovered recovered;
  const auto recovery = recover_journal(journal.directory.path(), test_genesis(), &recovered);
  ASSERT_TRUE(recovery.has_value());
  for (const std::optional<Bytes32>& genesis : {std::optional(test_genesis()), std::optional<Bytes32>()}) {
    Diary diary;
    const WalkEnd end = journal.walk(diary, {}, genesis);
    EXPECT_EQ(diary.text, "1 2 3 4 5 6 7 8 9");
    EXPECT_EQ(end.records, recovery->records);
    EXPECT_EQ(end.messages, recovery->messages);
    EXPECT_EQ(end.bytes, recovery->bytes);
    EXPECT_EQ(end.position.genesis_hash, test_genesis());
    EXPECT_EQ(end.position.last_hash, journal.last_hash);
    EXPECT_EQ(end.position.last_batch, 9u);
    EXPECT_EQ(end.position.watermark, 8u);
    EXPECT_EQ(end.position.segment, 3u);
    EXPECT_EQ(end.position.offset, recovery->position.offset);
    EXPECT_EQ(end.tail_bytes, 0u);
    EXPECT_EQ(end.tail_text, "");
    EXPECT_FALSE(end.stopped);
  }
}

TEST(JournalWalk, AMissingOrEmptyDirectoryIsAnEmptyJournal) {
  TemporaryDirectory empty;
  for (const fs::path& directory : {empty.path(), empty.path() / "not there"}) {
    Diary diary;
    const auto end = walk_journal(directory, test_genesis(), diary);
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(diary.text, "");
    EXPECT_EQ(end->position.last_batch, 0u);
    EXPECT_EQ(end->position.last_hash, test_genesis());
  }
}

TEST(JournalWalk, AFlippedBitInAnyByteOfAnyFileIsAFaultAtItsBlockAndCostsOneRecordAtMost) {
  JournalFiles journal;
  std::mt19937 random(20160104);
  for (std::uint64_t segment = 1; segment <= 3; ++segment) {
    const int fd = open(journal.path(segment).c_str(), O_WRONLY);
    ASSERT_GE(fd, 0);
    const JournalFiles::Bytes& whole = journal.file(segment);
    for (std::size_t i = 0; i < whole.size(); ++i) {
      const auto flipped = static_cast<std::uint8_t>(whole[i] ^ (1u << (random() % 8)));
      ASSERT_EQ(pwrite(fd, &flipped, 1, static_cast<off_t>(i)), 1);
      Diary diary;
      (void)journal.walk(diary);
      const bool lead = segment == 3 && i >= 3 * kBlock;
      const std::uint64_t record =
          segment == 2 && i < 3 * kBlock ? 0 : i / kBlock * kBlock;  // batch 5 is 3 blocks long
      ASSERT_EQ(diary.faults.size(), 1u) << "byte " << i << " of " << segment << ": " << diary.text;
      ASSERT_EQ(diary.faults[0].file, journal.path(segment)) << "byte " << i;
      if (lead) {
        ASSERT_EQ(diary.faults[0].offset / kBlock, i / kBlock);
      } else {
        ASSERT_EQ(diary.faults[0].offset, record) << "byte " << i << " of " << segment;
      }
      ASSERT_EQ(diary.records, lead ? 9u : 8u) << "byte " << i << " of " << segment << ": " << diary.text;
      ASSERT_EQ(pwrite(fd, &whole[i], 1, static_cast<off_t>(i)), 1);
    }
    close(fd);
  }
  Diary diary;
  (void)journal.walk(diary);
  EXPECT_TRUE(diary.faults.empty());
}

TEST(JournalWalk, AFileCutAtAnyBlockAndAtOddLengthsIsAFaultUnlessOnlyTheEndIsGone) {
  JournalFiles journal;
  for (std::uint64_t segment = 1; segment <= 3; ++segment) {
    const JournalFiles::Bytes whole = journal.file(segment);
    for (std::size_t length = 0; length < whole.size(); length += length % kBlock == 0 ? 1 : 1365) {
      if (length % kBlock > 4095 - 1365) length = length / kBlock * kBlock + kBlock;
      if (length >= whole.size()) break;
      journal.write(segment, ByteSpan(whole).first(length));
      Diary diary;
      const WalkEnd end = journal.walk(diary);
      // At the journal's very end whole records (then the witness of those before) and zeros may be missing unseen.
      const bool unseen = segment == 3 && (length % kBlock == 0 || length > 3 * kBlock);
      ASSERT_EQ(diary.faults.empty(), unseen) << length << " bytes of " << segment << ": " << diary.text;
      if (segment < 3) {
        ASSERT_EQ(end.position.last_batch, 9u) << "it goes on behind: " << diary.text;
      }
    }
    journal.write(segment, whole);
  }
}

// --- what is done, and what is told ---

struct Case {
  const char* name;
  void (*spoil)(JournalFiles&);
  const char* told;
};

// Batches 1..4 lie in segment 1 at 0, 4096, 8192, 12288; 5 in segment 2 at 0, 6 at 12288; 7..9 in segment 3.
const Case kCases[] = {
    {"the first segment is gone", [](JournalFiles& journal) { fs::remove(journal.path(1)); },
     "[damage missing_segment 1+0] ~5 6 7 8 9"},
    {"a segment in the middle is gone", [](JournalFiles& journal) { fs::remove(journal.path(2)); },
     "1 2 3 4 [damage missing_segment 2+0] ~7 8 9"},
    {"the last segment is gone, which only signed headers can tell",
     [](JournalFiles& journal) { fs::remove(journal.path(3)); }, "1 2 3 4 5 6"},
    {"a number is missing before an empty segment",
     [](JournalFiles& journal) {
       journal.write(5, JournalFiles::Bytes(2 * kBlock));
       journal.write(3, ByteSpan(journal.file(3)).first(3 * kBlock));
     },
     "1 2 3 4 5 6 7 8 9 [damage missing_segment 4+0]"},
    {"two records are swapped",
     [](JournalFiles& journal) {
       auto& bytes = journal.file(1);
       std::swap_ranges(bytes.begin() + kBlock, bytes.begin() + 2 * kBlock, bytes.begin() + 2 * kBlock);
       journal.write(1, bytes);
     },
     "1 [damage ahead 1+4096] ~3 [damage stale 1+8192] ~2 [damage ahead 1+12288] ~4 5 6 7 8 9"},
    {"a record is dropped and the rest moved up",
     [](JournalFiles& journal) {
       JournalFiles::remove(journal.file(1), kBlock, kBlock);
       journal.write(1, journal.file(1));
     },
     "1 [damage ahead 1+4096] ~3 4 5 6 7 8 9"},
    {"the first record is dropped and the rest moved up",
     [](JournalFiles& journal) {
       JournalFiles::remove(journal.file(1), 0, kBlock);
       journal.write(1, journal.file(1));
     },
     "[damage ahead 1+0] ~2 3 4 5 6 7 8 9"},
    {"the record before the last is dropped and the last moved up: no watermark reaches it",
     [](JournalFiles& journal) {
       JournalFiles::remove(journal.file(3), kBlock, kBlock);
       journal.write(3, journal.file(3));
     },
     "1 2 3 4 5 6 7 [damage ahead 3+4096] ~9"},
    {"a record stands there twice",
     [](JournalFiles& journal) {
       auto& bytes = journal.file(1);
       JournalFiles::put(bytes, 2 * kBlock, JournalFiles::Bytes(bytes.begin(), bytes.begin() + kBlock));
       journal.write(1, bytes);
     },
     "1 2 [damage stale 1+8192] ~1 [damage ahead 1+12288] ~4 5 6 7 8 9"},
    {"a record of another chain is copied over one",
     [](JournalFiles& journal) {
       JournalFiles::put(journal.file(1), kBlock, JournalFiles::foreign(1, 2, true).bytes);
       journal.write(1, journal.file(1));
     },
     "1 [wrong_genesis foreign_genesis 1+4096] ~2 [damage ahead 1+8192] ~3 4 5 6 7 8 9"},
    {"a record of another chain is copied between two",
     [](JournalFiles& journal) {
       auto& bytes = journal.file(1);
       const auto record = JournalFiles::foreign(1, 2, true).bytes;
       bytes.insert(bytes.begin() + kBlock, record.begin(), record.end());
       journal.write(1, bytes);
     },
     "1 [wrong_genesis foreign_genesis 1+4096] ~2 2 3 4 5 6 7 8 9"},
    {"a record of another journal of this chain is copied over one",
     [](JournalFiles& journal) {
       JournalFiles::put(journal.file(1), kBlock, JournalFiles::foreign(1, 2, false).bytes);
       journal.write(1, journal.file(1));
     },
     "1 [damage foreign_journal 1+4096] ~2 [damage foreign_journal 1+8192] ~3 4 5 6 7 8 9"},
    {"a shorter record of another chain begins a longer one's place: the rest is noise",
     [](JournalFiles& journal) {
       JournalFiles::put(journal.file(2), 0, JournalFiles::foreign(2, 5, true).bytes);
       journal.write(2, journal.file(2));
     },
     "1 2 3 4 [wrong_genesis foreign_genesis 2+0] ~5 [damage bad_header 2+4096] ~6 7 8 9"},
    {"two segments are in each other's place",
     [](JournalFiles& journal) {
       journal.write(1, journal.file(2));
       journal.write(2, journal.file(1));
     },
     "[damage misplaced 1+0] ~5 6 [damage stale 2+0] ~1 2 3 4 [damage ahead 3+0] ~7 8 9"},
    {"a segment has another number", [](JournalFiles& journal) { fs::rename(journal.path(3), journal.path(4)); },
     "1 2 3 4 5 6 [damage missing_segment 3+0] [damage misplaced 4+0] ~7 8 9"},
    {"a closed segment has a block of zeros at its end",
     [](JournalFiles& journal) {
       journal.file(1).resize(5 * kBlock);
       journal.write(1, journal.file(1));
     },
     "1 2 3 4 [damage zeros 1+16384] 5 6 7 8 9"},
    {"a closed segment has one byte too many",
     [](JournalFiles& journal) {
       journal.file(1).push_back(7);
       journal.write(1, journal.file(1));
     },
     "1 2 3 4 [damage bad_header 1+16384] 5 6 7 8 9"},
    {"the first record is noise",
     [](JournalFiles& journal) {
       JournalFiles::put(journal.file(1), 0, JournalFiles::Bytes(kBlock, 0x5a));
       journal.write(1, journal.file(1));
     },
     "[damage bad_header 1+0] ~2 3 4 5 6 7 8 9"},
    {"a record and its neighbour are noise",
     [](JournalFiles& journal) {
       JournalFiles::put(journal.file(1), kBlock, JournalFiles::Bytes(2 * kBlock, 0x5a));
       journal.write(1, journal.file(1));
     },
     "1 [damage bad_header 1+4096] ~4 5 6 7 8 9"},
    {"the first block of a long record is gone and the rest moved up",
     [](JournalFiles& journal) {
       JournalFiles::remove(journal.file(2), 0, kBlock);
       journal.write(2, journal.file(2));
     },
     "1 2 3 4 [damage bad_header 2+0] ~6 7 8 9"},
    {"a block inside a long record is gone and the rest moved up",
     [](JournalFiles& journal) {
       JournalFiles::remove(journal.file(2), kBlock, kBlock);
       journal.write(2, journal.file(2));
     },
     "1 2 3 4 [damage bad_body 2+0] ~6 7 8 9"},
    {"a torn record at the end",
     [](JournalFiles& journal) {
       journal.file(3)[2 * kBlock + 300] ^= 1;
       journal.write(3, journal.file(3));
     },
     "1 2 3 4 5 6 7 8 [torn_tail bad_body 3+8192]"},
    {"something behind zeros at the end",
     [](JournalFiles& journal) {
       journal.file(3)[4 * kBlock + 17] = 1;
       journal.write(3, journal.file(3));
     },
     "1 2 3 4 5 6 7 8 9 [torn_tail zeros 3+16401]"},
    {"a later segment that is not empty while this one is not closed",
     [](JournalFiles& journal) {
       JournalFiles::Bytes bytes(2 * kBlock);
       bytes[5000] = 1;
       journal.write(4, bytes);
     },
     "1 2 3 4 5 6 7 8 9 [damage zeros 4+5000]"},
    {"a file that is no segment", [](JournalFiles& journal) { write_file(journal.directory.path() / "7.seg", {}); },
     "[damage misplaced 7.seg+0] 1 2 3 4 5 6 7 8 9"},
    {"a record of a newer format",
     [](JournalFiles& journal) {
       RecordSpec spec = record_spec(1, 2, test_genesis());
       spec.header.format_version = 2;
       JournalFiles::put(journal.file(1), kBlock, seal_record(spec).bytes);
       journal.write(1, journal.file(1));
     },
     "1 [newer_format newer_format 1+4096] ~3 4 5 6 7 8 9"},
    {"a whole record whose time stands still",
     [](JournalFiles& journal) {
       RecordSpec spec = record_spec(3, 10, journal.last_hash);
       spec.header.time_ns = 1;
       JournalFiles::put(journal.file(3), 3 * kBlock, seal_record(spec).bytes);
       journal.write(3, journal.file(3));
     },
     "1 2 3 4 5 6 7 8 9 [damage inconsistent 3+12288] ~10"},
    {"a whole record that another history goes before",
     [](JournalFiles& journal) {
       const RecordSpec spec = record_spec(3, 10, sha256("another history"));
       JournalFiles::put(journal.file(3), 3 * kBlock, seal_record(spec).bytes);
       journal.write(3, journal.file(3));
     },
     "1 2 3 4 5 6 7 8 9 [damage broken_chain 3+12288] ~10"},
};

TEST(JournalWalk, TellsEveryFaultInItsPlaceAndGoesOnBehindIt) {
  for (const Case& test : kCases) {
    SCOPED_TRACE(test.name);
    JournalFiles journal;
    test.spoil(journal);
    Diary diary;
    (void)journal.walk(diary);
    EXPECT_EQ(diary.text, test.told);
  }
}

TEST(JournalWalk, WithoutAGenesisTheFirstWholeRecordSaysIt) {
  JournalFiles journal;
  journal.file(1)[100] ^= 1;
  journal.write(1, journal.file(1));
  Diary diary;
  const WalkEnd end = journal.walk(diary, {}, std::nullopt);
  EXPECT_EQ(diary.text, "[damage bad_header 1+0] ~2 3 4 5 6 7 8 9");
  EXPECT_EQ(end.position.genesis_hash, test_genesis());
}

TEST(JournalWalk, AnotherGenesisIsAFaultOfEveryRecord) {
  JournalFiles journal;
  Diary diary;
  const WalkEnd end = journal.walk(diary, {}, sha256("another genesis"));
  EXPECT_EQ(diary.faults.size(), 9u);
  for (const WalkFault& fault : diary.faults) EXPECT_EQ(fault.kind, WalkFaultKind::wrong_genesis);
  EXPECT_EQ(end.position.last_batch, 0u);
}

TEST(JournalWalk, ARecordThatASenderForgedInsideABodyIsNeverHandedOut) {
  // Batch 10 is four blocks long and its third block is a record that would pass, but for the id that no sender knows.
  JournalFiles journal;
  RecordSpec spec = record_spec(3, 10, journal.last_hash);
  const std::size_t before = 2 * kBlock - kRecordHeaderBytes - kEntryLengthBytes;
  const auto forged = JournalFiles::foreign(3, 11, false).bytes;
  spec.envelopes = {std::string(before, 'x') + std::string(forged.begin(), forged.end()) + std::string(2000, 'x')};
  const SealedRecord record = seal_record(spec);
  JournalFiles::put(journal.file(3), 3 * kBlock, record.bytes);
  JournalFiles::put(journal.file(3), 7 * kBlock, seal_record(record_spec(3, 11, record.hash)).bytes);
  for (const std::size_t byte : {std::size_t{10}, std::size_t{400}}) {  // in its header, in its body
    auto bytes = journal.file(3);
    bytes[3 * kBlock + byte] ^= 1;
    journal.write(3, bytes);
    Diary diary;
    (void)journal.walk(diary);
    EXPECT_EQ(diary.text,
              std::string("1 2 3 4 5 6 7 8 9 [damage ") + (byte < 256 ? "bad_header" : "bad_body") + " 3+12288] ~11");
  }
}

TEST(JournalWalk, AFaultSaysWhereTheWalkGoesOn) {
  JournalFiles journal;
  journal.file(1)[3 * kBlock] ^= 1;
  journal.write(1, journal.file(1));
  Diary diary;
  (void)journal.walk(diary);
  ASSERT_EQ(diary.faults.size(), 1u);
  const WalkFault& fault = diary.faults[0];
  EXPECT_EQ(fault.batch, 4u);
  EXPECT_EQ(fault.next_batch, 5u);
  EXPECT_EQ(fault.next_file, journal.path(2));
  EXPECT_EQ(fault.next_offset, 0u);
  EXPECT_EQ(fault.text(),
            journal.path(1).string() +
                " at offset 12288 (batch 4 expected): the header of a durable record is damaged; the next "
                "whole record is batch 5 in 000000000002.seg at offset 0");
}

TEST(JournalWalk, AnAllowedTornTailEndsTheWalkAndItsLengthIsTold) {
  struct Tail {
    const char* name;
    void (*spoil)(JournalFiles&);
    const char* told;
  };
  const Tail tails[] = {
      {"none", [](JournalFiles&) {}, "1 2 3 4 5 6 7 8 9"},
      {"the last record's body is torn", [](JournalFiles& journal) { journal.file(3)[2 * kBlock + 300] ^= 1; },
       "1 2 3 4 5 6 7 8"},
      {"one byte behind zeros", [](JournalFiles& journal) { journal.file(3)[4 * kBlock + 17] = 1; },
       "1 2 3 4 5 6 7 8 9"},
      {"a record in flight behind one that is not there",
       [](JournalFiles& journal) {
         RecordSpec spec = record_spec(3, 11, sha256("of batch 10"));
         spec.header.watermark = 9;
         JournalFiles::put(journal.file(3), 4 * kBlock, seal_record(spec).bytes);
         journal.file(3)[5 * kBlock - 1] = 0;
       },
       "1 2 3 4 5 6 7 8 9"},
      {"damage before it stays a fault", [](JournalFiles& journal) { journal.file(3)[300] ^= 1; },
       "1 2 3 4 5 6 [damage bad_body 3+0] ~8 9"},
      {"a later segment is no tail",
       [](JournalFiles& journal) {
         journal.file(3)[3 * kBlock] = 1;
         journal.write(4, JournalFiles::Bytes(kBlock, 1));
       },
       "1 2 3 4 5 6 7 8 9 [damage zeros 4+0]"},
  };
  for (const Tail& test : tails) {
    SCOPED_TRACE(test.name);
    JournalFiles journal;
    test.spoil(journal);
    journal.write(3, journal.file(3));
    for (const bool live : {false, true}) {
      Diary diary;
      const WalkEnd end = journal.walk(diary, {.allow_torn_tail = true, .live = live});
      EXPECT_EQ(diary.text, test.told);
      EXPECT_EQ(end.tail_text.empty(), end.tail_bytes == 0);
      const auto& bytes = journal.file(3);
      const auto last = std::find_if(bytes.rbegin(), bytes.rend(), [](std::uint8_t byte) { return byte != 0; });
      EXPECT_EQ(end.tail_bytes,
                static_cast<std::uint64_t>(bytes.rend() - last) -
                    std::min<std::uint64_t>(static_cast<std::uint64_t>(bytes.rend() - last), end.position.offset));
    }
  }
}

TEST(JournalWalk, StopsWhereTheVisitorSaysSo) {
  JournalFiles journal;
  journal.file(1)[kBlock] ^= 1;
  journal.write(1, journal.file(1));
  Diary at_record;
  at_record.stop_at_record = 3;
  EXPECT_TRUE(journal.walk(at_record).stopped);
  EXPECT_EQ(at_record.text, "1 [damage bad_header 1+4096] ~3 4");
  Diary at_fault;
  at_fault.stop_at_fault = true;
  EXPECT_TRUE(journal.walk(at_fault).stopped);
  EXPECT_EQ(at_fault.text, "1 [damage bad_header 1+4096]");
}

}  // namespace
}  // namespace electra::io
