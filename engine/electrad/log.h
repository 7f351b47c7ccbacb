// The gateway's log: one event a line, on standard error, as key=value or as JSON.
//
//   time=2026-01-04T00:00:00.000Z level=info event=listening address=127.0.0.1:26600
//   {"time":"2026-01-04T00:00:00.000Z","level":"info","event":"listening","address":"127.0.0.1:26600"}
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace electra::app {

enum class LogLevel { debug, info, warning, error };

struct LogField {
  std::string_view key;
  std::variant<std::string, std::uint64_t, bool> value;

  LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  LogField(std::string_view k, std::string_view v) : key(k), value(std::string(v)) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string(v)) {}
  LogField(std::string_view k, bool v) : key(k), value(v) {}
  template <std::unsigned_integral T>
  LogField(std::string_view k, T v) : key(k), value(std::uint64_t{v}) {}
};

// Before the first event. `level`: debug, info, warning or error.
void open_log(std::string_view level, bool json);

// Any thread.
void log_event(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);

}  // namespace electra::app
