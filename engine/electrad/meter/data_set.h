// Measured energy series: what every meter of the micro-grid took or gave in each metering interval.
//
// A folder holds up to three tables, gzip or plain CSV: households_load_15min, commercial_load_15min (Wh consumed) and
// pv_15min (Wh generated). Column one is `interval_start` (2016-01-04T00:15Z), the others are one meter each, named by
// its serial number. All tables cover the same intervals without a hole. Nothing is trusted: a missing column, a bad
// number, a hole in time or a damaged gzip stream is answered with file:line and what was expected.
// Held whole in memory, 4 bytes a value, one row an interval (25 weeks of 123 meters: 8 MB).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace electra::player {

enum class SeriesKind : std::uint8_t { household, commercial, pv };

struct Series {
  std::string id;  // serial number of the meter: H001, C01, P01
  SeriesKind kind = SeriesKind::household;
};

// One table as read from its file; `wh` is row-major, rows x ids.
struct Table {
  std::vector<std::string> ids;
  std::int64_t start_s = 0;     // unix s of the first interval's start
  std::int64_t interval_s = 0;  // distance of rows; 0 if there is only one row
  std::size_t rows = 0;
  std::vector<std::uint32_t> wh;
};

inline constexpr std::uint32_t kIntervalWhMax = 100'000'000;  // a value above it is taken for damage
inline constexpr std::size_t kLineBytesMax = 1U << 20;

// Reads one table; `path` may be gzip or plain text. The error begins with file:line.
[[nodiscard]] std::expected<Table, std::string> load_table(const std::filesystem::path& path);

// `2016-01-04T00:15Z` to unix seconds (proleptic Gregorian calendar, UTC); false when not exactly of this form.
[[nodiscard]] bool parse_time(std::string_view text, std::int64_t& unix_s) noexcept;

// Unix seconds to `2016-01-04 00:15`.
[[nodiscard]] std::string format_time(std::int64_t unix_s);

class DataSet {
 public:
  [[nodiscard]] static std::expected<DataSet, std::string> load(const std::filesystem::path& folder);

  // Tables of equal time axis joined side by side; the kind belongs to the table of the same index.
  [[nodiscard]] static std::expected<DataSet, std::string> join(std::span<const Table> tables,
                                                                std::span<const SeriesKind> kinds);

  [[nodiscard]] std::int64_t start_s() const noexcept { return start_s_; }
  [[nodiscard]] std::int64_t interval_s() const noexcept { return interval_s_; }
  [[nodiscard]] std::size_t intervals() const noexcept { return intervals_; }
  [[nodiscard]] std::span<const Series> series() const noexcept { return series_; }

  // Wh of every series in interval `interval`, in the order of series().
  [[nodiscard]] std::span<const std::uint32_t> row(std::size_t interval) const noexcept {
    return std::span(wh_).subspan(interval * series_.size(), series_.size());
  }

 private:
  std::int64_t start_s_ = 0;
  std::int64_t interval_s_ = 0;
  std::size_t intervals_ = 0;
  std::vector<Series> series_;
  std::vector<std::uint32_t> wh_;
};

}  // namespace electra::player
