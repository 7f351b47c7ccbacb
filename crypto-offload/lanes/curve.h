// The constants of edwards25519 that the formulas need, as every backend takes them: elements as limbs of 51 bits, least
// significant first, which is also how they lie in a table (tables/table_format.h).
#pragma once

#include <cstdint>

namespace electra::crypto {

inline constexpr int kLimbs = 5;
inline constexpr int kLimbBits = 51;
inline constexpr std::uint64_t kLimbMask = (std::uint64_t{1} << kLimbBits) - 1;

// The curve's d = −121665/121666 (RFC 8032, 5.1), its multiples that the formulas use, and 2^((p−1)/4), a root of −1.
inline constexpr std::uint64_t kD[kLimbs] = {0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb,
                                             0x52036cee2b6ff};
inline constexpr std::uint64_t kTwoD[kLimbs] = {0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977,
                                                0x2406d9dc56dff};
inline constexpr std::uint64_t kFourD[kLimbs] = {0x537284d65e2b2, 0x6a0a0ec55baf5, 0x79e89800700a4, 0x4e7198e80f2ee,
                                                 0x480db3b8adbff};
inline constexpr std::uint64_t kRootOfMinusOne[kLimbs] = {0x61b274a0ea0b0, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60,
                                                          0x78595a6804c9e, 0x2b8324804fc1d};

// L = 2^252 + 27742317777372353535851937790883648493, the order of the base point and of every registered key, in words of
// 64 bits.
inline constexpr std::uint64_t kOrder[4] = {0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0, 0x1000000000000000};

}  // namespace electra::crypto
