// What goes out: one send a turn, and the bounds of what waits for peers that do not read.
#include <string>
#include <utility>
#include <vector>

#include "tests/io/tcp_support.h"

namespace electra::io {
namespace {

TEST_F(TcpServerTest, CoalescesTheOutputOfATurnIntoOneSend) {
  start();
  TcpPeer client(server_->port());
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 1; }));
  const std::uint64_t before = server_->counters().send_calls;
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(server_->send(handler_.opened[0], bytes_of("0123456789")));
  std::string got;
  EXPECT_TRUE(until([&] { return (got += client.receive()).size() == 10'000; }));
  EXPECT_EQ(server_->counters().send_calls, before + 1);
}

TEST_F(TcpServerTest, APeerThatNeverReadsIsClosedAtItsBoundAndOthersGoOn) {
  start({.output_bytes_max = 256 * 1024});
  TcpPeer deaf(server_->port(), 4096);
  TcpPeer other(server_->port());
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 2; }));
  const std::string large(64 * 1024, 'x');
  bool refused = false;
  for (int i = 0; i < 1000 && !refused; ++i) {
    refused = !server_->send(handler_.opened[0], bytes_of(large));
    loop_->run_once(0);
  }
  EXPECT_TRUE(refused);
  ASSERT_TRUE(until([&] { return handler_.closed.size() == 1; }));
  EXPECT_EQ(handler_.closed[0], (std::pair{handler_.opened[0], CloseReason::output_full}));
  EXPECT_FALSE(server_->send(handler_.opened[0], bytes_of("late")));
  other.send("still here");
  std::string got;
  EXPECT_TRUE(until([&] { return (got += other.receive()) == "still here"; }));
}

TEST_F(TcpServerTest, APeerThatTakesNothingForTooLongIsClosed) {
  start({.output_bytes_max = 32 << 20, .output_stall_ns = 100 * kMillisecond});
  TcpPeer deaf(server_->port(), 4096);
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 1; }));
  ASSERT_TRUE(server_->send(handler_.opened[0], std::vector<std::uint8_t>(16 << 20)));
  ASSERT_TRUE(until([&] { return handler_.closed.size() == 1; }));
  EXPECT_EQ(handler_.closed[0].second, CloseReason::output_stalled);
}

TEST_F(TcpServerTest, TheSharedOutputPoolIsABoundToo) {
  start({.output_bytes_max = 32 << 20, .output_pool_bytes = 1 << 20});
  TcpPeer first(server_->port(), 4096);
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 1; }));
  EXPECT_FALSE(server_->send(handler_.opened[0], std::vector<std::uint8_t>((1 << 20) + 1)));
  ASSERT_TRUE(until([&] { return handler_.closed.size() == 1; }));
  EXPECT_EQ(handler_.closed[0].second, CloseReason::output_full);
}

TEST_F(TcpServerTest, PeersThatDoNotReadCannotTakeTheRoomOfOneThatDoes) {
  start({.connections_max = 16, .output_bytes_max = 512 * 1024, .output_pool_bytes = 1 << 20});
  std::vector<TcpPeer> deaf;
  for (int i = 0; i < 8; ++i) deaf.emplace_back(server_->port(), 4096);
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 8; }));
  TcpPeer reader(server_->port());
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 9; }));
  const std::string large(16 * 1024, 'x');
  std::size_t echoed = 0;
  std::size_t asked = 0;
  EXPECT_TRUE(until([&] {
    // Each takes all that it can get, before the reader gets anything.
    for (std::size_t i = 0; i < 8; ++i) {
      while (server_->send(handler_.opened[i], bytes_of(large))) {
      }
    }
    if (echoed == asked) asked += reader.send(std::string(1000, 'y'));
    echoed += reader.receive().size();
    return handler_.closed.size() == 8 && echoed >= 20'000;
  }));
  for (const auto& [id, reason] : handler_.closed) {
    EXPECT_NE(id, handler_.opened[8]);
    EXPECT_EQ(reason, CloseReason::output_full);
  }
  EXPECT_FALSE(reader.ended());
}

// Below their own bound, so that only the pool's can help: those who stopped reading make room for those who read.
TEST_F(TcpServerTest, WhoHasNotReadForLongestIsClosedWhenThePoolRunsLow) {
  start({.output_bytes_max = 512 * 1024, .output_pool_bytes = 1 << 20});
  std::vector<TcpPeer> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(server_->port(), 4096);
    ASSERT_TRUE(until([&] { return handler_.opened.size() == clients.size(); }));
  }
  const auto fill = [&](std::size_t who, std::size_t queued) {
    while (server_->output_bytes(handler_.opened[who]) < queued) {
      if (!server_->send(handler_.opened[who], std::vector<std::uint8_t>(16 * 1024))) return false;
      turns(1);
    }
    return true;
  };
  ASSERT_TRUE(fill(0, 250 * 1024));
  ASSERT_TRUE(fill(1, 130 * 1024));
  EXPECT_TRUE(handler_.closed.empty());
  const std::uint64_t begin_ns = monotonic_ns();
  ASSERT_TRUE(until([&] { return monotonic_ns() > begin_ns + 150 * kMillisecond; }));
  ASSERT_TRUE(server_->send(handler_.opened[2], std::vector<std::uint8_t>(140 * 1024)));
  ASSERT_TRUE(until([&] { return !handler_.closed.empty(); }));
  EXPECT_EQ(handler_.closed[0], (std::pair{handler_.opened[0], CloseReason::output_full}));
  turns(10);
  EXPECT_EQ(handler_.closed.size(), 1u) << "one was enough";
}

TEST_F(TcpServerTest, WritingToAPeerThatIsGoneRaisesNoSignal) {
  start();
  TcpPeer client(server_->port());
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 1; }));
  client.reset_now();
  // Without MSG_NOSIGNAL the second of these would end the process by SIGPIPE.
  for (int i = 0; i < 10; ++i) {
    (void)server_->send(handler_.opened[0], bytes_of("anyone?"));
    turns(1);
  }
  EXPECT_TRUE(until([&] { return handler_.closed.size() == 1; }));
}

}  // namespace
}  // namespace electra::io
