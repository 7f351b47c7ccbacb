// The golden journals of all releases, and what an audit of one says in a few lines that never change.
#pragma once

#include <filesystem>
#include <string>

#include "engine/pipeline/audit.h"

namespace electra::test {

// genesis.json, journal/ and blocks/headers.bin of the directory.
[[nodiscard]] pipeline::AuditReport audit_directory(const std::filesystem::path& directory);
// chain.blocks with the genesis that it carries.
[[nodiscard]] pipeline::AuditReport audit_packed(const std::filesystem::path& directory);

// "height 12\n…": heights, roots, digests and totals.
[[nodiscard]] std::string golden_text(const pipeline::AuditReport& report);

}  // namespace electra::test
