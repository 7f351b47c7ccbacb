#include "tests/pipeline/blocks_support.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "io/journal/journal_reader.h"

namespace electra::test {

namespace fs = std::filesystem;

std::expected<Bytes64, crypto::SignError> FaultySigner::sign(proto::SignatureKind kind, const Bytes32& genesis_hash,
                                                             std::uint64_t sequence, ByteSpan payload) const {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !held_; });
  }
  if (dead_) return std::unexpected(crypto::SignError::unavailable);
  std::this_thread::sleep_for(delay_);
  ++count_;
  return key_.sign(kind, genesis_hash, sequence, payload);
}

void FaultySigner::set_held(bool held) {
  {
    const std::lock_guard lock(mutex_);
    held_ = held;
  }
  changed_.notify_all();
}

pipeline::GatewaySettings BlockChain::settings(std::chrono::nanoseconds interval) const {
  fs::create_directories(signed_file().parent_path());
  pipeline::GatewaySettings settings = small_settings(data());
  settings.segment_bytes = 1 << 20;
  settings.blocks.signed_height_file = signed_file();
  settings.blocks.interval_ns = static_cast<std::uint64_t>(interval.count());
  return settings;
}

void BlockChain::live(std::uint64_t count, state::Slot sender) const {
  RunningGateway gateway(settings());
  ASSERT_EQ(gateway.error(), "");
  Client client(gateway.port(), sender);
  ASSERT_TRUE(client.connected()) << client.error().text;
  const std::uint64_t first = client.hello().highest_sequence + 1;
  for (std::uint64_t i = 0; i < count; ++i) ASSERT_NO_FATAL_FAILURE(close_a_block(client, first + i));
}

void BlockChain::save(const std::string& name) const {
  fs::copy(data(), directory.path() / name, fs::copy_options::recursive);
}

void BlockChain::restore(const std::string& name) const {
  fs::remove_all(data());
  fs::copy(directory.path() / name, data(), fs::copy_options::recursive);
}

Bytes file_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_bytes(const fs::path& path, const Bytes& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  EXPECT_TRUE(file.good()) << path;
}

std::vector<proto::SignedHeader> headers_in(const fs::path& file) {
  const Bytes bytes = file_bytes(file);
  std::vector<proto::SignedHeader> headers;
  for (std::size_t at = 0; at + proto::kSignedHeaderBytes <= bytes.size(); at += proto::kSignedHeaderBytes) {
    const auto header = proto::decode_signed_header(ByteSpan(bytes).subspan(at, proto::kSignedHeaderBytes));
    EXPECT_TRUE(header) << "entry " << at / proto::kSignedHeaderBytes;
    if (header) headers.push_back(*header);
  }
  return headers;
}

std::uint64_t record_count(const fs::path& journal) {
  class Counter final : public io::RecordSink {
   public:
    bool on_record(const io::RecordView&) override { return ++count > 0; }
    std::uint64_t count = 0;
  };
  Counter counter;
  const auto read = io::read_journal(journal, counter);
  EXPECT_TRUE(read) << read.error().text();
  return counter.count;
}

std::vector<std::uint64_t> closing_batches(const fs::path& journal) {
  class Collector final : public io::RecordSink {
   public:
    bool on_record(const io::RecordView& record) override {
      if ((record.header.flags & io::kRecordBlockClose) != 0) batches.push_back(record.header.batch);
      return true;
    }
    std::vector<std::uint64_t> batches;
  };
  Collector collector;
  const auto read = io::read_journal(journal, collector);
  EXPECT_TRUE(read) << read.error().text();
  return std::move(collector.batches);
}

wire::Status wait_for_status(Client& client, const std::function<bool(const wire::Status&)>& so) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    wire::Status status = client.status();
    if (so(status)) return status;
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "it never was so: " << status.ShortDebugString();
      return status;
    }
    std::this_thread::sleep_for(2ms);
  }
}

void close_a_block(Client& client, std::uint64_t sequence) {
  const std::uint64_t height = client.status().height();
  ASSERT_TRUE(client.ask(sequence, reading(0, 1)).receipt);
  wait_for_status(client, [&](const wire::Status& status) { return status.height() > height; });
}

std::string audit_problems(const BlockChain& chain) {
  const state::Genesis genesis = small_genesis();
  auto source = pipeline::open_directory_source(chain.data(), chain.headers_file(), genesis.hash, {});
  if (!source) return source.error();
  pipeline::AuditOptions options;
  options.threads = 2;
  const auto report = pipeline::audit(genesis, **source, options);
  if (!report) return report.error();
  std::string text;
  for (const pipeline::SourceProblem& problem : report->problems) text += problem.text + "\n";
  return text;
}

}  // namespace electra::test
