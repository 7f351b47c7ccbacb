// What must hold in every state, added up over all accounts and cycles; and how two headers differ.
//
// The sums are made anew from the accounts and do not trust what the state machine keeps about them.
#pragma once

#include <string>
#include <vector>

#include "engine/state/machine.h"
#include "meter-proto/chain/block_header.h"

namespace electra::pipeline {

// One sentence for each rule that is broken: debits = credits in each asset (posted and pending), limits of accounts,
// energy balance, money balance. Between two batches. Costs a walk over all accounts and holders.
[[nodiscard]] std::vector<std::string> check_books(const state::Machine& machine);

// Empty if they are equal; else the fields that are not, with both values.
[[nodiscard]] std::string header_differences(const proto::BlockHeader& kept, const proto::BlockHeader& made);

}  // namespace electra::pipeline
