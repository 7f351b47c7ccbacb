// What one core verifies and signs in a second, for a reading of usual size (about 60 bytes of payload).
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "crypto-offload/key_store.h"
#include "crypto-offload/software_signer.h"
#include "crypto-offload/verifier.h"
#include "meter-proto/address.h"

namespace {

using namespace electra;
using namespace electra::crypto;

constexpr std::size_t kKeys = 128;
constexpr std::size_t kPayloadBytes = 60;
constexpr Bytes32 kGenesis = {1, 2, 3};

std::vector<Bytes32> make_public_keys() {
  std::vector<Bytes32> keys;
  for (std::size_t i = 0; i < kKeys; ++i) {
    keys.push_back(SoftwareSigner(derive_development_seed("bench", std::to_string(i))).public_key());
  }
  return keys;
}

void verify_batch(benchmark::State& state, const char* backend) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const auto verifier = make_verifier(backend).value();
  const Bytes16 tag = proto::signing_tag(proto::SignatureKind::message, kGenesis);
  const std::vector<std::uint8_t> payload(kPayloadBytes, 0x42);
  std::vector<Bytes32> keys;
  std::vector<Bytes64> signatures;
  for (std::size_t i = 0; i < count; ++i) {
    const SoftwareSigner signer(derive_development_seed("bench", std::to_string(i % kKeys)));
    keys.push_back(signer.public_key());
    signatures.push_back(signer.sign(proto::SignatureKind::message, kGenesis, i + 1, payload).value());
  }
  std::vector<VerifyItem> items;
  for (std::size_t i = 0; i < count; ++i) {
    items.push_back(
        {.public_key = keys[i].data(), .signature = signatures[i], .tag = &tag, .sequence = i + 1, .payload = payload});
  }
  std::vector<VerifyOutcome> outcomes(count);
  for (auto _ : state) {
    verifier->verify(items, outcomes);
    for (const VerifyOutcome& outcome : outcomes) {
      if (!outcome.valid) state.SkipWithError("a good signature was refused");
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(verify_batch, sodium, "sodium")->Arg(1)->Arg(64)->Arg(1024);

void check_key(benchmark::State& state) {
  const auto verifier = make_verifier("auto").value();
  const auto keys = make_public_keys();
  std::size_t at = 0;
  for (auto _ : state) benchmark::DoNotOptimize(verifier->check_key(keys[at++ % kKeys]));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(check_key);

void sign_software(benchmark::State& state) {
  const SoftwareSigner signer(derive_development_seed("bench", "0"));
  const std::vector<std::uint8_t> payload(kPayloadBytes, 0x42);
  std::uint64_t sequence = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(signer.sign(proto::SignatureKind::message, kGenesis, ++sequence, payload));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(sign_software);

void find_key(benchmark::State& state) {
  KeyStore store(kKeys, 0);
  const auto keys = make_public_keys();
  for (std::uint32_t i = 0; i < kKeys; ++i) {
    if (!store.apply(i + 1, 1, keys[i], KeyStatus::active)) state.SkipWithError("the key store is full");
  }
  std::uint32_t slot = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(store.find(slot % kKeys + 1, 1));
    slot += 37;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(find_key);

void find_slot_by_address(benchmark::State& state) {
  KeyStore store(kKeys, 0);
  std::vector<Bytes20> addresses;
  for (const Bytes32& key : make_public_keys()) {
    addresses.push_back(proto::address_of(key));
    const auto slot = static_cast<std::uint32_t>(addresses.size());
    if (!store.apply(slot, 1, key, KeyStatus::active)) state.SkipWithError("the key store is full");
  }
  std::size_t at = 0;
  for (auto _ : state) benchmark::DoNotOptimize(store.find_slot(addresses[at++ % kKeys]));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(find_slot_by_address);

}  // namespace
