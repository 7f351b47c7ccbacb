#include "io/tcp_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <thread>

namespace electra::io {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;

// A blocking client; the test's own thread turns the server's loop between its calls.
class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer = 0) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    fcntl(fd_, F_SETFL, O_NONBLOCK);
  }
  ~Client() { close_now(); }
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  Client(const Client&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  // How many bytes the kernel took.
  std::size_t send(std::string_view bytes) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }
  // What is there now.
  std::string receive() {
    std::string out;
    char bytes[65536];
    for (ssize_t got; (got = recv(fd_, bytes, sizeof bytes, 0)) != -1;) {
      if (got == 0) {
        ended_ = true;
        break;
      }
      out.append(bytes, static_cast<std::size_t>(got));
    }
    if (errno == ECONNRESET) reset_ = ended_ = true;
    return out;
  }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool reset() const { return reset_; }
  void shut_write() { shutdown(fd_, SHUT_WR); }
  void close_now() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void reset_now() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close_now();
  }

 private:
  int fd_ = -1;
  bool connected_ = false;
  bool ended_ = false;
  bool reset_ = false;
};

// Records what happens; by default echoes.
class Handler final : public TcpHandler {
 public:
  void on_open(ConnectionId connection) override {
    opened.push_back(connection);
    server->established(connection);
  }
  std::size_t on_bytes(ConnectionId connection, ByteSpan bytes) override {
    ++deliveries;
    if (take != nullptr) return take(connection, bytes);
    received[connection.index].append(text_of(bytes));
    if (echo) (void)server->send(connection, bytes);
    return bytes.size();
  }
  void on_end(ConnectionId connection) override {
    ended.push_back(connection);
    if (close_on_end) server->close(connection, CloseMode::after_flush);
  }
  void on_close(ConnectionId connection, CloseReason reason) override { closed.emplace_back(connection, reason); }
  void on_stopped() override { stopped = true; }

  TcpServer* server = nullptr;
  bool echo = true;
  bool close_on_end = true;
  bool stopped = false;
  int deliveries = 0;
  std::function<std::size_t(ConnectionId, ByteSpan)> take;
  std::vector<ConnectionId> opened;
  std::vector<ConnectionId> ended;
  std::vector<std::pair<ConnectionId, CloseReason>> closed;
  std::map<std::uint32_t, std::string> received;
};

// Does not accept hellos.
class SilentHandler final : public TcpHandler {
 public:
  void on_open(ConnectionId) override {}
  std::size_t on_bytes(ConnectionId, ByteSpan bytes) override { return bytes.size(); }
  void on_end(ConnectionId) override {}
  void on_close(ConnectionId, CloseReason reason) override { reasons.push_back(reason); }
  std::vector<CloseReason> reasons;
};

class TcpServerTest : public testing::Test {
 protected:
  void start(TcpServerConfig config = {}) {
    auto loop = Loop::create();
    ASSERT_TRUE(loop.has_value()) << loop.error();
    loop_ = std::move(*loop);
    auto server = TcpServer::listen(*loop_, config, handler_);
    ASSERT_TRUE(server.has_value()) << server.error();
    server_ = std::move(*server);
    handler_.server = server_.get();
  }
  // Turns the loop until the condition holds; false after five seconds.
  bool until(const std::function<bool()>& condition) {
    const std::uint64_t give_up = monotonic_ns() + 5'000 * kMillisecond;
    while (!condition()) {
      if (monotonic_ns() > give_up) return false;
      loop_->run_once(5 * kMillisecond);
    }
    return true;
  }
  void turns(int count) {
    for (int i = 0; i < count; ++i) loop_->run_once(kMillisecond);
  }

  Handler handler_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<TcpServer> server_;
};

TEST_F(TcpServerTest, EchoesToManyConnectionsAtOnce) {
  start();
  std::vector<Client> clients;
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
  Client client(server_->port());
  const std::string bytes = "half a frame, and then the other half";
  for (const char byte : bytes) {
    ASSERT_EQ(client.send(std::string_view(&byte, 1)), 1u);
    turns(1);
  }
  std::string got;
  EXPECT_TRUE(until([&] { return (got += client.receive()).size() == bytes.size(); }));
  EXPECT_EQ(got, bytes);
}

TEST_F(TcpServerTest, CoalescesTheOutputOfATurnIntoOneSend) {
  start();
  Client client(server_->port());
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 1; }));
  const std::uint64_t before = server_->counters().send_calls;
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(server_->send(handler_.opened[0], bytes_of("0123456789")));
  std::string got;
  EXPECT_TRUE(until([&] { return (got += client.receive()).size() == 10'000; }));
  EXPECT_EQ(server_->counters().send_calls, before + 1);
}

TEST_F(TcpServerTest, MovesMegabytesBothWays) {
  start({.output_bytes_max = 64 << 20});
  Client client(server_->port());
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

TEST_F(TcpServerTest, APeerThatNeverReadsIsClosedAtItsBoundAndOthersGoOn) {
  start({.output_bytes_max = 256 * 1024});
  Client deaf(server_->port(), 4096);
  Client other(server_->port());
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
  Client deaf(server_->port(), 4096);
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 1; }));
  ASSERT_TRUE(server_->send(handler_.opened[0], std::vector<std::uint8_t>(16 << 20)));
  ASSERT_TRUE(until([&] { return handler_.closed.size() == 1; }));
  EXPECT_EQ(handler_.closed[0].second, CloseReason::output_stalled);
}

