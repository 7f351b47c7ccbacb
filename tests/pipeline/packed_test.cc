// Files of packed blocks, made by hand: what a reader hands out, and what it says about bytes that are wrong.
//
// Headers here are unsigned and their roots are made up: who reads the form does not look at them, the auditor does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "engine/pipeline/packed_source.h"
#include "engine/pipeline/packed_writer.h"
#include "io/journal/record_format.h"
#include "meter-proto/base/sha256.h"
#include "tests/pipeline/support.h"

namespace electra::pipeline {
namespace {

using namespace test;
namespace fs = std::filesystem;
using testing::HasSubstr;

const std::string kGenesis = "{\"chain_id\": \"packed-test\"}\n";
const Bytes32 kGenesisHash = sha256(kGenesis);

Bytes read_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// In place: a file that is cut to nothing and written again is flushed by some file systems, thousands of times here.
void write_bytes(const fs::path& path, ByteSpan bytes) {
  if (!fs::exists(path)) std::ofstream{path};
  fs::resize_file(path, bytes.size());
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

struct TestBatch {
  std::uint64_t time_ns = 0;
  std::uint32_t flags = 0;
  std::vector<std::string> entries;

  [[nodiscard]] Bytes body() const {
    Bytes out;
    for (const std::string& entry : entries) {
      std::array<std::uint8_t, 2> length;
      store_le16(length.data(), static_cast<std::uint16_t>(entry.size()));
      out.insert(out.end(), length.begin(), length.end());
      out.insert(out.end(), entry.begin(), entry.end());
    }
    return out;
  }
};

// Five blocks of 1, 2 or 3 batches: some empty, one a watermark.
struct TestChain {
  struct Block {
    io::HeaderEntry header{};
    std::vector<TestBatch> batches;
  };
  std::vector<Block> blocks;

  TestChain() {
    using Batches = std::vector<TestBatch>;
    const std::vector<Batches> all = {
        Batches{{100, 1, {"first"}}},
        Batches{{110, 0, {"second", "third"}}, {120, 1, {}}},
        Batches{{130, 0, {}}, {140, 2, {}}, {150, 1, {std::string(300, 'x')}}},
        Batches{{160, 3, {}}},
        Batches{{170, 0, {"a", "b", "c"}}, {180, 1, {"d"}}},
    };
    Bytes32 batch = kGenesisHash;
    proto::BlockHeader header;
    header.previous_hash = kGenesisHash;
    for (const Batches& batches : all) {
      ++header.height;
      header.rules_version = 1;
      header.messages = 0;
      header.batches = static_cast<std::uint32_t>(batches.size());
      for (const TestBatch& one : batches) {
        const Bytes body = one.body();
        batch = proto::batch_hash(batch, {.number = ++header.last_batch,
                                          .time_ns = one.time_ns,
                                          .rules_version = 1,
                                          .flags = one.flags,
                                          .count = static_cast<std::uint32_t>(one.entries.size()),
                                          .body_bytes = static_cast<std::uint32_t>(body.size()),
                                          .body_hash = sha256(body)});
        header.messages += static_cast<std::uint32_t>(one.entries.size());
        header.time_ns = one.time_ns;
      }
      header.total_messages += header.messages;
      header.batch_hash = batch;
      header.state_root = sha256("root " + std::to_string(header.height));
      blocks.push_back({proto::encode_signed_header({header, {}}), batches});
      header.previous_hash = proto::header_hash(header);
    }
  }

  // Blocks first..last, in a file.
  void write(const fs::path& path, std::size_t first = 1, std::size_t last = 5,
             const std::string& genesis = kGenesis) const {
    fs::remove(path);
    auto writer = PackedWriter::create(path, first, last - first + 1, genesis);
    ASSERT_TRUE(writer) << writer.error();
    for (std::size_t height = first; height <= last; ++height) {
      const Block& block = blocks[height - 1];
      ASSERT_TRUE((*writer)->begin_block(block.header));
      for (const TestBatch& batch : block.batches) {
        const Bytes body = batch.body();
        ASSERT_TRUE((*writer)->add_batch({.time_ns = batch.time_ns,
                                          .flags = batch.flags,
                                          .count = static_cast<std::uint32_t>(batch.entries.size()),
                                          .body_bytes = static_cast<std::uint32_t>(body.size())},
                                         body));
      }
      ASSERT_TRUE((*writer)->end_block());
    }
    const auto finished = (*writer)->finish();
    ASSERT_TRUE(finished) << finished.error();
    EXPECT_EQ((*writer)->bytes(), fs::file_size(path));
  }
};

// "1 2* [b2 h2 @95] ~4*": batches as they came, * with a header, ~ before one that does not follow; problems with batch and
// height (0 = unknown). `hash` covers all that a batch says, and the headers: what the auditor has to go by.
struct Diary final : ChainSink {
  std::string text;
  std::vector<SourceProblem> problems;
  std::uint64_t batches = 0;
  std::uint64_t stop_at_batch = 0;
  bool stop_at_problem = false;
  bool problem_since_batch = false;
  Bytes32 hash = kGenesisHash;

  bool on_batch(const SourceBatch& batch) override {
    EXPECT_TRUE(batch.follows || problem_since_batch) << "batch " << batch.link.number << " without a reason";
    EXPECT_EQ(batch.link.body_hash, sha256(batch.body));
    EXPECT_EQ(batch.link.body_bytes, batch.body.size());
    EXPECT_TRUE(io::body_is_well_formed(batch.body, batch.link.count));
    problem_since_batch = false;
    hash = proto::batch_hash(hash, batch.link);
    if (batch.header) hash = Sha256().update(hash).update(batch.header->bytes).finish();
    add((batch.follows ? "" : "~") + std::to_string(batch.link.number) + (batch.header ? "*" : ""));
    return ++batches != stop_at_batch;
  }
  bool on_problem(const SourceProblem& problem) override {
    EXPECT_FALSE(problem.text.empty());
    EXPECT_FALSE(problem.place.file.empty());
    problem_since_batch = true;
    problems.push_back(problem);
    add("[b" + std::to_string(problem.batch) + " h" + std::to_string(problem.height) + " @" +
        std::to_string(problem.place.offset) + "]");
    return !stop_at_problem;
  }
  void add(const std::string& word) { text += (text.empty() ? "" : " ") + word; }
};

class Packed : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(chain_.write(path_));
    bytes_ = read_bytes(path_);
    Diary diary = run({path_});
    ASSERT_EQ(diary.text, kWhole);
    hash_ = diary.hash;
    std::size_t at = 64 + kGenesis.size();
    for (int i = 0; i < 5; ++i) {
      block_at_.push_back(at);
      at += 4 + load_le32(bytes_.data() + at);
    }
    block_at_.push_back(at);
    ASSERT_EQ(at, bytes_.size());
  }

