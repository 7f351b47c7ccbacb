// Feeds a batch of messages, or keys to register, to every backend of this machine, without tables and with tables of
// each size, and stops if one has another verdict or id than libsodium.
//
// Bytes rarely happen to be a signature, so the input does not hold messages but says how to make them: who signs, with
// which nonce, which damage, which length (signed_cases.h), and which bytes of the signature are changed besides. Any
// input is a batch. The oracle is libsodium, whatever the making intended.
//
//   byte 0         even: messages follow; odd: keys follow
//   a message      damage and key number, signer, nonce, choice (2), length (2), number of changes; then the changes
//   a key          scalar, torsion point, number of changes; then the changes
//   a change       place, what is xored
#include <sodium.h>

#include <cstdio>
#include <cstdlib>

#include "tests/crypto-offload/reference_ed25519.h"
#include "tests/crypto-offload/settings.h"
#include "tests/crypto-offload/signed_cases.h"

namespace {

using namespace electra;
using namespace electra::crypto;

constexpr std::size_t kItemsMax = 80;
constexpr std::size_t kSigners = 32;
constexpr std::size_t kLearned = 24;

// Zeros after the end.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : bytes_(data, size) {}
  [[nodiscard]] bool empty() const { return at_ >= bytes_.size(); }
  std::uint8_t byte() { return empty() ? 0 : bytes_[at_++]; }
  std::uint32_t two_bytes() {
    const std::uint32_t low = byte();
    return low | std::uint32_t{byte()} << 8;
  }
  // Changes up to 7 bytes of `out`.
  void change(MutableByteSpan out) {
    for (unsigned changes = byte() % 8; changes > 0; --changes) {
      const std::size_t place = byte();
      const std::uint8_t mask = byte();
      if (!out.empty()) out[place % out.size()] ^= mask;
    }
  }

 private:
  ByteSpan bytes_;
  std::size_t at_ = 0;
};

struct Backend {
  Setting setting;
  std::unique_ptr<Verifier> verifier;
};

struct World {
  Forge forge{kSigners, 64, 8};
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(66'000);
  std::vector<Backend> backends;
  World() {
    Numbers(1).fill(bytes);
    for (const Setting& setting : settings()) {
      backends.push_back({setting, make_verifier(setting, forge.keys().first(kLearned))});
    }
  }
};
const World& world() {
  static const World world;
  return world;
}

[[noreturn]] void fail(const Setting& setting, const std::string& text) {
  std::fprintf(stderr, "%.*s with tables of %u KiB differs from libsodium: %s\n",
               static_cast<int>(setting.backend.size()), setting.backend.data(), setting.table_kib, text.c_str());
  std::abort();
}

Case read_case(Input& input) {
  const Forge& forge = world().forge;
  const unsigned kind = input.byte();
  Order order;
  order.damage = static_cast<Damage>(kind % 16);
  static_assert(kDamages == 16);
  order.signer = input.byte() % kSigners;
  order.nonce = input.byte();
  order.choice = input.two_bytes();
  order.sequence = order.choice;
  // What a frame takes, and sometimes more.
  const std::uint32_t length = input.two_bytes();
  order.payload = ByteSpan(world().bytes).first(length < 0xff00 ? length % 1'472 : length);
  Case c = forge.make(order);
  input.change(c.signature);
  switch (kind / 16) {
    case 0:  c.key_number = 0; break;
    case 1:  c.key_number = static_cast<std::uint32_t>(order.choice); break;
    default: break;
  }
  judge(c);
  return c;
}

void compare_messages(Input& input) {
  std::vector<Case> cases;
  cases.reserve(kItemsMax);
  while (!input.empty() && cases.size() < kItemsMax) cases.push_back(read_case(input));
  std::vector<VerifyItem> items;
  for (const Case& c : cases) items.push_back(c.item());
  VerifyOutcome rubbish{.valid = true};
  rubbish.message_id.fill(0xee);
  for (const auto& [setting, verifier] : world().backends) {
    std::vector<VerifyOutcome> outcomes(items.size(), rubbish);
    verifier->verify(items, outcomes);
    for (std::size_t i = 0; i < cases.size(); ++i) {
      if (outcomes[i].valid == cases[i].valid && outcomes[i].message_id == cases[i].message_id) continue;
      fail(setting, "item " + std::to_string(i) + " of " + std::to_string(cases.size()) + ": " + text_of(cases[i]));
    }
  }
}

// Against the registration rule of the reference: libsodium's own is not ours (crypto-offload/README.md).
void compare_keys(Input& input) {
  for (int keys = 0; keys < 8 && !input.empty(); ++keys) {
    Bytes32 key = world().forge.keys()[input.byte() % kSigners];
    const Bytes32& torsion = torsion_points()[input.byte() % 8];
    const int added = crypto_core_ed25519_add(key.data(), key.data(), torsion.data());
    if (added != 0) std::abort();
    input.change(key);
    const bool registered = reference::registration(key) == reference::KeyRule::registered;
    for (const auto& [setting, verifier] : world().backends) {
      if (verifier->check_key(key) != registered) fail(setting, "key " + to_hex(key));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Input input(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    compare_messages(input);
  } else {
    compare_keys(input);
  }
  return 0;
}
