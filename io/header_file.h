// The file of signed block headers: that of height h at (h-1) * 288, nothing else in it.
//
// To this room a header is 288 opaque bytes (meter-proto/chain/block_header.h gives them their meaning). The file can be
// made again from the journal and the signer, so append() is not durable until sync().
// Threads: one thread writes. Any thread may call count() and read() beside append() and sync(): an entry is written
// before the count is published (release), readers take the count first (acquire) and read with pread, so they see whole
// entries only. replace() and truncate() change what was published: only while nobody reads.
// Errors are sentences that begin with the path.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "io/file_device.h"
#include "meter-proto/base/bytes.h"

namespace electra::io {

inline constexpr std::size_t kHeaderEntryBytes = 288;
using HeaderEntry = std::array<std::uint8_t, kHeaderEntryBytes>;

class HeaderFile {
 public:
  // Writable: makes the file (not its directory) durably, and cuts a torn last entry. Read-only: a missing file is an error.
  // device: nullptr for the real one; what is written goes through it.
  [[nodiscard]] static std::expected<std::unique_ptr<HeaderFile>, std::string> open(
      const std::filesystem::path& path, bool writable, std::shared_ptr<FileDevice> device = nullptr);
  ~HeaderFile();
  HeaderFile(const HeaderFile&) = delete;
  HeaderFile& operator=(const HeaderFile&) = delete;

  // Entries there are; the greatest height.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_.load(std::memory_order_acquire); }
  // Bytes of an incomplete last entry that open() found (0..287); cut if writable, passed over if not.
  [[nodiscard]] std::uint64_t torn_bytes() const noexcept { return torn_bytes_; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  // height 1..count().
  [[nodiscard]] std::expected<void, std::string> read(std::uint64_t height,
                                                      std::span<std::uint8_t, kHeaderEntryBytes> out) const;

  // Whole entries, one after the other. After an error count() is as before, and the next append writes over the rest.
  [[nodiscard]] std::expected<void, std::string> append(ByteSpan entries);
  // height 1..count().
  [[nodiscard]] std::expected<void, std::string> replace(std::uint64_t height,
                                                         std::span<const std::uint8_t, kHeaderEntryBytes> entry);
  // Keeps the first `count` <= count() entries.
  [[nodiscard]] std::expected<void, std::string> truncate(std::uint64_t count);
  // What was written is durable on return.
  [[nodiscard]] std::expected<void, std::string> sync();

 private:
  HeaderFile(std::filesystem::path path, std::shared_ptr<FileDevice> device, int fd, bool writable) noexcept;
  [[nodiscard]] std::string fault(std::string_view what, int error) const;
  [[nodiscard]] std::expected<void, std::string> write_at(ByteSpan bytes, std::uint64_t offset);

  std::filesystem::path path_;
  std::shared_ptr<FileDevice> device_;
  int fd_ = -1;
  bool writable_ = false;
  std::uint64_t torn_bytes_ = 0;
  std::atomic<std::uint64_t> count_{0};
};

}  // namespace electra::io
