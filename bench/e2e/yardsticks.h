// What machines differ by, measured right before each run: how fast one core verifies, and how fast the disk keeps 4 KiB.
//
// A figure is told as a multiple of these, so that it means something elsewhere and a machine that is slow for a while
// does not count against one run only.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "crypto-offload/verifier.h"

namespace electra::bench {

// Messages of 60 bytes of payload, of `keys` senders in random order, in batches of 256, all good.
class VerifyYardstick {
 public:
  // After the backend has learned the keys. The error: no such backend.
  [[nodiscard]] static std::expected<std::unique_ptr<VerifyYardstick>, std::string> make(const std::string& backend,
                                                                                         std::uint32_t keys);
  // Signatures a second of CPU time, over about slice_ns of it. The error: a good one was refused.
  [[nodiscard]] std::expected<double, std::string> measure(std::uint64_t slice_ns);

  [[nodiscard]] std::string backend() const { return std::string(verifier_->name()); }
  [[nodiscard]] crypto::TableStatus tables() const { return verifier_->tables(); }

 private:
  VerifyYardstick() = default;
  std::unique_ptr<crypto::Verifier> verifier_;
  Bytes16 tag_{1};
  std::vector<std::uint8_t> payload_;
  std::vector<Bytes32> public_keys_;
  std::vector<Bytes64> signatures_;
  std::vector<crypto::VerifyItem> items_;
  std::size_t next_ = 0;
};

// Durable writes of 4 KiB, O_DIRECT and RWF_DSYNC, one after the other over a file that was filled with zeros: what the
// device itself takes for the smallest record. The file is removed afterwards.
class DiskYardstick {
 public:
  // In this directory, which exists. The error names what failed.
  [[nodiscard]] static std::expected<std::unique_ptr<DiskYardstick>, std::string> make(
      const std::filesystem::path& directory);
  ~DiskYardstick();
  DiskYardstick(const DiskYardstick&) = delete;
  DiskYardstick& operator=(const DiskYardstick&) = delete;

  // Median µs of a write, over slice_ns of wall time.
  [[nodiscard]] std::expected<double, std::string> measure(std::uint64_t slice_ns);
  // False: the file system has no O_DIRECT; then it is a durable write through the page cache.
  [[nodiscard]] bool direct() const noexcept { return direct_; }

 private:
  DiskYardstick() = default;
  int fd_ = -1;
  bool direct_ = true;
  std::uint8_t* block_ = nullptr;  // 4 KiB, aligned
  std::uint64_t offset_ = 0;
};

}  // namespace electra::bench
