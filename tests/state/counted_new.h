// Every request for memory of the test program is counted: operator new is replaced in counted_new.cc.
#pragma once

#include <cstdint>

namespace electra::state::test {

// Since the program began.
[[nodiscard]] std::uint64_t allocations() noexcept;
// Taken and not given back, as the allocator rounds it.
[[nodiscard]] std::int64_t bytes_held() noexcept;

}  // namespace electra::state::test
