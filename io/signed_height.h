// The highest block height that a key has signed, durable before the signature is asked for: so that a gateway on an older
// copy of its data never signs two different blocks of one height.
//
// The file stands beside the key, not beside the journal, and holds text in two slots that are written in turn, each as two
// equal copies with sequence and checksum: 4 blocks of 4096 bytes. store() overwrites the older slot with one write and one
// fdatasync (half of what a new file with rename costs), so a kill at any byte leaves either the old height or the new one,
// and one damaged block never lowers it. What cannot be read is an error and never "nothing signed".
// One process (who holds the directory's lock), one thread. Errors are sentences that begin with the path.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "io/file_device.h"
#include "meter-proto/base/bytes.h"

namespace electra::io {

struct SignedHeight {
  std::uint32_t epoch = 0;
  std::uint64_t height = 0;
  Bytes32 header_hash{};
  bool operator==(const SignedHeight&) const = default;
};

class SignedHeightFile {
 public:
  // A missing file: nothing was signed yet. A damaged one is an error that says what to do. device: nullptr for the real one;
  // what is written goes through it.
  [[nodiscard]] static std::expected<SignedHeightFile, std::string> open(const std::filesystem::path& path,
                                                                         std::shared_ptr<FileDevice> device = nullptr);
  SignedHeightFile(SignedHeightFile&& other) noexcept;
  SignedHeightFile& operator=(SignedHeightFile&& other) noexcept;
  ~SignedHeightFile();

  [[nodiscard]] const std::optional<SignedHeight>& get() const noexcept { return value_; }

  // Durable on return. Refuses a lower epoch, in the same epoch a lower height, and another hash for the height that is
  // there; the same value again costs nothing. After an error get() is as before, and what the file holds is one of both.
  [[nodiscard]] std::expected<void, std::string> store(const SignedHeight& value);

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  SignedHeightFile(std::filesystem::path path, std::shared_ptr<FileDevice> device)
      : path_(std::move(path)), device_(std::move(device)) {}
  [[nodiscard]] std::expected<void, std::string> load();
  [[nodiscard]] std::expected<void, std::string> create(const SignedHeight& value);
  [[nodiscard]] std::string fault(std::string_view what, int error) const;

  std::filesystem::path path_;
  std::shared_ptr<FileDevice> device_;
  int fd_ = -1;
  std::uint64_t sequence_ = 0;  // of value_
  std::optional<SignedHeight> value_;
};

}  // namespace electra::io
