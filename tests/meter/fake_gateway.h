// A gateway of a few lines on a real socket, in a thread of its own: it remembers every envelope, answers a second one of
// the same sequence as repeated, and breaks connections where the test wants it.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "meter-proto/encode.h"

namespace electra::player {

// What one connection does; later connections behave as the last one listed.
struct ConnectionScript {
  std::size_t envelopes_before_drop = SIZE_MAX;    // the connection ends after so many
  std::size_t receipts_before_silence = SIZE_MAX;  // taken envelopes that are still answered
  std::size_t overloaded = 0;                      // the first so many envelopes are refused for now
};

using Scripts = std::vector<ConnectionScript>;

class FakeGateway {
 public:
  explicit FakeGateway(Scripts scripts) : scripts_(std::move(scripts)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeGateway() {
    shutdown(listener_, SHUT_RDWR);
    if (const int open = connection_.load(); open >= 0) shutdown(open, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  FakeGateway(const FakeGateway&) = delete;
  FakeGateway& operator=(const FakeGateway&) = delete;

  std::uint16_t port() const { return port_; }

  // How often each sequence arrived, and whether its bytes were the same every time.
  std::map<std::uint64_t, std::size_t> arrivals() {
    const std::lock_guard lock(mutex_);
    return arrivals_;
  }
  bool bytes_never_changed() {
    const std::lock_guard lock(mutex_);
    return !changed_;
  }
  std::size_t connections() const { return connections_; }
  std::vector<std::uint64_t> ticks() {
    const std::lock_guard lock(mutex_);
    return ticks_;
  }

 private:
  void serve() {
    while (true) {
      const int connection = accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      connection_ = connection;
      const ConnectionScript script = scripts_[std::min<std::size_t>(connections_, scripts_.size() - 1)];
      ++connections_;
      talk(connection, script);
      connection_ = -1;
      close(connection);
    }
  }

  void talk(int connection, const ConnectionScript& script) {
    constexpr Bytes32 hash{7};
    constexpr Bytes32 nonce{9};
    const auto put = [&](auto&& encode) {
      std::array<std::uint8_t, proto::kSessionFrameBytesMax> frame;
      const std::size_t size = encode(MutableByteSpan(frame));
      EXPECT_EQ(send(connection, frame.data(), size, MSG_NOSIGNAL), static_cast<ssize_t>(size));
    };
    put([&](MutableByteSpan out) {
      return proto::encode_welcome_frame({.version = strict::kProtocolVersion,
                                          .genesis_hash = hash,
                                          .nonce = nonce,
                                          .chain_id = "fake",
                                          .time = 1,
                                          .replay_clock = true},
                                         out);
    });
    strict::FrameSplitter splitter;
    std::size_t taken = 0;
    std::size_t refused = 0;
    std::array<std::uint8_t, 4096> buffer;
    while (true) {
      const ssize_t count = recv(connection, buffer.data(), buffer.size(), 0);
      if (count <= 0) return;
      splitter.feed({buffer.data(), static_cast<std::size_t>(count)});
      ByteSpan body;
      while (splitter.next(body) == strict::FrameSplitter::Status::frame) {
        strict::FrameView frame;
        ASSERT_EQ(strict::decode_frame(body, frame), Result::ok);
        if (frame.kind == strict::FrameKind::hello) {
          put([&](MutableByteSpan out) {
            return proto::encode_hello_answer_frame({.slot = 1, .status = 2, .roles = 8, .key_generation = 1}, out);
          });
        } else if (frame.kind == strict::FrameKind::tick) {
          strict::Tick tick;
          ASSERT_EQ(strict::decode_tick(frame.message, tick), Result::ok);
          {
            const std::lock_guard lock(mutex_);
            ticks_.push_back(tick.time);
          }
          put([&](MutableByteSpan out) { return proto::encode_tick_answer_frame({.time = tick.time}, out); });
        } else if (frame.kind == strict::FrameKind::envelope) {
          strict::EnvelopeView envelope;
          ASSERT_EQ(strict::decode_envelope(frame.message, envelope), Result::ok);
          if (refused < script.overloaded) {
            ++refused;
            put([&](MutableByteSpan out) {
              return proto::encode_refusal_frame(
                  {.result = Result::overloaded, .slot = envelope.slot, .sequence = envelope.sequence}, out);
            });
            continue;
          }
          if (taken == script.envelopes_before_drop) return;
          const bool repeated = remember(envelope.sequence, frame.message);
          if (taken++ < script.receipts_before_silence) {
            put([&](MutableByteSpan out) {
              return proto::encode_receipt_frame(
                  {.slot = envelope.slot,
                   .sequence = envelope.sequence,
                   .result = envelope.sequence % 10 == 9 ? Result::not_a_meter : Result::ok,
                   .batch = 3,
                   .repeated = repeated},
                  out);
            });
          }
        }
      }
    }
  }

  bool remember(std::uint64_t sequence, ByteSpan bytes) {
    const std::lock_guard lock(mutex_);
    ++arrivals_[sequence];
    const auto [entry, fresh] = bytes_.try_emplace(sequence, bytes.begin(), bytes.end());
    if (!fresh && !equal_bytes(entry->second, bytes)) changed_ = true;
    return !fresh;
  }

  Scripts scripts_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connection_{-1};
  std::atomic<std::size_t> connections_{0};
  std::mutex mutex_;
  std::map<std::uint64_t, std::size_t> arrivals_;
  std::map<std::uint64_t, std::vector<std::uint8_t>> bytes_;
  std::vector<std::uint64_t> ticks_;
  bool changed_ = false;
  std::thread thread_;
};

}  // namespace electra::player
