// The directory of snapshots: which there are, drafts that a crash left, and what is no longer needed.
//
// Plain system calls: at a start, and for tools. What a gateway removes while it serves goes through retention.h.
// Errors are sentences that begin with the path.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <vector>

namespace electra::io {

// Batch numbers, ascending. Nothing for a missing directory; files with other names are left alone.
[[nodiscard]] std::expected<std::vector<std::uint64_t>, std::string> list_snapshots(
    const std::filesystem::path& directory);

// Removes "*.snap.new".
[[nodiscard]] std::expected<void, std::string> remove_drafts(const std::filesystem::path& directory);

// The entries of the directory are durable on return.
[[nodiscard]] std::expected<void, std::string> sync_directory(const std::filesystem::path& directory);

}  // namespace electra::io
