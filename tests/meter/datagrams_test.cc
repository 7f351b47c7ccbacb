// One answer for every message by datagram, over losses in both directions and a gateway that is not there.
#include "engine/electrad/meter/datagrams.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/electrad/meter/meter_key.h"
#include "engine/electrad/meter/roster.h"
#include "meter-proto/encode.h"

namespace electra::player {
namespace {

using std::chrono::milliseconds;

// What the network loses, counted over all meters.
struct Losses {
  std::size_t messages = 0;  // the first so many do not reach the gateway
  std::size_t receipts = 0;  // the first so many do not reach the meter
};

// A gateway of a few lines on a UDP socket, in a thread of its own. It takes each message once and refuses, as the chain
// does, sequences that end in 9. What it saw is read after stop().
class FakeDatagramGateway {
 public:
  explicit FakeDatagramGateway(Losses losses) : losses_(losses) {
    fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t size = sizeof address;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    const timeval turn{.tv_sec = 0, .tv_usec = 10'000};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &turn, sizeof turn);
    thread_ = std::thread([this] {
      while (!stop_) serve();
    });
  }
  ~FakeDatagramGateway() {
    stop();
    close(fd_);
  }
  FakeDatagramGateway(const FakeDatagramGateway&) = delete;
  FakeDatagramGateway& operator=(const FakeDatagramGateway&) = delete;

  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::size_t messages() const { return bytes_.size(); }
  [[nodiscard]] std::size_t arrivals() const { return arrivals_; }
  [[nodiscard]] std::size_t changed() const { return changed_; }
  // Of meters; each has its socket.
  [[nodiscard]] std::size_t senders() const { return ports_.size(); }

 private:
  void serve() {
    std::array<std::uint8_t, 2048> buffer;
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    const ssize_t count = recvfrom(fd_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&peer), &size);
    if (count <= 0) return;
    strict::FrameSplitter splitter;
    splitter.feed({buffer.data(), static_cast<std::size_t>(count)});
    ByteSpan body;
    while (splitter.next(body) == strict::FrameSplitter::Status::frame) {
      strict::FrameView frame;
      strict::EnvelopeView envelope;
      ASSERT_EQ(strict::decode_frame(body, frame), Result::ok);
      ASSERT_EQ(frame.kind, strict::FrameKind::envelope);
      ASSERT_EQ(strict::decode_envelope(frame.message, envelope), Result::ok);
      ++arrivals_;
      if (std::exchange(losses_.messages, losses_.messages - std::min<std::size_t>(losses_.messages, 1)) > 0) continue;
      ports_[peer.sin_port] = envelope.slot;
      const auto [entry, fresh] =
          bytes_.try_emplace({envelope.slot, envelope.sequence}, frame.message.begin(), frame.message.end());
      if (!fresh && !equal_bytes(entry->second, frame.message)) ++changed_;
      if (std::exchange(losses_.receipts, losses_.receipts - std::min<std::size_t>(losses_.receipts, 1)) > 0) continue;
      std::array<std::uint8_t, proto::kSessionFrameBytesMax> out;
      const std::size_t bytes =
          proto::encode_receipt_frame({.slot = envelope.slot,
                                       .sequence = envelope.sequence,
                                       .result = envelope.sequence % 10 == 9 ? Result::not_a_meter : Result::ok,
                                       .batch = 3,
                                       .repeated = !fresh},
                                      out);
      EXPECT_EQ(sendto(fd_, out.data(), bytes, 0, reinterpret_cast<sockaddr*>(&peer), size),
                static_cast<ssize_t>(bytes));
    }
  }

