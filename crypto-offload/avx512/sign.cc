// Calls no inline function of a shared header, because the linker could keep this file's copy of it for everyone.
#include "crypto-offload/avx512/sign.h"

#include "crypto-offload/avx512/scalar.h"
#include "crypto-offload/avx512/sha512.h"
#include "crypto-offload/avx512/sign_comb.h"

namespace electra::crypto::avx512 {
namespace {

static_assert(kSignTableWords == kSignTables * kSignTableStep);

constexpr std::size_t kGroupsMax = kSignItemsMax / kLanes;
constexpr std::size_t kHashedTogether = 2 * kLanes;  // sha512_lanes interleaves two groups

// What is kept of a group between its two hashes. Z is as secret as the nonce: how R was reached tells of it.
struct Group {
  LaneWords<4> nonce;
  Field sum, difference, double_z;  // of R
  Field product_before;             // the double_z of all groups before this one, multiplied
};

struct Secrets {
  Group groups[kGroupsMax];
  LaneWords<8> digests[2];
  LaneWords<4> hashes[2];  // digests modulo L
  LaneWords<4> scalars;
};

// What lanes without a message sign with. Their nonce and hash are the initial state of SHA-512, which everybody knows: with
// a real scalar their S would tell it.
alignas(32) constexpr std::uint8_t kNoScalar[32] = {};

// How many of the items are in the group that begins with `first`.
[[gnu::always_inline]] inline std::size_t group_size(std::size_t count, std::size_t first) {
  return count - first < kLanes ? count - first : kLanes;
}

// Secrets go through vector registers only, here too: no general register ever holds one.
[[gnu::always_inline]] inline Words load(const LaneWords<4>& from) {
  return {{load(from.word[0]), load(from.word[1]), load(from.word[2]), load(from.word[3])}};
}
[[gnu::always_inline]] inline void store(LaneWords<4>* to, const Words& words) {
  for (int k = 0; k < 4; ++k) store(to->word[k], words.word[k]);
}

// Half a signature of each item of a group: byte 0 or 32 on.
[[gnu::always_inline]] inline void store_halves(std::uint8_t (*signatures)[64], std::size_t size, int offset,
                                                const Words& words) {
  std::uint8_t nowhere[32];
  std::uint8_t* to[kLanes];
  for (std::size_t i = 0; i < kLanes; ++i) to[i] = i < size ? signatures[i] + offset : nowhere;
  store_words(to, words);
}

// SHA-512(prefix ‖ message) modulo L of 1 to 16 items, or SHA-512(R ‖ A ‖ message) where there are signatures with R.
void hash(const SignLaneItem* items, const std::uint8_t (*signatures)[64], std::size_t count, Secrets& secrets) {
  Sha512Item hashed[kHashedTogether];
  for (std::size_t i = 0; i < count; ++i) {
    const SignLaneItem& item = items[i];
    hashed[i] = {.r = signatures == nullptr ? item.prefix : signatures[i],
                 .key = signatures == nullptr ? nullptr : item.public_key,
                 .tag = item.tag,
                 .sequence = item.sequence,
                 .payload = item.payload,
                 .payload_bytes = item.payload_bytes};
  }
  sha512_lanes(hashed, count, secrets.digests);
  for (std::size_t g = 0; g * kLanes < count; ++g) reduce(secrets.digests[g], &secrets.hashes[g]);
}

// r and R, not yet affine. Gives all double_z multiplied.
Field commit(const std::uint64_t* table, const SignLaneItem* items, std::size_t count, Secrets& secrets) {
  Field product = one();
  for (std::size_t first = 0; first < count; first += kLanes) {
    if (first % kHashedTogether == 0) {
      const std::size_t left = count - first;
      hash(items + first, nullptr, left < kHashedTogether ? left : kHashedTogether, secrets);
    }
    Group& group = secrets.groups[first / kLanes];
    group.nonce = secrets.hashes[first / kLanes % 2];
    sign_bits(group.nonce, &secrets.scalars);
    const Point point = multiply_base(table, load(secrets.scalars));
    group.sum = point.sum;
    group.difference = point.difference;
    group.double_z = point.double_z;
    group.product_before = product;
    product = multiply(product, point.double_z);
  }
  return product;
}

// The first half of the signatures: R, encoded.
void write_commitments(Field inverse, std::size_t count, std::uint8_t (*signatures)[64], const Secrets& secrets) {
  for (std::size_t g = (count + kLanes - 1) / kLanes; g-- > 0;) {
    const Group& group = secrets.groups[g];
    const Words words =
        encode({group.sum, group.difference, group.double_z, group.double_z}, multiply(inverse, group.product_before));
    inverse = multiply(inverse, group.double_z);
    store_halves(signatures + kLanes * g, group_size(count, kLanes * g), 0, words);
  }
}

// The second half: S = r + h · a mod L.
void write_responses(const SignLaneItem* items, std::size_t count, std::uint8_t (*signatures)[64], Secrets& secrets) {
  for (std::size_t first = 0; first < count; first += kLanes) {
    if (first % kHashedTogether == 0) {
      const std::size_t left = count - first;
      hash(items + first, signatures + first, left < kHashedTogether ? left : kHashedTogether, secrets);
    }
    const std::size_t size = group_size(count, first);
    const std::uint8_t* keys[kLanes];
    for (std::size_t i = 0; i < kLanes; ++i) keys[i] = i < size ? items[first + i].scalar : kNoScalar;
    store(&secrets.scalars, load_words(keys));
    multiply_add(secrets.hashes[first / kLanes % 2], secrets.scalars, secrets.groups[first / kLanes].nonce,
                 &secrets.scalars);
    store_halves(signatures + first, size, 32, load(secrets.scalars));
  }
}

// A frame of its own, which wipe_stack covers afterwards.
[[gnu::noinline]] void sign(const std::uint64_t* table, const SignLaneItem* items, std::size_t count,
                            std::uint8_t (*signatures)[64], Secrets& secrets) {
  write_commitments(invert(commit(table, items, count, secrets)), count, signatures, secrets);
  write_responses(items, count, signatures, secrets);
}

// Whole cache lines, which the compiler may neither leave out nor turn into a call: a first call is bound by the dynamic
// linker, which would save the registers, secrets and all, below everything that is wiped here.
[[gnu::always_inline]] inline void wipe(void* memory, std::size_t bytes) {
  auto* const begin = static_cast<std::uint8_t*>(memory);
  for (std::size_t at = 0; at < bytes; at += sizeof(Lanes)) {
    _mm512_store_si512(begin + at, _mm512_setzero_si512());
    asm volatile("" : : "r"(begin) : "memory");
  }
}

[[gnu::noinline]] void wipe_stack() {
  alignas(64) std::uint8_t frames[kSignStackBytesMax];
  wipe(frames, sizeof frames);
}

}  // namespace

void make_sign_table(std::uint64_t* table) noexcept { make_sign_tables(table); }

// Leaves no secret in a register either.
[[gnu::zero_call_used_regs("all")]] void sign_lanes(const std::uint64_t* table, const SignLaneItem* items,
                                                    std::size_t count, std::uint8_t (*signatures)[64]) noexcept {
  Secrets secrets;
  sign(table, items, count, signatures, secrets);
  wipe_stack();
  static_assert(alignof(Secrets) == 64 && sizeof(Group) % 64 == 0 && sizeof(Secrets) % 64 == 0);
  wipe(secrets.groups, (count + kLanes - 1) / kLanes * sizeof(Group));
  wipe(&secrets.digests, sizeof secrets - sizeof secrets.groups);
}

}  // namespace electra::crypto::avx512