  Diary run(const std::vector<fs::path>& files) {
    Diary diary;
    const auto source = open_packed_source(files);
    if (!source) {
      diary.text = source.error().text;
      EXPECT_TRUE(source.error().not_true) << diary.text;
      return diary;
    }
    const auto read = (*source)->run(diary);
    EXPECT_TRUE(read) << read.error();
    EXPECT_LE((*source)->bytes_done(), (*source)->bytes_total());
    return diary;
  }
  Diary run_changed(ByteSpan bytes) {
    write_bytes(path_, bytes);
    return run({path_});
  }
  [[nodiscard]] ByteSpan block(int height) const {
    const auto index = static_cast<std::size_t>(height - 1);
    return ByteSpan(bytes_).subspan(block_at_[index], block_at_[index + 1] - block_at_[index]);
  }
  // The file's header and these blocks.
  [[nodiscard]] Bytes file_of(std::uint64_t count, const std::vector<int>& heights) const {
    Bytes out = chain::encode_packed_header(1, count, kGenesis);
    for (const int height : heights) out.insert(out.end(), block(height).begin(), block(height).end());
    return out;
  }

  static constexpr const char* kWhole = "1* 2 3* 4 5 6* 7* 8 9*";
  TempDirectory directory_;
  fs::path path_ = directory_.path() / "chain.blocks";
  TestChain chain_;
  Bytes bytes_;
  std::vector<std::size_t> block_at_;  // where block i + 1 begins; then the end
  Bytes32 hash_{};
};

TEST_F(Packed, AreReadAsTheyWereWritten) {
  struct Keeper final : ChainSink {
    std::vector<TestBatch> batches;
    std::vector<io::HeaderEntry> headers;
    bool on_batch(const SourceBatch& batch) override {
      batches.push_back({batch.link.time_ns, batch.link.flags, {}});
      ByteSpan envelope;
      for (io::EntryCursor cursor(batch.body); cursor.next(envelope);)
        batches.back().entries.emplace_back(text_of(envelope));
      if (batch.header) headers.push_back(batch.header->bytes);
      return true;
    }
    bool on_problem(const SourceProblem& problem) override {
      ADD_FAILURE() << problem.text;
      return true;
    }
  } keeper;
  const auto source = open_packed_source({path_});
  ASSERT_TRUE(source) << source.error().text;
  EXPECT_EQ((*source)->genesis_text(), kGenesis);
  EXPECT_EQ((*source)->first_height(), 1U);
  EXPECT_EQ((*source)->last_height(), 5U);
  EXPECT_EQ((*source)->bytes_total(), bytes_.size());
  ASSERT_TRUE((*source)->run(keeper));
  EXPECT_EQ((*source)->bytes_done(), bytes_.size());
  std::size_t next = 0;
  for (std::size_t height = 1; height <= 5; ++height) {
    EXPECT_EQ(keeper.headers.at(height - 1), chain_.blocks[height - 1].header);
    for (const TestBatch& batch : chain_.blocks[height - 1].batches) {
      EXPECT_EQ(keeper.batches.at(next).time_ns, batch.time_ns);
      EXPECT_EQ(keeper.batches.at(next).flags, batch.flags);
      EXPECT_EQ(keeper.batches.at(next).entries, batch.entries);
      ++next;
    }
  }
  EXPECT_EQ(keeper.batches.size(), next);
  // And once more from the beginning, as who audits before importing does.
  Diary again;
  ASSERT_TRUE((*source)->run(again));
  EXPECT_EQ(again.text, kWhole);
}

TEST_F(Packed, HoldBatchesOfTheLargestSize) {
  TestChain large;
  large.blocks.resize(1);
  TestBatch& batch = large.blocks[0].batches[0];
  batch.entries.assign(8192, std::string(254, 'm'));  // 2 MiB with their lengths
  auto header = *proto::decode_signed_header(large.blocks[0].header);
  header.header.messages = 8192;
  large.blocks[0].header = proto::encode_signed_header(header);
  ASSERT_NO_FATAL_FAILURE(large.write(path_, 1, 1));
  const Diary diary = run({path_});
  EXPECT_EQ(diary.text, "1*");
}

TEST_F(Packed, TruncatedAnywhereAreNotWhole) {
  for (std::size_t length = 0; length < bytes_.size(); ++length) {
    const Diary diary = run_changed(ByteSpan(bytes_).first(length));
    if (length < block_at_[0]) {
      EXPECT_EQ(diary.batches, 0U) << length;
      EXPECT_THAT(diary.text, HasSubstr(path_.string())) << length;
    } else {
      ASSERT_EQ(diary.problems.empty(), false) << length;
      EXPECT_LE(diary.problems.front().place.offset, length);
    }
  }
}

TEST_F(Packed, NoFlippedBitGoesUnnoticed) {
  std::size_t by_form = 0;
  for (std::size_t bit = 0; bit < 8 * bytes_.size(); ++bit) {
    Bytes changed = bytes_;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    const Diary diary = run_changed(changed);
    if (bit / 8 < block_at_[0]) {
      EXPECT_EQ(diary.batches, 0U) << bit;  // not opened at all
      continue;
    }
    by_form += diary.problems.empty() ? 0 : 1;
    // What the form does not show reaches the auditor as another chain: no signature covers it.
    if (diary.problems.empty()) {
      EXPECT_EQ(diary.text, kWhole) << bit;
      EXPECT_NE(diary.hash, hash_) << bit;
    }
    EXPECT_LE(diary.batches, 9U) << bit;
  }
  EXPECT_GT(by_form, 1000U);  // lengths, numbers, counts, flags, order of times
}

TEST_F(Packed, OfWhichALengthOrANumberIsFlippedAreFoundByTheirForm) {
  // Offsets inside a block, and inside a batch: every bit of these fields is found without the auditor.
  struct Field {
    const char* name;
    std::size_t at;
    std::size_t bytes;
  };
  const Field block_fields[] = {{"length", 0, 4},        {"format version", 4, 4},  {"height", 4 + 8, 8},
                                {"batches", 4 + 20, 4},  {"last batch", 4 + 24, 8}, {"time", 4 + 32, 8},
                                {"messages", 4 + 48, 4}, {"reserved", 4 + 52, 4}};
  const Field batch_fields[] = {{"count", 12, 4}, {"body bytes", 16, 4}, {"length of the first entry", 20, 2}};
  const auto check = [&](std::size_t base, const Field& field) {
    for (std::size_t bit = 0; bit < 8 * field.bytes; ++bit) {
      Bytes changed = bytes_;
      changed[base + field.at + bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      EXPECT_FALSE(run_changed(changed).problems.empty()) << field.name << " bit " << bit;
    }
  };
  for (int height = 1; height <= 5; ++height) {
    const std::size_t at = block_at_[static_cast<std::size_t>(height - 1)];
    for (const Field& field : block_fields) check(at, field);
  }
  for (const int height : {1, 2, 5}) {
    for (const Field& field : batch_fields) check(block_at_[static_cast<std::size_t>(height - 1)] + 4 + 288, field);
  }
}

TEST_F(Packed, GoOnBehindABadBlock) {
  Bytes changed = bytes_;
  const std::size_t second = block_at_[1];
  changed[second + 4 + 288 + 20] ^= 1;  // length of the first entry of batch 2
  EXPECT_EQ(run_changed(changed).text, "1* [b2 h2 @" + std::to_string(second + 292) + "] ~4 5 6* 7* 8 9*");
  changed = bytes_;
  changed[second] ^= 1;  // the block's length: its batches say where it ends
  EXPECT_EQ(run_changed(changed).text, "1* 2 [b3 h2 @" + std::to_string(second) + "] 3* 4 5 6* 7* 8 9*");
  changed = bytes_;
  changed[second + 4] ^= 1;  // the header's format version
  EXPECT_EQ(run_changed(changed).text, "1* [b2 h2 @" + std::to_string(second + 4) + "] ~4 5 6* 7* 8 9*");
  changed[second] ^= 1;  // and the length: nobody knows where the next block is
  EXPECT_EQ(run_changed(changed).text,
            "1* [b2 h2 @" + std::to_string(second + 4) + "] [b0 h3 @" + std::to_string(second) + "]");
}

TEST_F(Packed, WhoseTimeDoesNotRiseAreBad) {
  for (const std::uint64_t time : {std::uint64_t{0}, std::uint64_t{100}}) {  // that of the batch before, and earlier
    Bytes changed = bytes_;
    const std::size_t second = block_at_[1] + 4 + 288;
    store_le64(changed.data() + second, time);
    EXPECT_EQ(run_changed(changed).text, "1* [b2 h2 @" + std::to_string(second) + "] ~4 5 6* 7* 8 9*");
  }
}

TEST_F(Packed, DroppedSwappedRepeatedAndAddedBlocksAreNamed) {
  EXPECT_EQ(run_changed(file_of(5, {1, 2, 3, 4, 5})).text, kWhole);
  EXPECT_THAT(run_changed(file_of(5, {1, 3, 4, 5})).text, HasSubstr("1* [b2 h2 @"));
  EXPECT_THAT(run_changed(file_of(4, {1, 3, 4, 5})).text, HasSubstr("~4 5 6* 7* 8 9*"));
  EXPECT_THAT(run_changed(file_of(5, {1, 3, 2, 4, 5})).text, HasSubstr("1* [b2 h2 @"));
  EXPECT_THAT(run_changed(file_of(5, {1, 2, 2, 4, 5})).text, HasSubstr("1* 2 3* [b4 h3 @"));
  EXPECT_THAT(run_changed(file_of(5, {2, 3, 4, 5, 5})).text, HasSubstr("[b1 h1 @"));
  EXPECT_EQ(run_changed(file_of(5, {1, 2, 3, 4})).text,
            "1* 2 3* 4 5 6* 7* [b8 h5 @" + std::to_string(block_at_[4]) + "]");
  EXPECT_EQ(run_changed(file_of(4, {1, 2, 3, 4, 5})).text,
            "1* 2 3* 4 5 6* 7* [b0 h0 @" + std::to_string(block_at_[4]) + "]");
  Bytes longer = bytes_;
  longer.push_back(0);
  EXPECT_EQ(run_changed(longer).text, std::string(kWhole) + " [b0 h0 @" + std::to_string(bytes_.size()) + "]");
}

TEST_F(Packed, StopWhenTheSinkSaysSo) {
  const auto source = open_packed_source({path_});
  ASSERT_TRUE(source);
  for (std::uint64_t stop = 1; stop <= 9; ++stop) {
    Diary diary;
    diary.stop_at_batch = stop;
    EXPECT_TRUE((*source)->run(diary));
    EXPECT_EQ(diary.batches, stop);
  }
  Bytes changed = bytes_;
  changed[block_at_[1] + 4] ^= 1;
  changed[block_at_[3] + 4] ^= 1;
  write_bytes(path_, changed);
  Diary diary;
  diary.stop_at_problem = true;
  EXPECT_TRUE((*open_packed_source({path_}))->run(diary));
  EXPECT_EQ(diary.problems.size(), 1U);
  EXPECT_EQ(diary.batches, 1U);
}

TEST_F(Packed, InSeveralFilesAreOneChain) {
  const fs::path one = directory_.path() / "1.blocks";
  const fs::path two = directory_.path() / "2.blocks";
  const fs::path three = directory_.path() / "3.blocks";
  chain_.write(one, 1, 2);
  chain_.write(two, 3, 3);
  chain_.write(three, 4, 5);
  const Diary diary = run({one, two, three});
  EXPECT_EQ(diary.text, kWhole);
  EXPECT_EQ(diary.hash, hash_);
  EXPECT_THAT(run({one, three}).text, HasSubstr("3.blocks: it begins with block 4, but block 3 comes next"));
  EXPECT_THAT(run({one, two, two}).text, HasSubstr("begins with block 3, but block 4 comes next"));
  EXPECT_THAT(run({two, three}).text, HasSubstr("2.blocks: it begins with block 3, but block 1 comes next"));
  chain_.write(two, 3, 3, "{}");
  EXPECT_THAT(run({one, two}).text, HasSubstr("another chain"));
  // Told where to begin, a later file is read alone.
  Diary last;
  ASSERT_TRUE((*open_packed_source({three}, 4))->run(last));
  EXPECT_EQ(last.text, "7* 8 9*");
  // A bad end of one file does not hide the next.
  Bytes cut = read_bytes(one);
  cut.pop_back();
  write_bytes(one, cut);
  chain_.write(two, 3, 3);
  EXPECT_THAT(run({one, two, three}).text, HasSubstr("~4 5 6* 7* 8 9*"));
}

TEST_F(Packed, ThatAreNotThereOrNotPackedAreRefusedByName) {
  const auto missing = open_packed_source({directory_.path() / "missing"});
  ASSERT_FALSE(missing);
  EXPECT_FALSE(missing.error().not_true);
  EXPECT_THAT(missing.error().text, HasSubstr("missing: cannot be opened"));
  const auto folder = open_packed_source({directory_.path()});
  ASSERT_FALSE(folder);
  EXPECT_FALSE(folder.error().not_true);
  write_bytes(path_, bytes_of("{\"this\": \"is some other file, and long enough for a header\"}"));
  EXPECT_THAT(run({path_}).text, HasSubstr("not a file of packed blocks"));
}

TEST_F(Packed, AreWrittenWholeOrNotAtAll) {
  const fs::path out = directory_.path() / "out.blocks";
  const fs::path draft = directory_.path() / "out.blocks.new";
  {
    auto writer = PackedWriter::create(out, 1, 1, kGenesis);
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->begin_block(chain_.blocks[0].header));
    EXPECT_TRUE(fs::exists(draft));
    EXPECT_FALSE(fs::exists(out));
  }
  EXPECT_FALSE(fs::exists(draft));
  EXPECT_FALSE(fs::exists(out));
  // A file that appears meanwhile is not replaced either.
  auto writer = PackedWriter::create(out, 1, 1, kGenesis);
  ASSERT_TRUE(writer);
  ASSERT_TRUE((*writer)->begin_block(chain_.blocks[0].header));
  ASSERT_TRUE((*writer)->end_block());
  write_bytes(out, bytes_of("mine"));
  const auto finished = (*writer)->finish();
  ASSERT_FALSE(finished);
  EXPECT_THAT(finished.error(), HasSubstr("File exists"));
  EXPECT_EQ(text_of(read_bytes(out)), "mine");
  EXPECT_FALSE(PackedWriter::create(out, 1, 1, kGenesis));
  EXPECT_FALSE(PackedWriter::create(directory_.path() / "no" / "folder", 1, 1, kGenesis));
}

}  // namespace
}  // namespace electra::pipeline