  Losses losses_;
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::vector<std::uint8_t>> bytes_;
  std::map<std::uint16_t, std::uint32_t> ports_;
  std::size_t arrivals_ = 0;
  std::size_t changed_ = 0;
  std::thread thread_;
};

struct Outcome {
  std::vector<std::size_t> answers;  // for each message
  std::size_t repeated = 0;
  std::size_t refused = 0;
  std::uint64_t sent_again = 0;
  std::string error;
};

// Each of the meters sends one message a round.
Outcome exchange(const LinkOptions& options, std::uint32_t meters, std::uint64_t rounds) {
  Outcome outcome;
  std::vector<std::uint32_t> slots(meters);
  std::iota(slots.begin(), slots.end(), 1U);
  auto datagrams = DatagramExchange::open(options, slots);
  if (!datagrams) {
    outcome.error = datagrams.error();
    return outcome;
  }
  const MeterKey key("phrase", "H001");
  std::vector<MeterSender> senders(meters);
  for (std::uint32_t i = 0; i < meters; ++i) senders[i] = {.serial = "M", .key = &key, .slot = slots[i], .holder = {}};
  for (std::uint64_t round = 0; round < rounds && outcome.error.empty(); ++round) {
    ReadingBatch batch;
    batch.begin(Bytes32{7}, false);
    for (const MeterSender& sender : senders) EXPECT_TRUE(batch.add(sender, 100 + round, 900, {round, 0}));
    EXPECT_TRUE(batch.sign());
    const std::size_t before = outcome.answers.size();
    outcome.answers.resize(before + meters);
    const auto messages = batch.messages();
    const auto done = datagrams->run(messages, [&](const Answer& answer) {
      ++outcome.answers[before + answer.index];
      outcome.repeated += answer.repeated ? 1 : 0;
      outcome.refused += answer.result == Result::ok ? 0 : 1;
      EXPECT_TRUE(answer.reached_chain);
      EXPECT_EQ(answer.batch, 3U);
    });
    if (!done) outcome.error = done.error();
  }
  outcome.sent_again = datagrams->sent_again();
  return outcome;
}

TEST(DatagramExchange, EveryMessageIsAnsweredOnceWhateverIsLost) {
  struct Case {
    const char* what;
    std::uint32_t meters;
    std::uint64_t rounds;
    Losses losses;
    std::size_t refused;
    std::uint64_t sent_again_min;
    std::size_t repeated_min;
  };
  constexpr Case cases[] = {
      {"nothing is lost", 20, 10, {}, 20, 0, 0},
      {"messages are lost", 20, 2, {.messages = 15}, 0, 15, 0},
      {"receipts are lost", 20, 2, {.receipts = 15}, 0, 15, 15},
      {"one meter's are lost again and again", 1, 1, {.messages = 2, .receipts = 1}, 0, 3, 1},
      {"there is nothing to send", 3, 0, {}, 0, 0, 0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    FakeDatagramGateway gateway(c.losses);
    const Outcome outcome = exchange({.port = gateway.port()}, c.meters, c.rounds);
    gateway.stop();
    EXPECT_EQ(outcome.error, "");
    EXPECT_EQ(outcome.answers, std::vector<std::size_t>(c.meters * c.rounds, 1));
    EXPECT_EQ(outcome.refused, c.refused);
    EXPECT_GE(outcome.sent_again, c.sent_again_min);
    EXPECT_GE(outcome.repeated, c.repeated_min);
    EXPECT_EQ(gateway.messages(), c.meters * c.rounds);
    EXPECT_LE(gateway.arrivals(), c.meters * c.rounds + outcome.sent_again);
    EXPECT_EQ(gateway.changed(), 0U) << "sent again with other bytes";
    EXPECT_EQ(gateway.senders(), c.rounds > 0 ? c.meters : 0U);
  }
}

TEST(DatagramExchange, WithoutAnyAnswerItGivesUpAndNamesTheGateway) {
  FakeDatagramGateway gateway({.messages = SIZE_MAX});
  const std::string address = "127.0.0.1:" + std::to_string(gateway.port());
  const Outcome outcome = exchange({.port = gateway.port(), .retry_for = milliseconds(100)}, 3, 1);
  EXPECT_EQ(outcome.error, address + " answers no datagram: given up with 3 messages unanswered");
}

TEST(DatagramExchange, AStopIsNoticedThoughNothingComes) {
  FakeDatagramGateway gateway({.messages = SIZE_MAX});
  const std::atomic<bool> stop{true};
  const auto began = std::chrono::steady_clock::now();
  const Outcome outcome = exchange({.port = gateway.port(), .retry_for = std::chrono::hours(1), .stop = &stop}, 1, 1);
  EXPECT_NE(outcome.error.find("1 messages unanswered"), std::string::npos) << outcome.error;
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::minutes(1));
}

}  // namespace
}  // namespace electra::player
