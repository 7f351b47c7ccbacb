#include <sys/resource.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/io/tcp_support.h"

namespace electra::io {
namespace {

TEST_F(TcpServerTest, EchoesToManyConnectionsAtOnce) {
  start();
  std::vector<TcpPeer> clients;
  for (int i = 0; i < 200; ++i) clients.emplace_back(server_->port());
  std::vector<std::string> sent(clients.size());
  std::vector<std::string> got(clients.size());
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = 0; i < clients.size(); ++i) {
      const std::string bytes = "client " + std::to_string(i) + " round " + std::to_string(round) + "\n";
      ASSERT_EQ(clients[i].send(bytes), bytes.size());
      sent[i] += bytes;
    }
    turns(1);
  }
  EXPECT_TRUE(until([&] {
    bool all = true;
    for (std::size_t i = 0; i < clients.size(); ++i) {
      got[i] += clients[i].receive();
      all = all && got[i].size() >= sent[i].size();
    }
    return all;
  }));
  EXPECT_EQ(got, sent);
  EXPECT_EQ(server_->connections(), 200u);
  EXPECT_EQ(server_->counters().accepted, 200u);
}

TEST_F(TcpServerTest, TakesBytesOneByOne) {
  start();
  TcpPeer client(server_->port());
  const std::string bytes = "half a frame, and then the other half";
  for (const char byte : bytes) {
    ASSERT_EQ(client.send(std::string_view(&byte, 1)), 1u);
    turns(1);
  }
  std::string got;
  EXPECT_TRUE(until([&] { return (got += client.receive()).size() == bytes.size(); }));
  EXPECT_EQ(got, bytes);
}

TEST_F(TcpServerTest, MovesMegabytesBothWays) {
  start({.output_bytes_max = 64 << 20});
  TcpPeer client(server_->port());
  std::string sent;
  for (std::uint64_t i = 0; sent.size() < (20 << 20); ++i) sent += std::to_string(i * 7919) + ",";
  std::string got;
  std::size_t offset = 0;
  EXPECT_TRUE(until([&] {
    offset += client.send(std::string_view(sent).substr(offset));
    got += client.receive();
    return got.size() == sent.size();
  }));
  EXPECT_TRUE(got == sent);
}

TEST_F(TcpServerTest, OneConnectionTooManyIsClosedAtOnceAndAFreedPlaceIsUsed) {
  start({.connections_max = 3});
  std::vector<TcpPeer> clients;
  for (int i = 0; i < 3; ++i) clients.emplace_back(server_->port());
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 3; }));
  TcpPeer refused(server_->port());
  EXPECT_TRUE(until([&] {
    refused.receive();
    return refused.ended();
  }));
  EXPECT_EQ(server_->counters().refused_at_limit, 1u);
  EXPECT_EQ(handler_.opened.size(), 3u);
  clients[1].close_now();
  ASSERT_TRUE(until([&] { return handler_.closed.size() == 1; }));
  TcpPeer again(server_->port());
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 4; }));
  EXPECT_EQ(handler_.opened[3].index, handler_.closed[0].first.index);
  EXPECT_NE(handler_.opened[3].generation, handler_.closed[0].first.generation);
  // The old id hits nothing.
  EXPECT_FALSE(server_->send(handler_.closed[0].first, bytes_of("for the dead")));
  server_->close(handler_.closed[0].first, CloseMode::at_once);
  turns(3);
  EXPECT_EQ(again.receive(), "");
  EXPECT_FALSE(again.ended());
}

TEST_F(TcpServerTest, OutOfDescriptorsItWaitsAndGoesOn) {
  start({.accept_pause_ns = 20 * kMillisecond});
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  TcpPeer client(server_->port());  // waits in the backlog; the handshake needs no descriptor of ours
  const int lowest_free = dup(0);
  close(lowest_free);
  const rlimit low{static_cast<rlim_t>(lowest_free), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_TRUE(until([&] { return server_->counters().accept_errors > 0; }));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(until([&] { return handler_.opened.size() == 1; }));
  EXPECT_LT(server_->counters().accept_errors, 100u);
}

TEST_F(TcpServerTest, ShutdownFlushesClosesAndRefusesNewPeers) {
  start();
  handler_.echo = false;
  std::vector<TcpPeer> clients;
  for (int i = 0; i < 10; ++i) clients.emplace_back(server_->port());
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 10; }));
  const std::string farewell(300'000, 'f');
  for (const ConnectionId id : handler_.opened) ASSERT_TRUE(server_->send(id, bytes_of(farewell)));
  server_->shutdown(5'000 * kMillisecond);
  std::vector<std::string> got(10);
  EXPECT_TRUE(until([&] {
    for (std::size_t i = 0; i < 10; ++i) {
      got[i] += clients[i].receive();
      if (clients[i].ended()) clients[i].close_now();
    }
    return handler_.stopped;
  }));
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(got[i].size(), farewell.size());
  EXPECT_EQ(handler_.closed.size(), 10u);
  for (const auto& [id, reason] : handler_.closed) EXPECT_EQ(reason, CloseReason::shutdown);
  EXPECT_TRUE(server_->stopped());
  EXPECT_FALSE(TcpPeer(server_->port()).connected());
}

TEST_F(TcpServerTest, ShutdownDoesNotWaitForAPeerThatNeverReads) {
  start({.output_bytes_max = 32 << 20});
  TcpPeer deaf(server_->port(), 4096);
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 1; }));
  ASSERT_TRUE(server_->send(handler_.opened[0], std::vector<std::uint8_t>(16 << 20)));
  turns(3);
  const std::uint64_t start_ns = monotonic_ns();
  server_->shutdown(100 * kMillisecond);
  EXPECT_TRUE(until([&] { return handler_.stopped; }));
  EXPECT_LT(monotonic_ns() - start_ns, 2'000 * kMillisecond);
}

TEST_F(TcpServerTest, CanBeDestroyedWithPeersAndOutputInFlight) {
  start();
  std::vector<TcpPeer> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(server_->port(), 4096);
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 20; }));
  for (const ConnectionId id : handler_.opened) (void)server_->send(id, std::vector<std::uint8_t>(1 << 20));
  turns(2);
  server_.reset();
  EXPECT_TRUE(handler_.closed.empty());
  for (TcpPeer& client : clients) client.receive();
  // The loop goes on without it.
  loop_->run_once(0);
}

TEST(TcpServerListen, SaysWhyItCannot) {
  TcpRecorder handler;
  auto loop = Loop::create();
  ASSERT_TRUE(loop.has_value());
  auto first = TcpServer::listen(**loop, {}, handler);
  ASSERT_TRUE(first.has_value());
  const auto taken = TcpServer::listen(**loop, {.port = (*first)->port()}, handler);
  ASSERT_FALSE(taken.has_value());
  EXPECT_NE(taken.error().find("another program has this port"), std::string::npos) << taken.error();
  const auto name = TcpServer::listen(**loop, {.address = "localhost"}, handler);
  ASSERT_FALSE(name.has_value());
  EXPECT_NE(name.error().find("no numeric IPv4 or IPv6 address"), std::string::npos);
  const auto far = TcpServer::listen(**loop, {.address = "192.0.2.1"}, handler);
  ASSERT_FALSE(far.has_value());
  EXPECT_NE(far.error().find("no such address"), std::string::npos) << far.error();
}

}  // namespace
}  // namespace electra::io
