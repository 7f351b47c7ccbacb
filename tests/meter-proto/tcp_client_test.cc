#include "meter-proto/client/tcp_client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/meter-proto/fake_gateway.h"

namespace electra {
namespace {

using namespace std::chrono_literals;
using client::TcpClient;
using testing::HasSubstr;

// A FakeGateway on a socket of this machine; one connection after another, until the test ends. Both directions are cut
// into pieces of at most `piece` bytes.
class Listener {
 public:
  enum class Manner : std::uint8_t { answers, says_nothing, closes_after_a_message, refuses_the_hello };

  explicit Listener(const test::Key& key, Manner manner = Manner::answers, std::size_t piece = 4096)
      : key_(key), manner_(manner), piece_(piece) {
    socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(socket_, 8), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Listener() {
    stop_ = true;
    thread_.join();
    close(socket_);
  }

  TcpClient::Options options() const {
    TcpClient::Options options;
    options.port = port;
    options.sender.slot = 5;
    options.timeout = 5s;
    return options;
  }

  std::uint16_t port = 0;

 private:
  bool readable(int descriptor) {
    pollfd entry{.fd = descriptor, .events = POLLIN, .revents = 0};
    return poll(&entry, 1, 5) > 0;
  }
  void run() {
    while (!stop_) {
      if (!readable(socket_)) continue;
      const int connection = accept(socket_, nullptr, nullptr);
      serve(connection);
      close(connection);
    }
  }
  void serve(int connection) {
    test::FakeGateway gateway(key_);
    gateway.refuses_hello = manner_ == Manner::refuses_the_hello;
    test::Bytes buffer(piece_);
    while (!stop_) {
      if (manner_ == Manner::says_nothing) gateway.output.clear();
      while (!gateway.output.empty()) {
        const std::size_t count = std::min(piece_, gateway.output.size());
        if (send(connection, gateway.output.data(), count, MSG_NOSIGNAL) != static_cast<ssize_t>(count)) return;
        gateway.output.erase(gateway.output.begin(), gateway.output.begin() + static_cast<std::ptrdiff_t>(count));
      }
      if (!readable(connection)) continue;
      const ssize_t count = recv(connection, buffer.data(), buffer.size(), 0);
      if (count <= 0) return;
      gateway.receive(ByteSpan(buffer).first(static_cast<std::size_t>(count)));
      if (manner_ == Manner::closes_after_a_message && !gateway.sequences.empty()) return;
    }
  }

  const test::Key& key_;
  Manner manner_;
  std::size_t piece_;
  int socket_ = -1;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

class Tcp : public testing::Test {
 protected:
  test::Key key_{test::counting_bytes(0)};
};

TEST_F(Tcp, ConnectsSendsManyMessagesAndGetsTheirReceipts) {
  for (const std::size_t piece : {std::size_t{3}, std::size_t{4096}}) {
    const Listener listener(key_, Listener::Manner::answers, piece);
    auto client = TcpClient::connect(listener.options(), key_.signer());
    ASSERT_TRUE(client.has_value()) << client.error().text;
    EXPECT_EQ(client->hello_answer().highest_sequence, 41u);
    EXPECT_EQ(client->chain().chain_id, "electra-test-1");
    constexpr std::uint64_t kMessages = 500;
    for (std::uint64_t sequence = 42; sequence < 42 + kMessages; ++sequence) {
      ASSERT_TRUE(
          client->session().send_message({.slot = 5}, sequence, test::reading_payload(900), key_.signer()).has_value());
    }
    for (std::uint64_t sequence = 42; sequence < 42 + kMessages; ++sequence) {
      const auto event = client->wait_event(5s);
      ASSERT_TRUE(event.has_value());
      ASSERT_EQ(std::get<strict::Receipt>(*event).sequence, sequence);
    }
    EXPECT_EQ(client->unsent_bytes(), 0u);
    EXPECT_EQ(client->wait_event(1ms), std::nullopt);
    EXPECT_TRUE(client->is_open());
  }
}

TEST_F(Tcp, AsksWhileReceiptsAreUnderWayAndKeepsThem) {
  const Listener listener(key_);
  auto client = TcpClient::connect(listener.options(), key_.signer());
  ASSERT_TRUE(client.has_value());
  ASSERT_TRUE(client->session().send_message({.slot = 5}, 42, test::reading_payload(900), key_.signer()).has_value());
  wire::Query query;
  query.mutable_status();
  const auto answer = client->query(query, 5s);
  ASSERT_TRUE(answer.has_value()) << answer.error();
  EXPECT_EQ(answer->status().chain_id().size(), 100'000u);
  const auto tick = client->tick(77, 5s);
  ASSERT_TRUE(tick.has_value()) << tick.error();
  EXPECT_EQ(tick->time, 77u);
  const auto event = client->wait_event(0ms);
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(std::get<strict::Receipt>(*event).sequence, 42u);
}

TEST_F(Tcp, SaysThatTheGatewayClosedTheConnection) {
  const Listener listener(key_, Listener::Manner::closes_after_a_message);
  auto client = TcpClient::connect(listener.options(), key_.signer());
  ASSERT_TRUE(client.has_value());
  ASSERT_TRUE(client->session().send_message({.slot = 5}, 42, test::reading_payload(900), key_.signer()).has_value());
  const auto event = client->wait_event(5s);
  ASSERT_TRUE(event.has_value());
  EXPECT_TRUE(std::holds_alternative<client::Closed>(*event));
  EXPECT_FALSE(client->is_open());
  EXPECT_EQ(client->wait_event(1s), std::nullopt);
  EXPECT_FALSE(client->query({}, 1s).has_value());
}

TEST_F(Tcp, GivesUpOnAGatewayThatSaysNothing) {
  const Listener listener(key_, Listener::Manner::says_nothing);
  TcpClient::Options options = listener.options();
  options.timeout = 50ms;
  const auto begin = std::chrono::steady_clock::now();
  const auto client = TcpClient::connect(options, key_.signer());
  ASSERT_FALSE(client.has_value());
  EXPECT_THAT(client.error().text, HasSubstr("in time"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s);
}

TEST_F(Tcp, NamesHostAndPortWhenNobodyListens) {
  TcpClient::Options options;
  {
    const Listener gone(key_);
    options = gone.options();
  }
  const auto client = TcpClient::connect(options, key_.signer());
  ASSERT_FALSE(client.has_value());
  EXPECT_THAT(client.error().text, HasSubstr("127.0.0.1:" + std::to_string(options.port)));
  EXPECT_THAT(client.error().text, HasSubstr("refused"));
  EXPECT_EQ(client.error().result, Result::ok);
}

TEST_F(Tcp, TellsTheCodeOfARefusedHello) {
  const Listener listener(key_, Listener::Manner::refuses_the_hello);
  const auto client = TcpClient::connect(listener.options(), key_.signer());
  ASSERT_FALSE(client.has_value());
  EXPECT_EQ(client.error().result, Result::unknown_sender);
  EXPECT_THAT(client.error().text, HasSubstr("unknown_sender"));
}

TEST_F(Tcp, RefusesAnotherChain) {
  const Listener listener(key_);
  TcpClient::Options options = listener.options();
  options.expected_genesis_hash = test::counting_bytes(99);
  const auto client = TcpClient::connect(options, key_.signer());
  ASSERT_FALSE(client.has_value());
  EXPECT_THAT(client.error().text, HasSubstr("another chain"));
}

}  // namespace
}  // namespace electra
