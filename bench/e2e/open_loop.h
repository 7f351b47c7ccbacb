// When an open loop sends: at instants that follow from the rate alone, whatever the gateway does meanwhile.
//
// Messages come in bursts of `batch` (a concentrator that writes what it has), burst k at begin + k · batch / rate, on
// connection k mod connections. A message's latency counts from its burst's instant, also when the loader was late or the
// burst had to wait for room: what a slow gateway delays is never left out (no coordinated omission).
#pragma once

#include <cstdint>

namespace electra::bench {

class OpenLoop {
 public:
  // rate: messages a second, all connections together. All above 0.
  OpenLoop(double rate, std::uint32_t batch, std::uint32_t connections) noexcept
      : milli_rate_(static_cast<std::uint64_t>(rate * 1000.0)), batch_(batch), connections_(connections) {}

  // Since the beginning, rounded down.
  [[nodiscard]] std::uint64_t intended_ns(std::uint64_t burst) const noexcept {
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(burst) * batch_ * kMilliNs / milli_rate_);
  }
  [[nodiscard]] std::uint32_t connection(std::uint64_t burst) const noexcept {
    return static_cast<std::uint32_t>(burst % connections_);
  }
  [[nodiscard]] std::uint32_t batch() const noexcept { return batch_; }

 private:
  static constexpr std::uint64_t kMilliNs = 1'000'000'000'000;  // nanoseconds in 1000 seconds
  std::uint64_t milli_rate_;
  std::uint32_t batch_;
  std::uint32_t connections_;
};

}  // namespace electra::bench
