#include "engine/electrad/home.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "crypto-offload/key_file.h"
#include "crypto-offload/software_signer.h"
#include "engine/electrad/document.h"
#include "meter-proto/address.h"

namespace electra::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kKeySuffix = ".key";

std::unexpected<std::string> failed(const fs::path& path, std::string_view what) {
  return std::unexpected(fmt::format("{}: {}: {}", path.string(), what, std::strerror(errno)));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool sync_directory(const fs::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool good = ::fsync(fd) == 0;
  ::close(fd);
  return good;
}

}  // namespace

Home Home::choose(const std::string& option) {
  if (!option.empty()) return Home(option);
  if (const char* variable = std::getenv("ELECTRA_HOME"); variable != nullptr && *variable != '\0') {
    return Home(variable);
  }
  const char* user_home = std::getenv("HOME");
  return Home(fs::path(user_home != nullptr && *user_home != '\0' ? user_home : ".") / ".electra");
}

fs::path Home::key_file(std::string_view name) const {
  return keys_directory() / fmt::format("{}{}", name, kKeySuffix);
}

fs::path Home::signed_height_file(std::string_view name) const {
  return keys_directory() / fmt::format("{}.signed", name);
}

bool Home::has_chain() const {
  std::error_code error;
  if (fs::exists(genesis_file(), error)) return true;
  return fs::exists(journal_directory(), error) && !fs::is_empty(journal_directory(), error);
}

std::expected<void, std::string> Home::create() const {
  std::error_code error;
  for (const fs::path& directory : {root_, root_ / "config", keys_directory(), journal_directory()}) {
    fs::create_directories(directory, error);
    if (error) return std::unexpected(fmt::format("{}: cannot be made: {}", directory.string(), error.message()));
  }
  fs::permissions(keys_directory(), fs::perms::owner_all, error);
  if (error) return std::unexpected(fmt::format("{}: {}", keys_directory().string(), error.message()));
  return {};
}

std::expected<Bytes32, std::string> Home::load_key(std::string_view name) const {
  if (!is_name(name)) return std::unexpected(fmt::format("\"{}\" is not a name of a key", name));
  if (!has_key(name)) {
    return std::unexpected(fmt::format("{}: there is no key named \"{}\"; `electrad keys list` shows those there are",
                                       keys_directory().string(), name));
  }
  return crypto::load_key_file(key_file(name));
}

std::expected<void, std::string> Home::store_key(std::string_view name, const Bytes32& seed) const {
  if (!is_name(name)) {
    return std::unexpected(
        fmt::format("\"{}\" is not a name: 1 to 32 letters, digits, dots, underscores or hyphens", name));
  }
  return crypto::store_key_file(key_file(name), seed);
}

bool Home::has_key(std::string_view name) const {
  std::error_code error;
  return is_name(name) && fs::exists(key_file(name), error);
}

std::expected<std::vector<KeyEntry>, std::string> Home::list_keys() const {
  std::vector<KeyEntry> keys;
  std::error_code error;
  for (fs::directory_iterator entry(keys_directory(), error), end; !error && entry != end; entry.increment(error)) {
    const std::string file = entry->path().filename().string();
    if (!file.ends_with(kKeySuffix)) continue;
    const std::string name = file.substr(0, file.size() - kKeySuffix.size());
    const auto seed = load_key(name);
    if (!seed) return std::unexpected(seed.error());
    const crypto::SoftwareSigner signer(*seed);
    keys.push_back({name, signer.public_key(), proto::address_text(proto::address_of(signer.public_key()))});
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return std::unexpected(fmt::format("{}: {}", keys_directory().string(), error.message()));
  }
  std::sort(keys.begin(), keys.end(), [](const KeyEntry& a, const KeyEntry& b) { return a.name < b.name; });
  return keys;
}

std::expected<void, std::string> Home::write_address(std::string_view address) const {
  return write_file_durably(address_file(), fmt::format("{}\n", address));
}

void Home::remove_address() const noexcept {
  std::error_code error;
  fs::remove(address_file(), error);
}

std::optional<std::string> Home::read_address() const {
  std::ifstream file(address_file());
  std::string address;
  if (!std::getline(file, address) || address.empty()) return std::nullopt;
  return address;
}

std::expected<void, std::string> write_file_durably(const fs::path& path, std::string_view text) {
  const fs::path draft = path.string() + ".new";
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return failed(draft, "cannot be made");
  const bool good = write_all(fd, text) && ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  if (!good || ::rename(draft.c_str(), path.c_str()) != 0 || !sync_directory(path.parent_path())) {
    if (!good) errno = error;
    auto failure = failed(path, "cannot be written");
    ::unlink(draft.c_str());
    return failure;
  }
  return {};
}

}  // namespace electra::app
