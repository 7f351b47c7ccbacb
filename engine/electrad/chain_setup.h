// Making a chain's home, and reading it back.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "engine/electrad/config.h"
#include "engine/electrad/exit_code.h"
#include "engine/electrad/home.h"
#include "engine/state/types.h"
#include "meter-proto/chain/block_header.h"

namespace electra::app {

struct ChainFiles {
  Config config;
  state::Genesis genesis;
};

// Parses the configuration, derives the keys and writes configuration, keys and, last of all, genesis.json: a home with a
// genesis is complete. Refuses a home that has a chain. `file` is the configuration's name in complaints.
[[nodiscard]] std::expected<ChainFiles, Failure> create_chain(const Home& home, std::string_view file,
                                                              const std::string& config_text);

// The genesis alone: for those who only read a chain.
struct GenesisFile {
  state::Genesis genesis;
  std::string text;  // byte for byte
};
[[nodiscard]] std::expected<GenesisFile, Failure> load_genesis(const Home& home);

// Whether the key of the genesis' gateway signed this header; nothing without a genesis to take the key from.
[[nodiscard]] std::optional<bool> gateway_signed(const Home& home, const proto::SignedHeader& block);

// Refuses a home without a chain, and files that are not as they should be.
[[nodiscard]] std::expected<ChainFiles, Failure> load_chain(const Home& home);

// Chain id, genesis hash, development seed with its warning, and the table of holders; or all of it as JSON.
void print_chain(const Home& home, const ChainFiles& chain, bool json);

}  // namespace electra::app
