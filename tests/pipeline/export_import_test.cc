// From a gateway's home to packed blocks and back: the same chain in another journal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "engine/pipeline/export.h"
#include "engine/pipeline/import.h"
#include "engine/pipeline/packed_source.h"
#include "io/journal/journal_reader.h"
#include "tests/pipeline/digests.h"

namespace electra::pipeline {
namespace {

using namespace test;
namespace fs = std::filesystem;
using testing::HasSubstr;

const std::string kGenesisText = "{\"stands\": \"for the genesis of the small chain\"}\n";

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void flip(const fs::path& path, std::uint64_t offset) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(offset));
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
  ASSERT_TRUE(file.good());
}

// Batch hashes of a journal, one a record, and what its records say about themselves.
struct Batches final : io::RecordSink {
  std::vector<Bytes32> hashes;
  std::uint64_t last_of_a_block = 0;
  Bytes16 journal_id{};
  Bytes32 last = small_genesis().hash;

  explicit Batches(const fs::path& directory) {
    const auto read = io::recover_journal(directory, small_genesis().hash, this);
    EXPECT_TRUE(read) << read.error().text();
  }
  bool on_record(const io::RecordView& record) override {
    last = proto::batch_hash(last, link_of(record.header));
    hashes.push_back(last);
    journal_id = record.header.journal_id;
    if ((record.header.flags & io::kRecordBlockClose) != 0) last_of_a_block = record.header.batch;
    return true;
  }
};

// Some blocks by ticks of the clock, with readings and transfers in them.
void drive(std::uint16_t port, std::uint64_t first, std::uint64_t last) {
  Client grid(port, kGrid);
  Client meter(port, kM2);
  Client alice(port, kAlice);
  const std::uint32_t from = alice.holder(kAlice).wallet_account();
  const std::uint32_t to = Client(port, kOperator).holder(kBob).wallet_account();
  for (std::uint64_t boundary = first; boundary <= last; ++boundary) {
    ASSERT_EQ(grid.tick(kGenesisS + boundary * 900).result, Result::ok);
    ASSERT_EQ(meter.ask(boundary + 1, reading(boundary, 130 * boundary)).result, Result::ok);
    ASSERT_EQ(grid.ask(boundary + 1, reading(boundary, 83 * boundary)).result, Result::ok);
    ASSERT_EQ(alice.ask(boundary + 1, transfer(from, to, 5 + boundary)).result, Result::ok);
  }
}

std::uint64_t headers_in(const GatewaySettings& settings) {
  std::error_code error;
  const auto size = fs::file_size(settings.blocks.headers_file, error);
  return error ? 0 : size / io::kHeaderEntryBytes;
}

// Headers are signed behind the traffic.
void wait_for_headers(const GatewaySettings& settings, std::uint64_t count) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (headers_in(settings) < count && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(5ms);
  ASSERT_GE(headers_in(settings), count);
}

class ExportImport : public testing::Test {
 protected:
  void SetUp() override {
    settings_ = small_settings(directory_.path() / "home");
    gateway_ = std::make_unique<RunningGateway>(settings_);
    ASSERT_EQ(gateway_->error(), "");
    ASSERT_NO_FATAL_FAILURE(drive(gateway_->port(), 0, 9));
    ASSERT_NO_FATAL_FAILURE(wait_for_headers(settings_, 5));
  }
  void stop() {
    gateway_->stop();
    digest_ = gateway_->digest();
    gateway_.reset();
  }

  [[nodiscard]] ExportOptions options(const std::string& name, std::uint64_t first = 1, std::uint64_t last = 0) const {
    return {.journal_directory = settings_.journal_directory,
            .headers_file = settings_.blocks.headers_file,
            .genesis_hash = settings_.genesis.hash,
            .genesis_text = kGenesisText,
            .out = directory_.path() / name,
            .first_height = first,
            .last_height = last,
            .progress = {}};
  }
  // The error's kind; the text goes to error_. Nothing must be left behind.
  std::optional<ExportError::Kind> refused(const ExportOptions& options) {
    const auto exported = export_blocks(options);
    if (exported) return std::nullopt;
    error_ = exported.error().text;
    EXPECT_FALSE(fs::exists(options.out.string() + ".new"));
    return exported.error().kind;
  }

  std::expected<ImportSummary, std::string> import(const std::vector<std::string>& names, const std::string& to) {
    std::vector<fs::path> files;
    for (const std::string& name : names) files.push_back(directory_.path() / name);
    auto source = open_packed_source(files);
    if (!source) return std::unexpected(source.error().text);
    EXPECT_EQ((*source)->genesis_text(), kGenesisText);
    fs::create_directories(directory_.path() / to);
    return import_chain(**source, {.genesis_hash = settings_.genesis.hash,
                                   .journal_directory = directory_.path() / to / "journal",
                                   .headers_file = directory_.path() / to / "headers.bin",
                                   .segment_bytes = 64 << 10,  // several segments
                                   .progress = {}});
  }

