// SHA-256 of many short messages under one tag, each backend and OpenSSL as a peer; and of one long stream.
//
// Items are hashes. The three shapes are what the trees are made of: a transaction leaf, an inner node, and the leaf of
// a sequence window. "chosen" is what hash_many and hash_nodes do by themselves. Peers hash what a caller without a
// midstate would: the 64 tag bytes come in front.
#include <benchmark/benchmark.h>
#include <openssl/sha.h>

#include <cstring>
#include <string>
#include <vector>

#include "crypto-offload/hash.h"
#include "crypto-offload/hash/backend.h"
#include "meter-proto/base/sha256.h"

// Deprecated since OpenSSL 3 in favour of EVP, which costs more for short messages: the peer is the faster one.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace {

using namespace electra;
using namespace electra::crypto;

constexpr std::uint32_t kTransactionLeafBytes = 35;
constexpr std::uint32_t kNodeBytes = 64;
constexpr std::uint32_t kWindowLeafBytes = 1424;
constexpr std::size_t kTagBytes = 64;

// `count` messages one after the other, and as many digests.
struct Messages {
  Messages(std::size_t count, std::uint32_t bytes) : in(count * bytes, 0x42), out(count * 32) {
    for (std::size_t i = 0; i < count; ++i) jobs.push_back({in.data() + i * bytes, bytes, out.data() + i * 32});
    for (const HashJob& job : jobs) nodes.push_back({job.in, job.out});
  }
  std::vector<std::uint8_t> in, out;
  std::vector<HashJob> jobs;
  std::vector<NodeJob> nodes;
};

// Backend null: the chosen one.
void many(benchmark::State& state, const HashBackend* backend, std::uint32_t bytes) {
  const auto count = static_cast<std::size_t>(state.range(0));
  Messages messages(count, bytes);
  const HashMidstate midstate = tag_midstate("electra/leaf/1");
  for (auto _ : state) {
    backend == nullptr ? hash_many(midstate, messages.jobs) : hash_many(*backend, midstate, messages.jobs);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void nodes(benchmark::State& state, const HashBackend* backend) {
  const auto count = static_cast<std::size_t>(state.range(0));
  Messages messages(count, kNodeBytes);
  const HashMidstate midstate = tag_midstate("electra/node/1");
  for (auto _ : state) {
    backend == nullptr ? hash_nodes(midstate, messages.nodes) : hash_nodes(*backend, midstate, messages.nodes);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// SHA256_Init, Update, Final; with_midstate: the context after the tag is copied, as our midstate is.
void openssl_context(benchmark::State& state, std::uint32_t bytes, bool with_midstate) {
  const auto count = static_cast<std::size_t>(state.range(0));
  Messages messages(count, bytes);
  const std::vector<std::uint8_t> tag(kTagBytes, 1);
  SHA256_CTX after_tag;
  SHA256_Init(&after_tag);
  SHA256_Update(&after_tag, tag.data(), tag.size());
  for (auto _ : state) {
    for (const HashJob& job : messages.jobs) {
      SHA256_CTX context;
      if (with_midstate) {
        context = after_tag;
      } else {
        SHA256_Init(&context);
        SHA256_Update(&context, tag.data(), tag.size());
      }
      SHA256_Update(&context, job.in, job.bytes);
      SHA256_Final(job.out, &context);
    }
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// SHA256() wants one piece: tag and message were joined beforehand.
void openssl_one_shot(benchmark::State& state, std::uint32_t bytes) {
  const auto count = static_cast<std::size_t>(state.range(0));
  Messages messages(count, bytes + static_cast<std::uint32_t>(kTagBytes));
  for (auto _ : state) {
    for (const HashJob& job : messages.jobs) SHA256(job.in, job.bytes, job.out);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

constexpr std::size_t kStreamBytes = std::size_t{1} << 20;

void stream(benchmark::State& state) {
  const std::vector<std::uint8_t> bytes(kStreamBytes, 0x42);
  for (auto _ : state) benchmark::DoNotOptimize(sha256(bytes));
  state.SetBytesProcessed(state.iterations() * std::int64_t{kStreamBytes});
}
BENCHMARK(stream)->Name("hash/stream_1MiB/ours");

void openssl_stream(benchmark::State& state) {
  const std::vector<std::uint8_t> bytes(kStreamBytes, 0x42);
  Bytes32 digest;
  for (auto _ : state) {
    SHA256(bytes.data(), bytes.size(), digest.data());
    benchmark::DoNotOptimize(digest);
  }
  state.SetBytesProcessed(state.iterations() * std::int64_t{kStreamBytes});
}
BENCHMARK(openssl_stream)->Name("hash/stream_1MiB/openssl");

// Which backends there are is known only when the program runs.
void add_backend(const std::string& name, const HashBackend* backend) {
  const auto at = [](benchmark::internal::Benchmark* b) { b->Arg(1)->Arg(8)->Arg(16)->Arg(1024); };
  at(benchmark::RegisterBenchmark(("hash/leaf35/" + name).c_str(), many, backend, kTransactionLeafBytes));
  at(benchmark::RegisterBenchmark(("hash/node64/" + name).c_str(), nodes, backend));
  benchmark::RegisterBenchmark(("hash/leaf1424/" + name).c_str(), many, backend, kWindowLeafBytes)->Arg(256);
}

void add_peers(const std::string& shape, std::uint32_t bytes, std::int64_t count) {
  const std::string name = "hash/" + shape + "/openssl_";
  benchmark::RegisterBenchmark((name + "context").c_str(), openssl_context, bytes, false)->Arg(count);
  benchmark::RegisterBenchmark((name + "midstate").c_str(), openssl_context, bytes, true)->Arg(count);
  benchmark::RegisterBenchmark((name + "one_shot").c_str(), openssl_one_shot, bytes)->Arg(count);
}

[[maybe_unused]] const bool kRegistered = [] {
  add_backend("chosen", nullptr);
  for (const HashBackend* backend : hash_backends()) add_backend(backend->name, backend);
  add_peers("leaf35", kTransactionLeafBytes, 1024);
  add_peers("node64", kNodeBytes, 1024);
  add_peers("leaf1424", kWindowLeafBytes, 256);
  return true;
}();

}  // namespace
