// How a connection ends: who hears of it, when, and with which reason.
#include <string>
#include <utility>
#include <vector>

#include "tests/io/tcp_support.h"

namespace electra::io {
namespace {

// Does not accept hellos.
class SilentHandler final : public TcpHandler {
 public:
  void on_open(ConnectionId) override {}
  std::size_t on_bytes(ConnectionId, ByteSpan bytes) override { return bytes.size(); }
  void on_end(ConnectionId) override {}
  void on_close(ConnectionId, CloseReason reason) override { reasons.push_back(reason); }
  std::vector<CloseReason> reasons;
};

TEST_F(TcpServerTest, AHalfClosedPeerStillGetsItsAnswers) {
  start();
  handler_.echo = false;
  handler_.close_on_end = false;
  TcpPeer client(server_->port());
  client.send("question");
  client.shut_write();
  ASSERT_TRUE(until([&] { return handler_.ended.size() == 1; }));
  EXPECT_EQ(handler_.received[0], "question");
  EXPECT_TRUE(handler_.closed.empty());
  ASSERT_TRUE(server_->send(handler_.opened[0], bytes_of("answer")));
  server_->close(handler_.opened[0], CloseMode::after_flush);
  std::string got;
  EXPECT_TRUE(until([&] {
    got += client.receive();
    return client.ended();
  }));
  EXPECT_EQ(got, "answer");
  ASSERT_TRUE(until([&] { return handler_.closed.size() == 1; }));
  EXPECT_EQ(handler_.closed[0].second, CloseReason::peer_closed);
}

TEST_F(TcpServerTest, AHalfClosedPeerThatIsForgottenIsClosedAfterItsTime) {
  start({.half_closed_ns = 50 * kMillisecond});
  handler_.close_on_end = false;
  TcpPeer client(server_->port());
  client.shut_write();
  ASSERT_TRUE(until([&] { return handler_.closed.size() == 1; }));
  EXPECT_EQ(handler_.closed[0].second, CloseReason::peer_closed);
}

TEST_F(TcpServerTest, ARefusalReachesAPeerThatGoesOnSendingGarbage) {
  start();
  handler_.take = [&](ConnectionId connection, ByteSpan bytes) {
    (void)server_->send(connection, bytes_of("malformed frame"));
    server_->close(connection, CloseMode::after_flush);
    return bytes.size();
  };
  TcpPeer client(server_->port());
  const std::string garbage(1 << 20, '\xff');
  std::string got;
  std::size_t offset = 0;
  EXPECT_TRUE(until([&] {
    offset += client.send(std::string_view(garbage).substr(offset));
    got += client.receive();
    return client.ended();
  }));
  EXPECT_EQ(got, "malformed frame");
  EXPECT_FALSE(client.reset());
  EXPECT_EQ(handler_.deliveries, 1);
  client.close_now();
  ASSERT_TRUE(until([&] { return handler_.closed.size() == 1; }));
  EXPECT_EQ(handler_.closed[0].second, CloseReason::local);
}

TEST_F(TcpServerTest, AResetIsReportedOnce) {
  start();
  TcpPeer client(server_->port());
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 1; }));
  client.reset_now();
  ASSERT_TRUE(until([&] { return handler_.closed.size() == 1; }));
  EXPECT_EQ(handler_.closed[0].second, CloseReason::peer_error);
  EXPECT_TRUE(handler_.ended.empty());
}

TEST_F(TcpServerTest, APeerThatSaysNoHelloIsClosedAfterItsTime) {
  auto loop = Loop::create();
  ASSERT_TRUE(loop.has_value());
  loop_ = std::move(*loop);
  SilentHandler silent;
  auto server = TcpServer::listen(*loop_, {.hello_timeout_ns = 50 * kMillisecond}, silent);
  ASSERT_TRUE(server.has_value());
  TcpPeer client((*server)->port());
  EXPECT_TRUE(until([&] { return silent.reasons.size() == 1; }));
  EXPECT_EQ(silent.reasons[0], CloseReason::hello_timeout);
}

}  // namespace
}  // namespace electra::io
