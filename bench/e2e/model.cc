#include "bench/e2e/model.h"

#include <fmt/core.h>

#include <fstream>

#include "meter-proto/base/assert.h"
#include "meter-proto/base/bytes.h"

namespace electra::bench {
namespace {

constexpr std::size_t kWordBytes = 8;

}  // namespace

void Model::move(std::uint32_t debit, std::uint32_t credit, std::uint64_t amount) {
  ELECTRA_ASSERT_LE(debit, accounts.size());
  ELECTRA_ASSERT_LE(credit, accounts.size());
  accounts[debit - 1].debits += amount;
  accounts[credit - 1].credits += amount;
}

std::string difference(const Model& expected, const Model& found) {
  if (expected.messages != found.messages) {
    return fmt::format("{} messages were executed instead of {}", found.messages, expected.messages);
  }
  if (expected.accounts.size() != found.accounts.size()) {
    return fmt::format("there are {} accounts instead of {}", found.accounts.size(), expected.accounts.size());
  }
  for (std::size_t i = 0; i < expected.accounts.size(); ++i) {
    const Balance& want = expected.accounts[i];
    const Balance& have = found.accounts[i];
    if (want == have) continue;
    return fmt::format("account {} has debits {} and credits {} instead of {} and {}", i + 1, have.debits, have.credits,
                       want.debits, want.credits);
  }
  if (expected.registers.size() != found.registers.size()) {
    return fmt::format("there are {} holders instead of {}", found.registers.size(), expected.registers.size());
  }
  for (std::size_t i = 0; i < expected.registers.size(); ++i) {
    if (expected.registers[i] == found.registers[i]) continue;
    return fmt::format("the meter of slot {} shows {} instead of {}", i + 1, found.registers[i], expected.registers[i]);
  }
  return {};
}

std::string write_model(const Model& model, const std::filesystem::path& file) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(kWordBytes * (3 + 2 * model.accounts.size() + model.registers.size()));
  const auto put = [&bytes](std::uint64_t value) {
    const std::size_t at = bytes.size();
    bytes.resize(at + kWordBytes);
    store_le64(bytes.data() + at, value);
  };
  put(model.messages);
  put(model.accounts.size());
  put(model.registers.size());
  for (const Balance& balance : model.accounts) {
    put(balance.debits);
    put(balance.credits);
  }
  for (const std::uint64_t value : model.registers) put(value);
  std::ofstream out(file, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return out.flush() ? std::string() : fmt::format("{}: cannot be written", file.string());
}

std::expected<Model, std::string> read_model(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
  const auto word = [&bytes](std::size_t index) {
    return load_le64(reinterpret_cast<const std::uint8_t*>(bytes.data()) + index * kWordBytes);
  };
  const auto wrong = [&file] {
    return std::unexpected(fmt::format("{}: not a whole file of balances", file.string()));
  };
  if (bytes.size() < 3 * kWordBytes) return wrong();
  Model model{.accounts = {}, .registers = {}, .messages = word(0)};
  const std::uint64_t accounts = word(1);
  const std::uint64_t holders = word(2);
  if (accounts > bytes.size() || holders > bytes.size() || bytes.size() != kWordBytes * (3 + 2 * accounts + holders)) {
    return wrong();
  }
  for (std::size_t i = 0; i < accounts; ++i) model.accounts.push_back({word(3 + 2 * i), word(4 + 2 * i)});
  for (std::size_t i = 0; i < holders; ++i) model.registers.push_back(word(3 + 2 * accounts + i));
  return model;
}

}  // namespace electra::bench
