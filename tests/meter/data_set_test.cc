// What the loader takes, and the place and reason that it names for everything else.
#include "engine/electrad/meter/data_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace electra::player {
namespace {

using ::testing::HasSubstr;

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "electra-data-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }

  std::filesystem::path write_gzip(const std::string& name, const std::string& text) const {
    gzFile file = gzopen((path_ / name).c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
    return path_ / name;
  }

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct TimeCase {
  const char* text;
  bool valid;
  std::int64_t unix_s;
};

TEST(ParseTime, TakesExactlyOneForm) {
  const TimeCase cases[] = {
      {"1970-01-01T00:00Z", true, 0},          {"2016-01-04T00:00Z", true, 1451865600},
      {"2016-02-29T23:45Z", true, 1456789500}, {"2017-02-29T00:00Z", false, 0},
      {"2016-01-04T24:00Z", false, 0},         {"2016-01-04T00:60Z", false, 0},
      {"2016-01-04 00:00Z", false, 0},         {"2016-01-04T00:00", false, 0},
      {"2016-13-04T00:00Z", false, 0},         {"", false, 0},
      {"2016-01-04T0x:00Z", false, 0},         {"2016-01-04T00:00Z ", false, 0},
  };
  for (const TimeCase& c : cases) {
    std::int64_t unix_s = 0;
    EXPECT_EQ(parse_time(c.text, unix_s), c.valid) << c.text;
    EXPECT_EQ(unix_s, c.unix_s) << c.text;
  }
}

TEST(FormatTime, IsTheMinuteInUtc) { EXPECT_EQ(format_time(1451865600 + 900), "2016-01-04 00:15"); }

struct BadTable {
  const char* name;
  const char* text;
  const char* line;
  const char* reason;
};

TEST(LoadTable, NamesPlaceAndExpectationOfBadData) {
  const BadTable cases[] = {
      {"empty file", "", ":1: ", "expected a header line and at least one row"},
      {"header only", "interval_start,H001\n", ":2: ", "at least one row"},
      {"missing time column", "H001,H002\n", ":1: ", "expected `interval_start` as first column, found `H001`"},
      {"bad serial", "interval_start,H 1\n", ":1: ", "expected a serial number"},
      {"empty serial", "interval_start,H1,,H2\n", ":1: ", "as name of column 3"},
      {"column twice", "interval_start,H1,H1\n", ":1: ", "found `H1` twice"},
      {"trailing comma", "interval_start,H1,\n", ":1: ", "after the last comma"},
      {"missing column", "interval_start,H1,H2\n2016-01-04T00:00Z,1\n",
       ":2: ", "expected 3 columns as in line 1, found 2"},
      {"one column more", "interval_start,H1\n2016-01-04T00:00Z,1,2\n",
       ":2: ", "expected 2 columns as in line 1, found 3"},
      {"blank number", "interval_start,H1\n2016-01-04T00:00Z,\n", ":2: ", "in column H1, found ``"},
      {"negative", "interval_start,H1\n2016-01-04T00:00Z,-1\n", ":2: ", "found `-1`"},
      {"fraction", "interval_start,H1\n2016-01-04T00:00Z,1.5\n", ":2: ", "found `1.5`"},
      {"too large", "interval_start,H1\n2016-01-04T00:00Z,100000001\n", ":2: ", "from 0 to 100000000"},
      {"far too large", "interval_start,H1\n2016-01-04T00:00Z,99999999999\n", ":2: ", "from 0 to 100000000"},
      {"bad time", "interval_start,H1\n2016-01-04,1\n", ":2: ", "expected a time like 2016-01-04T00:15Z"},
      {"time stands still", "interval_start,H1\n2016-01-04T00:00Z,1\n2016-01-04T00:00Z,1\n",
       ":3: ", "expected a time after"},
      {"hole in time", "interval_start,H1\n2016-01-04T00:00Z,1\n2016-01-04T00:15Z,1\n2016-01-04T00:45Z,1\n",
       ":4: ", "expected the interval 2016-01-04 00:30 next, found 2016-01-04 00:45"},
      {"blank line", "interval_start,H1\n\n", ":2: ", "expected a time like"},
  };
  const Folder folder;
  for (const BadTable& c : cases) {
    const auto path = folder.write("table.csv", c.text);
    const auto table = load_table(path);
    ASSERT_FALSE(table) << c.name;
    EXPECT_THAT(table.error(), HasSubstr(path.string() + c.line)) << c.name;
    EXPECT_THAT(table.error(), HasSubstr(c.reason)) << c.name;
  }
}

std::string long_table() {
  std::string text = "interval_start,H1,H2\n";
  for (int day = 1; day <= 28; ++day) {
    for (int quarter = 0; quarter < 96; ++quarter) {
      char line[64];
      std::snprintf(line, sizeof line, "2016-02-%02dT%02d:%02dZ,%d,%d\n", day, quarter / 4, quarter % 4 * 15,
                    day * 7919 % 1000, quarter * 104729 % 1000);
      text += line;
    }
  }
  return text;
}

TEST(LoadTable, ReadsGzipAndPlainTextAlike) {
  const Folder folder;
  const auto packed = load_table(folder.write_gzip("a.csv.gz", long_table()));
  const auto plain = load_table(folder.write("a.csv", long_table()));
  ASSERT_TRUE(packed) << packed.error();
  ASSERT_TRUE(plain) << plain.error();
  EXPECT_EQ(packed->rows, 28U * 96);
  EXPECT_EQ(packed->interval_s, 900);
  EXPECT_EQ(packed->wh, plain->wh);
}

TEST(LoadTable, RefusesACutGzipFileAtEveryTenthLength) {
  const Folder folder;
  const auto path = folder.write_gzip("a.csv.gz", long_table());
  const auto size = std::filesystem::file_size(path);
  for (auto length = size - 1; length > 20; length -= 10) {
    std::filesystem::resize_file(path, length);
    const auto table = load_table(path);
    ASSERT_FALSE(table) << "cut at " << length;
    EXPECT_THAT(table.error(), HasSubstr("expected a whole gzip stream with a good checksum")) << "cut at " << length;
  }
}

TEST(LoadTable, RefusesAGzipFileWithAWrongChecksum) {
  const Folder folder;
  const auto path = folder.write_gzip("a.csv.gz", long_table());
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(-8, std::ios::end);  // CRC-32, then the length
  const char byte = static_cast<char>(file.get());
  file.seekp(-8, std::ios::end);
  file.put(static_cast<char>(byte ^ 1));
  file.close();
  const auto table = load_table(path);
  ASSERT_FALSE(table);
  EXPECT_THAT(table.error(), HasSubstr("a.csv.gz:"));
  EXPECT_THAT(table.error(), HasSubstr("good checksum"));
}

TEST(LoadTable, NamesAFileThatIsNotThere) {
  const auto table = load_table("/nonexistent/table.csv.gz");
  ASSERT_FALSE(table);
  EXPECT_THAT(table.error(), HasSubstr("/nonexistent/table.csv.gz:0: "));
}

TEST(LoadDataSet, WantsAllThreeTables) {
  const Folder folder;
  folder.write("households_load_15min.csv", "interval_start,H1\n2016-01-04T00:00Z,1\n");
  const auto set = DataSet::load(folder.path());
  ASSERT_FALSE(set);
  EXPECT_THAT(set.error(), HasSubstr("commercial_load_15min.csv"));
}

TEST(LoadDataSet, WantsTheSameIntervalsInEveryTable) {
  const Folder folder;
  folder.write("households_load_15min.csv", "interval_start,H1\n2016-01-04T00:00Z,1\n2016-01-04T00:15Z,1\n");
  folder.write("commercial_load_15min.csv", "interval_start,C1\n2016-01-04T00:00Z,1\n2016-01-04T00:15Z,1\n");
  folder.write("pv_15min.csv", "interval_start,P1\n2016-01-04T00:00Z,1\n");
  const auto set = DataSet::load(folder.path());
  ASSERT_FALSE(set);
  EXPECT_THAT(set.error(), HasSubstr("pv_15min.csv:2: expected the same intervals as households_load_15min"));
}

TEST(LoadDataSet, RefusesAMeterInTwoTables) {
  const Folder folder;
  for (const char* name : {"households_load_15min.csv", "commercial_load_15min.csv", "pv_15min.csv"}) {
    folder.write(name, "interval_start,H1\n2016-01-04T00:00Z,1\n");
  }
  const auto set = DataSet::load(folder.path());
  ASSERT_FALSE(set);
  EXPECT_THAT(set.error(), HasSubstr("found `H1` in two"));
}

TEST(LoadDataSet, KeepsTheOrderHouseholdsCommercialPv) {
  const Folder folder;
  folder.write("households_load_15min.csv", "interval_start,H1,H2\n2016-01-04T00:00Z,1,2\n2016-01-04T00:15Z,3,4\n");
  folder.write("commercial_load_15min.csv", "interval_start,C1\n2016-01-04T00:00Z,5\n2016-01-04T00:15Z,6\n");
  folder.write("pv_15min.csv", "interval_start,P1\r\n2016-01-04T00:00Z,7\r\n2016-01-04T00:15Z,8\r\n");
  const auto set = DataSet::load(folder.path());
  ASSERT_TRUE(set) << set.error();
  ASSERT_EQ(set->series().size(), 4U);
  EXPECT_EQ(set->series()[3].id, "P1");
  EXPECT_EQ(set->series()[2].kind, SeriesKind::commercial);
  EXPECT_THAT(set->row(0), ::testing::ElementsAre(1, 2, 5, 7));
  EXPECT_THAT(set->row(1), ::testing::ElementsAre(3, 4, 6, 8));
}

}  // namespace
}  // namespace electra::player
