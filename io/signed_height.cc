#include "io/signed_height.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include "meter-proto/base/sha256.h"

namespace electra::io {
namespace {

constexpr std::size_t kBlockBytes = 4096;  // what a disk writes whole or not at all
constexpr std::size_t kCopies = 2;
constexpr std::size_t kSlotBytes = kCopies * kBlockBytes;
constexpr std::size_t kSlots = 2;
constexpr std::size_t kFileBytes = kSlots * kSlotBytes;
constexpr std::string_view kTitle = "electra signed height 1\n";

// The sequence counts stores; slot = sequence % 2.
struct Entry {
  std::uint64_t sequence = 0;
  SignedHeight value;
  bool operator==(const Entry&) const = default;
};

std::string entry_text(const Entry& entry) {
  std::string text(kTitle);
  text += "sequence " + std::to_string(entry.sequence) + "\n";
  text += "epoch " + std::to_string(entry.value.epoch) + "\n";
  text += "height " + std::to_string(entry.value.height) + "\n";
  text += "header " + to_hex(entry.value.header_hash) + "\n";
  return text + "sha256 " + to_hex(sha256(text)) + "\n";
}

// The text and then line ends, twice.
std::string slot_text(const Entry& entry) {
  std::string block = entry_text(entry);
  block.resize(kBlockBytes, '\n');
  return block + block;
}

// Takes "name value\n" from the front.
bool take_number(std::string_view& text, std::string_view name, std::uint64_t& value) {
  if (!text.starts_with(name)) return false;
  text.remove_prefix(name.size());
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

// Only what slot_text() makes, byte for byte, is an entry.
std::optional<Entry> parse_block(std::string_view block) {
  Entry entry;
  std::string_view rest = block;
  std::uint64_t epoch = 0;
  if (!take_number(rest, std::string(kTitle) + "sequence ", entry.sequence)) return std::nullopt;
  if (!take_number(rest, "\nepoch ", epoch) || epoch > UINT32_MAX) return std::nullopt;
  if (!take_number(rest, "\nheight ", entry.value.height)) return std::nullopt;
  constexpr std::string_view kHeader = "\nheader ";
  if (!rest.starts_with(kHeader)) return std::nullopt;
  if (!from_hex(rest.substr(kHeader.size(), 64), entry.value.header_hash)) return std::nullopt;
  entry.value.epoch = static_cast<std::uint32_t>(epoch);
  if (block != std::string_view(slot_text(entry)).substr(0, kBlockBytes)) return std::nullopt;
  return entry;
}

// The newest of a slot's copies. Two good ones that differ: a write ended between them.
std::optional<Entry> parse_slot(std::string_view slot, std::uint64_t parity) {
  std::optional<Entry> newest;
  for (std::size_t copy = 0; copy < kCopies; ++copy) {
    const auto entry = parse_block(slot.substr(copy * kBlockBytes, kBlockBytes));
    if (entry && entry->sequence % kSlots == parity && (!newest || entry->sequence > newest->sequence)) newest = entry;
  }
  return newest;
}

ByteSpan bytes_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

constexpr std::string_view kDamaged =
    "the record of the highest signed block is damaged; restore this file from a backup made after the gateway last "
    "stopped. Only if journal and block headers are the newest that there have ever been may you remove it: without it "
    "the gateway could sign a second block of a height that it has signed";

}  // namespace

SignedHeightFile::SignedHeightFile(SignedHeightFile&& other) noexcept
    : path_(std::move(other.path_)),
      device_(std::move(other.device_)),
      fd_(std::exchange(other.fd_, -1)),
      sequence_(other.sequence_),
      value_(std::move(other.value_)) {}

SignedHeightFile& SignedHeightFile::operator=(SignedHeightFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(device_, other.device_);
  std::swap(fd_, other.fd_);
  std::swap(sequence_, other.sequence_);
  std::swap(value_, other.value_);
  return *this;
}

SignedHeightFile::~SignedHeightFile() {
  if (fd_ >= 0) device_->close(fd_);
}

std::string SignedHeightFile::fault(std::string_view what, int error) const {
  return path_.string() + ": " + std::string(what) + ": " + std::strerror(error);
}

std::expected<SignedHeightFile, std::string> SignedHeightFile::open(const std::filesystem::path& path,
                                                                    std::shared_ptr<FileDevice> device) {
  SignedHeightFile file(path, device != nullptr ? std::move(device) : make_file_device());
  const auto opened = file.device_->open(path, O_RDWR, 0600);
  if (!opened && opened.error() == ENOENT) return file;
  if (!opened) return std::unexpected(file.fault("cannot open the record of the highest signed block", opened.error()));
  file.fd_ = *opened;
  // A process that made it may have ended before its name was durable.
  if (const int error = file.device_->sync_directory(path.parent_path()); error != 0)
    return std::unexpected(file.fault("cannot make its directory durable", error));
  if (auto loaded = file.load(); !loaded) return std::unexpected(loaded.error());
  return file;
}

std::expected<void, std::string> SignedHeightFile::load() {
  std::string text(kFileBytes + 1, '\0');  // one more, to see that it ends
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = ::pread(fd_, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(fault("cannot read the record of the highest signed block", errno));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  if (done != kFileBytes) return std::unexpected(path_.string() + ": " + std::string(kDamaged));
  std::optional<Entry> newest;
  for (std::uint64_t slot = 0; slot < kSlots; ++slot) {
    const auto entry = parse_slot(std::string_view(text).substr(slot * kSlotBytes, kSlotBytes), slot);
    if (entry && (!newest || entry->sequence > newest->sequence)) newest = entry;
  }
  if (!newest) return std::unexpected(path_.string() + ": " + std::string(kDamaged));
  sequence_ = newest->sequence;
  value_ = newest->value;
  return {};
}

std::expected<void, std::string> SignedHeightFile::store(const SignedHeight& value) {
  if (value_ == value) return {};
  if (value_ && std::pair(value.epoch, value.height) <= std::pair(value_->epoch, value_->height)) {
    return std::unexpected(path_.string() + ": block " + std::to_string(value_->height) + " of epoch " +
                           std::to_string(value_->epoch) + " has been signed, another of height " +
                           std::to_string(value.height) + ", epoch " + std::to_string(value.epoch) + ", must not be");
  }
  if (!value_) return create(value);
  const Entry entry{sequence_ + 1, value};
  int failed = write_all(*device_, fd_, bytes_of(slot_text(entry)), entry.sequence % kSlots * kSlotBytes);
  if (failed != 0) return std::unexpected(fault("cannot write the height to be signed", failed));
  failed = device_->sync(fd_);
  if (failed != 0) return std::unexpected(fault("cannot make the height to be signed durable", failed));
  sequence_ = entry.sequence;
  value_ = value;
  return {};
}

// The first time: a whole file, or none.
std::expected<void, std::string> SignedHeightFile::create(const SignedHeight& value) {
  const std::filesystem::path draft = path_.string() + ".new";
  const auto made = device_->open(draft, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
  if (!made) return std::unexpected(fault("cannot make the record of the highest signed block", made.error()));
  const int fd = *made;
  const std::string text = slot_text({2, value}) + slot_text({1, value});
  int failed = write_all(*device_, fd, bytes_of(text), 0);
  if (failed == 0) failed = device_->sync(fd);
  // link, not rename: what another process may have put there meanwhile is not replaced.
  if (failed == 0) failed = device_->link(draft, path_);
  [[maybe_unused]] const int removed = device_->remove(draft);  // else the next one replaces it
  if (failed == 0) failed = device_->sync_directory(path_.parent_path());
  if (failed != 0) {
    device_->close(fd);
    return std::unexpected(fault("cannot make the record of the highest signed block", failed));
  }
  fd_ = fd;
  sequence_ = 2;
  value_ = value;
  return {};
}

}  // namespace electra::io
