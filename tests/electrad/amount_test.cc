#include "engine/electrad/amount.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace electra::app {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

TEST(Amount, IsReadInBothUnitsExactly) {
  struct Case {
    const char* text;
    std::uint64_t uelectra;
  };
  for (const Case& c : {
           Case{"0uelectra", 0},
           Case{"1500000uelectra", 1'500'000},
           Case{"18446744073709551615uelectra", kMax},
           Case{"1elc", 1'000'000},
           Case{"1.5elc", 1'500'000},
           Case{"1.5ELC", 1'500'000},
           Case{"0.000001elc", 1},
           Case{"12.000340Elc", 12'000'340},
           Case{"18446744073709.551615elc", kMax},
       }) {
    const auto amount = parse_amount(c.text);
    ASSERT_TRUE(amount) << c.text << ": " << amount.error();
    EXPECT_EQ(*amount, c.uelectra) << c.text;
  }
}

TEST(Amount, WithoutUnitOrNotExactOrTooLargeIsRefused) {
  for (const char* text : {"",
                           "5",
                           "1.5",
                           "uelectra",
                           "elc",
                           "-1uelectra",
                           "+1uelectra",
                           "1.5uelectra",
                           "1 uelectra",
                           "1uatom",
                           "1UELECTRA",
                           "0.0000001elc",
                           "1.elc",
                           ".5elc",
                           "1..5elc",
                           "1.2.3elc",
                           "1e3elc",
                           "01elc",
                           "18446744073709551616uelectra",
                           "18446744073709.551616elc",
                           "1elc1elc"}) {
    const auto amount = parse_amount(text);
    EXPECT_FALSE(amount) << text;
    EXPECT_FALSE(!amount && amount.error().empty()) << text;
  }
}

TEST(Amount, IsShownWithoutLosingADigit) {
  EXPECT_EQ(elc_text(std::uint64_t{0}), "0 ELC");
  EXPECT_EQ(elc_text(std::uint64_t{1}), "0.000001 ELC");
  EXPECT_EQ(elc_text(std::uint64_t{1'500'000}), "1.5 ELC");
  EXPECT_EQ(elc_text(std::uint64_t{20'000'000}), "20 ELC");
  EXPECT_EQ(elc_text(kMax), "18446744073709.551615 ELC");
  EXPECT_EQ(elc_text(std::int64_t{-2'500'000}), "-2.5 ELC");
  EXPECT_EQ(elc_text(std::numeric_limits<std::int64_t>::min()), "-9223372036854.775808 ELC");
  EXPECT_EQ(amount_text(42), "42uelectra");
}

TEST(Instant, HasExactlyOneSpelling) {
  EXPECT_EQ(parse_instant("1970-01-01T00:00:00Z"), 0U);
  EXPECT_EQ(parse_instant("2016-01-04T00:00:00Z"), 1'451'865'600U);
  EXPECT_EQ(parse_instant("2016-02-29T23:59:59Z"), 1'456'790'399U);
  for (const char* text : {"", "2016-01-04", "2016-01-04 00:00:00Z", "2016-1-4T0:0:0Z", "2016-01-04T00:00:00",
                           "2016-01-04T00:00:00+01:00", "2015-02-29T00:00:00Z", "1969-12-31T23:59:59Z",
                           "2016-01-04T24:00:00Z", "2016-01-04T00:00:00Zx", " 2016-01-04T00:00:00Z"}) {
    EXPECT_EQ(parse_instant(text), std::nullopt) << text;
  }
  for (const std::uint64_t instant : {0ULL, 951'782'400ULL, 1'451'865'600ULL, 4'102'444'800ULL}) {
    EXPECT_EQ(parse_instant(instant_text(instant)), instant);
  }
}

}  // namespace
}  // namespace electra::app
