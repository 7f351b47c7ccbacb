// Registers, sums and the grid connection, on small tables and on the measured data.
#include "engine/electrad/meter/fleet.h"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>

namespace electra::player {
namespace {

DataSet small_set() {
  const std::array tables = {
      Table{.ids = {"H1", "H2"}, .start_s = 0, .interval_s = 900, .rows = 3, .wh = {10, 20, 5, 5, 0, 0}},
      Table{.ids = {"P1"}, .start_s = 0, .interval_s = 900, .rows = 3, .wh = {0, 30, 7}},
  };
  constexpr std::array kinds = {SeriesKind::household, SeriesKind::pv};
  return *DataSet::join(tables, kinds);
}

TEST(PlanFleet, TakesEverySeriesOnceByDefault) {
  const auto fleet = plan_fleet(small_set(), 0);
  ASSERT_TRUE(fleet);
  ASSERT_EQ(fleet->size(), 3U);
  EXPECT_EQ((*fleet)[1].serial, "H2");
  EXPECT_FALSE((*fleet)[1].producer);
  EXPECT_TRUE((*fleet)[2].producer);
}

TEST(PlanFleet, RepeatsTheSeriesUnderNewSerials) {
  const auto fleet = plan_fleet(small_set(), 7);
  ASSERT_TRUE(fleet);
  ASSERT_EQ(fleet->size(), 7U);
  EXPECT_EQ((*fleet)[3].serial, "H1-2");
  EXPECT_EQ((*fleet)[5].serial, "P1-2");
  EXPECT_EQ((*fleet)[6].serial, "H1-3");
  EXPECT_EQ((*fleet)[6].series, 0U);
}

TEST(PlanFleet, RefusesReservedSerials) {
  const std::array tables = {Table{.ids = {"GRID"}, .rows = 1, .wh = {1}}};
  constexpr std::array kinds = {SeriesKind::household};
  EXPECT_FALSE(plan_fleet(*DataSet::join(tables, kinds), 0));
}

TEST(Playback, CumulatesFromZeroAtTheFirstBoundary) {
  const DataSet data = small_set();
  const auto fleet = *plan_fleet(data, 0);
  Playback playback(data, fleet);
  EXPECT_EQ(playback.registers(fleet[0]), (Registers{0, 0}));
  playback.advance();
  EXPECT_EQ(playback.registers(fleet[0]), (Registers{10, 0}));
  EXPECT_EQ(playback.grid(), (Registers{30, 0}));
  playback.advance();
  EXPECT_EQ(playback.registers(fleet[1]), (Registers{25, 0}));
  EXPECT_EQ(playback.registers(fleet[2]), (Registers{0, 30}));
  EXPECT_EQ(playback.grid(), (Registers{30, 20}));
  EXPECT_EQ(playback.last_export_wh(), 20U);
  playback.advance();
  EXPECT_EQ(playback.grid(), (Registers{30, 27}));
  EXPECT_EQ(playback.sums(), (EnergySums{40, 37, 10, 30, 27}));
}

TEST(Playback, CountsRepeatedMetersInTheGridConnection) {
  const DataSet data = small_set();
  const auto fleet = *plan_fleet(data, 4);  // H1, H2, P1, H1-2
  Playback playback(data, fleet);
  playback.seek(2);
  EXPECT_EQ(playback.registers(fleet[3]), playback.registers(fleet[0]));
  EXPECT_EQ(playback.sums(), (EnergySums{55, 30, 15, 40, 15}));
}

TEST(Playback, SeeksForwardsAndBackToTheSameState) {
  const DataSet data = small_set();
  const auto fleet = *plan_fleet(data, 0);
  Playback walked(data, fleet);
  walked.advance();
  Playback sought(data, fleet);
  sought.seek(3);
  sought.seek(1);
  EXPECT_EQ(sought.grid(), walked.grid());
  EXPECT_EQ(sought.sums(), walked.sums());
  EXPECT_EQ(sought.registers(fleet[0]), walked.registers(fleet[0]));
}

TEST(Playback, SumsOfTheMeasuredDataAreExact) {
  const auto data = DataSet::load(ELECTRA_DATA_FOLDER);
  ASSERT_TRUE(data) << data.error();
  EXPECT_EQ(data->intervals(), 16'800U);
  EXPECT_EQ(data->interval_s(), 900);
  EXPECT_EQ(data->start_s(), 1'451'865'600);
  const auto fleet = plan_fleet(*data, 0);
  ASSERT_TRUE(fleet);
  EXPECT_EQ(fleet->size(), 123U);
  Playback playback(*data, *fleet);
  playback.seek(data->intervals());
  EXPECT_EQ(playback.sums(), (EnergySums{.consumption_wh = 227'787'884,
                                         .generation_wh = 58'636'866,
                                         .matched_wh = 54'971'912,
                                         .import_wh = 172'815'972,
                                         .export_wh = 3'664'954}));
  EXPECT_EQ(playback.grid(), (Registers{.whin = 172'815'972, .whout = 3'664'954}));
}

}  // namespace
}  // namespace electra::player
