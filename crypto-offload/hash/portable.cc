// Plain C++, one hash after the other: what the other backends must equal.
#include <bit>

#include "crypto-offload/hash/backend.h"
#include "crypto-offload/hash/padding.h"

namespace electra::crypto {
namespace {

void store_digest(std::uint8_t* out, const std::uint32_t* state) noexcept {
  for (int i = 0; i < 8; ++i) {
    const std::uint32_t word = __builtin_bswap32(state[i]);
    std::memcpy(out + 4 * i, &word, sizeof word);
  }
}

void hash_group(const std::uint32_t* midstate, const HashJob* jobs, std::uint32_t) noexcept {
  const HashJob& job = jobs[0];
  std::uint32_t state[8];
  std::memcpy(state, midstate, sizeof state);
  sha256_compress_portable(state, job.in, job.bytes / kBlockBytes);
  Tail tail;
  fill_tail(tail, job.in, job.bytes);
  sha256_compress_portable(state, tail.bytes, tail.blocks);
  store_digest(job.out, state);
}

void node_group(const std::uint32_t* midstate, const NodeJob* jobs, std::uint32_t) noexcept {
  std::uint32_t state[8];
  std::memcpy(state, midstate, sizeof state);
  sha256_compress_portable(state, jobs[0].in, 1);
  sha256_rounds_portable(state, kNodePadding.scheduled);
  store_digest(jobs[0].out, state);
}

}  // namespace

const HashBackend kPortableHash = {"portable", 1, &hash_group, &node_group};

}  // namespace electra::crypto
