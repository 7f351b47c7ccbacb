#include "engine/electrad/meter/data_set.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <memory>
#include <unordered_set>
#include <utility>

namespace electra::player {
namespace {

constexpr std::size_t kReadBytes = 1U << 18;
constexpr std::size_t kTimeTextBytes = 17;  // 2016-01-04T00:15Z
constexpr std::size_t kSerialBytesMax = 32;

// Lines of a gzip or plain file. A damaged or cut gzip stream is an error, never a short file.
class LineReader {
 public:
  enum class Next { line, end, error };

  explicit LineReader(const std::filesystem::path& path) : file_(gzopen(path.c_str(), "rb")) {
    if (file_) gzbuffer(file_.get(), kReadBytes);
  }

  [[nodiscard]] bool opened() const noexcept { return file_ != nullptr; }
  [[nodiscard]] std::size_t line_number() const noexcept { return line_number_; }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

  // The line without its end; valid until the next call.
  Next next(std::string_view& line) {
    while (true) {
      const std::size_t newline = buffer_.find('\n', begin_);
      if (newline != std::string::npos) return take(line, newline, newline + 1);
      if (at_end_) {
        if (begin_ == buffer_.size()) return Next::end;
        return take(line, buffer_.size(), buffer_.size());
      }
      if (!fill()) return Next::error;
    }
  }

 private:
  struct Close {
    void operator()(gzFile_s* file) const noexcept { gzclose(file); }
  };

  Next take(std::string_view& line, std::size_t end, std::size_t next_begin) {
    line = std::string_view(buffer_).substr(begin_, end - begin_);
    if (line.ends_with('\r')) line.remove_suffix(1);
    begin_ = next_begin;
    ++line_number_;
    return Next::line;
  }

  bool fill() {
    buffer_.erase(0, begin_);
    begin_ = 0;
    if (buffer_.size() > kLineBytesMax) {
      error_ = fmt::format("expected a line of at most {} bytes", kLineBytesMax);
      return false;
    }
    const std::size_t held = buffer_.size();
    buffer_.resize(held + kReadBytes);
    const int got = gzread(file_.get(), buffer_.data() + held, static_cast<unsigned>(kReadBytes));
    buffer_.resize(held + (got > 0 ? static_cast<std::size_t>(got) : 0));
    int code = Z_OK;
    const char* text = gzerror(file_.get(), &code);
    if (got < 0 || code == Z_BUF_ERROR) {
      error_ = fmt::format("expected a whole gzip stream with a good checksum, but: {}",
                           text != nullptr && *text != '\0' ? text : "unexpected end of file");
      return false;
    }
    at_end_ = static_cast<std::size_t>(got) < kReadBytes && gzeof(file_.get()) != 0;
    return true;
  }

  std::unique_ptr<gzFile_s, Close> file_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t line_number_ = 0;
  bool at_end_ = false;
  std::string error_;
};

bool serial_is_valid(std::string_view text) {
  constexpr auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !text.empty() && text.size() <= kSerialBytesMax && std::ranges::all_of(text, allowed);
}

std::string_view take_field(std::string_view& rest) {
  const std::size_t comma = rest.find(',');
  const std::string_view field = rest.substr(0, comma);
  rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  return field;
}

bool parse_digits(std::string_view text, unsigned& value) {
  value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return true;
}

// The rows of one table, each checked against the first ones.
class TableParser {
 public:
  [[nodiscard]] std::string header(std::string_view line) {
    std::string_view rest = line;
    const std::string_view first = take_field(rest);
    if (first != "interval_start") return fmt::format("expected `interval_start` as first column, found `{}`", first);
    std::unordered_set<std::string_view> seen;
    while (!rest.empty()) {
      const std::string_view id = take_field(rest);
      if (!serial_is_valid(id)) {
        return fmt::format("expected a serial number of 1..{} of A-Z a-z 0-9 . _ - as name of column {}, found `{}`",
                           kSerialBytesMax, table.ids.size() + 2, id);
      }
      if (!seen.insert(id).second) return fmt::format("expected every column once, found `{}` twice", id);
      table.ids.emplace_back(id);
    }
    if (line.ends_with(',')) return "expected a column name after the last comma";
    return {};
  }

  [[nodiscard]] std::string row(std::string_view line) {
    std::string_view rest = line;
    const std::string_view time_text = take_field(rest);
    std::int64_t time_s = 0;
    if (!parse_time(time_text, time_s)) {
      return fmt::format("expected a time like 2016-01-04T00:15Z in column interval_start, found `{}`", time_text);
    }
    if (std::string error = check_time(time_s); !error.empty()) return error;
    const auto commas = static_cast<std::size_t>(std::ranges::count(line, ','));
    if (commas != table.ids.size()) {
      return fmt::format("expected {} columns as in line 1, found {}", table.ids.size() + 1, commas + 1);
    }
    for (const std::string& id : table.ids) {
      const std::string_view field = take_field(rest);
      std::uint32_t value = 0;
      const auto [end, code] = std::from_chars(field.data(), field.data() + field.size(), value);
      if (code != std::errc{} || end != field.data() + field.size() || field.empty() || value > kIntervalWhMax) {
        return fmt::format("expected whole Wh from 0 to {} in column {}, found `{}`", kIntervalWhMax, id, field);
      }
      table.wh.push_back(value);
    }
    ++table.rows;
    return {};
  }

  Table table;

