// The UDP server: bursts, bounds, back-pressure, and what is counted.
#include "io/udp_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

namespace electra::io {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;

// A socket that is connected to the server; the test's own thread turns the server's loop between its calls.
class Peer {
 public:
  explicit Peer(std::uint16_t port, bool six = false) {
    fd_ = socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    v6.sin6_addr = in6addr_loopback;
    const int status = six ? connect(fd_, reinterpret_cast<const sockaddr*>(&v6), sizeof v6)
                           : connect(fd_, reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
    EXPECT_EQ(status, 0) << std::strerror(errno);
  }
  ~Peer() { close(fd_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void send(const std::string& bytes) {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  // What is there now; "-" for nothing.
  std::string receive() {
    char bytes[65536];
    const ssize_t got = recv(fd_, bytes, sizeof bytes, 0);
    return got < 0 ? "-" : std::string(bytes, static_cast<std::size_t>(got));
  }

 private:
  int fd_;
};

// Notes what comes; by default answers each with "re:" before it.
class Notes : public DatagramHandler {
 public:
  std::size_t on_datagrams(std::span<Datagram> datagrams) override {
    ++bursts;
    std::size_t used = 0;
    for (Datagram& datagram : datagrams) {
      if (taken_max == 0) {
        port->pause_reading();
        break;
      }
      --taken_max;
      const std::string text(reinterpret_cast<const char*>(datagram.bytes.data()), datagram.bytes.size());
      received.push_back(text);
      peers.push_back(datagram.peer);
      ++used;
      if (silent) continue;
      const MutableByteSpan out = port->output();
      if (out.empty()) continue;
      const std::string answer = "re:" + text.substr(0, 100);
      std::memcpy(out.data(), answer.data(), answer.size());
      port->send(datagram.peer, answer.size());
    }
    return used;
  }

  DatagramPort* port = nullptr;
  std::size_t taken_max = SIZE_MAX;
  bool silent = false;
  int bursts = 0;
  std::vector<std::string> received;
  std::vector<PeerAddress> peers;
};

class UdpServerTest : public testing::Test {
 protected:
  void open(const UdpServerConfig& config = {}) {
    auto loop = Loop::create();
    ASSERT_TRUE(loop) << loop.error();
    loop_ = std::move(*loop);
    auto server = UdpServer::open(*loop_, config, notes_);
    ASSERT_TRUE(server) << server.error();
    server_ = std::move(*server);
    notes_.port = server_.get();
  }
  // Turns until the condition holds; false: not within a while.
  bool until(const std::function<bool()>& condition) {
    for (int turn = 0; turn < 5000; ++turn) {
      if (condition()) return true;
      loop_->run_once(kMillisecond);
    }
    return condition();
  }
  std::string answer_to(Peer& peer) {
    std::string out = "-";
    (void)until([&] { return (out = peer.receive()) != "-"; });
    return out;
  }

  Notes notes_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<UdpServer> server_;
};

TEST_F(UdpServerTest, BringsDatagramsAndTakesAnswersBack) {
  struct Case {
    const char* listens;
    bool six;
  };
  for (const Case& c :
       {Case{"127.0.0.1", false}, Case{"::1", true}, Case{"0.0.0.0", false}, Case{"::", true}, Case{"::", false}}) {
    SCOPED_TRACE(std::string(c.listens) + (c.six ? " by IPv6" : " by IPv4"));
    notes_ = {};
    server_.reset();
    open({.address = c.listens});
    Peer one(server_->port(), c.six);
    Peer two(server_->port(), c.six);
    one.send("a");
    two.send("b");
    one.send("");
    EXPECT_EQ(answer_to(one), "re:a");
    EXPECT_EQ(answer_to(two), "re:b");
    EXPECT_EQ(answer_to(one), "re:");
    EXPECT_EQ(notes_.received, (std::vector<std::string>{"a", "b", ""}));
    EXPECT_EQ(notes_.peers[0], notes_.peers[2]);
    EXPECT_NE(notes_.peers[0], notes_.peers[1]);
  }
}

TEST_F(UdpServerTest, WhatCameInOneTurnIsOneBurstAndItsAnswersOneCall) {
  open();
  Peer peer(server_->port());
  for (int i = 0; i < 50; ++i) peer.send(std::to_string(i));
  ASSERT_TRUE(until([&] { return notes_.received.size() == 50; }));
  EXPECT_LE(notes_.bursts, 5);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(answer_to(peer), "re:" + std::to_string(i));
  EXPECT_EQ(server_->counters().received, 50u);
  EXPECT_EQ(server_->counters().received_bytes, 90u);
  EXPECT_EQ(server_->counters().sent, 50u);
}

TEST_F(UdpServerTest, DropsAndCountsWhatIsTooLong) {
  open();
  Peer peer(server_->port());
  for (const std::size_t size : {1473, 1900, 2048, 9000, 65000}) peer.send(std::string(size, 'x'));
  peer.send(std::string(1472, 'y'));
  ASSERT_TRUE(until([&] { return notes_.received.size() == 1; }));
  EXPECT_EQ(notes_.received[0], std::string(1472, 'y'));
  EXPECT_EQ(server_->counters().oversize, 5u);
  EXPECT_EQ(server_->counters().received, 1u);
}

TEST_F(UdpServerTest, KeepsWhatWasNotTakenInOrder) {
  open({.receive_buffers = 16});
  Peer peer(server_->port());
  notes_.taken_max = 3;
  for (int i = 0; i < 40; ++i) peer.send(std::to_string(i));
  ASSERT_TRUE(until([&] { return notes_.received.size() == 3; }));
  for (int turn = 0; turn < 5; ++turn) loop_->run_once(kMillisecond);
  EXPECT_TRUE(server_->paused());
  EXPECT_EQ(notes_.received.size(), 3u);
  EXPECT_LE(server_->counters().received, 20u) << "the rest waits in the kernel";
  notes_.taken_max = SIZE_MAX;
  server_->resume_reading();
  ASSERT_TRUE(until([&] { return notes_.received.size() == 40; }));
  for (int i = 0; i < 40; ++i) EXPECT_EQ(notes_.received[static_cast<std::size_t>(i)], std::to_string(i));
  EXPECT_EQ(server_->counters().lost, 0u);
}

// The handler may take a part of a datagram, and gets the rest later.
TEST_F(UdpServerTest, GivesTheRestOfADatagramThatWasTakenInPart) {
  struct Halves final : DatagramHandler {
    std::size_t on_datagrams(std::span<Datagram> datagrams) override {
      Datagram& first = datagrams.front();
      const std::size_t part = (first.bytes.size() + 1) / 2;
      for (const std::uint8_t letter : first.bytes.first(part)) text.push_back(static_cast<char>(letter));
      first.bytes = first.bytes.subspan(part);
      const std::size_t used = first.bytes.empty() ? 1 : 0;
      if (used < datagrams.size()) port->pause_reading();
      return used;
    }
    DatagramPort* port = nullptr;
    std::string text;
  } halves;
  auto loop = Loop::create();
  ASSERT_TRUE(loop);
  auto server = UdpServer::open(**loop, {}, halves);
  ASSERT_TRUE(server) << server.error();
  halves.port = server->get();
  Peer peer((*server)->port());
  peer.send("abcdefgh");
  peer.send("ij");
  for (int turn = 0; turn < 1000 && halves.text.size() < 10; ++turn) {
    (*loop)->run_once(kMillisecond);
    if ((*server)->paused()) (*server)->resume_reading();
  }
  EXPECT_EQ(halves.text, "abcdefghij");
}

TEST_F(UdpServerTest, CountsWhatTheKernelDroppedWhileNobodyRead) {
  open({.receive_buffers = 16, .socket_buffer_bytes = 64 << 10});
  EXPECT_GT(server_->socket_buffer_bytes(), 0u);
  EXPECT_LE(server_->socket_buffer_bytes(), 256u << 10);
  Peer peer(server_->port());
  notes_.taken_max = 0;
  constexpr std::uint64_t kSent = 2000;
  for (std::uint64_t i = 0; i < kSent; ++i) peer.send(std::string(1000, 'z'));
  for (int turn = 0; turn < 5; ++turn) loop_->run_once(kMillisecond);
  EXPECT_GT(server_->counters().lost, kSent / 2);
  notes_.taken_max = SIZE_MAX;
  notes_.silent = true;
  server_->resume_reading();
  ASSERT_TRUE(until([&] { return notes_.received.size() + server_->counters().lost == kSent; }));
  EXPECT_EQ(server_->counters().received, notes_.received.size());
  // And it goes on.
  peer.send("later");
  ASSERT_TRUE(until([&] { return notes_.received.back() == "later"; }));
}

TEST_F(UdpServerTest, AnswersBeyondTheOutputAreDroppedAndCounted) {
  open({.output_datagrams = 8});
  Peer peer(server_->port());
  for (int i = 0; i < 20; ++i) peer.send(std::to_string(i));
  ASSERT_TRUE(until([&] { return notes_.received.size() == 20; }));
  ASSERT_TRUE(until([&] { return server_->counters().sent + server_->counters().output_full == 20; }));
  EXPECT_GE(server_->counters().sent, 8u);
  EXPECT_GT(server_->counters().output_full, 0u);
  std::uint64_t answers = 0;
  while (peer.receive() != "-") ++answers;
  EXPECT_EQ(answers, server_->counters().sent);
}

TEST_F(UdpServerTest, APeerThatCannotBeReachedStopsNobodyElsesAnswer) {
  open();
  Peer peer(server_->port());
  PeerAddress nowhere;  // port 0
  nowhere.host = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
  server_->output()[0] = 'x';
  server_->send(nowhere, 1);
  peer.send("a");
  EXPECT_EQ(answer_to(peer), "re:a");
  EXPECT_EQ(server_->counters().output_failed, 1u);
}

TEST_F(UdpServerTest, RoomThatWasNotUsedIsGivenOutAgain) {
  open({.output_datagrams = 1});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(server_->output().size(), kDatagramBytesMax);
  EXPECT_EQ(server_->counters().output_full, 0u);
}

TEST_F(UdpServerTest, EndsWithDatagramsHeldAndMoreUnderWay) {
  open({.receive_buffers = 16});
  Peer peer(server_->port());
  notes_.taken_max = 1;
  for (int i = 0; i < 100; ++i) peer.send("x");
  for (int turn = 0; turn < 3; ++turn) loop_->run_once(kMillisecond);
  server_.reset();
  EXPECT_EQ(notes_.received.size(), 1u);
}

TEST(UdpServerOpening, SaysWhatIsWrong) {
  Notes notes;
  auto loop = Loop::create();
  ASSERT_TRUE(loop);
  auto first = UdpServer::open(**loop, {}, notes);
  ASSERT_TRUE(first);
  struct Case {
    UdpServerConfig config;
    const char* expected;
  };
  for (const Case& c : {Case{{.address = "localhost"}, "is no numeric IPv4 or IPv6 address"},
                        Case{{.address = "127.0.0.1", .port = (*first)->port()}, "another program has this port"},
                        Case{{.address = "192.0.2.1"}, "this machine has no such address"}}) {
    const auto refused = UdpServer::open(**loop, c.config, notes);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().find(c.expected), std::string::npos) << refused.error();
    EXPECT_NE(refused.error().find(c.config.address), std::string::npos) << refused.error();
  }
}

}  // namespace
}  // namespace electra::io
