// What the tests of block makers share.
#pragma once

#include <string>

#include "engine/state/types.h"
#include "meter-proto/base/sha256.h"
#include "meter-proto/chain/block_header.h"

namespace electra::chain {

// As of a record with this batch and bytes of its own.
inline proto::BatchLink link_of(const state::BatchInput& input, std::uint32_t rules_version) {
  return {.number = input.number,
          .time_ns = input.time_ns,
          .rules_version = rules_version,
          .flags = input.closes_block ? 1U : 0U,
          .count = static_cast<std::uint32_t>(input.messages.size()),
          .body_bytes = static_cast<std::uint32_t>(100 * input.messages.size()),
          .body_hash = sha256(std::to_string(input.number))};
}

}  // namespace electra::chain
