// SHA-512 (FIPS 180-4) of several messages side by side, one in each 64-bit lane of a vector, whatever the vector is: the
// constants and the compression function.
//
// A backend gives a type V with the vector's primitives, all [[gnu::always_inline]]: Word, add, all (the same number in all
// lanes), rotate<bits>, shift<bits> (both right), xor3, choose, majority, and in_order, which keeps a compiler from choosing
// another order for the additions around it. Everything has internal linkage, as it is compiled for instructions that not
// every machine has.
#pragma once

#include <cstdint>
#include <utility>

namespace electra::crypto {
namespace {

// FIPS 180-4, 4.2.3: the first 64 bits of the fractional parts of the cube roots of the first 80 primes.
alignas(64) constexpr std::uint64_t kSha512RoundConstants[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc, 0x3956c25bf348b538,
    0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118, 0xd807aa98a3030242, 0x12835b0145706fbe,
    0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2, 0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235,
    0xc19bf174cf692694, 0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5, 0x983e5152ee66dfab,
    0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4, 0xc6e00bf33da88fc2, 0xd5a79147930aa725,
    0x06ca6351e003826f, 0x142929670a0e6e70, 0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed,
    0x53380d139d95b3df, 0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30, 0xd192e819d6ef5218,
    0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8, 0x19a4c116b8d2d0c8, 0x1e376c085141ab53,
    0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8, 0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373,
    0x682e6ff3d6b2b8a3, 0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b, 0xca273eceea26619c,
    0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178, 0x06f067aa72176fba, 0x0a637dc5a2c898a6,
    0x113f9804bef90dae, 0x1b710b35131c471b, 0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc,
    0x431d67c49c100d4c, 0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817};

// FIPS 180-4, 5.3.5.
constexpr std::uint64_t kSha512Initial[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                             0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                             0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

// The compression function over kSets vectors, interleaved. kAlone: one vector that waits for its own results more than for
// the execution units; its additions then go by the longest path, which costs one more.
template <typename V, int kSets, bool kAlone>
struct Sha512Rounds {
  using Word = typename V::Word;
  static constexpr auto kEachSet = std::make_integer_sequence<int, kSets>();
  static constexpr auto kSixteen = std::make_integer_sequence<int, 16>();

  // Round t of FIPS 180-4, 6.4.2, step 3, where t mod 8 is kT: instead of moving the eight variables, their names move.
  template <int kT>
  [[gnu::always_inline]] static void round(Word* s, Word scheduled) noexcept {
    const Word a = s[(8 - kT) & 7], b = s[(9 - kT) & 7], c = s[(10 - kT) & 7], d = s[(11 - kT) & 7];
    const Word e = s[(12 - kT) & 7], f = s[(13 - kT) & 7], g = s[(14 - kT) & 7], h = s[(15 - kT) & 7];
    const Word sigma1 = V::xor3(V::template rotate<14>(e), V::template rotate<18>(e), V::template rotate<41>(e));
    const Word sigma0 = V::xor3(V::template rotate<28>(a), V::template rotate<34>(a), V::template rotate<39>(a));
    const Word known = V::add(h, scheduled), chosen = V::choose(e, f, g), major = V::majority(a, b, c);
    if constexpr (kAlone) {
      // A round takes as long as the path from e to e and from a to a: rotate, xor, one addition.
      s[(11 - kT) & 7] = V::add(V::in_order(V::add(V::in_order(V::add(d, known)), chosen)), sigma1);
      const Word t1 = V::in_order(V::add(V::in_order(V::add(known, chosen)), sigma1));
      s[(15 - kT) & 7] = V::add(V::in_order(V::add(t1, major)), sigma0);
    } else {
      // It takes as long as its instructions.
      const Word t1 = V::add(V::add(known, chosen), sigma1);
      s[(11 - kT) & 7] = V::add(d, t1);
      s[(15 - kT) & 7] = V::add(V::add(major, sigma0), t1);
    }
  }

  // W[t + 16] from W[t..t+16), for t mod 16 = kT, in the place of W[t].
  template <int kT>
  [[gnu::always_inline]] static void extend(Word* w) noexcept {
    const Word w1 = w[(kT + 1) & 15], w14 = w[(kT + 14) & 15];
    const Word sigma0 = V::xor3(V::template rotate<1>(w1), V::template rotate<8>(w1), V::template shift<7>(w1));
    const Word sigma1 = V::xor3(V::template rotate<19>(w14), V::template rotate<61>(w14), V::template shift<6>(w14));
    w[kT] = V::add(V::add(w[kT], sigma0), V::add(w[(kT + 9) & 15], sigma1));
  }

  template <bool kExtend, int... kT>
  [[gnu::always_inline]] static void sixteen_rounds(Word (*s)[8], Word (*w)[16], const std::uint64_t* constants,
                                                    std::integer_sequence<int, kT...>) noexcept {
    const auto step = [&]<int kAt, int... kSet>(std::integer_sequence<int, kSet...>) __attribute__((always_inline)) {
      (round<kAt>(s[kSet], V::add(w[kSet][kAt], V::all(constants[kAt]))), ...);
      if constexpr (kExtend) (extend<kAt>(w[kSet]), ...);
    };
    (step.template operator()<kT>(kEachSet), ...);
  }

  [[gnu::always_inline]] static void compress(Word (*s)[8], Word (*w)[16]) noexcept {
    for (int t = 0; t < 64; t += 16) sixteen_rounds<true>(s, w, kSha512RoundConstants + t, kSixteen);
    sixteen_rounds<false>(s, w, kSha512RoundConstants + 64, kSixteen);
  }
};

}  // namespace
}  // namespace electra::crypto
