// Asks the processor for a cache line before it is needed. Changes nothing but time; any address that an object has is good.
#pragma once

namespace electra::state {

inline void prefetch_for_reading(const void* address) noexcept { __builtin_prefetch(address, 0, 3); }
inline void prefetch_for_writing(const void* address) noexcept { __builtin_prefetch(address, 1, 3); }

}  // namespace electra::state
