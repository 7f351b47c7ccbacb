// The command line as the commands declare it: a narrow front of CLI11, which only command_line.cc and the mains include.
//
// CLI11 is templates and inline functions: a file that includes it takes six seconds longer to compile, nine under a
// sanitizer, and every command is such a file. Both classes are handles of what the App owns, are copied freely and live as
// long as the App does. What is filled in must live until the command has run.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace electra::app {

class Option {
 public:
  explicit Option(CLI::Option& option) : option_(&option) {}

  Option required();
  Option capture_default_str();          // the help shows the value that the variable has now
  Option expected(int least, int most);  // how many values; most = -1: any number
  Option needs(Option other);
  Option excludes(Option other);

  // Digits only, for variables of unsigned type: without it a sign would be taken and wrap around.
  Option whole_number();
  Option positive();
  Option one_of(std::vector<std::string> words);
  // Both ends included. T: int, unsigned or double.
  template <typename T>
  Option in_range(T least, T most);

  // How often it stood on the command line.
  [[nodiscard]] std::size_t count() const;

 private:
  CLI::Option* option_;
};

class Command {
 public:
  explicit Command(CLI::App& app) : app_(&app) {}

  Command add_subcommand(const std::string& name, const std::string& description);
  Command alias(const std::string& name);
  void require_subcommand();  // one of them has to follow
  void footer(const std::string& text);
  void callback(std::function<void()> run);

  // Named "--name" or, of a positional, "name". T: std::string, a vector of them, std::uint32_t, std::uint64_t (or an
  // optional one) or double.
  template <typename T>
  Option add_option(const std::string& name, T& variable, const std::string& description);
  Option add_flag(const std::string& name, bool& variable, const std::string& description);

 private:
  CLI::App* app_;
};

}  // namespace electra::app
