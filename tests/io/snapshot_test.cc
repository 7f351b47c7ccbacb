// Snapshots as files: what was written is read again, and nothing else is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/snapshot/snapshot_directory.h"
#include "meter-proto/base/sha256.h"
#include "tests/io/snapshot_support.h"

namespace electra::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Size {
  const char* name;
  std::uint32_t leaves;
  std::size_t bytes;
};
void PrintTo(const Size& size, std::ostream* out) { *out << size.name; }
class SnapshotOfAnySize : public testing::TestWithParam<Size> {};

TEST_P(SnapshotOfAnySize, IsReadAsItWasWritten) {
  const Leaves leaves = some_leaves(GetParam().leaves, GetParam().bytes);
  TemporaryDirectory directory;
  Snapshots snapshots(directory.path());
  ASSERT_EQ(snapshots.open(), "");
  ASSERT_EQ(snapshots.make(17, leaves), "");
  ASSERT_EQ(snapshots.sealed.size(), 1u);
  EXPECT_EQ(snapshots.sealed[0].batch, 17u);
  EXPECT_EQ(snapshots.sealed[0].segment, 3u);
  EXPECT_EQ(snapshots.sealed[0].leaves, leaves.size());
  EXPECT_THAT(file_names(directory.path()), ElementsAre("000000000017.snap"));
  const auto file = directory.path() / "000000000017.snap";
  EXPECT_EQ(std::filesystem::file_size(file), snapshots.sealed[0].bytes);
  EXPECT_EQ(snapshots.writer().bytes_written(), snapshots.sealed[0].bytes);

  ReadLeaves read;
  const auto header = read_snapshot(file, &read);
  ASSERT_TRUE(header.has_value()) << header.error().text();
  EXPECT_EQ(read.leaves, leaves);
  EXPECT_FALSE(read.twice);
  const SnapshotSeal seal = some_seal();
  EXPECT_EQ(header->batch, 17u);
  EXPECT_EQ(header->time_ns, seal.time_ns);
  EXPECT_EQ(header->genesis_hash, seal.genesis_hash);
  EXPECT_EQ(header->journal_id, seal.journal_id);
  EXPECT_EQ(header->segment, seal.segment);
  EXPECT_EQ(header->record_offset, seal.record_offset);
  EXPECT_EQ(header->record_end, seal.record_end);
  EXPECT_EQ(header->watermark, seal.watermark);
  EXPECT_EQ(header->record_hash, seal.record_hash);
  EXPECT_EQ(header->block_header, seal.block_header);
  EXPECT_EQ(header->entries, leaves.size());
  EXPECT_EQ(header->tables, 4u);
}

