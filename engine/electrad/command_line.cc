#include "engine/electrad/command_line.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "engine/electrad/amount.h"

namespace electra::app {

Option Option::required() { return Option(*option_->required()); }
Option Option::capture_default_str() { return Option(*option_->capture_default_str()); }
Option Option::expected(int least, int most) { return Option(*option_->expected(least, most)); }
Option Option::needs(Option other) { return Option(*option_->needs(other.option_)); }
Option Option::excludes(Option other) { return Option(*option_->excludes(other.option_)); }

Option Option::whole_number() {
  const CLI::Validator digits(
      [](std::string& text) {
        return parse_whole(text) ? std::string() : fmt::format("\"{}\" is not a whole number", text);
      },
      "");
  return Option(*option_->check(digits));
}

Option Option::positive() { return Option(*option_->check(CLI::PositiveNumber)); }
Option Option::one_of(std::vector<std::string> words) {
  return Option(*option_->check(CLI::IsMember(std::move(words))));
}

template <typename T>
Option Option::in_range(T least, T most) {
  return Option(*option_->check(CLI::Range(least, most)));
}
template Option Option::in_range(int, int);
template Option Option::in_range(unsigned, unsigned);
template Option Option::in_range(double, double);

std::size_t Option::count() const { return option_->count(); }

Command Command::add_subcommand(const std::string& name, const std::string& description) {
  return Command(*app_->add_subcommand(name, description));
}

Command Command::alias(const std::string& name) { return Command(*app_->alias(name)); }
void Command::require_subcommand() { app_->require_subcommand(1); }
void Command::footer(const std::string& text) { app_->footer(text); }
void Command::callback(std::function<void()> run) { app_->callback(std::move(run)); }

template <typename T>
Option Command::add_option(const std::string& name, T& variable, const std::string& description) {
  return Option(*app_->add_option(name, variable, description));
}
template Option Command::add_option(const std::string&, std::string&, const std::string&);
template Option Command::add_option(const std::string&, std::vector<std::string>&, const std::string&);
template Option Command::add_option(const std::string&, std::uint32_t&, const std::string&);
template Option Command::add_option(const std::string&, std::uint64_t&, const std::string&);
template Option Command::add_option(const std::string&, std::optional<std::uint64_t>&, const std::string&);
template Option Command::add_option(const std::string&, double&, const std::string&);

Option Command::add_flag(const std::string& name, bool& variable, const std::string& description) {
  return Option(*app_->add_flag(name, variable, description));
}

}  // namespace electra::app