  TempDirectory directory_;
  GatewaySettings settings_;
  std::unique_ptr<RunningGateway> gateway_;
  Bytes32 digest_{};
  std::string error_;
};

TEST_F(ExportImport, GivesTheSameChainInAnotherJournal) {
  stop();
  std::uint64_t asked = 0;
  std::uint64_t done_before = 0;
  ExportOptions with_progress = options("all.blocks");
  with_progress.progress = [&](std::uint64_t done, std::uint64_t total) {
    ++asked;
    EXPECT_LE(done_before, done);
    EXPECT_LE(done, total);
    done_before = done;
  };
  const auto exported = export_blocks(with_progress);
  ASSERT_TRUE(exported) << exported.error().text;
  const Batches before(settings_.journal_directory);
  EXPECT_EQ(exported->first_height, 1U);
  EXPECT_EQ(exported->last_height, headers_in(settings_));
  EXPECT_EQ(exported->batches, before.last_of_a_block);
  EXPECT_EQ(exported->messages, 30U);
  EXPECT_EQ(exported->bytes, fs::file_size(directory_.path() / "all.blocks"));
  EXPECT_EQ(asked, exported->batches);

  const auto imported = import({"all.blocks"}, "copy");
  ASSERT_TRUE(imported) << imported.error();
  EXPECT_EQ(imported->blocks, exported->last_height);
  EXPECT_EQ(imported->batches, exported->batches);
  EXPECT_EQ(imported->messages, 30U);
  EXPECT_EQ(proto::header_hash(imported->last_header), exported->last_header_hash);
  const Batches after(directory_.path() / "copy" / "journal");
  EXPECT_EQ(after.hashes, std::vector<Bytes32>(before.hashes.begin(),
                                               before.hashes.begin() + static_cast<std::ptrdiff_t>(exported->batches)));
  EXPECT_EQ(after.last, imported->last_header.batch_hash);
  EXPECT_NE(after.journal_id, before.journal_id);
  EXPECT_EQ(read_text(directory_.path() / "copy" / "headers.bin"), read_text(settings_.blocks.headers_file));
  const Replayed original = replay_digests(settings_.journal_directory);
  const Replayed copy = replay_digests(directory_.path() / "copy" / "journal");
  EXPECT_EQ(original.digests.back(), digest_);
  EXPECT_EQ(copy.digests,
            std::vector<Bytes32>(original.digests.begin(),
                                 original.digests.begin() + static_cast<std::ptrdiff_t>(exported->batches + 1)));
  EXPECT_EQ(copy.settlement, original.settlement);

  // Packed again it is the same file.
  ExportOptions again = options("again.blocks");
  again.journal_directory = directory_.path() / "copy" / "journal";
  again.headers_file = directory_.path() / "copy" / "headers.bin";
  ASSERT_TRUE(export_blocks(again));
  EXPECT_EQ(read_text(again.out), read_text(directory_.path() / "all.blocks"));
}

TEST_F(ExportImport, HasNothingOfTheJournalsSecret) {
  stop();
  ASSERT_TRUE(export_blocks(options("all.blocks")));
  const Bytes16 id = Batches(settings_.journal_directory).journal_id;
  ASSERT_NE(id, Bytes16{});
  const std::string_view secret = text_of(id);
  EXPECT_NE(read_text(settings_.journal_directory / io::segment_name(1)).find(secret), std::string::npos);
  EXPECT_EQ(read_text(directory_.path() / "all.blocks").find(secret), std::string::npos);
}

TEST_F(ExportImport, CutsAChainIntoFilesThatAreOneAgain) {
  stop();
  ASSERT_TRUE(export_blocks(options("all.blocks")));
  ASSERT_TRUE(export_blocks(options("1.blocks", 1, 2)));
  ASSERT_TRUE(export_blocks(options("2.blocks", 3, 3)));
  const auto rest = export_blocks(options("3.blocks", 4));
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->first_height, 4U);
  EXPECT_EQ(rest->last_height, headers_in(settings_));
  ASSERT_TRUE(import({"all.blocks"}, "whole"));
  ASSERT_TRUE(import({"1.blocks", "2.blocks", "3.blocks"}, "parts"));
  EXPECT_EQ(Batches(directory_.path() / "whole" / "journal").hashes,
            Batches(directory_.path() / "parts" / "journal").hashes);
  EXPECT_EQ(read_text(directory_.path() / "whole" / "headers.bin"),
            read_text(directory_.path() / "parts" / "headers.bin"));
}

