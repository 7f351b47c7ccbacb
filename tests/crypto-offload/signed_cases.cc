#include "tests/crypto-offload/signed_cases.h"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "meter-proto/base/assert.h"
#include "meter-proto/signing.h"
#include "tests/crypto-offload/reference_ed25519.h"

namespace electra::crypto {
namespace {

using reference::Integer;
using reference::integer;
using reference::power_of_two;

constexpr std::size_t kRBytes = 32;
constexpr std::uint64_t kOrderMultiples = 15;  // S + 15 L still fits 32 bytes

// SHA-512(R ‖ A ‖ signing bytes), from the parts.
Bytes64 hash_of(ByteSpan r, const Case& c) {
  std::array<std::uint8_t, sizeof(std::uint64_t)> sequence;
  store_le64(sequence.data(), c.sequence);
  crypto_hash_sha512_state state;
  Bytes64 hash;
  crypto_hash_sha512_init(&state);
  crypto_hash_sha512_update(&state, r.data(), kRBytes);
  crypto_hash_sha512_update(&state, c.key.data(), c.key.size());
  crypto_hash_sha512_update(&state, c.tag.data(), c.tag.size());
  crypto_hash_sha512_update(&state, sequence.data(), sequence.size());
  crypto_hash_sha512_update(&state, c.payload.data(), c.payload.size());
  crypto_hash_sha512_final(&state, hash.data());
  return hash;
}

// ---- scalars modulo L

Bytes32 reduced(const Bytes64& wide) {
  Bytes32 out;
  crypto_core_ed25519_scalar_reduce(out.data(), wide.data());
  return out;
}
Bytes32 sum_of(const Bytes32& a, const Bytes32& b) {
  Bytes32 out;
  crypto_core_ed25519_scalar_add(out.data(), a.data(), b.data());
  return out;
}
Bytes32 product_of(const Bytes32& a, const Bytes32& b) {
  Bytes32 out;
  crypto_core_ed25519_scalar_mul(out.data(), a.data(), b.data());
  return out;
}
Bytes32 negative_of(const Bytes32& a) {
  Bytes32 out;
  crypto_core_ed25519_scalar_negate(out.data(), a.data());
  return out;
}
// ± 2^k mod L; the lowest bit of the choice is the sign, k the rest modulo 253.
Bytes32 signed_power_of_two(std::uint64_t choice) {
  const std::uint64_t k = choice / 2 % 253;
  Bytes64 wide{};
  wide[k / 8] = static_cast<std::uint8_t>(1U << (k % 8));
  const Bytes32 power = reduced(wide);
  return choice % 2 == 0 ? power : negative_of(power);
}

Bytes32 base_multiple(const Bytes32& scalar) {
  Bytes32 out;
  const int made = crypto_scalarmult_ed25519_base_noclamp(out.data(), scalar.data());
  ELECTRA_ASSERT_EQ(made, 0);
  return out;
}

Bytes32 random_scalar(Numbers& numbers) {
  Bytes64 wide;
  numbers.fill(wide);
  return reduced(wide);
}

// Scalars below L at which partial sums of a comb meet the base point, each other or the identity.
std::vector<Bytes32> delicate_scalars() {
  const Integer order = reference::group_order();
  std::vector<Bytes32> out;
  for (const Integer& value :
       {integer(1), integer(2), integer(8), sub(order, integer(1)), sub(order, integer(2)), power_of_two(251),
        power_of_two(128), sub(power_of_two(252), integer(1)), power_of_two(252), power_of_two(64)}) {
    out.push_back(reference::store(value));
  }
  return out;
}

// Every S that is interesting by its size or by its bits, below L and above.
const std::vector<Bytes32>& boundary_scalars() {
  static const std::vector<Bytes32> list = [] {
    const Integer order = reference::group_order();
    std::vector<Bytes32> out;
    for (std::uint64_t k = 0; k < 256; ++k) {
      out.push_back(reference::store(power_of_two(k)));
      out.push_back(reference::store(sub(power_of_two(k), integer(1))));
    }
    out.push_back(reference::store(sub(integer(0), integer(1))));  // 2^256 − 1
    for (std::uint64_t off = 0; off < 4; ++off) {
      out.push_back(reference::store(sub(order, integer(off))));
      out.push_back(reference::store(reference::add(order, integer(off))));
    }
    return out;
  }();
  return list;
}

void put(std::vector<std::uint8_t>& signature, std::size_t at, const Bytes32& value) {
  std::ranges::copy(value, signature.begin() + static_cast<std::ptrdiff_t>(at));
}
void put_s(Case& c, const Bytes32& s) { put(c.signature, kRBytes, s); }
Bytes32 s_of(const Case& c) { return *array_of<32>(ByteSpan(c.signature).subspan(kRBytes)); }

// R as given; S = r + h·a with the h that R and the case's message have.
void sign(Case& c, const Bytes32& r_point, const Bytes32& nonce, const Bytes32& secret) {
  c.signature.resize(64);
  put(c.signature, 0, r_point);
  put_s(c, sum_of(nonce, product_of(reduced(hash_of(r_point, c)), secret)));
}

Bytes32 id_from(const Case& c) {
  if (c.signature.size() != 64) return {};
  const Bytes64 hash = hash_of(c.signature, c);
  return *array_of<32>(ByteSpan(hash).first(32));
}

constexpr std::array<std::string_view, kDamages> kWhat = {"good",
                                                          "bit of the signature flipped",
                                                          "bit of the message flipped",
                                                          "S + kL",
                                                          "S at a boundary",
                                                          "L - S",
                                                          "S off by 2^k",
                                                          "h off by 2^k",
                                                          "-R, hashed",
                                                          "R + torsion",
                                                          "R of small order",
                                                          "R not canonical",
                                                          "S and R of another message",
                                                          "signed by another key",
                                                          "arbitrary bytes",
                                                          "not 64 bytes"};

}  // namespace

std::uint64_t Numbers::next() {
  state_ += 0x9e3779b97f4a7c15;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

void Numbers::fill(MutableByteSpan out) {
  for (std::size_t at = 0; at < out.size(); at += sizeof(std::uint64_t)) {
    const std::uint64_t number = next();
    std::memcpy(out.data() + at, &number, std::min(sizeof number, out.size() - at));
  }
}

const std::array<Bytes32, 8>& torsion_points() {
  static const std::array<Bytes32, 8> points = [] {
    std::array<Bytes32, 8> out;
    std::ranges::transform(reference::torsion(), out.begin(), reference::encode);
    return out;
  }();
  return points;
}

const std::vector<Bytes32>& small_order_strings() {
  static const std::vector<Bytes32> strings = reference::small_order_encodings();
  return strings;
}

VerifyItem Case::item() const {
  return {.public_key = key.data(),
          .key_number = key_number,
          .signature = signature,
          .tag = &tag,
          .sequence = sequence,
          .payload = payload};
}

std::vector<std::uint8_t> Case::message() const {
  std::vector<std::uint8_t> out(proto::kSigningPrefixBytes + payload.size());
  proto::signing_bytes(tag, sequence, payload, out);
  return out;
}

bool libsodium_accepts(const Case& c) {
  const std::vector<std::uint8_t> message = c.message();
  return c.signature.size() == 64 &&
         crypto_sign_verify_detached(c.signature.data(), message.data(), message.size(), c.key.data()) == 0;
}

// In one piece, unlike id_from, which may be wrong about what the parts are.
Bytes32 libsodium_id(const Case& c) {
  if (c.signature.size() != 64) return {};
  std::vector<std::uint8_t> hashed(c.signature.begin(), c.signature.begin() + kRBytes);
  const std::vector<std::uint8_t> message = c.message();
  hashed.insert(hashed.end(), c.key.begin(), c.key.end());
  hashed.insert(hashed.end(), message.begin(), message.end());
  Bytes64 hash;
  crypto_hash_sha512(hash.data(), hashed.data(), hashed.size());
  return *array_of<32>(ByteSpan(hash).first(32));
}

void judge(Case& c) {
  c.valid = libsodium_accepts(c);
  c.message_id = libsodium_id(c);
}

std::string text_of(const Case& c) {
  return std::string(c.what) + ", to be " + (c.valid ? "accepted" : "refused") +  //
         "\n  key       " + to_hex(c.key) + " (number " + std::to_string(c.key_number) + ")" + "\n  signature " +
         to_hex(c.signature) +  //
         "\n  message   " + to_hex(c.message()) + "\n";
}

Forge::Forge(std::size_t signers, std::size_t nonces, std::uint64_t seed) {
  ELECTRA_ASSERT(signers >= 2 && nonces >= 1);
  Numbers numbers(seed);
  const std::vector<Bytes32> delicate = delicate_scalars();
  const auto fill = [&](std::size_t count, std::vector<Pair>& out) {
    for (std::size_t i = 0; i < count; ++i) {
      const Bytes32 scalar = i < delicate.size() ? delicate[i] : random_scalar(numbers);
      out.push_back({scalar, base_multiple(scalar)});
    }
  };
  fill(signers, signers_);
  fill(nonces, nonces_);
  for (const Pair& signer : signers_) keys_.push_back(signer.point);
}

void Forge::renew_nonce(std::size_t nonce, std::uint64_t seed) {
  Numbers numbers(seed);
  const Bytes32 scalar = random_scalar(numbers);
  nonces_[nonce % nonces_.size()] = {scalar, base_multiple(scalar)};
}

Case Forge::make(const Order& order) const {
  const std::size_t signer = order.signer % signers_.size();
  const Pair& nonce = nonces_[order.nonce % nonces_.size()];
  Case c;
  c.what = kWhat[static_cast<std::size_t>(order.damage)];
  c.key = keys_[signer];
  c.key_number = static_cast<std::uint32_t>(signer + 1);
  c.tag = {'t', 'e', 's', 't'};
  c.sequence = order.sequence;
  c.payload.assign(order.payload.begin(), order.payload.end());
  sign(c, nonce.point, nonce.scalar, signers_[signer].scalar);
  if (order.damage != Damage::none) damage(order, c);
  c.valid = order.damage == Damage::none;
  c.message_id = id_from(c);
  return c;
}

Case Forge::make_for_stale_table(const Order& order, std::size_t stale) const {
  Case c = make(order);
  const Pair& nonce = nonces_[order.nonce % nonces_.size()];
  sign(c, nonce.point, nonce.scalar, signers_[stale % signers_.size()].scalar);
  c.what = "good under the table of another key";
  c.valid = false;
  c.message_id = id_from(c);
  return c;
}

void Forge::damage(const Order& order, Case& c) const {
  const std::uint64_t choice = order.choice;
  const Bytes32& secret = signers_[order.signer % signers_.size()].scalar;
  const Pair& nonce = nonces_[order.nonce % nonces_.size()];
  switch (order.damage) {
    case Damage::none: break;
    case Damage::signature_bit:
      c.signature[choice / 8 % 64] = static_cast<std::uint8_t>(c.signature[choice / 8 % 64] ^ 1U << (choice % 8));
      break;
    case Damage::message_bit: {
      const std::size_t bit = choice % (8 * (proto::kSigningPrefixBytes + c.payload.size()));
      const auto mask = static_cast<std::uint8_t>(1U << (bit % 8));
      if (bit < 128) {
        c.tag[bit / 8] ^= mask;
      } else if (bit < 192) {
        c.sequence ^= std::uint64_t{1} << (bit - 128);
      } else {
        c.payload[bit / 8 - proto::kSigningPrefixBytes] ^= mask;
      }
      break;
    }
    case Damage::s_plus_order: {
      Integer s = reference::load(s_of(c));
      for (std::uint64_t k = 0; k <= choice % kOrderMultiples; ++k) s = reference::add(s, reference::group_order());
      put_s(c, reference::store(s));
      break;
    }
    case Damage::s_boundary: put_s(c, boundary_scalars()[choice % boundary_scalars().size()]); break;
    case Damage::s_negated:  put_s(c, negative_of(s_of(c))); break;
    case Damage::s_near:     put_s(c, sum_of(s_of(c), signed_power_of_two(choice))); break;
    case Damage::h_near:     put_s(c, sum_of(s_of(c), product_of(signed_power_of_two(choice), secret))); break;
    case Damage::r_negated:  {
      Bytes32 r = nonce.point;
      r[31] ^= 0x80;
      sign(c, r, nonce.scalar, secret);
      break;
    }
    case Damage::r_plus_torsion: {
      Bytes32 r;
      const int added = crypto_core_ed25519_add(r.data(), nonce.point.data(), torsion_points()[1 + choice % 7].data());
      ELECTRA_ASSERT_EQ(added, 0);
      sign(c, r, nonce.scalar, secret);
      break;
    }
    case Damage::r_small_order: {
      const std::vector<Bytes32>& strings = small_order_strings();
      const std::uint64_t way = choice / strings.size() % 3;
      sign(c, strings[choice % strings.size()], way == 2 ? nonce.scalar : Bytes32{}, secret);
      if (way == 1) put_s(c, Bytes32{});
      break;
    }
    case Damage::r_not_canonical: {
      Bytes32 r = reference::store(reference::add(reference::prime(), integer(choice / 2 % 19)));
      r[31] = static_cast<std::uint8_t>((r[31] & 0x7f) | (choice % 2) << 7);
      sign(c, r, nonce.scalar, secret);
      break;
    }
    case Damage::another_message: {
      Case other = c;
      ++other.sequence;
      sign(other, nonce.point, nonce.scalar, secret);
      c.signature = other.signature;
      break;
    }
    case Damage::another_key: {
      // An even choice hashes the key that the case names: good if that key's table held the other's multiples.
      const Pair& signer = signers_[(order.signer + 1 + choice / 2 % (signers_.size() - 1)) % signers_.size()];
      Case other = c;
      if (choice % 2 == 1) other.key = signer.point;
      sign(other, nonce.point, nonce.scalar, signer.scalar);
      c.signature = other.signature;
      break;
    }
    case Damage::arbitrary: {
      Numbers numbers(choice);
      if (choice % 4 == 0) {
        std::ranges::fill(c.signature, choice % 8 == 0 ? 0x00 : 0xff);
      } else {
        numbers.fill(c.signature);
        if (choice % 4 == 1) c.signature[63] &= 0x0f;  // S is then below L
      }
      break;
    }
    case Damage::other_length: {
      const std::size_t bytes = choice % 130;  // 0 … 130 but for 64
      c.signature.resize(bytes < 64 ? bytes : bytes + 1, 0x5a);
      break;
    }
  }
}

}  // namespace electra::crypto
