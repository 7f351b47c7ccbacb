#include "bench/verify/contestant.h"

#include <algorithm>

#include "bench/common/measure.h"
#include "meter-proto/base/assert.h"

namespace electra::bench {
ChunkedContestant::ChunkedContestant(const Workload& workload, std::size_t chunk) : workload_(workload), chunk_(chunk) {
  ELECTRA_ASSERT_EQ(workload.messages().size() % chunk, 0u);
}

std::expected<Slice, std::string> ChunkedContestant::run(std::uint64_t ns) { return run(ns, 0); }

std::expected<Slice, std::string> ChunkedContestant::run_once_through() { return run(0, workload_.messages().size()); }

// Until both are reached.
std::expected<Slice, std::string> ChunkedContestant::run(std::uint64_t ns, std::size_t messages) {
  const std::uint64_t slice_begin = wall_ns();
  const std::uint64_t slice_begin_cpu = thread_cpu_ns();
  std::uint64_t worked_ns = 0;
  std::uint64_t chunks = 0;
  while (worked_ns < ns || chunks * chunk_ < messages) {
    const std::uint64_t begin = wall_ns();
    work(at_);
    worked_ns += wall_ns() - begin;
    ++chunks;
    for (std::size_t i = 0; i < chunk_; ++i) {
      if (const std::string_view text = problem(at_, i); !text.empty()) {
        return std::unexpected("message " + std::to_string(at_ + i) + ": " + std::string(text));
      }
    }
    at_ = (at_ + chunk_) % workload_.messages().size();
  }
  const double seconds = static_cast<double>(worked_ns) / 1e9;
  const double share =
      static_cast<double>(thread_cpu_ns() - slice_begin_cpu) / static_cast<double>(wall_ns() - slice_begin);
  return Slice{.operations = static_cast<double>(chunks * chunk_),
               .seconds = seconds,
               .cpu_seconds = seconds * std::min(share, 1.0)};
}

std::string_view ChunkedContestant::verdict_problem(std::size_t message, bool accepted) const noexcept {
  if (accepted == workload_.facts(message).valid()) return {};
  return accepted ? "a damaged signature was accepted" : "a good signature was refused";
}

std::string_view ChunkedContestant::signature_problem(std::size_t message, const Bytes64& signature) const noexcept {
  return signature == workload_.signature_as_signed(message) ? "" : "another signature than the one that was made";
}

std::string_view ChunkedContestant::digest_problem(std::size_t message, const Bytes64& digest) const noexcept {
  return digest == workload_.facts(message).digest ? "" : "another hash than libsodium's";
}

}  // namespace electra::bench