TEST_F(ExportImport, EndsWithTheLastSignedBlockWhileAGatewayServes) {
  // The block under way is open: its batches are in the journal and in no block.
  const auto first = export_blocks(options("first.blocks"));
  ASSERT_TRUE(first) << first.error().text;
  EXPECT_LT(first->batches, Batches(settings_.journal_directory).hashes.size());
  std::thread traffic([&] { drive(gateway_->port(), 10, 60); });
  std::uint64_t height = first->last_height;
  for (int i = 0; i < 20; ++i) {
    const auto exported = export_blocks(options(std::to_string(i) + ".blocks"));
    EXPECT_TRUE(exported) << exported.error().text;
    if (!exported) continue;
    EXPECT_LE(height, exported->last_height);
    height = exported->last_height;
  }
  traffic.join();
  stop();
  const auto imported = import({"19.blocks"}, "copy");
  ASSERT_TRUE(imported) << imported.error();
  EXPECT_EQ(imported->blocks, height);
}

TEST_F(ExportImport, RefusesBlocksThatAreNotThere) {
  stop();
  const std::uint64_t count = headers_in(settings_);
  EXPECT_EQ(refused(options("x.blocks", 1, count + 1)), ExportError::Kind::range);
  EXPECT_EQ(refused(options("x.blocks", count + 1)), ExportError::Kind::range);
  EXPECT_EQ(refused(options("x.blocks", 3, 2)), ExportError::Kind::range);
  EXPECT_EQ(refused(options("x.blocks", count, count)), std::nullopt);
  EXPECT_EQ(refused(options("x.blocks")), ExportError::Kind::in_out);  // it is there already
  EXPECT_THAT(error_, HasSubstr("not replaced"));
  fs::resize_file(settings_.blocks.headers_file, 0);
  EXPECT_EQ(refused(options("y.blocks")), ExportError::Kind::range);
  fs::remove(settings_.blocks.headers_file);
  EXPECT_EQ(refused(options("y.blocks")), ExportError::Kind::in_out);
  EXPECT_FALSE(fs::exists(directory_.path() / "y.blocks"));
}

TEST_F(ExportImport, ExportsNothingOfADamagedJournal) {
  stop();
  const fs::path segment = settings_.journal_directory / io::segment_name(1);
  for (const std::uint64_t offset : {std::uint64_t{100}, std::uint64_t{4096 + 300}, std::uint64_t{5 * 4096 + 8}}) {
    flip(segment, offset);
    EXPECT_EQ(refused(options("x.blocks")), ExportError::Kind::damaged) << offset;
    EXPECT_THAT(error_, HasSubstr(segment.string()));
    EXPECT_FALSE(fs::exists(directory_.path() / "x.blocks"));
    flip(segment, offset);
  }
  EXPECT_EQ(refused(options("x.blocks")), std::nullopt);
}

TEST_F(ExportImport, ExportsNothingWhenHeadersAndJournalDoNotFit) {
  stop();
  const fs::path headers = settings_.blocks.headers_file;
  // Of block 2: version, height, batches, last batch, time, messages, previous hash, batch hash.
  for (const std::uint64_t field : {0U, 8U, 20U, 24U, 32U, 48U, 64U, 96U}) {
    flip(headers, 288 + field);
    EXPECT_EQ(refused(options("x.blocks")), ExportError::Kind::damaged) << field;
    EXPECT_THAT(error_, HasSubstr("block 2"));
    flip(headers, 288 + field);
  }
  // Roots and signature are the auditor's; but a header that was changed is no longer the one the next continues.
  flip(headers, 288 + 128);
  EXPECT_EQ(refused(options("x.blocks")), ExportError::Kind::damaged);
  EXPECT_THAT(error_, HasSubstr("block 3"));
  flip(headers, 288 + 128);
  // A journal of an older copy.
  const std::string all = read_text(headers);
  std::ofstream(headers, std::ios::binary | std::ios::app) << all.substr(all.size() - 288);
  EXPECT_EQ(refused(options("x.blocks")), ExportError::Kind::damaged);
  ExportOptions other = options("x.blocks");
  other.genesis_hash[0] ^= 1;
  EXPECT_EQ(refused(other), ExportError::Kind::damaged);
}

TEST_F(ExportImport, ImportsNoFileThatIsWrong) {
  stop();
  ASSERT_TRUE(export_blocks(options("all.blocks")));
  const fs::path path = directory_.path() / "all.blocks";
  const std::string good = read_text(path);
  const std::size_t first = 64 + kGenesisText.size();
  int round = 0;
  // Length, batches, batch hash, a batch's time, its body; at the end a byte less.
  for (const std::size_t offset : {first, first + 4 + 20, first + 4 + 96, first + 292, first + 292 + 30}) {
    flip(path, offset);
    const auto imported = import({"all.blocks"}, "bad" + std::to_string(++round));
    ASSERT_FALSE(imported) << offset;
    EXPECT_THAT(imported.error(), HasSubstr(path.string())) << offset;
    flip(path, offset);
  }
  fs::resize_file(path, good.size() - 1);
  EXPECT_FALSE(import({"all.blocks"}, "short"));
  std::ofstream(path, std::ios::binary | std::ios::trunc) << good;
  EXPECT_TRUE(import({"all.blocks"}, "good"));
  EXPECT_FALSE(import({"all.blocks"}, "good"));  // there is a chain already
}

}  // namespace
}  // namespace electra::pipeline
