// Start of libsodium: it picks its implementations by CPU once a process. Safe from any thread, any number of times.
#pragma once

namespace electra::crypto::sodium {

// Asserts that the library is usable.
void require_library();

}  // namespace electra::crypto::sodium
