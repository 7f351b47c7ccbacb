// From packed blocks (or any other source of a chain) to the files that a gateway starts from: a journal and headers.bin.
//
// The blocks get a journal of their own (new id, segments, watermarks); times, flags, rules and bodies are the chain's, and
// the headers' bytes are kept. The caller has audited the source. Here it is checked once more that the batches are those that
// the headers name, so that files that changed meanwhile are noticed. Nothing but durable files on success; after an error
// they are unfinished, and the caller takes them away. Memory: about 40 MiB.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <string>

#include "engine/pipeline/chain_source.h"

namespace electra::pipeline {

struct ImportOptions {
  Bytes32 genesis_hash{};
  std::filesystem::path journal_directory;  // made; no journal in it
  std::filesystem::path headers_file;       // not there; its directory is
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;  // bytes of the source; after every batch
};

struct ImportSummary {
  std::uint64_t blocks = 0;
  std::uint64_t batches = 0;
  std::uint64_t messages = 0;
  proto::BlockHeader last_header;
};

// Builds a loop of its own: call it on a thread without one. A problem of the source is an error.
[[nodiscard]] std::expected<ImportSummary, std::string> import_chain(ChainSource& source, const ImportOptions& options);

}  // namespace electra::pipeline
