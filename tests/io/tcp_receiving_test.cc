// What comes in while the handler takes less than comes: nothing is lost, nothing overtakes, and everybody has a turn.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/io/tcp_support.h"

namespace electra::io {
namespace {

TEST_F(TcpServerTest, PausedReadingHoldsEverythingAndResumesInOrder) {
  start({.receive_buffer_bytes = 4096, .receive_buffers = 8});
  handler_.echo = false;
  std::vector<TcpPeer> clients;
  for (int i = 0; i < 5; ++i) clients.emplace_back(server_->port());
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 5; }));
  server_->pause_reading();
  std::vector<std::string> sent(5);
  std::vector<std::size_t> offset(5);
  for (std::size_t i = 0; i < 5; ++i) {
    while (sent[i].size() < 3'000'000) sent[i] += std::to_string(sent[i].size()) + "/" + std::to_string(i) + ";";
  }
  const auto push = [&] {
    bool all = true;
    for (std::size_t i = 0; i < 5; ++i) {
      offset[i] += clients[i].send(std::string_view(sent[i]).substr(offset[i]));
      all = all && offset[i] == sent[i].size();
    }
    return all;
  };
  for (int i = 0; i < 50; ++i) {
    push();
    turns(1);
  }
  EXPECT_EQ(handler_.deliveries, 0);
  EXPECT_LE(server_->counters().received_bytes, 8u * 4096u);  // the rest waits in the kernel and at the senders
  // On and off, as a full pool would do it.
  for (int round = 0; round < 40; ++round) {
    server_->resume_reading();
    push();
    turns(1);
    server_->pause_reading();
    turns(1);
  }
  server_->resume_reading();
  EXPECT_TRUE(until([&] {
    push();
    bool all = true;
    for (std::size_t i = 0; i < 5; ++i)
      all = all && handler_.received[handler_.opened[i].index].size() == sent[i].size();
    return all;
  }));
  // The clients connected one by one, so the order of acceptance is theirs.
  for (std::size_t i = 0; i < 5; ++i) EXPECT_TRUE(handler_.received[handler_.opened[i].index] == sent[i]) << i;
}

// The handler takes one buffer at a time, as a gateway does whose pool of batches is empty most of the time.
TEST_F(TcpServerTest, WhoSendsALotDelaysOneThatSendsLittleByATurnOfEachPeer) {
  start({.receive_buffer_bytes = 4096, .receive_buffers = 8});
  constexpr std::size_t kGreedy = 3;
  std::vector<TcpPeer> clients;
  for (std::size_t i = 0; i <= kGreedy; ++i) {
    clients.emplace_back(server_->port());
    ASSERT_TRUE(until([&] { return handler_.opened.size() == clients.size(); }));
  }
  const std::string flood(1 << 20, 'f');
  const auto push = [&] {
    for (std::size_t i = 0; i < kGreedy; ++i) clients[i].send(flood);
  };
  std::string small;
  std::size_t first_taken = 0;
  handler_.take = [&](ConnectionId connection, ByteSpan bytes) {
    if (connection == handler_.opened[kGreedy]) small += text_of(bytes);
    first_taken += connection == handler_.opened[0] ? bytes.size() : 0;
    server_->pause_reading();
    return bytes.size();
  };
  server_->pause_reading();
  ASSERT_TRUE(until([&] {
    push();
    return server_->counters().received_bytes == 8u * 4096u;  // no buffer is left for the small one
  }));
  for (int message = 1; message <= 20; ++message) {
    clients[kGreedy].send("x");
    int rounds = 0;
    for (; small.size() < static_cast<std::size_t>(message) && rounds < 100; ++rounds) {
      push();
      turns(2);
      server_->resume_reading();
      turns(1);
    }
    // A turn of everybody until it has a buffer, and one until that is delivered.
    EXPECT_LE(rounds, 2 * (1 + static_cast<int>(kGreedy))) << message;
  }
  EXPECT_GT(first_taken, 10u * 4096u) << "and those who send a lot get their turns too";
}

TEST_F(TcpServerTest, WhatAHandlerDoesNotTakeIsDeliveredAgain) {
  start({.receive_buffer_bytes = 4096, .receive_buffers = 8});
  std::string got;
  std::size_t room = 0;
  handler_.take = [&](ConnectionId, ByteSpan bytes) {
    const std::size_t taken = std::min(room, bytes.size());
    got.append(text_of(bytes.first(taken)));
    room -= taken;
    return taken;
  };
  TcpPeer client(server_->port());
  std::string sent;
  while (sent.size() < 100'000) sent += std::to_string(sent.size()) + " ";
  std::size_t offset = 0;
  EXPECT_TRUE(until([&] {
    offset += client.send(std::string_view(sent).substr(offset));
    room = 777;
    server_->resume_reading();
    return got.size() == sent.size();
  }));
  EXPECT_EQ(got, sent);
}

TEST_F(TcpServerTest, TheEndOfStreamComesAfterTheHeldBytes) {
  start();
  handler_.echo = false;
  TcpPeer client(server_->port());
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 1; }));
  server_->pause_reading();
  client.send("last words");
  turns(3);
  client.shut_write();
  turns(10);
  EXPECT_TRUE(handler_.ended.empty());
  server_->resume_reading();
  ASSERT_TRUE(until([&] { return handler_.ended.size() == 1; }));
  EXPECT_EQ(handler_.received[0], "last words");
}

TEST_F(TcpServerTest, ClosingConnectionsInsideTheRedeliveryOfOthersIsSafe) {
  start({.receive_buffer_bytes = 1024, .receive_buffers = 16});
  std::vector<TcpPeer> clients;
  for (int i = 0; i < 6; ++i) clients.emplace_back(server_->port());
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 6; }));
  server_->pause_reading();
  for (TcpPeer& client : clients) client.send(std::string(2000, 'x'));
  turns(20);
  handler_.take = [&](ConnectionId connection, ByteSpan) -> std::size_t {
    // Each takes nothing, and the first to be asked closes all others.
    for (const ConnectionId other : handler_.opened) {
      if (!(other == connection)) server_->close(other, CloseMode::at_once);
    }
    return 0;
  };
  server_->resume_reading();
  ASSERT_TRUE(until([&] { return handler_.closed.size() == 5; }));
  handler_.take = nullptr;
  server_->resume_reading();
  std::string got;
  const ConnectionId left = [&] {
    for (const ConnectionId id : handler_.opened) {
      bool gone = false;
      for (const auto& [closed, reason] : handler_.closed) gone = gone || closed == id;
      if (!gone) return id;
    }
    return ConnectionId{};
  }();
  EXPECT_TRUE(until([&] { return handler_.received[left.index].size() == 2000; }));
  // All buffers came back: the next peers are heard.
  TcpPeer next(server_->port());
  next.send("hello");
  EXPECT_TRUE(until([&] { return (got += next.receive()) == "hello"; }));
}

}  // namespace
}  // namespace electra::io
