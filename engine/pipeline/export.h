// From a gateway's journal and headers to a file of packed blocks.
//
// Reads the journal from its beginning (the chain of batch hashes begins there; if its first segments are gone, with the first
// block that it has whole, whose header continues the one before), and writes nothing but what fits: every
// block's header must continue the header before it and name the batches that the journal holds. Signatures and roots are
// left to the auditor, who reads the result. Safe while a gateway writes the journal: it ends with a block whose header was
// signed, and headers are signed after their batches are durable. Memory: some MiB.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <string>

#include "meter-proto/base/bytes.h"

namespace electra::pipeline {

struct ExportOptions {
  std::filesystem::path journal_directory;
  std::filesystem::path headers_file;
  Bytes32 genesis_hash{};
  std::string genesis_text;                                               // genesis.json, byte for byte
  std::filesystem::path out;                                              // must not be there
  std::uint64_t first_height = 1;                                         // >= 1
  std::uint64_t last_height = 0;                                          // 0 = the last one with a signed header
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;  // bytes of the journal
};

struct ExportSummary {
  std::uint64_t first_height = 0;
  std::uint64_t last_height = 0;
  std::uint64_t batches = 0;   // written
  std::uint64_t messages = 0;  // written
  std::uint64_t bytes = 0;     // of the file
  Bytes32 last_header_hash{};
};

struct ExportError {
  enum class Kind : std::uint8_t {
    range,    // these blocks are not there
    damaged,  // journal or headers are not whole, or do not fit each other
    in_out,   // something cannot be read or written
  };
  Kind kind = Kind::in_out;
  std::string text;
};

// On an error there is no file.
[[nodiscard]] std::expected<ExportSummary, ExportError> export_blocks(const ExportOptions& options);

}  // namespace electra::pipeline
