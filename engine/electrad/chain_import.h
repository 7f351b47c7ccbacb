// Making a home from packed blocks.
//
// The blocks are audited first: signatures, execution, roots. Then journal and headers are written in a corner of the home
// (`import/`) and moved to their places, and genesis.json comes last, so that an import that was interrupted left no chain;
// the next one clears it away. Private keys are not in packed blocks: the gateway's has to be put there before it can serve.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/electrad/exit_code.h"
#include "engine/electrad/home.h"
#include "engine/pipeline/import.h"
#include "engine/state/types.h"

namespace electra::app {

struct ImportedChain {
  state::Genesis genesis;
  pipeline::ImportSummary summary;
  Bytes32 last_header_hash{};
  std::filesystem::path gateway_key_file;  // where it has to be
};

// `files` in the order of their blocks. `config_file` is the configuration's name in complaints. Refuses a home that has a
// chain; anything in the files that is not true ends with ExitCode::not_verified and the first place of it. `bars`: draws
// how far it is.
[[nodiscard]] std::expected<ImportedChain, Failure> import_home(const Home& home,
                                                                const std::vector<std::filesystem::path>& files,
                                                                std::string_view config_file,
                                                                const std::string& config_text, bool bars);

}  // namespace electra::app
