// Views of the state as JSON, in the spelling of answers.h: what `inspect` finds on disk reads like what `query` is told.
#pragma once

#include "engine/electrad/output.h"
#include "engine/state/machine.h"

namespace electra::app {

[[nodiscard]] Json account_json(const state::AccountView& account);
[[nodiscard]] Json holder_json(const state::HolderView& holder);

}  // namespace electra::app
