// Auditor and export on a chain whose first segments were dropped: from the oldest snapshot on, and what they still find.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/pipeline/audit.h"
#include "engine/pipeline/export.h"
#include "engine/pipeline/packed_source.h"
#include "tests/pipeline/snapshot_support.h"

namespace electra::pipeline {
namespace {

using namespace test;
using testing::HasSubstr;
using testing::IsEmpty;
namespace fs = std::filesystem;

class DroppedBeginning : public testing::Test {
 protected:
  void SetUp() override {
    GatewaySettings settings = chain_.settings();
    settings.snapshots.keep = 2;
    settings.snapshots.old_segments = io::OldSegments::archive;
    SnapshotLog log;
    settings.snapshots.on_event = log.listener();
    RunningGateway gateway(settings);
    ASSERT_EQ(gateway.error(), "");
    {
      Client meter(gateway.port(), kM2);
      ASSERT_NO_FATAL_FAILURE(send_readings(meter, 150, log));
    }
    gateway.stop();
    digest_ = gateway.settlement_digest();
    ASSERT_GT(chain_.segments().front(), 1U);
  }

  // As `electrad verify` does it.
  [[nodiscard]] AuditReport audit_it(bool all = false) const {
    auto search = find_snapshot(chain_.places(), genesis_, {.newest_first = false});
    EXPECT_TRUE(search && search->found);
    if (!search || !search->found) return {};
    const DirectorySourceOptions options{
        .unfinished = false,
        .behind = DirectorySourceOptions::Behind{.start = start_behind(search->found->snapshot, search->found->header),
                                                 .last = search->found->header,
                                                 .gateway_key = chain::gateway_key(*search->found->machine)}};
    auto source = open_directory_source(chain_.data(), chain_.headers_file(), genesis_.hash, options);
    EXPECT_TRUE(source) << source.error();
    auto report = audit_behind(std::move(*search->found), **source, {.threads = 2, .all = all, .progress = {}});
    EXPECT_TRUE(report) << report.error();
    return report ? std::move(*report) : AuditReport();
  }
  [[nodiscard]] ExportOptions export_options(std::uint64_t first) const {
    return {.journal_directory = chain_.data(),
            .headers_file = chain_.headers_file(),
            .genesis_hash = genesis_.hash,
            .genesis_text = "genesis",
            .out = chain_.directory.path() / ("from-" + std::to_string(first)),
            .first_height = first,
            .last_height = 0,
            .progress = {}};
  }

  SnapshotChain chain_;
  state::Genesis genesis_ = small_genesis();
  Bytes32 digest_{};
};

TEST_F(DroppedBeginning, IsAuditedFromTheOldestSnapshotOn) {
  const AuditReport report = audit_it();
  EXPECT_TRUE(report.good());
  const auto headers = headers_in(chain_.headers_file());
  EXPECT_EQ(report.begins_behind_batch, chain_.batches().front());
  EXPECT_GT(report.begins_behind_height, 0U);
  EXPECT_EQ(report.blocks, headers.size() - report.begins_behind_height);
  EXPECT_EQ(report.last_header, headers.back().header);
  EXPECT_EQ(report.settlement_digest, digest_);
}

TEST_F(DroppedBeginning, HidesNoDamageOfWhatIsThere) {
  struct Case {
    const char* name;
    std::function<void(const SnapshotChain&)> spoil;
    const char* says;
  };
  const auto flip = [](const fs::path& file, std::size_t at) {
    Bytes bytes = file_bytes(file);
    bytes[at] ^= 1;
    write_bytes(file, bytes);
  };
  const auto segment = [](const SnapshotChain& chain, std::size_t index) {
    return chain.data() / io::segment_name(chain.segments()[index]);
  };
  const Case cases[] = {
      {"a record before the snapshot", [&](const SnapshotChain& chain) { flip(segment(chain, 0), 300); }, "record"},
      {"a record behind it",
       [&](const SnapshotChain& chain) { flip(segment(chain, chain.segments().size() - 2), 300); }, "damaged"},
      {"the first header", [&](const SnapshotChain& chain) { flip(chain.headers_file(), 100); }, "header"},
      {"a header's signature", [&](const SnapshotChain& chain) { flip(chain.headers_file(), 3 * 288 + 250); },
       "signature"},
      {"a header of what is there",
       [&](const SnapshotChain& chain) { flip(chain.headers_file(), fs::file_size(chain.headers_file()) - 200); },
       "header"},
      {"a segment that is missing",
       [&](const SnapshotChain& chain) { fs::remove(segment(chain, chain.segments().size() - 2)); }, "missing"},
  };
  chain_.save("good");
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    chain_.restore("good");
    test.spoil(chain_);
    const AuditReport report = audit_it(true);
    ASSERT_FALSE(report.good());
    EXPECT_THAT(report.problems.front().text, HasSubstr(test.says));
    EXPECT_FALSE(report.problems.front().place.file.empty());
  }
}

TEST_F(DroppedBeginning, IsExportedFromTheFirstWholeBlockOn) {
  const auto refused = export_blocks(export_options(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ExportError::Kind::range);
  EXPECT_THAT(refused.error().text, HasSubstr("not in the journal any more"));
  const std::size_t at = refused.error().text.rfind(' ');
  const std::uint64_t first = std::stoull(refused.error().text.substr(at));
  ASSERT_GT(first, 1U);
  EXPECT_FALSE(export_blocks(export_options(first - 1)));
  const auto exported = export_blocks(export_options(first));
  ASSERT_TRUE(exported) << exported.error().text;
  const auto headers = headers_in(chain_.headers_file());
  EXPECT_EQ(exported->last_height, headers.size());
  std::uint64_t batches = 0;
  for (std::size_t height = first; height <= headers.size(); ++height) batches += headers[height - 1].header.batches;
  EXPECT_EQ(exported->batches, batches);
  EXPECT_TRUE(export_blocks(export_options(first + 3)));
}

TEST_F(DroppedBeginning, MayBeginLaterOnlyWithASnapshotForIt) {
  EXPECT_TRUE(may_begin_later(chain_.data(), chain_.snapshots()));
  for (const std::uint64_t batch : chain_.batches()) fs::resize_file(chain_.file(batch), 4096);
  EXPECT_FALSE(may_begin_later(chain_.data(), chain_.snapshots()));
  EXPECT_FALSE(may_begin_later(chain_.data(), chain_.data() / "missing"));
}

TEST_F(DroppedBeginning, SnapshotsAreCheckedAgainstJournalAndHeaders) {
  const auto batches = chain_.batches();
  for (const std::uint64_t batch : batches) {
    const auto header = check_snapshot(chain_.file(batch), chain_.places(), genesis_);
    ASSERT_TRUE(header) << header.error();
    EXPECT_EQ(header->last_batch, batch);
  }
  chain_.damage(batches.front());
  EXPECT_FALSE(check_snapshot(chain_.file(batches.front()), chain_.places(), genesis_));
}

}  // namespace
}  // namespace electra::pipeline
