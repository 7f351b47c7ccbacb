#include "bench/e2e/settings.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace electra::bench {
namespace {

class Settings : public ::testing::Test {
 protected:
  void SetUp() override {
    settings.directory = std::filesystem::temp_directory_path() / ("electra-bench-test-" + std::to_string(getpid()));
    std::filesystem::create_directories(settings.directory);
  }
  void TearDown() override { std::filesystem::remove_all(settings.directory); }

  ServeSettings settings;
};

TEST_F(Settings, ReachTheOtherProcessAsTheyAre) {
  settings.scenario = {.load = Load::mix,
                       .skew = Skew::zipf,
                       .senders = 7,
                       .connections = 3,
                       .accounts = 70,
                       .messages = 5'000'000'000,
                       .forged_per_mille = 5,
                       .seed = UINT64_MAX};
  settings.verifier = "sodium";
  settings.verify_threads = 3;
  settings.table_kib = 4;
  settings.connections_max = 77;
  settings.refusals_max = 1U << 31;
  settings.accept_all = true;
  settings.flush_delay_us = 5000;
  settings.udp = true;
  settings.snapshot_every = 0;  // none, which is not the product's choice
  ASSERT_EQ(write_settings(settings, {Bytes32{1}, Bytes32{2}}), "");
  const auto read = read_settings(settings.settings_file());
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->directory, settings.directory);
  EXPECT_EQ(read->scenario, settings.scenario);
  EXPECT_EQ(read->verifier, settings.verifier);
  EXPECT_EQ(read->verify_threads, settings.verify_threads);
  EXPECT_EQ(read->table_kib, settings.table_kib);
  EXPECT_EQ(read->connections_max, settings.connections_max);
  EXPECT_EQ(read->refusals_max, settings.refusals_max);
  EXPECT_EQ(read->accept_all, settings.accept_all);
  EXPECT_EQ(read->flush_delay_us, settings.flush_delay_us);
  EXPECT_TRUE(read->udp);
  EXPECT_EQ(read->snapshot_every, settings.snapshot_every);
  const auto keys = read_keys(settings.keys_file());
  ASSERT_TRUE(keys) << keys.error();
  EXPECT_EQ(*keys, (std::vector<Bytes32>{{1}, {2}}));
}

TEST_F(Settings, ThatCannotBeReadAreAnError) {
  EXPECT_FALSE(read_settings(settings.settings_file()));
  ASSERT_EQ(write_settings(settings, {}), "");
  EXPECT_FALSE(read_keys(settings.keys_file()));
  EXPECT_FALSE(read_report(settings.settings_file())) << "a file with other fields";
}

TEST_F(Settings, AReportComesBackFromItsFile) {
  const ServeReport report{.batches = 1,
                           .messages = 2,
                           .refused = 3,
                           .largest_batch = 4,
                           .record_bytes = 5,
                           .zero_bytes = 6,
                           .snapshot_bytes = 11,
                           .snapshots = 12,
                           .snapshot_ns = 13,
                           .restored_leaves = 14,
                           .restored_ns = 15,
                           .replayed_messages = 16,
                           .replayed_ns = 17,
                           .decode_ns = 7,
                           .verify_ns = 8,
                           .execute_ns = 9,
                           .journal_wait_ns = 10,
                           .datagrams = 25,
                           .datagrams_lost = 26,
                           .datagrams_dropped = 27,
                           .datagrams_sent = 28,
                           .datagrams_unsent = 29,
                           .verifier = "v",
                           .settlement_digest = "d"};
  ASSERT_EQ(write_report(report, settings.report_file()), "");
  const auto read = read_report(settings.report_file());
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->batches, 1U);
  EXPECT_EQ(read->messages, 2U);
  EXPECT_EQ(read->refused, 3U);
  EXPECT_EQ(read->largest_batch, 4U);
  EXPECT_EQ(read->record_bytes, 5U);
  EXPECT_EQ(read->zero_bytes, 6U);
  EXPECT_EQ(read->snapshot_bytes, 11U);
  EXPECT_EQ(read->snapshots, 12U);
  EXPECT_EQ(read->snapshot_ns, 13U);
  EXPECT_EQ(read->restored_leaves, 14U);
  EXPECT_EQ(read->restored_ns, 15U);
  EXPECT_EQ(read->replayed_messages, 16U);
  EXPECT_EQ(read->replayed_ns, 17U);
  EXPECT_EQ(read->decode_ns, 7U);
  EXPECT_EQ(read->verify_ns, 8U);
  EXPECT_EQ(read->execute_ns, 9U);
  EXPECT_EQ(read->journal_wait_ns, 10U);
  EXPECT_EQ(read->datagrams, 25U);
  EXPECT_EQ(read->datagrams_lost, 26U);
  EXPECT_EQ(read->datagrams_dropped, 27U);
  EXPECT_EQ(read->datagrams_sent, 28U);
  EXPECT_EQ(read->datagrams_unsent, 29U);
  EXPECT_EQ(read->verifier, "v");
  EXPECT_EQ(read->settlement_digest, "d");
}

}  // namespace
}  // namespace electra::bench
