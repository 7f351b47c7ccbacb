// docs/snapshot-format.md shows one snapshot's bytes; these are they.
#include <gtest/gtest.h>

#include <cstring>

#include "meter-proto/base/sha256.h"
#include "tests/io/snapshot_support.h"

namespace electra::io {
namespace {

std::string dump(ByteSpan bytes, std::size_t from) {
  std::string out;
  for (std::size_t line = 0; line < bytes.size(); line += 16) {
    char offset[8];
    std::snprintf(offset, sizeof offset, "%04zx  ", from + line);
    out += offset;
    out += to_hex(bytes.subspan(line, std::min<std::size_t>(16, bytes.size() - line)));
    out += '\n';
  }
  return out;
}

std::string page() {
  const auto bytes = read_file(std::string(ELECTRA_SOURCE_DIR) + "/docs/snapshot-format.md");
  return {bytes.begin(), bytes.end()};
}

// The snapshot that the page describes: written by the writer, built here from the page's words only.
std::vector<std::uint8_t> example_by_hand() {
  const auto put = [](std::vector<std::uint8_t>& out, ByteSpan bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
  };
  std::vector<std::uint8_t> payload;
  const std::uint8_t first[] = {0, 0, 0, 0, 0, 5, 0, 0, 0};
  const std::uint8_t second[] = {1, 1, 0, 0, 0, 3, 0, 0, 0};
  const std::uint8_t third[] = {1, 0, 0, 0, 0, 0, 0, 0, 0};
  put(payload, first);
  put(payload, bytes_of("chain"));
  put(payload, second);
  put(payload, bytes_of("two"));
  put(payload, third);

  ChunkHeader chunk{};
  std::memcpy(chunk.magic.data(), "ELECTRAC", 8);
  chunk.batch = 1;
  chunk.payload_bytes = static_cast<std::uint32_t>(payload.size());
  std::vector<std::uint8_t> hashed = payload;
  put(hashed, ByteSpan(reinterpret_cast<const std::uint8_t*>(&chunk), 32));
  chunk.hash = sha256(hashed);

  SnapshotHeader header{};
  std::memcpy(header.magic.data(), "ELECTRAS", 8);
  header.format_version = 1;
  header.header_bytes = 1024;
  header.batch = 1;
  header.time_ns = 1'451'865'600'000'000'000;
  header.genesis_hash = sha256("example genesis");
  for (std::uint8_t i = 0; i < 16; ++i) header.journal_id[i] = i;
  header.segment = 1;
  header.record_end = 4096;
  header.record_hash = sha256("example record");
  header.entries = 3;
  header.payload_bytes = payload.size();
  header.file_bytes = 8192;
  header.chunks = 1;
  header.tables = 2;
  header.leaf_counts[0] = 1;
  header.leaf_counts[1] = 2;
  header.content_hash = sha256(chunk.hash);
  header.block_header.fill(0xbb);
  header.header_hash = compute_header_hash(header);

  std::vector<std::uint8_t> file(8192);
  std::memcpy(file.data(), &header, sizeof header);
  std::memcpy(file.data() + 4096, &chunk, sizeof chunk);
  std::ranges::copy(payload, file.begin() + 4160);
  return file;
}

TEST(SnapshotFormatPage, ShowsTheBytesOfTheExample) {
  const std::vector<std::uint8_t> file = example_by_hand();
  const std::string head = dump(ByteSpan(file).first(0x120), 0);
  const std::string end = dump(ByteSpan(file).subspan(0x3e0, 0x20), 0x3e0);
  const std::string chunk = dump(ByteSpan(file).subspan(0x1000, 0x70), 0x1000);
  const std::string text = page();
  EXPECT_NE(text.find(head), std::string::npos) << "the page should contain:\n" << head;
  EXPECT_NE(text.find(end), std::string::npos) << "the page should contain:\n" << end;
  EXPECT_NE(text.find(chunk), std::string::npos) << "the page should contain:\n" << chunk;
}

TEST(SnapshotFormatPage, TheExampleIsWhatTheWriterWritesAndTheReaderReads) {
  TemporaryDirectory directory;
  Snapshots snapshots(directory.path());
  ASSERT_EQ(snapshots.open(), "");
  SnapshotSeal seal;
  seal.time_ns = 1'451'865'600'000'000'000;
  seal.genesis_hash = sha256("example genesis");
  for (std::uint8_t i = 0; i < 16; ++i) seal.journal_id[i] = i;
  seal.segment = 1;
  seal.record_end = 4096;
  seal.record_hash = sha256("example record");
  seal.block_header.fill(0xbb);
  const std::uint32_t counts[] = {1, 2};
  ASSERT_TRUE(snapshots.writer().begin(1, counts).has_value());
  snapshots.writer().add(0, 0, bytes_of("chain"));
  snapshots.writer().add(1, 1, bytes_of("two"));
  snapshots.writer().add(1, 0, {});
  snapshots.writer().end();
  snapshots.writer().hash(UINT64_MAX);
  snapshots.writer().seal(seal);
  snapshots.settle();
  EXPECT_EQ(read_file(directory.path() / "000000000001.snap"), example_by_hand());
  ReadLeaves read;
  ASSERT_TRUE(read_snapshot(directory.path() / "000000000001.snap", &read).has_value());
  EXPECT_EQ(read.leaves.size(), 3u);
}

}  // namespace
}  // namespace electra::io
