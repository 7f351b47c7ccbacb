// Whether this machine may run what lies in this folder.
//
// The other files here are compiled for AVX2 and FMA and stop an older CPU with an illegal instruction, so nobody calls
// them before this has answered. It stands in a file of its own that any x86-64 runs.
#pragma once

namespace electra::crypto::avx2 {

// AVX2 and FMA, in the CPU and kept by the kernel.
[[nodiscard]] bool supported() noexcept;

}  // namespace electra::crypto::avx2
