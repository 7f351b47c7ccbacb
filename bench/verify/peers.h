// The libraries that everybody could use instead, on one core: libsodium, which every ratio refers to, and OpenSSL.
#pragma once

#include <memory>

#include "bench/verify/contestant.h"

namespace electra::bench {

// Verification alone: no hash comes out.
[[nodiscard]] std::unique_ptr<Contestant> sodium_verify(const Workload& workload);
[[nodiscard]] std::unique_ptr<Contestant> sodium_sign(const Workload& workload);
// Of R ‖ A ‖ signing bytes.
[[nodiscard]] std::unique_ptr<Contestant> sodium_sha512(const Workload& workload);

// Keys and digest are loaded beforehand; a context is made ready for each message, as the interface demands.
[[nodiscard]] std::unique_ptr<Contestant> openssl_verify(const Workload& workload);
[[nodiscard]] std::unique_ptr<Contestant> openssl_sign(const Workload& workload);
[[nodiscard]] std::unique_ptr<Contestant> openssl_sha512(const Workload& workload);

}  // namespace electra::bench
