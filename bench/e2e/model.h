// The bench's own books: what every account and register must show after a run, by additions alone.
//
// Written without the state machine, so that what it says is worth comparing. The gateway's process writes its own figures
// to a file when it stops.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <vector>

namespace electra::bench {

struct Balance {
  std::uint64_t debits = 0;  // posted
  std::uint64_t credits = 0;
  bool operator==(const Balance&) const = default;
};

struct Model {
  std::vector<Balance> accounts;         // by account number - 1
  std::vector<std::uint64_t> registers;  // Wh of L1 in the newest reading, by slot - 1; 0 without one
  std::uint64_t messages = 0;            // executed
  bool operator==(const Model&) const = default;

  void move(std::uint32_t debit, std::uint32_t credit, std::uint64_t amount);
};

// Empty, or the first difference in words.
[[nodiscard]] std::string difference(const Model& expected, const Model& found);

// Little-endian numbers of 8 bytes: messages, number of accounts, number of holders, then debits and credits of each
// account, then each holder's register. The error names file and what failed.
[[nodiscard]] std::string write_model(const Model& model, const std::filesystem::path& file);
[[nodiscard]] std::expected<Model, std::string> read_model(const std::filesystem::path& file);

}  // namespace electra::bench
