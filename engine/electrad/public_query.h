// Questions that anyone may ask: without a key, and so without a hello.
//
// The client library opens every session with a signed hello; status, parameters and cycles need none. One connection,
// one question, one answer, blocking with a time-out.
#pragma once

#include <expected>

#include "electra/query.pb.h"
#include "engine/electrad/gateway_client.h"

namespace electra::app {

// The answer's result is ok. `options.from` is not looked at.
[[nodiscard]] std::expected<wire::QueryAnswer, Failure> ask_publicly(const Home& home, const NodeOptions& options,
                                                                     const wire::Query& query);

}  // namespace electra::app
