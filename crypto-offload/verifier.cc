#include "crypto-offload/verifier.h"

#include "crypto-offload/sodium/sodium_verifier.h"

namespace electra::crypto {

std::expected<std::unique_ptr<Verifier>, std::string> make_verifier(std::string_view name) {
  // "auto" goes down the list of what the CPU can do; libsodium runs everywhere and ends it.
  if (name != "sodium" && name != "auto") {
    return std::unexpected("unknown verifier \"" + std::string(name) + "\": known are auto, sodium");
  }
  auto verifier = std::make_unique<sodium::SodiumVerifier>();
  if (auto checked = sodium::self_check(*verifier); !checked) return std::unexpected(std::move(checked.error()));
  return verifier;
}

}  // namespace electra::crypto
