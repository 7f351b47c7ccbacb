// Sequences of the enrolment, the comparison with the data, and how numbers are printed.
#include "engine/electrad/meter/report.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/electrad/meter/enroll.h"
#include "engine/electrad/meter/play.h"

namespace electra::player {
namespace {

// The demonstration's oracle.
ReplayReport good_report() {
  ReplayReport report;
  report.complete = true;
  report.chain_id = "electra-demo-1";
  report.interval_s = 900;
  report.retail_price = 300;
  report.feed_in_price = 80;
  report.data_sums = {.consumption_wh = 227'787'884,
                      .generation_wh = 58'636'866,
                      .matched_wh = 54'971'912,
                      .import_wh = 172'815'972,
                      .export_wh = 3'664'954};
  report.totals = {.cycles = 4'200,
                   .intervals = 16'800,
                   .energy = report.data_sums,
                   .consumers_pay = 62'289'454'880,
                   .producers_get = 10'737'859'600,
                   .grid_gets = 51'551'595'280};
  report.refused["late_reading"] = 2;
  report.state_root = std::string(64, 'a');
  report.state_digest = std::string(64, 'b');
  report.settlement_digest = std::string(64, 'c');
  return report;
}

TEST(CompareTotals, IsSilentWhenChainAndDataAgree) {
  EXPECT_TRUE(compare_totals(good_report(), 4'200, 16'800).empty());
}

TEST(CompareTotals, NamesEveryDifference) {
  using Change = void (*)(ReplayReport&);
  struct Case {
    const char* name;
    Change change;
  };
  const Case cases[] = {
      {"cycles", [](ReplayReport& r) { --r.totals.cycles; }},
      {"intervals", [](ReplayReport& r) { --r.totals.intervals; }},
      {"consumption", [](ReplayReport& r) { ++r.totals.energy.consumption_wh; }},
      {"generation", [](ReplayReport& r) { ++r.totals.energy.generation_wh; }},
      {"matched", [](ReplayReport& r) { ++r.totals.energy.matched_wh; }},
      {"import", [](ReplayReport& r) { ++r.totals.energy.import_wh; }},
      {"export", [](ReplayReport& r) { ++r.totals.energy.export_wh; }},
      {"consumers pay", [](ReplayReport& r) { ++r.totals.consumers_pay, ++r.totals.grid_gets; }},
      {"producers get", [](ReplayReport& r) { ++r.totals.producers_get, --r.totals.grid_gets; }},
      {"grid gets", [](ReplayReport& r) { ++r.totals.grid_gets; }},
      {"unaccounted", [](ReplayReport& r) { r.totals.unaccounted_wh = -1; }},
  };
  for (const Case& c : cases) {
    ReplayReport report = good_report();
    c.change(report);
    const auto differences = compare_totals(report, 4'200, 16'800);
    ASSERT_EQ(differences.size(), 1U) << c.name;
    EXPECT_NE(differences[0].find(c.name), std::string::npos) << differences[0];
  }
}

TEST(ReportJson, HasTheKeysThatScriptsRead) {
  ReplayOptions options;
  options.shuffle = 7;
  const auto json = nlohmann::json::parse(report_json(good_report(), options));
  for (const char* key : {"messages", "seconds", "consumption_wh", "generation_wh", "matched_wh", "import_wh",
                          "export_wh", "consumers_pay_uelectra", "producers_get_uelectra", "grid_gets_uelectra",
                          "cycles", "state_root", "settlement_digest", "latency_ns", "refused", "shuffle"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json["grid_gets_uelectra"], 51'551'595'280);
  EXPECT_EQ(json["refused"]["late_reading"], 2);
  EXPECT_EQ(json["shuffle"], 7);
  EXPECT_EQ(json["state_root"], std::string(64, 'a'));
  EXPECT_EQ(json["state_digest"], std::string(64, 'b'));
  EXPECT_EQ(json["settlement_digest"], std::string(64, 'c'));
}

TEST(ReportTable, ShowsSumsSharesAndPrices) {
  const std::string table = report_table(good_report());
  for (const char* text : {"227,787,884", "227,787.884", "51,551,595,280", "51,551.595280", "93.75 %", "24.13 %",
                           "273.45", "183.12", "refused: late_reading", "state root         aaaa"}) {
    EXPECT_NE(table.find(text), std::string::npos) << text << "\n" << table;
  }
}

TEST(Grouped, PutsACommaBeforeEveryThirdDigit) {
  EXPECT_EQ(grouped(std::uint64_t{0}), "0");
  EXPECT_EQ(grouped(std::uint64_t{999}), "999");
  EXPECT_EQ(grouped(std::uint64_t{1'000}), "1,000");
  EXPECT_EQ(grouped(std::int64_t{-1'234'567}), "-1,234,567");
  EXPECT_EQ(grouped(INT64_MIN), "-9,223,372,036,854,775,808");
}

TEST(DurationText, RoundsUpToSeconds) {
  EXPECT_EQ(duration_text(0), "0:00");
  EXPECT_EQ(duration_text(59.2), "1:00");
  EXPECT_EQ(duration_text(3'600), "1:00:00");
}

TEST(ReplayLine, FitsItsColumns) {
  const ReplayProgress progress{
      .time_s = 1'451'865'600, .boundary = 1'001, .boundaries = 16'801, .messages_per_s = 21'000};
  for (const int columns : {40, 80, 120, 200}) {
    EXPECT_LT(replay_line(progress, columns, true).size(), static_cast<std::size_t>(columns)) << columns;
  }
  EXPECT_NE(replay_line(progress, 200, true).find("interval 1,000/16,800"), std::string::npos);
}

TEST(EnrolmentSequences, AreFixedUniqueAndWithinTheWindowOfTheirGroup) {
  std::vector<std::uint64_t> sequences;
  for (std::uint32_t group = 0; group < 4; ++group) {
    for (std::uint32_t place = 0; place < kMetersPerGroup; ++place) {
      sequences.push_back(registration_sequence(group_sequence(group), place));
    }
    for (std::uint32_t place = 0; place < kMetersPerGroup; ++place) {
      sequences.push_back(funding_sequence(group_sequence(group), place));
    }
  }
  for (std::size_t i = 0; i < sequences.size(); ++i) EXPECT_EQ(sequences[i], kFirstGroupSequence + i);
  EXPECT_EQ(kSequencesPerGroup, 64U);
}

TEST(FundingNotAfter, LiesOneToTwoWeeksAheadInStepsOfAWeek) {
  constexpr std::uint64_t kGenesis = 1'451'865'600;
  constexpr std::uint64_t kWeek = 7 * 86'400;
  EXPECT_EQ(funding_not_after(kGenesis, kGenesis), kGenesis + 2 * kWeek);
  EXPECT_EQ(funding_not_after(kGenesis, kGenesis + kWeek - 1), kGenesis + 2 * kWeek);
  EXPECT_EQ(funding_not_after(kGenesis, kGenesis + kWeek), kGenesis + 3 * kWeek);
}

TEST(Meters, InterpolateInsideAnIntervalAndRepeatTheData) {
  const std::array tables = {Table{.ids = {"H1"}, .start_s = 0, .interval_s = 900, .rows = 2, .wh = {100, 50}}};
  constexpr std::array kinds = {SeriesKind::household};
  const DataSet data = *DataSet::join(tables, kinds);
  Meters meters(data);
  struct Case {
    std::uint64_t data_s;
    std::uint64_t wh;
  };
  constexpr Case cases[] = {{0, 0}, {450, 50}, {900, 100}, {1350, 125}, {1800, 150}, {2250, 200}, {4500, 400}};
  for (const Case& c : cases) {
    meters.advance_to(c.data_s * 1'000);
    EXPECT_EQ(meters.wh(0), c.wh) << c.data_s;
  }
}

}  // namespace
}  // namespace electra::player
