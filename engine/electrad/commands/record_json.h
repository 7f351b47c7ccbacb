// Records, messages and faults of a journal as JSON, for the commands that read it on disk.
#pragma once

#include <string>

#include "engine/electrad/output.h"
#include "io/journal/journal_walk.h"
#include "meter-proto/strict/payload.h"

namespace electra::app {

// "2016-01-04T00:00:00.000000001Z"
[[nodiscard]] std::string nanosecond_text(std::uint64_t time_ns);
// "block,watermark", "-" for none.
[[nodiscard]] std::string record_flags_text(std::uint32_t flags);

// The header, with the record's place.
[[nodiscard]] Json record_json(const io::RecordView& record);
// {"reading": {…}}: the operation under its name.
[[nodiscard]] Json operation_json(const strict::Operation& operation);
// One envelope, decoded as far as it can be.
[[nodiscard]] Json message_json(ByteSpan envelope);

[[nodiscard]] Json fault_json(const io::WalkFault& fault);

}  // namespace electra::app