 private:
  std::string check_time(std::int64_t time_s) {
    if (table.rows == 0) {
      table.start_s = time_s;
    } else if (table.rows == 1) {
      if (time_s <= table.start_s) {
        return fmt::format("expected a time after {}, found {}", format_time(table.start_s), format_time(time_s));
      }
      table.interval_s = time_s - table.start_s;
    } else if (const auto expected = table.start_s + static_cast<std::int64_t>(table.rows) * table.interval_s;
               time_s != expected) {
      return fmt::format("expected the interval {} next, found {}", format_time(expected), format_time(time_s));
    }
    return {};
  }
};

std::expected<std::filesystem::path, std::string> find_table(const std::filesystem::path& folder,
                                                             std::string_view name) {
  for (const std::string_view ending : {".csv.gz", ".csv"}) {
    const std::filesystem::path path = folder / fmt::format("{}{}", name, ending);
    std::error_code error;
    if (std::filesystem::is_regular_file(path, error)) return path;
  }
  return std::unexpected(
      fmt::format("{}: expected a table {}.csv.gz or {}.csv in this folder", folder.string(), name, name));
}

}  // namespace

bool parse_time(std::string_view text, std::int64_t& unix_s) noexcept {
  if (text.size() != kTimeTextBytes || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != 'Z') {
    return false;
  }
  unsigned year = 0;
  unsigned month = 0;
  unsigned day = 0;
  unsigned hour = 0;
  unsigned minute = 0;
  if (!parse_digits(text.substr(0, 4), year) || !parse_digits(text.substr(5, 2), month) ||
      !parse_digits(text.substr(8, 2), day) || !parse_digits(text.substr(11, 2), hour) ||
      !parse_digits(text.substr(14, 2), minute)) {
    return false;
  }
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!date.ok() || hour > 23 || minute > 59 || year < 1970) return false;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  unix_s = (days * 24 + hour) * 3600 + std::int64_t{minute} * 60;
  return true;
}

std::string format_time(std::int64_t unix_s) {
  const std::chrono::sys_seconds time{std::chrono::seconds(unix_s)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count());
}

std::expected<Table, std::string> load_table(const std::filesystem::path& path) {
  LineReader lines(path);
  if (!lines.opened()) return std::unexpected(fmt::format("{}:0: the file cannot be opened", path.string()));
  TableParser parser;
  std::string_view line;
  while (true) {
    const LineReader::Next next = lines.next(line);
    if (next == LineReader::Next::error) {
      return std::unexpected(fmt::format("{}:{}: {}", path.string(), lines.line_number() + 1, lines.error()));
    }
    if (next == LineReader::Next::end) break;
    const std::string error = lines.line_number() == 1 ? parser.header(line) : parser.row(line);
    if (!error.empty()) return std::unexpected(fmt::format("{}:{}: {}", path.string(), lines.line_number(), error));
  }
  if (parser.table.rows == 0) {
    return std::unexpected(fmt::format("{}:{}: expected a header line and at least one row, found the end of the file",
                                       path.string(), lines.line_number() + 1));
  }
  return std::move(parser.table);
}

std::expected<DataSet, std::string> DataSet::load(const std::filesystem::path& folder) {
  constexpr std::array names = {"households_load_15min", "commercial_load_15min", "pv_15min"};
  constexpr std::array kinds = {SeriesKind::household, SeriesKind::commercial, SeriesKind::pv};
  std::vector<Table> tables;
  for (const char* name : names) {
    const auto path = find_table(folder, name);
    if (!path) return std::unexpected(path.error());
    auto table = load_table(*path);
    if (!table) return std::unexpected(table.error());
    if (!tables.empty() && (table->rows != tables[0].rows || table->start_s != tables[0].start_s ||
                            table->interval_s != tables[0].interval_s)) {
      return std::unexpected(fmt::format(
          "{}:{}: expected the same intervals as {} ({} rows of {} s from {}), found {} rows of {} s from {}",
          path->string(), table->rows + 1, names[0], tables[0].rows, tables[0].interval_s,
          format_time(tables[0].start_s), table->rows, table->interval_s, format_time(table->start_s)));
    }
    tables.push_back(std::move(*table));
  }
  auto joined = join(tables, kinds);
  if (!joined) return std::unexpected(fmt::format("{}: {}", folder.string(), joined.error()));
  return joined;
}

std::expected<DataSet, std::string> DataSet::join(std::span<const Table> tables, std::span<const SeriesKind> kinds) {
  DataSet set;
  if (tables.empty() || tables.size() != kinds.size()) return std::unexpected("expected at least one table");
  set.start_s_ = tables[0].start_s;
  set.interval_s_ = tables[0].interval_s;
  set.intervals_ = tables[0].rows;
  std::unordered_set<std::string_view> seen;
  for (std::size_t t = 0; t < tables.size(); ++t) {
    if (tables[t].rows != set.intervals_) return std::unexpected("expected tables of equal length");
    for (const std::string& id : tables[t].ids) {
      if (!seen.insert(id).second) {
        return std::unexpected(fmt::format("expected every meter in one table only, found `{}` in two", id));
      }
      set.series_.push_back({.id = id, .kind = kinds[t]});
    }
  }
  if (set.series_.empty()) return std::unexpected("expected at least one meter in the tables");
  set.wh_.reserve(set.intervals_ * set.series_.size());
  for (std::size_t row = 0; row < set.intervals_; ++row) {
    for (const Table& table : tables) {
      const auto values = std::span(table.wh).subspan(row * table.ids.size(), table.ids.size());
      set.wh_.insert(set.wh_.end(), values.begin(), values.end());
    }
  }
  return set;
}

}  // namespace electra::player
