// What takes part in a comparison: a loop over messages that is timed, and a check of its results that is not.
//
// The clock is read around each chunk of messages, so that looking at the results costs the figure nothing; a chunk takes
// some microseconds or more, reading the clock twice 50 ns. The CPU clock is slower and read around a whole slice.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "bench/verify/workload.h"

namespace electra::bench {

struct Slice {
  double operations = 0;
  double seconds = 0;      // by the wall clock
  double cpu_seconds = 0;  // of them those in which the thread had a core

  void operator+=(const Slice& other) noexcept {
    operations += other.operations;
    seconds += other.seconds;
    cpu_seconds += other.cpu_seconds;
  }
  [[nodiscard]] double per_second() const noexcept { return operations / seconds; }
  [[nodiscard]] double per_cpu_second() const noexcept { return operations / cpu_seconds; }
};

// One thread at a time.
class Contestant {
 public:
  virtual ~Contestant() = default;

  // Works for about so long, from where the last slice ended. The error is a wrong result.
  [[nodiscard]] virtual std::expected<Slice, std::string> run(std::uint64_t ns) = 0;
  // Once through all messages.
  [[nodiscard]] virtual std::expected<Slice, std::string> run_once_through() = 0;
};

// Goes through the messages of a workload in chunks, again and again.
class ChunkedContestant : public Contestant {
 public:
  // `chunk` divides the number of messages. The workload outlives this.
  ChunkedContestant(const Workload& workload, std::size_t chunk);

  [[nodiscard]] std::expected<Slice, std::string> run(std::uint64_t ns) override;
  [[nodiscard]] std::expected<Slice, std::string> run_once_through() override;
  // Where the next slice begins: a multiple of the chunk.
  void start_at(std::size_t message) noexcept { at_ = message; }

 protected:
  // Timed: messages first … first + chunk − 1.
  virtual void work(std::size_t first) = 0;
  // Not timed: the result of message first + i. Empty, or what is wrong with it.
  [[nodiscard]] virtual std::string_view problem(std::size_t first, std::size_t i) const = 0;
  // What that may be, each for message `message`.
  [[nodiscard]] std::string_view verdict_problem(std::size_t message, bool accepted) const noexcept;
  [[nodiscard]] std::string_view signature_problem(std::size_t message, const Bytes64& signature) const noexcept;
  [[nodiscard]] std::string_view digest_problem(std::size_t message, const Bytes64& digest) const noexcept;

  [[nodiscard]] const Workload& workload() const noexcept { return workload_; }
  [[nodiscard]] std::size_t chunk() const noexcept { return chunk_; }

 private:
  [[nodiscard]] std::expected<Slice, std::string> run(std::uint64_t ns, std::size_t messages);

  const Workload& workload_;
  const std::size_t chunk_;
  std::size_t at_ = 0;
};

}  // namespace electra::bench
