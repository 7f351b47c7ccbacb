#include "crypto-offload/verifier.h"

#include "crypto-offload/sodium/sodium_verifier.h"

namespace electra::crypto {

void Verifier::learn(std::uint32_t, const Bytes32&) {}
void Verifier::forget(std::uint32_t) {}
void Verifier::settle() {}
TableStatus Verifier::tables() const { return {}; }

std::vector<std::string_view> backend_names() { return {"sodium"}; }

std::expected<std::unique_ptr<Verifier>, std::string> make_verifier(const VerifierOptions& options) {
  // "auto" goes down the list of what the CPU can do; libsodium runs everywhere and ends it.
  if (options.backend != "sodium" && options.backend != "auto") {
    return std::unexpected("unknown verifier \"" + std::string(options.backend) + "\": known are auto, sodium");
  }
  auto verifier = std::make_unique<sodium::SodiumVerifier>();
  if (auto checked = sodium::self_check(*verifier); !checked) return std::unexpected(std::move(checked.error()));
  return verifier;
}

}  // namespace electra::crypto
