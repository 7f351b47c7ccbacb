#include "io/udp/output_ring.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "io/udp/socket.h"
#include "meter-proto/base/assert.h"

namespace electra::io {
namespace {

constexpr std::uint32_t kTogetherMax = 64;  // datagrams a system call
constexpr std::size_t kPlaceBytes = 1536;   // kDatagramBytesMax in whole cache lines
static_assert(kPlaceBytes >= kDatagramBytesMax && kPlaceBytes % 64 == 0);

}  // namespace

std::expected<std::unique_ptr<OutputRing>, std::string> OutputRing::create(std::uint32_t datagrams, int family) {
  ELECTRA_ASSERT_LT(0u, datagrams);
  std::unique_ptr<OutputRing> ring(new OutputRing());
  const std::size_t bytes = datagrams * kPlaceBytes;
  void* const mapping =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) {
    return std::unexpected("cannot get " + std::to_string(bytes) +
                           " bytes for datagrams to be sent: " + std::strerror(errno));
  }
  ring->mapping_ = static_cast<std::uint8_t*>(mapping);
  ring->entries_.resize(datagrams);
  ring->family_ = family;
  return ring;
}

OutputRing::~OutputRing() {
  if (mapping_ != nullptr) munmap(mapping_, entries_.size() * kPlaceBytes);
}

std::size_t OutputRing::memory_bytes() const noexcept { return entries_.size() * (kPlaceBytes + sizeof(Entry)); }

std::uint8_t* OutputRing::memory(std::uint32_t place) const noexcept { return mapping_ + place * kPlaceBytes; }

MutableByteSpan OutputRing::place() noexcept {
  if (count_ == entries_.size()) return {};
  return {memory((first_ + count_) % static_cast<std::uint32_t>(entries_.size())), kDatagramBytesMax};
}

void OutputRing::push(const PeerAddress& peer, std::size_t bytes) noexcept {
  ELECTRA_ASSERT_LT(count_, entries_.size());
  ELECTRA_ASSERT_LE(bytes, kDatagramBytesMax);
  entries_[(first_ + count_++) % entries_.size()] = {.peer = peer, .bytes = static_cast<std::uint32_t>(bytes)};
}

void OutputRing::drop(std::uint32_t count) noexcept {
  count_ -= count;
  first_ = count_ == 0 ? 0 : (first_ + count) % static_cast<std::uint32_t>(entries_.size());
}

bool OutputRing::flush(int fd) noexcept {
  std::array<mmsghdr, kTogetherMax> messages;
  std::array<iovec, kTogetherMax> ranges;
  std::array<DatagramName, kTogetherMax> names;
  while (count_ > 0) {
    const std::uint32_t together = std::min(count_, kTogetherMax);
    for (std::uint32_t i = 0; i < together; ++i) {
      const auto place = (first_ + i) % static_cast<std::uint32_t>(entries_.size());
      ranges[i] = {.iov_base = memory(place), .iov_len = entries_[place].bytes};
      messages[i] = {};
      messages[i].msg_hdr.msg_iov = &ranges[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      write_name(entries_[place].peer, family_, names[i], messages[i].msg_hdr);
    }
    const int done = sendmmsg(fd, messages.data(), together, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (done > 0) {
      sent_ += static_cast<std::uint64_t>(done);
      drop(static_cast<std::uint32_t>(done));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return false;
    } else if (errno != EINTR) {
      ++failed_;  // of the first one: nobody can be reached there, or a firewall says no
      drop(1);
    }
  }
  return true;
}

}  // namespace electra::io
