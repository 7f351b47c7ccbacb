// Reads a snapshot and checks everything before it says that it is good.
//
// Every byte of the file is covered: header by its hash, chunks by theirs, all of them by the header's content_hash,
// padding and reserved fields by being zero, the length by the header. A leaf is handed out after its chunk's hash was
// checked, so the receiver sees no random bytes; but only when read_snapshot() has returned well is the whole in order.
// Whether the leaves make a state, and whether it is that of the block, is for the receiver. Past the page cache where the
// file system has O_DIRECT. Memory: 1 MiB, and a leaf.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <string>

#include "io/snapshot/snapshot_format.h"
#include "meter-proto/base/bytes.h"

namespace electra::io {

struct SnapshotError {
  enum class Kind : std::uint8_t {
    damaged,       // not what a writer wrote
    newer_format,  // written by a newer program
    refused,       // by the receiver of the leaves
    in_out,        // it cannot be read
  };
  Kind kind = Kind::damaged;
  std::filesystem::path file;
  std::uint64_t offset = 0;
  std::string reason;

  // One sentence with the place.
  [[nodiscard]] std::string text() const;
};

class LeafReceiver {
 public:
  // Once, before the leaves; the header has been checked in itself. A text: why it is not wanted.
  [[nodiscard]] virtual std::expected<void, std::string> on_header(const SnapshotHeader& header) = 0;
  // table < header.tables, index < header.leaf_counts[table], in the order of the file. A text: why it cannot be.
  [[nodiscard]] virtual std::expected<void, std::string> on_leaf(std::uint8_t table, std::uint32_t index,
                                                                 ByteSpan leaf) = 0;

 protected:
  ~LeafReceiver() = default;
};

// The header alone: its hash, its fields, its block's padding, and the length of the file.
[[nodiscard]] std::expected<SnapshotHeader, SnapshotError> read_snapshot_header(const std::filesystem::path& file);

using SnapshotProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;  // bytes of the file

// The whole file. receiver may be nullptr: for who only wants to know that it is whole.
[[nodiscard]] std::expected<SnapshotHeader, SnapshotError> read_snapshot(const std::filesystem::path& file,
                                                                         LeafReceiver* receiver,
                                                                         const SnapshotProgress& progress = {});

}  // namespace electra::io
