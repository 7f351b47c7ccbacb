// How the loader's bytes travel: connections, one write under way on each.
//
// The loader decides what is sent and when and reads the answers; a transport moves bytes. There are TCP, whose connections
// are opened with a hello, and UDP, which loses some: then the loader sends again. One thread.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>

#include "meter-proto/base/bytes.h"

namespace electra::bench {

class TransportUser {
 public:
  // Whole frame bodies, in order; views are good during the call. now_ns: monotonic, when the bytes were received.
  virtual void on_frame(std::uint32_t connection, ByteSpan body, std::uint64_t now_ns) = 0;
  // The write is done: the next one may be given.
  virtual void on_written(std::uint32_t connection) = 0;
  // The peer has ended it, or an error. Nothing more comes.
  virtual void on_closed(std::uint32_t connection, const std::string& reason) = 0;

 protected:
  ~TransportUser() = default;
};

class Transport {
 public:
  virtual ~Transport() = default;

  [[nodiscard]] virtual std::uint32_t connections() const noexcept = 0;
  // Sends all pieces (at most FrameStore::kPiecesMax), whose memory stays until on_written. Leaves in the next turn().
  virtual void write(std::uint32_t connection, std::span<const iovec> pieces) = 0;
  // Sends what was given, waits for the first event but at most timeout_ns, and tells the user of all there are.
  virtual void turn(std::uint64_t timeout_ns, TransportUser& user) = 0;
};

}  // namespace electra::bench
