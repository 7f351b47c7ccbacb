// Chooses the backend and cuts jobs into its groups.
#include <algorithm>
#include <cstring>

#include "crypto-offload/hash/backend.h"
#include "meter-proto/base/sha256.h"
#include "meter-proto/base/sha256_compress.h"

namespace electra::crypto {
namespace {

// Groups of at least wide_from jobs go to the wide backend, the others to the narrow one.
struct Plan {
  const HashBackend* wide;
  const HashBackend* narrow;
  std::uint32_t wide_from;
};

// What this machine can run.
struct Machine {
  std::array<const HashBackend*, 4> backends{&kPortableHash};
  std::size_t count = 1;
  Plan plan{.wide = &kPortableHash, .narrow = &kPortableHash, .wide_from = 1};
};

#if defined(__x86_64__)
// A group of lanes costs the same however full it is. wide_from is where it begins to be cheaper than its jobs one by
// one: measured on Zen 5, and not sharp, because leaves and nodes differ by two.
Machine look_around() noexcept {
  Machine machine;
  const auto add = [&machine](const HashBackend& backend, const HashBackend& narrow, std::uint32_t wide_from) {
    machine.backends[machine.count++] = &backend;
    machine.plan = {.wide = &backend, .narrow = &narrow, .wide_from = wide_from};
  };
  const bool sha_ni = cpu_has_sha_ni();
  if (__builtin_cpu_supports("avx2")) add(kAvx2Hash, kPortableHash, 3);
  if (sha_ni) add(kShaNiHash, kShaNiHash, 1);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) {
    add(kAvx512Hash, sha_ni ? kShaNiHash : kPortableHash, sha_ni ? 9 : 2);
  }
  return machine;
}
#else
Machine look_around() noexcept { return {}; }
#endif

const Machine& machine() noexcept {
  static const Machine found = look_around();
  return found;
}

// How many of the first jobs have the length of the first, up to `limit`.
std::size_t run_of(std::span<const HashJob> jobs, std::size_t limit) noexcept {
  limit = std::min(limit, jobs.size());
  std::size_t run = 1;
  while (run < limit && jobs[run].bytes == jobs[0].bytes) ++run;
  return run;
}
std::size_t run_of(std::span<const NodeJob> jobs, std::size_t limit) noexcept { return std::min(limit, jobs.size()); }

void do_group(const HashBackend& backend, const HashMidstate& midstate, std::span<const HashJob> jobs) noexcept {
  backend.hash_group(midstate.words.data(), jobs.data(), static_cast<std::uint32_t>(jobs.size()));
}
void do_group(const HashBackend& backend, const HashMidstate& midstate, std::span<const NodeJob> jobs) noexcept {
  backend.node_group(midstate.words.data(), jobs.data(), static_cast<std::uint32_t>(jobs.size()));
}

template <typename Job>
void do_all(const Plan& plan, const HashMidstate& midstate, std::span<const Job> jobs) noexcept {
  while (!jobs.empty()) {
    const std::size_t run = run_of(jobs, plan.wide->lanes);
    const HashBackend& backend = run >= plan.wide_from ? *plan.wide : *plan.narrow;
    const std::size_t taken = std::min<std::size_t>(run, backend.lanes);
    do_group(backend, midstate, jobs.first(taken));
    jobs = jobs.subspan(taken);
  }
}

Plan only(const HashBackend& backend) noexcept { return {.wide = &backend, .narrow = &backend, .wide_from = 1}; }

}  // namespace

HashMidstate tag_midstate(std::string_view tag) noexcept {
  const Bytes32 digest = sha256(tag);
  std::array<std::uint8_t, 64> block;
  std::memcpy(block.data(), digest.data(), digest.size());
  std::memcpy(block.data() + digest.size(), digest.data(), digest.size());
  HashMidstate midstate;
  std::memcpy(midstate.words.data(), kSha256Initial, sizeof kSha256Initial);
  sha256_compress()(midstate.words.data(), block.data(), 1);
  return midstate;
}

void hash_many(const HashMidstate& midstate, std::span<const HashJob> jobs) noexcept {
  do_all(machine().plan, midstate, jobs);
}
void hash_nodes(const HashMidstate& midstate, std::span<const NodeJob> jobs) noexcept {
  do_all(machine().plan, midstate, jobs);
}

void hash_many(const HashBackend& backend, const HashMidstate& midstate, std::span<const HashJob> jobs) noexcept {
  do_all(only(backend), midstate, jobs);
}
void hash_nodes(const HashBackend& backend, const HashMidstate& midstate, std::span<const NodeJob> jobs) noexcept {
  do_all(only(backend), midstate, jobs);
}

std::string_view hash_backend() noexcept { return machine().plan.wide->name; }
std::span<const HashBackend* const> hash_backends() noexcept { return {machine().backends.data(), machine().count}; }

}  // namespace electra::crypto
