#include "engine/electrad/log.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace electra::app {
namespace {

bool as_json = false;

std::string json_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string json_value(const LogField& field) {
  if (const auto* text = std::get_if<std::string>(&field.value)) return json_text(*text);
  if (const auto* flag = std::get_if<bool>(&field.value)) return *flag ? "true" : "false";
  return std::to_string(std::get<std::uint64_t>(field.value));
}

std::string text_value(const LogField& field) {
  const auto* text = std::get_if<std::string>(&field.value);
  const bool plain = text != nullptr && !text->empty() && text->find_first_of(" \t\r\n\"=") == std::string::npos;
  return plain ? *text : json_value(field);
}

spdlog::level::level_enum library_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:   return spdlog::level::debug;
    case LogLevel::info:    return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error:   break;
  }
  return spdlog::level::err;
}

}  // namespace

void open_log(std::string_view level, bool json) {
  as_json = json;
  auto logger = spdlog::get("electrad");
  if (!logger) logger = spdlog::stderr_color_mt("electrad");
  logger->set_level(spdlog::level::from_str(std::string(level)));
  logger->set_pattern(
      json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})" : "time=%Y-%m-%dT%H:%M:%S.%eZ %^level=%l%$ %v",
      spdlog::pattern_time_type::utc);
  spdlog::set_default_logger(logger);
}

void log_event(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  std::string line = as_json ? fmt::format("\"event\":{}", json_text(event)) : fmt::format("event={}", event);
  for (const LogField& field : fields) {
    line += as_json ? fmt::format(",{}:{}", json_text(field.key), json_value(field))
                    : fmt::format(" {}={}", field.key, text_value(field));
  }
  spdlog::log(library_level(level), "{}", line);
}

}  // namespace electra::app
