#include "bench/e2e/verify_rate.h"

#include <sodium.h>

#include <array>
#include <random>

#include "bench/common/measure.h"
#include "meter-proto/signing.h"

namespace electra::bench {
namespace {

constexpr std::size_t kMessages = 16'384;
constexpr std::size_t kBatch = 256;
constexpr std::uint64_t kMeasureNs = 1'000'000'000;

}  // namespace

std::expected<VerifyRate, std::string> measure_verify_rate(const std::string& backend, std::uint32_t keys) {
  auto made = crypto::make_verifier(crypto::VerifierOptions{.backend = backend, .keys_max = keys});
  if (!made) return std::unexpected(made.error());
  crypto::Verifier& verifier = **made;
  std::vector<Bytes32> public_keys(keys);
  std::vector<Bytes64> secret_keys(keys);
  for (std::uint32_t i = 0; i < keys; ++i) {
    const Bytes32 seed{7, static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8)};
    crypto_sign_seed_keypair(public_keys[i].data(), secret_keys[i].data(), seed.data());
    verifier.learn(i + 1, public_keys[i]);
  }

  const Bytes16 tag{1};
  const std::array<std::uint8_t, 60> payload{};
  std::array<std::uint8_t, proto::kSigningPrefixBytes + payload.size()> buffer;
  std::vector<Bytes64> signatures(kMessages);
  std::vector<crypto::VerifyItem> items;
  std::mt19937 random(7);
  for (std::size_t i = 0; i < kMessages; ++i) {
    const auto key = static_cast<std::uint32_t>(random() % keys);
    const ByteSpan message = proto::signing_bytes(tag, i, payload, buffer);
    crypto_sign_detached(signatures[i].data(), nullptr, message.data(), message.size(), secret_keys[key].data());
    items.push_back({.public_key = public_keys[key].data(),
                     .key_number = key + 1,
                     .signature = signatures[i],
                     .tag = &tag,
                     .sequence = i,
                     .payload = payload});
  }

  verifier.settle();
  std::vector<crypto::VerifyOutcome> outcomes(kBatch);
  std::uint64_t count = 0;
  std::uint64_t good = 0;
  const std::uint64_t begin = thread_cpu_ns();
  std::uint64_t now = begin;
  for (; now - begin < kMeasureNs; now = thread_cpu_ns()) {
    verifier.verify(std::span(items).subspan(count % kMessages, kBatch), outcomes);
    for (const crypto::VerifyOutcome& outcome : outcomes) good += outcome.valid ? 1 : 0;
    count += kBatch;
  }
  if (good != count) return std::unexpected("the verifier refuses good signatures");
  return VerifyRate{.backend = std::string(verifier.name()),
                    .tables = verifier.tables(),
                    .per_second = static_cast<double>(count) * 1e9 / static_cast<double>(now - begin)};
}

}  // namespace electra::bench