TEST_F(TcpServerTest, TheSharedOutputPoolIsABoundToo) {
  start({.output_bytes_max = 32 << 20, .output_pool_bytes = 1 << 20});
  Client first(server_->port(), 4096);
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 1; }));
  EXPECT_FALSE(server_->send(handler_.opened[0], std::vector<std::uint8_t>((1 << 20) + 1)));
  ASSERT_TRUE(until([&] { return handler_.closed.size() == 1; }));
  EXPECT_EQ(handler_.closed[0].second, CloseReason::output_full);
}

TEST_F(TcpServerTest, PeersThatDoNotReadCannotTakeTheRoomOfOneThatDoes) {
  start({.connections_max = 16, .output_bytes_max = 512 * 1024, .output_pool_bytes = 1 << 20});
  std::vector<Client> deaf;
  for (int i = 0; i < 8; ++i) deaf.emplace_back(server_->port(), 4096);
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 8; }));
  Client reader(server_->port());
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
  std::vector<Client> clients;
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

TEST_F(TcpServerTest, OneConnectionTooManyIsClosedAtOnceAndAFreedPlaceIsUsed) {
  start({.connections_max = 3});
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) clients.emplace_back(server_->port());
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 3; }));
  Client refused(server_->port());
  EXPECT_TRUE(until([&] {
    refused.receive();
    return refused.ended();
  }));
  EXPECT_EQ(server_->counters().refused_at_limit, 1u);
  EXPECT_EQ(handler_.opened.size(), 3u);
  clients[1].close_now();
  ASSERT_TRUE(until([&] { return handler_.closed.size() == 1; }));
  Client again(server_->port());
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

TEST_F(TcpServerTest, AHalfClosedPeerStillGetsItsAnswers) {
  start();
  handler_.echo = false;
  handler_.close_on_end = false;
  Client client(server_->port());
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
  Client client(server_->port());
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
  Client client(server_->port());
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
  Client client(server_->port());
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 1; }));
  client.reset_now();
  ASSERT_TRUE(until([&] { return handler_.closed.size() == 1; }));
  EXPECT_EQ(handler_.closed[0].second, CloseReason::peer_error);
  EXPECT_TRUE(handler_.ended.empty());
}

TEST_F(TcpServerTest, WritingToAPeerThatIsGoneRaisesNoSignal) {
  start();
  Client client(server_->port());
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 1; }));
  client.reset_now();
  // Without MSG_NOSIGNAL the second of these would end the process by SIGPIPE.
  for (int i = 0; i < 10; ++i) {
    (void)server_->send(handler_.opened[0], bytes_of("anyone?"));
    turns(1);
  }
  EXPECT_TRUE(until([&] { return handler_.closed.size() == 1; }));
}

TEST_F(TcpServerTest, APeerThatSaysNoHelloIsClosedAfterItsTime) {
  auto loop = Loop::create();
  ASSERT_TRUE(loop.has_value());
  loop_ = std::move(*loop);
  SilentHandler silent;
  auto server = TcpServer::listen(*loop_, {.hello_timeout_ns = 50 * kMillisecond}, silent);
  ASSERT_TRUE(server.has_value());
  Client client((*server)->port());
  EXPECT_TRUE(until([&] { return silent.reasons.size() == 1; }));
  EXPECT_EQ(silent.reasons[0], CloseReason::hello_timeout);
}

TEST_F(TcpServerTest, PausedReadingHoldsEverythingAndResumesInOrder) {
  start({.receive_buffer_bytes = 4096, .receive_buffers = 8});
  handler_.echo = false;
  std::vector<Client> clients;
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
  std::vector<Client> clients;
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
  Client client(server_->port());
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
  Client client(server_->port());
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
  std::vector<Client> clients;
  for (int i = 0; i < 6; ++i) clients.emplace_back(server_->port());
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 6; }));
  server_->pause_reading();
  for (Client& client : clients) client.send(std::string(2000, 'x'));
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
  Client next(server_->port());
  next.send("hello");
  EXPECT_TRUE(until([&] { return (got += next.receive()) == "hello"; }));
}

TEST_F(TcpServerTest, ShutdownFlushesClosesAndRefusesNewPeers) {
  start();
  handler_.echo = false;
  std::vector<Client> clients;
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
  EXPECT_FALSE(Client(server_->port()).connected());
}

TEST_F(TcpServerTest, ShutdownDoesNotWaitForAPeerThatNeverReads) {
  start({.output_bytes_max = 32 << 20});
  Client deaf(server_->port(), 4096);
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
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(server_->port(), 4096);
  ASSERT_TRUE(until([&] { return handler_.opened.size() == 20; }));
  for (const ConnectionId id : handler_.opened) (void)server_->send(id, std::vector<std::uint8_t>(1 << 20));
  turns(2);
  server_.reset();
  EXPECT_TRUE(handler_.closed.empty());
  for (Client& client : clients) client.receive();
  // The loop goes on without it.
  loop_->run_once(0);
}

TEST_F(TcpServerTest, OutOfDescriptorsItWaitsAndGoesOn) {
  start({.accept_pause_ns = 20 * kMillisecond});
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  Client client(server_->port());  // waits in the backlog; the handshake needs no descriptor of ours
  const int lowest_free = dup(0);
  close(lowest_free);
  const rlimit low{static_cast<rlim_t>(lowest_free), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_TRUE(until([&] { return server_->counters().accept_errors > 0; }));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(until([&] { return handler_.opened.size() == 1; }));
  EXPECT_LT(server_->counters().accept_errors, 100u);
}

TEST(TcpServerListen, SaysWhyItCannot) {
  Handler handler;
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
