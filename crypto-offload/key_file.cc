#include "crypto-offload/key_file.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>
#include <utility>

namespace electra::crypto {
namespace {

constexpr std::size_t kHexBytes = 64;
constexpr std::string_view kShape = "a key file holds 64 hex digits and a newline";

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

std::unexpected<std::string> error(const std::filesystem::path& path, std::string_view what) {
  return std::unexpected(path.string() + ": " + std::string(what));
}
std::unexpected<std::string> system_error(const std::filesystem::path& path, std::string_view doing) {
  return error(path, std::string(doing) + ": " + std::generic_category().message(errno));
}

std::string octal(unsigned mode) {
  std::string digits = "0000";
  for (std::size_t i = 4; i-- > 0; mode >>= 3) digits[i] = static_cast<char>('0' + (mode & 7));
  return digits;
}

// Bytes that hold key material; wiped however the function is left.
template <std::size_t kBytes>
struct Secret {
  std::array<std::uint8_t, kBytes> bytes{};
  Secret() = default;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { sodium_memzero(bytes.data(), bytes.size()); }
};

// Up to `bytes` bytes, or as many as the file has; −1 with errno on an error.
ssize_t read_whole(int fd, std::uint8_t* out, std::size_t bytes) {
  std::size_t have = 0;
  while (have < bytes) {
    const ssize_t got = ::read(fd, out + have, bytes - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(have);
}

bool write_whole(int fd, const std::uint8_t* in, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t put = ::write(fd, in, bytes);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    in += put;
    bytes -= static_cast<std::size_t>(put);
  }
  return true;
}

bool sync_directory(const std::filesystem::path& directory) {
  const Descriptor descriptor(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return descriptor.get() >= 0 && ::fsync(descriptor.get()) == 0;
}

}  // namespace

std::expected<Bytes32, std::string> load_key_file(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return system_error(path, "cannot open the key file");
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return system_error(path, "cannot look at the key file");
  if (!S_ISREG(status.st_mode)) return error(path, "the key file is not a regular file");
  if ((status.st_mode & 077) != 0) {
    return error(path, "the key file has mode " + octal(status.st_mode & 07777) +
                           ", so others than its owner may use it: make a new key, or chmod 600 if it never left "
                           "this machine");
  }

  Secret<kHexBytes + 2> text;
  const ssize_t bytes = read_whole(file.get(), text.bytes.data(), text.bytes.size());
  if (bytes < 0) return system_error(path, "cannot read the key file");
  const auto length = static_cast<std::size_t>(bytes);
  const bool newline_only = length == kHexBytes || (length == kHexBytes + 1 && text.bytes[kHexBytes] == '\n');
  if (!newline_only) {
    return error(path, std::string(kShape) + "; this one has " +
                           (length > kHexBytes + 1 ? "more" : std::to_string(length) + " bytes of another shape"));
  }
  Bytes32 seed;
  if (!from_hex(text_of(text.bytes).substr(0, kHexBytes), seed)) {
    sodium_memzero(seed.data(), seed.size());
    return error(path, std::string(kShape) + "; not every character of this one is a hex digit");
  }
  return seed;
}

std::expected<void, std::string> store_key_file(const std::filesystem::path& path, const Bytes32& seed) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  Secret<kHexBytes + 1> text;
  for (std::size_t i = 0; i < seed.size(); ++i) {
    text.bytes[2 * i] = static_cast<std::uint8_t>(kDigits[seed[i] >> 4]);
    text.bytes[2 * i + 1] = static_cast<std::uint8_t>(kDigits[seed[i] & 15]);
  }
  text.bytes[kHexBytes] = '\n';

  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) {
    if (errno == EEXIST) return error(path, "there is a key already; it is never overwritten");
    return system_error(path, "cannot create the key file");
  }
  const auto directory = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (!write_whole(file.get(), text.bytes.data(), text.bytes.size()) || ::fsync(file.get()) != 0 ||
      !sync_directory(directory)) {
    auto failed = system_error(path, "cannot write the key file");
    ::unlink(path.c_str());
    return failed;
  }
  return {};
}

}  // namespace electra::crypto
