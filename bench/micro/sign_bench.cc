// Signatures a second on one core: many at once, and libsodium's one by one. 200 bytes are signed.
#include <benchmark/benchmark.h>

#include <deque>
#include <string>
#include <vector>

#include "crypto-offload/batch_signer.h"
#include "crypto-offload/software_signer.h"
#include "meter-proto/signing.h"

namespace {

using namespace electra;
using namespace electra::crypto;

constexpr std::size_t kKeys = 128;
constexpr std::size_t kPayloadBytes = 200 - proto::kSigningPrefixBytes;

void sign_with(benchmark::State& state, void (*sign)(std::span<const SignItem>, std::span<Bytes64>)) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const Bytes16 tag = proto::signing_tag(proto::SignatureKind::message, Bytes32{1, 2, 3});
  const std::vector<std::uint8_t> payload(kPayloadBytes, 0x42);
  std::deque<ExpandedKey> keys;
  for (std::size_t i = 0; i < kKeys; ++i) keys.emplace_back(derive_development_seed("bench", std::to_string(i)));
  std::vector<SignItem> items;
  for (std::size_t i = 0; i < count; ++i) {
    items.push_back({.key = &keys[i % kKeys], .tag = &tag, .sequence = i + 1, .payload = payload});
  }
  std::vector<Bytes64> signatures(count);
  sign(items, signatures);  // makes the table
  for (auto _ : state) {
    sign(items, signatures);
    benchmark::DoNotOptimize(signatures.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetLabel(std::string(sign == sign_each ? "sodium" : batch_signer_name()));
}
BENCHMARK_CAPTURE(sign_with, libsodium, sign_each)->Name("sign/libsodium")->Arg(8);
BENCHMARK_CAPTURE(sign_with, many, sign_many)->Name("sign/many")->Arg(1)->Arg(8)->Arg(16)->Arg(64)->Arg(256);

}  // namespace
