// Writes one file of packed blocks (engine/chain/packed.h): beside its place, and there under its name only when it is whole.
//
// Streams: a block's length is put in when its end is known, so memory is 1 MiB whatever a block holds. A file that stands
// there already is never replaced. Destroyed before finish(), it takes the unfinished file away. Contents are the caller's
// responsibility; the order of calls is asserted. Errors are sentences that begin with the path.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chain/packed.h"
#include "io/header_file.h"

namespace electra::pipeline {

class PackedWriter {
 public:
  using Outcome = std::expected<void, std::string>;

  // Makes `path`.new, also over one that was left behind; refuses when `path` is there.
  [[nodiscard]] static std::expected<std::unique_ptr<PackedWriter>, std::string> create(
      const std::filesystem::path& path, std::uint64_t first_height, std::uint64_t block_count,
      std::string_view genesis);
  ~PackedWriter();
  PackedWriter(const PackedWriter&) = delete;
  PackedWriter& operator=(const PackedWriter&) = delete;

  // block_count times: begin_block, add_batch once a batch, end_block.
  [[nodiscard]] Outcome begin_block(const io::HeaderEntry& header);
  [[nodiscard]] Outcome add_batch(const chain::PackedBatch& batch, ByteSpan body);
  [[nodiscard]] Outcome end_block();

  // Durable and in its place.
  [[nodiscard]] Outcome finish();
  [[nodiscard]] std::uint64_t bytes() const noexcept { return flushed_ + buffer_.size(); }

 private:
  explicit PackedWriter(std::filesystem::path path);
  [[nodiscard]] std::unexpected<std::string> fault(std::string_view what, int error) const;
  [[nodiscard]] Outcome put(ByteSpan bytes);
  [[nodiscard]] Outcome flush();
  [[nodiscard]] Outcome write_at(ByteSpan bytes, std::uint64_t offset);

  std::filesystem::path path_;
  std::filesystem::path draft_;
  int fd_ = -1;
  std::vector<std::uint8_t> buffer_;
  std::uint64_t flushed_ = 0;  // bytes that are in the file; buffer_ follows
  std::uint64_t blocks_left_ = 0;
  std::uint64_t block_at_ = 0;  // of the length of the block under way; 0 = none
};

}  // namespace electra::pipeline
