#include "crypto-offload/verifier.h"

#include <algorithm>

#include "crypto-offload/self_check.h"
#include "crypto-offload/sodium/sodium_verifier.h"
#include "crypto-offload/tables/table_plan.h"
#if defined(__x86_64__)
#include "crypto-offload/avx2/backend.h"
#include "crypto-offload/avx2/supported.h"
#include "crypto-offload/avx512/backend.h"
#include "crypto-offload/avx512/supported.h"
#include "crypto-offload/lanes/lane_verifier.h"
#endif
#include "meter-proto/base/assert.h"
#include "meter-proto/base/sentence.h"

namespace electra::crypto {
namespace {

using Made = std::unique_ptr<Verifier>;

struct Backend {
  std::string_view name;
  bool (*supported)() noexcept;
  Made (*make)(const VerifierOptions&);
};

bool always() noexcept { return true; }
Made make_sodium(const VerifierOptions&) { return std::make_unique<sodium::SodiumVerifier>(); }
#if defined(__x86_64__)
Made make_avx512(const VerifierOptions& options) { return std::make_unique<LaneVerifier>(avx512::kBackend, options); }
Made make_avx2(const VerifierOptions& options) { return std::make_unique<LaneVerifier>(avx2::kBackend, options); }
#endif

// Fastest first; libsodium runs everywhere and ends the list.
constexpr Backend kBackends[] = {
#if defined(__x86_64__)
    {"avx512", avx512::supported, make_avx512},
    {"avx2", avx2::supported, make_avx2},
#endif
    {"sodium", always, make_sodium},
};

}  // namespace

void Verifier::check_keys(std::span<const std::uint8_t* const> keys, std::span<std::uint8_t> passes) const {
  ELECTRA_ASSERT_EQ(keys.size(), passes.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Bytes32 key;
    std::copy_n(keys[i], key.size(), key.begin());
    passes[i] = check_key(key) ? 1 : 0;
  }
}
void Verifier::learn(std::uint32_t, const Bytes32&) {}
void Verifier::forget(std::uint32_t) {}
void Verifier::settle() {}
TableStatus Verifier::tables() const {
  TableStatus status;
  status.reason = sentence("no tables: the verifier ", name(), " takes none");
  return status;
}

std::vector<std::string_view> backend_names() {
  std::vector<std::string_view> names;
  for (const Backend& backend : kBackends) {
    if (backend.supported()) names.push_back(backend.name);
  }
  return names;
}

std::expected<std::unique_ptr<Verifier>, std::string> make_verifier(const VerifierOptions& options) {
  const auto* const backend = std::ranges::find_if(kBackends, [&](const Backend& candidate) {
    return candidate.supported() && (options.backend == candidate.name || options.backend == "auto");
  });
  if (backend == std::end(kBackends)) {
    const bool known = std::ranges::find(kBackends, options.backend, &Backend::name) != std::end(kBackends);
    std::string text = known ? "this processor cannot run the verifier \"" : "unknown verifier \"";
    text += options.backend + "\": here are auto";
    for (const std::string_view name : backend_names()) text.append(", ").append(name);
    return std::unexpected(std::move(text));
  }
  if (options.table_kib != 0 && shape_of_kib(options.table_kib) == kNoTable) {
    return std::unexpected(
        sentence("no table of a key has ", options.table_kib, " KiB: they have 64, 32, 16, 4, 2 or 1"));
  }
  Made verifier = backend->make(options);
  if (auto checked = self_check(*verifier); !checked) return std::unexpected(std::move(checked.error()));
  return verifier;
}

}  // namespace electra::crypto
