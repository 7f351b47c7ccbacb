// Where an auditor gets a chain from: batches in order, each block's signed header with its last batch, and what is wrong.
//
// A source checks what can be checked without the state (hashes of records, numbers, lengths, the form of the file) and
// names places; signatures, execution and roots are the auditor's business. Push: run() hands everything to a sink. Two
// sources: the data directory of a gateway, and files of packed blocks.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "io/header_file.h"
#include "io/journal/recovery.h"
#include "meter-proto/chain/block_header.h"

namespace electra::pipeline {

// Where something stands, for people.
struct ChainPlace {
  std::filesystem::path file;
  std::uint64_t offset = 0;
};

struct SourceHeader {
  io::HeaderEntry bytes{};  // not decoded: it may be damaged
  ChainPlace place;
};

// Valid during the call.
struct SourceBatch {
  proto::BatchLink link;  // body_hash is that of `body`
  ByteSpan body;          // well-formed entries, link.count of them
  ChainPlace place;
  // It continues the batch before (or the genesis). False only after a problem that says why.
  bool follows = true;
  // With a batch that closes a block: its signed header, nothing if there is none.
  std::optional<SourceHeader> header;
};

struct SourceProblem {
  std::string text;  // what is wrong, without the place
  ChainPlace place;
  std::uint64_t batch = 0;   // 0 = not known
  std::uint64_t height = 0;  // 0 = not known
};

class ChainSink {
 public:
  // False stops the source.
  [[nodiscard]] virtual bool on_batch(const SourceBatch& batch) = 0;
  [[nodiscard]] virtual bool on_problem(const SourceProblem& problem) = 0;

 protected:
  ~ChainSink() = default;
};

class ChainSource {
 public:
  virtual ~ChainSource() = default;
  // The error: the source cannot be read at all (permissions, input/output error, no such file).
  [[nodiscard]] virtual std::expected<void, std::string> run(ChainSink& sink) = 0;
  // For progress; done never exceeds total. Any thread may ask.
  [[nodiscard]] virtual std::uint64_t bytes_total() const noexcept = 0;
  [[nodiscard]] virtual std::uint64_t bytes_done() const noexcept = 0;
};

struct DirectorySourceOptions {
  // For the data of a gateway that crashed or is running: a torn tail, and missing headers of the last blocks, are no
  // problem.
  bool unfinished = false;
  // The journal begins later: what follows this place is handed out. What lies before it is checked as far as it is there
  // (hashes of records; hashes and signatures of the headers up to `last`, under `gateway_key`), and not handed out.
  struct Behind {
    io::JournalStart start;
    proto::BlockHeader last;  // of the block that ends there
    Bytes32 gateway_key{};
  };
  std::optional<Behind> behind = {};
};

// journal/ and blocks/headers.bin of a home.
[[nodiscard]] std::expected<std::unique_ptr<ChainSource>, std::string> open_directory_source(
    const std::filesystem::path& journal_directory, const std::filesystem::path& headers_file,
    const Bytes32& genesis_hash, const DirectorySourceOptions& options);

}  // namespace electra::pipeline
