// A private key in a file: 64 hex digits of the seed and a newline, readable by its owner alone.
//
// Loading refuses a file that others may read or write, because such a key must be taken as known. Storing never
// overwrites: a key that is replaced by mistake is lost for ever. Errors are sentences that begin with the path.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include "meter-proto/base/bytes.h"

namespace electra::crypto {

[[nodiscard]] std::expected<Bytes32, std::string> load_key_file(const std::filesystem::path& path);

// Creates the file with mode 0600; it and its name are durable on return. On an error no file is left behind.
[[nodiscard]] std::expected<void, std::string> store_key_file(const std::filesystem::path& path, const Bytes32& seed);

}  // namespace electra::crypto
