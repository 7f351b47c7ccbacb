#include "io/tcp/receive_ring.h"

#include <liburing.h>
#include <sys/mman.h>

#include <bit>
#include <cerrno>
#include <cstring>

#include "meter-proto/base/assert.h"

namespace electra::io {
namespace {

constexpr std::uint32_t kBuffersMax = 32768;
constexpr std::size_t kPageBytes = 4096;

}  // namespace

std::expected<std::unique_ptr<ReceiveRing>, std::string> ReceiveRing::create(Loop& loop, std::uint16_t group,
                                                                             std::uint32_t buffers,
                                                                             std::uint32_t buffer_bytes) {
  ELECTRA_ASSERT(std::has_single_bit(buffers));
  ELECTRA_ASSERT_LE(buffers, kBuffersMax);
  ELECTRA_ASSERT_LT(0u, buffer_bytes);
  std::unique_ptr<ReceiveRing> ring(new ReceiveRing(loop));
  ring->group_ = group;
  ring->buffers_ = buffers;
  ring->buffer_bytes_ = buffer_bytes;
  ring->entries_bytes_ = (buffers * sizeof(io_uring_buf) + kPageBytes - 1) / kPageBytes * kPageBytes;
  ring->mapping_bytes_ = ring->entries_bytes_ + std::size_t{buffers} * buffer_bytes;
  void* const mapping =
      mmap(nullptr, ring->mapping_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (mapping == MAP_FAILED) {
    return std::unexpected("cannot get " + std::to_string(ring->mapping_bytes_) +
                           " bytes for receive buffers: " + std::strerror(errno));
  }
  ring->mapping_ = static_cast<std::uint8_t*>(mapping);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(mapping);
  registration.ring_entries = buffers;
  registration.bgid = group;
  if (const int status = io_uring_register_buf_ring(loop.ring(), &registration, 0); status != 0) {
    return std::unexpected(std::string("the kernel refuses a ring of receive buffers (needs Linux 5.19; "
                                       "RLIMIT_MEMLOCK counts it): ") +
                           std::strerror(-status));
  }
  ring->registered_ = true;
  for (std::uint32_t i = 0; i < buffers; ++i) ring->give_back(i);
  return ring;
}

ReceiveRing::~ReceiveRing() {
  if (registered_) io_uring_unregister_buf_ring(loop_.ring(), group_);
  if (mapping_ != nullptr) munmap(mapping_, mapping_bytes_);
}

ByteSpan ReceiveRing::bytes(std::uint32_t buffer, std::uint32_t offset, std::uint32_t length) const noexcept {
  ELECTRA_ASSERT_LT(buffer, buffers_);
  ELECTRA_ASSERT_LE(offset + length, buffer_bytes_);
  return {mapping_ + entries_bytes_ + std::size_t{buffer} * buffer_bytes_ + offset, length};
}

void ReceiveRing::give_back(std::uint32_t buffer) noexcept {
  ELECTRA_ASSERT_LT(buffer, buffers_);
  ELECTRA_ASSERT_LT(lent_, buffers_);
  auto* const entries = reinterpret_cast<io_uring_buf_ring*>(mapping_);
  io_uring_buf_ring_add(entries, mapping_ + entries_bytes_ + std::size_t{buffer} * buffer_bytes_, buffer_bytes_,
                        static_cast<unsigned short>(buffer), io_uring_buf_ring_mask(buffers_), 0);
  io_uring_buf_ring_advance(entries, 1);
  ++lent_;
}

}  // namespace electra::io
