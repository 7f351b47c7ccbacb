// Reads a chain from files of packed blocks (engine/chain/packed.h; docs/block-format.md) for auditor and import.
//
// Opening reads and checks the headers of all files: after it the genesis is known, and the files follow each other. run()
// streams: one batch at a time, 2 MiB of memory whatever the files hold. It checks the form: lengths, limits, numbers, times,
// well-formed bodies, the messages of a block against its header, and that nothing stands behind the last block. What the
// header signs (body bytes, times, flags, rules) is found by the auditor through the batch hash. Behind a bad block it goes
// on at the next one, if the length leads to a place that looks like one.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/chain/packed.h"
#include "engine/pipeline/chain_source.h"

namespace electra::pipeline {

struct PackedError {
  bool not_true = false;  // the bytes are wrong (form, checksum, order of the files), and not only out of reach
  std::string text;       // a sentence that begins with the file
};

class PackedFile;

class PackedSource final : public ChainSource {
 public:
  ~PackedSource() override;
  PackedSource(const PackedSource&) = delete;
  PackedSource& operator=(const PackedSource&) = delete;

  // From the beginning each time.
  [[nodiscard]] std::expected<void, std::string> run(ChainSink& sink) override;
  [[nodiscard]] std::uint64_t bytes_total() const noexcept override { return bytes_total_; }
  [[nodiscard]] std::uint64_t bytes_done() const noexcept override { return bytes_done_; }

  // genesis.json, byte for byte; the same in all files.
  [[nodiscard]] const std::string& genesis_text() const noexcept { return genesis_; }
  // As the files' headers say.
  [[nodiscard]] std::uint64_t first_height() const noexcept { return first_height_; }
  [[nodiscard]] std::uint64_t last_height() const noexcept { return last_height_; }

 private:
  friend std::expected<std::unique_ptr<PackedSource>, PackedError> open_packed_source(
      const std::vector<std::filesystem::path>& files, std::uint64_t first_height);
  PackedSource();

  [[nodiscard]] std::expected<void, PackedError> add_file(const std::filesystem::path& path,
                                                          std::uint64_t expected_height);

  std::vector<std::unique_ptr<PackedFile>> files_;
  std::string genesis_;
  std::uint64_t first_height_ = 0;
  std::uint64_t last_height_ = 0;
  std::uint64_t bytes_total_ = 0;
  std::atomic<std::uint64_t> bytes_done_{0};
};

// `files` in the order of their blocks, at least one: the first begins at `first_height`, each next one where the one before
// ends.
[[nodiscard]] std::expected<std::unique_ptr<PackedSource>, PackedError> open_packed_source(
    const std::vector<std::filesystem::path>& files, std::uint64_t first_height = 1);

}  // namespace electra::pipeline
