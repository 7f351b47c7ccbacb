// Finds the peer of a datagram among those of the forming batch, so that the receipts of one peer can travel together.
//
// Open addressing over the batch's own list, forgotten in no time when another batch is formed. A peer that is not found
// after a few places is added again: whoever chooses addresses that collide gets more and smaller answers, and costs no more.
#pragma once

#include <sodium/randombytes.h>

#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "engine/pipeline/batch.h"

namespace electra::pipeline {

class PeerIndex {
 public:
  explicit PeerIndex(std::uint32_t messages_max) : places_(std::bit_ceil(std::size_t{messages_max}) * 2) {
    randombytes_buf(key_.data(), sizeof key_);
  }

  [[nodiscard]] std::uint16_t find_or_add(Batch& batch, const io::PeerAddress& peer) {
    if (&batch != batch_ || batch.peers().empty()) {
      batch_ = &batch;
      ++stamp_;
    }
    const std::size_t mask = places_.size() - 1;
    const std::size_t begin = hash(peer);
    for (std::size_t probe = 0; probe < kProbes; ++probe) {
      Place& place = places_[(begin + probe) & mask];
      if (place.stamp != stamp_) {
        place = {.stamp = stamp_, .peer = batch.add_peer(peer)};
        return place.peer;
      }
      if (batch.peers()[place.peer] == peer) return place.peer;
    }
    return batch.add_peer(peer);
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept { return places_.size() * sizeof(Place); }

 private:
  static constexpr std::size_t kProbes = 8;
  struct Place {
    std::uint64_t stamp = 0;  // of the batch that it is about
    std::uint16_t peer = 0;
  };

  [[nodiscard]] std::size_t hash(const io::PeerAddress& peer) const noexcept {
    std::array<std::uint64_t, 2> host;
    std::memcpy(host.data(), peer.host.data(), sizeof host);
    std::uint64_t mixed = (host[0] ^ key_[0]) * 0x9e3779b97f4a7c15;
    mixed = (std::rotl(mixed, 29) ^ host[1] ^ key_[1]) * 0xbf58476d1ce4e5b9;
    mixed = (std::rotl(mixed, 31) ^ peer.port) * 0x94d049bb133111eb;
    return static_cast<std::size_t>(mixed >> 20);
  }

  std::array<std::uint64_t, 2> key_{};
  std::vector<Place> places_;
  std::uint64_t stamp_ = 0;
  const Batch* batch_ = nullptr;
};

}  // namespace electra::pipeline
