// Verification of a batch of Ed25519 signatures of known keys: one interface, several backends, one predicate.
//
// Every backend gives the same verdict, bit for bit, because validators that disagree about a signature disagree about
// the chain. The predicate (README.md of this folder says how each backend comes to it):
//   Register(A)     32 bytes, canonical (y < p, not "x = 0 with sign"), decompresses, not of small order,
//                   [L]A = identity.
//   Verify(A, R‖S)  S < L; R is not an encoding of a small-order point; with h = SHA-512(R ‖ A ‖ M) mod L the canonical
//                   encoding of [S]B − [h]A equals the 32 bytes R.
// A verifier owns no message bytes: items are views that the caller keeps alive during the call. The virtual call is
// paid once a batch. Cost with libsodium: about 43 µs a signature.
//
// A backend may learn a key: it prepares a table of the key's multiples in the background, and messages under that key
// are then verified several times as fast. Verdicts do not depend on it: a key that was not learned, or not yet, is
// verified on a general path.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meter-proto/base/bytes.h"

namespace electra::crypto {

// One message to verify. Its signing bytes are tag ‖ sequence (8 bytes, little endian) ‖ payload; nobody assembles them
// before the verifier does.
struct VerifyItem {
  const std::uint8_t* public_key = nullptr;  // 32 bytes that passed check_key, as KeyStore::find gives them
  std::uint32_t key_number = 0;              // under which the verifier may have learned this key; 0: none
  ByteSpan signature;                        // R ‖ S; any length but 64 is refused
  const Bytes16* tag = nullptr;              // names the kind of signature and the chain; never null
  std::uint64_t sequence = 0;
  ByteSpan payload;
};

// As above for signing bytes of any shape. For test vectors and tools: authority never comes from an untagged message.
struct RawVerifyItem {
  const std::uint8_t* public_key = nullptr;  // 32 bytes that passed check_key
  std::uint32_t key_number = 0;              // as above
  ByteSpan signature;
  ByteSpan message;
};

struct VerifyOutcome {
  // First 32 bytes of SHA-512(R ‖ A ‖ signing bytes), whatever the verdict. All zero only if the signature has not
  // 64 bytes: then there is no R to hash.
  Bytes32 message_id{};
  bool valid = false;
};

// What there is of tables of multiples, for logs and status.
struct TableStatus {
  std::uint32_t table_bytes = 0;       // of each new table; 0: this verifier keeps none
  std::uint32_t keys = 0;              // learned and not forgotten
  std::uint32_t tables = 0;            // of these, ready
  std::uint32_t without = 0;           // of these, for which the memory budget has no room
  std::uint32_t faulty = 0;            // of these, which have none because it twice did not read back as it was written
  std::uint64_t memory_bytes = 0;      // taken from the system
  std::uint64_t memory_bytes_max = 0;  // what all of it can come to, what is written down about tables included
  bool system_refused = false;         // the system gave less memory than the budget, or no thread
  std::string pages;                   // "4 KiB", "huge (reserved)", "huge (transparent)"
  std::string reason;                  // one sentence: why tables have this size, or why there are none
};

// Thread-safe: verify and check_key may be called by several threads at once, on disjoint outcome spans, beside one
// thread that calls learn and forget.
class Verifier {
 public:
  virtual ~Verifier() = default;

  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  // How many signatures a thread's share of a large batch should have at most: large against handing it over (1 µs), small
  // enough to balance cores. 32 are 1.4 ms of libsodium.
  [[nodiscard]] virtual std::uint32_t part_size() const noexcept { return 32; }

  // The registration rule. About 0.07 ms; not for the hot path.
  [[nodiscard]] virtual bool check_key(const Bytes32& public_key) const = 0;

  // The same for many: passes[i] is 1 if keys[i] (32 bytes) passes, else 0. The spans have the same length. A backend with
  // several keys side by side needs about 3 µs a key.
  virtual void check_keys(std::span<const std::uint8_t* const> keys, std::span<std::uint8_t> passes) const;

  // The verification rule: items[i] to outcomes[i]; the spans have the same length. Under a key that check_key refuses
  // the verdict is unspecified (and memory stays safe).
  virtual void verify(std::span<const VerifyItem> items, std::span<VerifyOutcome> outcomes) const = 0;
  virtual void verify_raw(std::span<const RawVerifyItem> items, std::span<VerifyOutcome> outcomes) const = 0;

  // Items with this number (1 … keys_max of the options, else nothing happens) will be of this key, which passed
  // check_key. Returns at once. A number that was learned stays with its key, also after forget.
  virtual void learn(std::uint32_t key_number, const Bytes32& public_key);
  // No more such items are expected; they would be verified on the general path. Frees the table when no verification
  // that may read it is under way. Returns at once.
  virtual void forget(std::uint32_t key_number);
  // Waits until every learned key has its table, or never will. For benchmarks, tests and tools.
  virtual void settle();
  [[nodiscard]] virtual TableStatus tables() const;
};

struct VerifierOptions {
  std::string backend = "auto";                             // or a name of backend_names()
  std::uint32_t keys_max = 0;                               // highest key number; 0: no tables
  std::size_t table_memory_bytes = std::size_t{512} << 20;  // at most, for all tables together
  std::uint32_t table_kib =
      0;  // a table's size: 64, 32, 16, 4, 2 or 1; 0: the largest that all learned keys have room for
  // Called by the thread that makes tables, at most once a second while there is work, and when there is none left.
  std::function<void(const TableStatus&)> on_tables = {};
};

// The backends that this machine can run, fastest first.
[[nodiscard]] std::vector<std::string_view> backend_names();

// The backend of this name, or the fastest one that this machine has for "auto". A backend tests itself before it is
// given out (self_check.h), so the error is an unknown name or one that needs another processor (the text lists what there
// is), a size of tables that there is not, or a backend that does not follow the rule.
[[nodiscard]] std::expected<std::unique_ptr<Verifier>, std::string> make_verifier(const VerifierOptions& options);
[[nodiscard]] inline std::expected<std::unique_ptr<Verifier>, std::string> make_verifier(std::string_view backend) {
  return make_verifier(VerifierOptions{.backend = std::string(backend)});
}

}  // namespace electra::crypto