// leaves, bytes of each
INSTANTIATE_TEST_SUITE_P(Sizes, SnapshotOfAnySize,
                         testing::Values(Size{"one_leaf", 1, 40}, Size{"a_page", 60, 60},
                                         Size{"leaves_across_chunks", 3000, 300},
                                         Size{"leaves_longer_than_chunks", 5, 700'000},
                                         Size{"many_chunks", 20'000, 400}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Snapshot, HoldsExactlyWholeChunksToo) {
  // One leaf that ends with the last byte of the second chunk.
  Leaves leaves;
  leaves[{0, 0}] = std::vector<std::uint8_t>(2 * kChunkPayloadBytes - kLeafPrefixBytes, 7);
  TemporaryDirectory directory;
  Snapshots snapshots(directory.path());
  ASSERT_EQ(snapshots.open(), "");
  ASSERT_EQ(snapshots.make(17, leaves), "");
  ReadLeaves read;
  const auto header = read_snapshot(directory.path() / snapshot_name(17), &read);
  ASSERT_TRUE(header.has_value()) << header.error().text();
  EXPECT_EQ(header->chunks, 2u);
  EXPECT_EQ(read.leaves, leaves);
}

TEST(Snapshot, IsRefusedAndNamedWhateverByteIsFlipped) {
  TemporaryDirectory directory(TemporaryDirectory::Where::memory);
  Snapshots snapshots(directory.path());
  ASSERT_EQ(snapshots.open(), "");
  ASSERT_EQ(snapshots.make(17, some_leaves(90, 70)), "");
  const auto file = directory.path() / snapshot_name(17);
  std::vector<std::uint8_t> bytes = read_file(file);
  ASSERT_EQ(bytes.size(), 4096u + 8192u);
  std::uint64_t refused = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    bytes[at] ^= static_cast<std::uint8_t>(1U << (at % 8));
    write_file(file, bytes);
    ReadLeaves read;
    const auto header = read_snapshot(file, &read);
    ASSERT_FALSE(header.has_value()) << "byte " << at;
    ASSERT_EQ(header.error().kind, SnapshotError::Kind::damaged) << "byte " << at;
    ASSERT_THAT(header.error().text(), HasSubstr("000000000017.snap at offset")) << "byte " << at;
    ++refused;
    bytes[at] ^= static_cast<std::uint8_t>(1U << (at % 8));
  }
  EXPECT_EQ(refused, bytes.size());
  write_file(file, bytes);
  EXPECT_TRUE(read_snapshot(file, nullptr).has_value());
}

TEST(Snapshot, IsRefusedWhereverItIsCutAndWithAnythingBehindIt) {
  TemporaryDirectory directory(TemporaryDirectory::Where::memory);
  Snapshots snapshots(directory.path());
  ASSERT_EQ(snapshots.open(), "");
  ASSERT_EQ(snapshots.make(17, some_leaves(2000, 300)), "");
  const auto file = directory.path() / snapshot_name(17);
  const std::vector<std::uint8_t> bytes = read_file(file);
  ASSERT_GT(bytes.size(), 2 * kChunkBytesMax);
  for (std::size_t length = 0; length <= bytes.size() + 4096; length += 4096) {
    if (length == bytes.size()) continue;
    std::vector<std::uint8_t> other = bytes;
    other.resize(length);
    write_file(file, other);
    const auto whole = read_snapshot(file, nullptr);
    ASSERT_FALSE(whole.has_value()) << length;
    ASSERT_EQ(whole.error().kind, SnapshotError::Kind::damaged) << length;
    ASSERT_FALSE(read_snapshot_header(file).has_value()) << length;
  }
}

TEST(Snapshot, IsRefusedWhenChunksChangePlaces) {
  TemporaryDirectory directory(TemporaryDirectory::Where::memory);
  Snapshots snapshots(directory.path());
  ASSERT_EQ(snapshots.open(), "");
  ASSERT_EQ(snapshots.make(17, some_leaves(3000, 300)), "");
  const auto file = directory.path() / snapshot_name(17);
  std::vector<std::uint8_t> bytes = read_file(file);
  const auto first = bytes.begin() + 4096;
  const auto second = first + static_cast<std::ptrdiff_t>(kChunkBytesMax);
  ASSERT_GE(bytes.end() - second, static_cast<std::ptrdiff_t>(kChunkBytesMax));
  std::swap_ranges(first, second, second);
  write_file(file, bytes);
  const auto whole = read_snapshot(file, nullptr);
  ASSERT_FALSE(whole.has_value());
  EXPECT_THAT(whole.error().text(), HasSubstr("another chunk stands in the place of chunk 0"));
}

// What a forger who can hash might write, or a program with a fault: hashes are right, the fields cannot be.
TEST(Snapshot, IsRefusedWhenItsHeaderContradictsItself) {
  struct Case {
    const char* says;
    void (*spoil)(SnapshotHeader&);
  };
  const Case cases[] = {
      {"another length", [](SnapshotHeader& h) { h.header_bytes = 512; }},
      {"batch or segment is 0", [](SnapshotHeader& h) { h.batch = 0; }},
      {"batch or segment is 0", [](SnapshotHeader& h) { h.segment = 0; }},
      {"place of its batch's record", [](SnapshotHeader& h) { h.record_offset += 1; }},
      {"place of its batch's record", [](SnapshotHeader& h) { h.record_end = h.record_offset; }},
      {"watermark", [](SnapshotHeader& h) { h.watermark = h.batch; }},
      {"number of tables", [](SnapshotHeader& h) { h.tables = 0; }},
      {"number of tables", [](SnapshotHeader& h) { h.tables = 17; }},
      {"of a table that is not",
       [](SnapshotHeader& h) { std::swap(h.leaf_counts[3], h.leaf_counts[4]), h.tables = 1; }},
      {"do not add up", [](SnapshotHeader& h) { ++h.entries; }},
      {"do not add up", [](SnapshotHeader& h) { ++h.leaf_counts[0]; }},
      {"do not fit", [](SnapshotHeader& h) { h.payload_bytes = 8; }},
      {"length cannot be", [](SnapshotHeader& h) { h.payload_bytes = std::uint64_t{1} << 60; }},
      {"number of chunks", [](SnapshotHeader& h) { ++h.chunks; }},
      {"that of its chunks", [](SnapshotHeader& h) { h.file_bytes += 4096; }},
      {"reserved byte", [](SnapshotHeader& h) { h.reserved[495] = 1; }},
      {"not those that its header names", [](SnapshotHeader& h) { h.content_hash[0] ^= 1; }},
      {"does not count", [](SnapshotHeader& h) { --h.leaf_counts[0], ++h.leaf_counts[3]; }},
      {"do not end with its bytes", [](SnapshotHeader& h) { ++h.leaf_counts[0], ++h.entries; }},
      {"format version is 2", [](SnapshotHeader& h) { h.format_version = 2; }},
  };
  TemporaryDirectory directory(TemporaryDirectory::Where::memory);
  Snapshots snapshots(directory.path());
  ASSERT_EQ(snapshots.open(), "");
  ASSERT_EQ(snapshots.make(17, some_leaves(90, 70)), "");
  const auto file = directory.path() / snapshot_name(17);
  const std::vector<std::uint8_t> bytes = read_file(file);
  for (const Case& test : cases) {
    SCOPED_TRACE(test.says);
    std::vector<std::uint8_t> spoiled = bytes;
    SnapshotHeader header;
    std::memcpy(&header, spoiled.data(), sizeof header);
    test.spoil(header);
    header.header_hash = compute_header_hash(header);
    std::memcpy(spoiled.data(), &header, sizeof header);
    write_file(file, spoiled);
    const auto whole = read_snapshot(file, nullptr);
    ASSERT_FALSE(whole.has_value());
    EXPECT_THAT(whole.error().text(), HasSubstr(test.says));
    EXPECT_EQ(whole.error().kind,
              header.format_version == 2 ? SnapshotError::Kind::newer_format : SnapshotError::Kind::damaged);
  }
}

TEST(Snapshot, IsRefusedWithTheReceiversWords) {
  TemporaryDirectory directory;
  Snapshots snapshots(directory.path());
  ASSERT_EQ(snapshots.open(), "");
  ASSERT_EQ(snapshots.make(17, some_leaves(90, 70)), "");
  ReadLeaves read;
  read.refuse = "holder 3 has no key";
  const auto whole = read_snapshot(directory.path() / snapshot_name(17), &read);
  ASSERT_FALSE(whole.has_value());
  EXPECT_EQ(whole.error().kind, SnapshotError::Kind::refused);
  EXPECT_THAT(whole.error().text(), HasSubstr("000000000017.snap at offset 4096: holder 3 has no key"));
}

TEST(Snapshot, ThatIsNotThereIsAnErrorOfReading) {
  TemporaryDirectory directory;
  const auto missing = read_snapshot_header(directory.path() / snapshot_name(1));
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().kind, SnapshotError::Kind::in_out);
  const auto folder = read_snapshot_header(directory.path());
  ASSERT_FALSE(folder.has_value());
  EXPECT_EQ(folder.error().kind, SnapshotError::Kind::in_out);
}

TEST(SnapshotNames, AreTwelveDigitsAndBack) {
  EXPECT_EQ(snapshot_name(1234), "000000001234.snap");
  struct Case {
    const char* name;
    std::uint64_t batch;  // 0: not a snapshot's name
  };
  const Case cases[] = {
      {"000000001234.snap", 1234},  {"999999999999.snap", 999'999'999'999},
      {"000000000000.snap", 0},     {"1234.snap", 0},
      {"000000001234.snap.new", 0}, {"00000000123x.snap", 0},
      {"-00000001234.snap", 0},     {"000000001234.seg", 0},
      {"0000000001234.snap", 0},
  };
  for (const Case& test : cases) EXPECT_EQ(parse_snapshot_name(test.name).value_or(0), test.batch) << test.name;
}

TEST(SnapshotDirectory, ListsSnapshotsAndLeavesOtherFilesAlone) {
  TemporaryDirectory directory;
  EXPECT_THAT(list_snapshots(directory.path() / "missing").value(), IsEmpty());
  for (const char* name : {"000000000300.snap", "000000000002.snap", "notes.txt", "000000000007.snap.new", "x.new"}) {
    write_file(directory.path() / name, bytes_of("x"));
  }
  EXPECT_THAT(list_snapshots(directory.path()).value(), ElementsAre(2u, 300u));
  ASSERT_TRUE(remove_drafts(directory.path()).has_value());
  EXPECT_THAT(file_names(directory.path()),
              ElementsAre("000000000002.snap", "000000000300.snap", "notes.txt", "x.new"));
}

TEST(SnapshotWriter, TakesLeavesWhileItWritesAndTellsWhenThereIsRoom) {
  const Leaves leaves = some_leaves(10'000, 500);
  TemporaryDirectory directory;
  Snapshots snapshots(directory.path());
  ASSERT_EQ(snapshots.open(), "");
  ASSERT_TRUE(snapshots.writer().begin(9, counts_of(leaves)).has_value());
  std::uint64_t most = 0;
  for (const auto& [place, leaf] : leaves) {
    snapshots.writer().add(place.first, place.second, leaf);
    most = std::max(most, snapshots.writer().unwritten_bytes());
    snapshots.writer().hash(1000);
    while (snapshots.writer().unwritten_bytes() > (std::uint64_t{2} << 20)) snapshots.loop().run_once();
  }
  EXPECT_LE(most, (std::uint64_t{2} << 20) + 1000);
  EXPECT_GT(snapshots.rooms, 2u);
  EXPECT_EQ(snapshots.writer().leaves(), leaves.size());
  snapshots.writer().end();
  snapshots.writer().hash(UINT64_MAX);
  SnapshotSeal seal = some_seal();
  seal.watermark = 8;
  snapshots.writer().seal(seal);
  snapshots.settle();
  ASSERT_EQ(snapshots.sealed.size(), 1u);
  ReadLeaves read;
  ASSERT_TRUE(read_snapshot(directory.path() / snapshot_name(9), &read).has_value());
  EXPECT_EQ(read.leaves, leaves);
}

TEST(SnapshotWriter, HashesAndWritesWhenItIsToldAndSealsWhenAllIsHashed) {
  const Leaves leaves = some_leaves(3000, 500);
  TemporaryDirectory directory;
  Snapshots snapshots(directory.path());
  ASSERT_EQ(snapshots.open(), "");
  SnapshotWriter& writer = snapshots.writer();
  ASSERT_TRUE(writer.begin(17, counts_of(leaves)).has_value());
  for (const auto& [place, leaf] : leaves) writer.add(place.first, place.second, leaf);
  const std::uint64_t all = writer.unhashed_bytes();
  EXPECT_EQ(all, writer.unwritten_bytes());
  EXPECT_GT(all, std::uint64_t{1} << 20);
  writer.end();
  writer.seal(some_seal());
  for (const std::uint64_t part : {std::uint64_t{100'000}, all - 100'001}) {
    writer.hash(part);
    for (int turn = 0; turn < 20; ++turn) snapshots.loop().run_once(1'000'000);
    EXPECT_THAT(snapshots.sealed, IsEmpty());
  }
  EXPECT_EQ(writer.unhashed_bytes(), 1u);
  writer.hash(1);
  EXPECT_EQ(writer.unhashed_bytes(), 0u);
  snapshots.settle();
  EXPECT_EQ(snapshots.sealed.size(), 1u);
  ReadLeaves read;
  ASSERT_TRUE(read_snapshot(directory.path() / snapshot_name(17), &read).has_value());
  EXPECT_EQ(read.leaves, leaves);
}

TEST(SnapshotWriter, HasNoFileBeforeItIsSealedAndNoneWhenItIsAbandoned) {
  const Leaves leaves = some_leaves(3000, 500);
  TemporaryDirectory directory;
  Snapshots snapshots(directory.path());
  ASSERT_EQ(snapshots.open(), "");
  for (const bool ended : {false, true}) {
    ASSERT_TRUE(snapshots.writer().begin(9, counts_of(leaves)).has_value());
    for (const auto& [place, leaf] : leaves) snapshots.writer().add(place.first, place.second, leaf);
    if (ended) snapshots.writer().end();
    for (int turn = 0; turn < 20; ++turn) snapshots.loop().run_once(1'000'000);
    EXPECT_THAT(list_snapshots(directory.path()).value(), IsEmpty());
    EXPECT_TRUE(snapshots.writer().busy());
    snapshots.writer().abandon();
    snapshots.settle();
    EXPECT_THAT(file_names(directory.path()), IsEmpty());
  }
  EXPECT_THAT(snapshots.sealed, IsEmpty());
  EXPECT_THAT(snapshots.failures, IsEmpty());
  EXPECT_EQ(snapshots.make(17, leaves), "");  // and the next one is made
}

TEST(SnapshotWriter, MakesAnotherFileDurableFirstAndFailsIfItCannot) {
  TemporaryDirectory directory;
  write_file(directory.path() / "headers.bin", bytes_of("headers"));
  Snapshots snapshots(directory.path() / "snapshots");
  ASSERT_EQ(snapshots.open(), "");
  SnapshotSeal seal = some_seal();
  seal.sync_first = directory.path() / "headers.bin";
  EXPECT_EQ(snapshots.make(17, some_leaves(10, 10), seal), "");
  seal.sync_first = directory.path() / "missing";
  EXPECT_THAT(snapshots.make(18, some_leaves(10, 10), seal), HasSubstr("missing failed: No such file"));
  EXPECT_THAT(file_names(directory.path() / "snapshots"), ElementsAre("000000000017.snap"));
}

TEST(SnapshotWriter, ReplacesASnapshotOfTheSameBatch) {
  TemporaryDirectory directory;
  Snapshots snapshots(directory.path());
  ASSERT_EQ(snapshots.open(), "");
  ASSERT_EQ(snapshots.make(17, some_leaves(10, 10)), "");
  const Leaves other = some_leaves(20, 30);
  ASSERT_EQ(snapshots.make(17, other), "");
  ReadLeaves read;
  ASSERT_TRUE(read_snapshot(directory.path() / snapshot_name(17), &read).has_value());
  EXPECT_EQ(read.leaves, other);
}

}  // namespace
}  // namespace electra::io
