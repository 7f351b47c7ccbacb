// Point queries: from a wire Query to its QueryAnswer, read from the state between two batches.
//
// The caller makes sure that everything the state holds is durable. Not a hot path: libprotobuf at the edge.
#pragma once

#include <optional>
#include <string>

#include "electra/wire.pb.h"
#include "engine/pipeline/block_keeper.h"
#include "engine/pipeline/datagram_counters.h"
#include "engine/state/machine.h"

namespace electra::pipeline {

// Who asks: slot 0 is a session without a hello. Such a session gets only what is public.
struct Asker {
  state::Slot slot = 0;
};

// What the gateway knows beside the state.
struct GatewayFacts {
  std::string backend;
  std::string version;
  bool replay_clock = false;
  std::string disk_problem = {};  // why meters' messages are refused now; empty while they are taken
  std::optional<DatagramCounters> datagrams;
};

// The answer's id is the query's; its result is ok, not_found, not_permitted, hello_required or malformed_frame.
[[nodiscard]] wire::QueryAnswer answer_query(const wire::Query& query, const Asker& asker,
                                             const state::Machine& machine, BlockKeeper& keeper,
                                             const GatewayFacts& facts);

}  // namespace electra::pipeline
