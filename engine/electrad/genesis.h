// genesis.json: the file that a chain's state number 0 follows from, and whose hash names the chain.
//
// The text is canonical: one genesis has exactly one text, which `init` writes and which reading checks byte for byte.
// The hash is SHA-256("electra/genesis/1" ‖ the file's bytes), so a chain cannot be started with an edited file: the
// journal's first record continues from another hash.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "engine/electrad/config.h"
#include "engine/state/types.h"

namespace electra::app {

[[nodiscard]] Bytes32 genesis_hash(std::string_view file_bytes);

// A holder of the configuration with its name, in the order of slots: gateway, operator, accounts, meters.
[[nodiscard]] std::vector<HolderConfig> genesis_holders(const Config& config);

// Keys are derived from the configuration's development seed. `now_s` (unix seconds) counts when the file names no
// time: the cycle that contains it is the first. The hash is filled in.
[[nodiscard]] state::Genesis make_genesis(const Config& config, std::uint64_t now_s);

[[nodiscard]] std::string genesis_text(const state::Genesis& genesis);

// The holder that is the gateway: its key signs block headers. Null if there is none, which no chain can start with.
[[nodiscard]] const state::GenesisHolder* gateway_of(const state::Genesis& genesis) noexcept;

// On an error: one line a complaint, with file, line, key and what was expected.
[[nodiscard]] std::expected<state::Genesis, std::string> parse_genesis(std::string_view file, const std::string& text);

// Keys of the configuration that say something else than the chain's genesis, and therefore have no effect.
[[nodiscard]] std::vector<std::string> keys_without_effect(const Config& config, const state::Genesis& genesis);

}  // namespace electra::app
