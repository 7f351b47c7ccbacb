// What comes out of the receiving half of the loader's transports.
#include "bench/e2e/receiver.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

namespace electra::bench {
namespace {

constexpr std::uint32_t kBuffers = 4;
constexpr std::uint32_t kBufferBytes = 64;
constexpr std::uint64_t kTurnNs = 20'000'000;

// Writes down what it is told: "number:bytes", "number ends: reason".
struct Notes final : Receiver::Taker {
  std::vector<std::string> lines;
  std::function<void(std::uint32_t)> after_bytes = [](std::uint32_t) {};
  void on_bytes(std::uint32_t socket, ByteSpan bytes) override {
    lines.push_back(std::to_string(socket) + ":" + std::string(bytes.begin(), bytes.end()));
    after_bytes(socket);
  }
  void on_end(std::uint32_t socket, const std::string& reason) override {
    lines.push_back(std::to_string(socket) + " ends: " + reason);
  }
};

struct Pair {
  explicit Pair(int type) { EXPECT_EQ(::socketpair(AF_UNIX, type, 0, ends), 0); }
  ~Pair() {
    for (const int end : ends) ::close(end);
  }
  void send(const std::string& bytes) const {
    EXPECT_EQ(::send(ends[0], bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  int ends[2] = {-1, -1};  // the peer's and the receiver's
};

class ReceiverTest : public testing::Test {
 protected:
  void open(Receiver::Kind kind) {
    auto loop = io::Loop::create();
    ASSERT_TRUE(loop) << loop.error();
    loop_ = std::move(*loop);
    auto receiver = Receiver::create(*loop_, kind, kBuffers, kBufferBytes, notes_);
    ASSERT_TRUE(receiver) << receiver.error();
    receiver_ = std::move(*receiver);
  }
  // Until so much was told; then a turn more, in which nothing should be.
  void turn_until(std::size_t lines) {
    for (int turns = 0; turns < 500 && notes_.lines.size() < lines; ++turns) loop_->run_once(kTurnNs);
    loop_->run_once(kTurnNs);
  }

  Notes notes_;
  std::unique_ptr<io::Loop> loop_;
  std::unique_ptr<Receiver> receiver_;
};

TEST_F(ReceiverTest, TellsAStreamsBytesAndItsEndUnderTheNumberOfTheSocket) {
  const Pair first(SOCK_STREAM);
  const Pair second(SOCK_STREAM);
  open(Receiver::Kind::streams);
  receiver_->add(first.ends[1]);
  receiver_->add(second.ends[1]);
  EXPECT_EQ(receiver_->sockets(), 2U);
  second.send("two");
  turn_until(1);
  first.send("one");
  turn_until(2);
  ::shutdown(second.ends[0], SHUT_WR);
  turn_until(3);
  EXPECT_THAT(notes_.lines, testing::ElementsAre("1:two", "0:one", "1 ends: the gateway closed the connection"));
  EXPECT_TRUE(receiver_->is_open(0));
  EXPECT_FALSE(receiver_->is_open(1));
}

TEST_F(ReceiverTest, TellsDatagramsWholeAndPassesOverEmptyOnes) {
  const Pair pair(SOCK_DGRAM);
  open(Receiver::Kind::datagrams);
  receiver_->add(pair.ends[1]);
  for (const char* datagram : {"a", "", "bc", ""}) pair.send(datagram);
  turn_until(2);
  pair.send("d");
  turn_until(3);
  EXPECT_THAT(notes_.lines, testing::ElementsAre("0:a", "0:bc", "0:d"));
  EXPECT_TRUE(receiver_->is_open(0));
}

TEST_F(ReceiverTest, GoesOnAfterMoreThanItsBuffersHold) {
  const Pair pair(SOCK_STREAM);
  open(Receiver::Kind::streams);
  receiver_->add(pair.ends[1]);
  const std::string sent(20 * kBuffers * kBufferBytes + 1, 'x');
  pair.send(sent);
  std::size_t received = 0;
  for (int turns = 0; turns < 500 && received < sent.size(); ++turns) {
    loop_->run_once(kTurnNs);
    received = 0;
    for (const std::string& line : notes_.lines) received += line.size() - 2;
  }
  EXPECT_EQ(received, sent.size());
}

TEST_F(ReceiverTest, TellsNothingOfASocketThatTheTransportHasEnded) {
  const Pair pair(SOCK_DGRAM);
  open(Receiver::Kind::datagrams);
  notes_.after_bytes = [this](std::uint32_t socket) { receiver_->end(socket, "nonsense"); };
  receiver_->add(pair.ends[1]);
  for (const char* datagram : {"a", "b", "c"}) pair.send(datagram);
  turn_until(2);
  EXPECT_THAT(notes_.lines, testing::ElementsAre("0:a", "0 ends: nonsense"));
}

TEST_F(ReceiverTest, TellsNothingWhenItGoes) {
  const Pair pair(SOCK_STREAM);
  open(Receiver::Kind::streams);
  receiver_->add(pair.ends[1]);
  loop_->run_once(0);
  pair.send("late");
  receiver_.reset();
  EXPECT_THAT(notes_.lines, testing::IsEmpty());
}

}  // namespace
}  // namespace electra::bench
