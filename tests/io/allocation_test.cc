// The promise of the headers: in steady state neither the journal nor the server asks for memory.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <new>

#include "io/tcp_server.h"
#include "io/udp_server.h"
#include "tests/io/support.h"

namespace {
thread_local std::uint64_t allocations = 0;

void* counted(std::size_t bytes) {
  ++allocations;
  void* const memory = std::malloc(bytes > 0 ? bytes : 1);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes); }
void* operator new[](std::size_t bytes) { return counted(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace electra::io {
namespace {

TEST(SteadyState, AppendingRecordsAllocatesNothing) {
  struct Listener : JournalListener {
    void on_durable(RecordBuffer& buffer, const DurableRecord&) override {
      pool->release(buffer);
      ++durable;
    }
    void on_journal_failed(const std::string& text) override { FAIL() << text; }
    RecordBufferPool* pool = nullptr;
    std::uint64_t durable = 0;
  } listener;
  TemporaryDirectory directory;
  auto loop = Loop::create();
  auto pool = RecordBufferPool::create(4);
  ASSERT_TRUE(loop && pool);
  listener.pool = pool->get();
  JournalConfig config;
  config.directory = directory.path();
  config.lead_bytes = std::uint64_t{8} << 20;
  const JournalPosition position{.genesis_hash = test_genesis(), .last_hash = test_genesis()};
  auto writer = JournalWriter::open(**loop, config, position, **pool, listener);
  ASSERT_TRUE(writer.has_value()) << writer.error();
  const std::string envelope(170, 'e');
  const auto append = [&](std::uint64_t time_ns) {
    RecordBuffer* const buffer = (*pool)->acquire();
    for (int i = 0; i < 20; ++i) (void)buffer->append(bytes_of(envelope));
    (void)(*writer)->append(*buffer, {.time_ns = time_ns});
    while (!(*writer)->idle()) (*loop)->run_once();
  };
  // A new segment has a path; the second one is made behind the first records, a third not before these are written.
  for (std::uint64_t i = 1; i <= 100; ++i) append(i);
  const std::uint64_t before = allocations;
  for (std::uint64_t i = 101; i <= 600; ++i) append(i);
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(listener.durable, 600u);
}

TEST(SteadyState, ServingConnectionsAllocatesNothing) {
  struct Echo : TcpHandler {
    void on_open(ConnectionId connection) override { server->established(connection); }
    std::size_t on_bytes(ConnectionId connection, ByteSpan bytes) override {
      (void)server->send(connection, bytes);
      return bytes.size();
    }
    void on_end(ConnectionId connection) override { server->close(connection, CloseMode::after_flush); }
    void on_close(ConnectionId, CloseReason) override { ++closed; }
    TcpServer* server = nullptr;
    int closed = 0;
  } echo;
  auto loop = Loop::create();
  ASSERT_TRUE(loop.has_value());
  auto server = TcpServer::listen(**loop, {}, echo);
  ASSERT_TRUE(server.has_value());
  echo.server = server->get();
  const std::uint64_t before = allocations;
  for (int connection = 1; connection <= 10; ++connection) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons((*server)->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    char bytes[3000] = {};
    for (int round = 0; round < 20; ++round) {
      ASSERT_EQ(send(fd, bytes, sizeof bytes, MSG_NOSIGNAL), static_cast<ssize_t>(sizeof bytes));
      for (std::size_t got = 0; got < sizeof bytes;) {
        (*loop)->run_once(1'000'000);
        const ssize_t part = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (part > 0) got += static_cast<std::size_t>(part);
      }
    }
    close(fd);
    while (echo.closed < connection) (*loop)->run_once(1'000'000);
  }
  EXPECT_EQ(allocations, before);
}

TEST(SteadyState, ServingDatagramsAllocatesNothing) {
  struct Echo : DatagramHandler {
    std::size_t on_datagrams(std::span<Datagram> datagrams) override {
      for (const Datagram& datagram : datagrams) {
        const MutableByteSpan out = port->output();
        std::copy(datagram.bytes.begin(), datagram.bytes.end(), out.begin());
        port->send(datagram.peer, datagram.bytes.size());
      }
      return datagrams.size();
    }
    DatagramPort* port = nullptr;
  } echo;
  auto loop = Loop::create();
  ASSERT_TRUE(loop.has_value());
  auto server = UdpServer::open(**loop, {}, echo);
  ASSERT_TRUE(server.has_value());
  echo.port = server->get();
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons((*server)->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const std::uint64_t before = allocations;
  char bytes[1472] = {};
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < 10; ++i) ASSERT_EQ(send(fd, bytes, sizeof bytes, 0), static_cast<ssize_t>(sizeof bytes));
    for (int got = 0; got < 10;) {
      (*loop)->run_once(1'000'000);
      while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0) ++got;
    }
  }
  EXPECT_EQ((*server)->counters().sent, 2000u);
  EXPECT_EQ(allocations, before);
  close(fd);
}

}  // namespace
}  // namespace electra::io
