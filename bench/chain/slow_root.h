// The state root as docs/proof-format.md says it, from every leaf, one hash after the other: what the fast one must equal.
#pragma once

#include "engine/state/machine.h"

namespace electra::bench {

// About 0.3 µs a leaf.
[[nodiscard]] Bytes32 slow_state_root(const state::Machine& machine);

}  // namespace electra::bench
