#include "meter-proto/base/sha256_compress.h"

#include <bit>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace electra {
namespace {

std::uint32_t load_be32(const std::uint8_t* from) noexcept {
  return static_cast<std::uint32_t>(from[0]) << 24 | static_cast<std::uint32_t>(from[1]) << 16 |
         static_cast<std::uint32_t>(from[2]) << 8 | from[3];
}

std::uint32_t small_sigma0(std::uint32_t x) noexcept { return std::rotr(x, 7) ^ std::rotr(x, 18) ^ (x >> 3); }
std::uint32_t small_sigma1(std::uint32_t x) noexcept { return std::rotr(x, 17) ^ std::rotr(x, 19) ^ (x >> 10); }
std::uint32_t big_sigma0(std::uint32_t x) noexcept { return std::rotr(x, 2) ^ std::rotr(x, 13) ^ std::rotr(x, 22); }
std::uint32_t big_sigma1(std::uint32_t x) noexcept { return std::rotr(x, 6) ^ std::rotr(x, 11) ^ std::rotr(x, 25); }

// Step 3 of 6.2.2. Instead of moving the eight variables along, the caller moves their names.
[[gnu::always_inline]] inline void round(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t& d,
                                         std::uint32_t e, std::uint32_t f, std::uint32_t g, std::uint32_t& h,
                                         std::uint32_t scheduled) noexcept {
  const std::uint32_t t1 = h + big_sigma1(e) + (g ^ (e & (f ^ g))) + scheduled;
  d += t1;
  h = t1 + big_sigma0(a) + ((a & b) | (c & (a | b)));
}

}  // namespace

void sha256_rounds_portable(std::uint32_t* state, const std::uint32_t* scheduled) noexcept {
  std::uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  std::uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
  for (int t = 0; t < 64; t += 8) {
    round(a, b, c, d, e, f, g, h, scheduled[t]);
    round(h, a, b, c, d, e, f, g, scheduled[t + 1]);
    round(g, h, a, b, c, d, e, f, scheduled[t + 2]);
    round(f, g, h, a, b, c, d, e, scheduled[t + 3]);
    round(e, f, g, h, a, b, c, d, scheduled[t + 4]);
    round(d, e, f, g, h, a, b, c, scheduled[t + 5]);
    round(c, d, e, f, g, h, a, b, scheduled[t + 6]);
    round(b, c, d, e, f, g, h, a, scheduled[t + 7]);
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

void sha256_compress_portable(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count) noexcept {
  for (; count > 0; --count, blocks += 64) {
    std::uint32_t w[64];
    for (int t = 0; t < 16; ++t) w[t] = load_be32(blocks + 4 * t);
    for (int t = 16; t < 64; ++t) w[t] = small_sigma1(w[t - 2]) + w[t - 7] + small_sigma0(w[t - 15]) + w[t - 16];
    for (int t = 0; t < 64; ++t) w[t] += kSha256RoundConstants[t];
    sha256_rounds_portable(state, w);
  }
}

#if defined(__x86_64__)
bool cpu_has_sha_ni() noexcept {
  static const bool found = [] {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
    return (ebx & bit_SHA) != 0 && __builtin_cpu_supports("sse4.1");
  }();
  return found;
}

Sha256Compress* sha256_compress() noexcept {
  return cpu_has_sha_ni() ? &sha256_compress_sha_ni : &sha256_compress_portable;
}
#else
Sha256Compress* sha256_compress() noexcept { return &sha256_compress_portable; }
#endif

}  // namespace electra
