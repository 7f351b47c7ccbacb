// The end of a replay for people (a table) and for programs (JSON).
#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include "engine/electrad/meter/replay.h"

namespace electra::player {

// Several lines, with the last newline.
[[nodiscard]] std::string report_table(const ReplayReport& report);

// One object; keys are snake_case with the unit last, energy in Wh, money in uelectra, hashes in hex. `state_root` is what
// block headers commit to, `state_digest` a flat digest of the same state.
[[nodiscard]] std::string report_json(const ReplayReport& report, const ReplayOptions& options);

// Whole or not at all: written beside the place and renamed.
[[nodiscard]] std::expected<void, std::string> write_text_file(const std::filesystem::path& path,
                                                               const std::string& text);

}  // namespace electra::player
