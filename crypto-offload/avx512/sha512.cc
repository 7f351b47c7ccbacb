// SHA-512 in 64-bit lanes: rotation and three-way logic are one instruction each, and a masked load reads the end of a
// message without touching what lies behind it. Compiled for AVX-512 F and BW: calls no inline function of a shared
// header, because the linker could keep this file's copy of it for everyone.
#include "crypto-offload/avx512/sha512.h"

#include <immintrin.h>

#include "crypto-offload/avx512/transpose.h"
#include "crypto-offload/lanes/sha512_rounds.h"

namespace electra::crypto::avx512 {
namespace {

using Word = __m512i;

constexpr int kLanes = 8;
constexpr std::size_t kBlockBytes = 128;
constexpr std::size_t kHalfBytes = 64;        // of a block: one register
constexpr std::size_t kPaddingBytesMin = 17;  // a bit, and 16 bytes of length

[[gnu::always_inline]] inline Word all(std::uint64_t x) noexcept {
  return _mm512_set1_epi64(static_cast<long long>(x));
}

// What lanes/sha512_rounds.h computes with. The last argument of ternarylogic is the truth table.
struct Vector {
  using Word = __m512i;

  template <int kBits>
  [[gnu::always_inline]] static Word rotate(Word x) noexcept {
    return _mm512_ror_epi64(x, kBits);
  }
  template <int kBits>
  [[gnu::always_inline]] static Word shift(Word x) noexcept {
    return _mm512_srli_epi64(x, kBits);
  }
  [[gnu::always_inline]] static Word add(Word x, Word y) noexcept { return _mm512_add_epi64(x, y); }
  [[gnu::always_inline]] static Word all(std::uint64_t x) noexcept { return avx512::all(x); }
  [[gnu::always_inline]] static Word xor3(Word x, Word y, Word z) noexcept {
    return _mm512_ternarylogic_epi64(x, y, z, 0x96);
  }
  [[gnu::always_inline]] static Word choose(Word x, Word y, Word z) noexcept {
    return _mm512_ternarylogic_epi64(x, y, z, 0xca);
  }
  [[gnu::always_inline]] static Word majority(Word x, Word y, Word z) noexcept {
    return _mm512_ternarylogic_epi64(x, y, z, 0xe8);
  }
  [[gnu::always_inline]] static Word in_order(Word x) noexcept {
    asm("" : "+v"(x));
    return x;
  }
};

[[gnu::always_inline]] inline Word swap_bytes(Word words) noexcept {
  const __m128i order = _mm_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8);
  return _mm512_shuffle_epi8(words, _mm512_broadcast_i32x4(order));
}

// The lowest n bits, 0 ≤ n ≤ 64.
[[gnu::always_inline]] inline __mmask64 lowest(std::int64_t n) noexcept {
  return n >= 64 ? ~__mmask64{0} : (__mmask64{1} << n) - 1;
}

// What a masked load is pointed at when its mask is empty: a fault that a mask suppresses costs hundreds of cycles.
alignas(64) constexpr std::uint8_t kNothing[kHalfBytes] = {};

// One message as a stream of halves of blocks.
struct Stream {
  // Byte i of the message, from the payload on, is at begin + i.
  std::uintptr_t begin = 0;
  std::int64_t bytes = -1;  // of the message; −1 of a lane without one, which has no padding either
  const Sha512Item* item = nullptr;
};

[[gnu::always_inline]] inline Stream stream_of(const Sha512Item& item) noexcept {
  const unsigned head = (item.r == nullptr ? 0 : 32) + (item.key == nullptr ? 0 : 32) + (item.tag == nullptr ? 0 : 24);
  return {.begin = reinterpret_cast<std::uintptr_t>(item.payload) - head,
          .bytes = std::int64_t{head} + item.payload_bytes,
          .item = &item};
}

// Bytes [offset, offset + 64) of payload and padding; zeros in the lowest `skipped` bytes and where the length goes.
[[gnu::always_inline]] inline Word half_of(const Stream& stream, std::int64_t offset, int skipped) noexcept {
  const std::int64_t left = stream.bytes - offset;
  const __mmask64 taken = left > 0 ? lowest(left) & ~lowest(skipped) : 0;
  const __mmask64 end = left >= 0 && left < 64 ? __mmask64{1} << left : 0;
  const std::uintptr_t at = stream.begin + static_cast<std::uintptr_t>(offset);
  const Word bytes = _mm512_maskz_loadu_epi8(taken, taken == 0 ? kNothing : reinterpret_cast<const void*>(at));
  return _mm512_mask_blend_epi8(end, bytes, _mm512_set1_epi8(static_cast<char>(0x80)));
}

// tag ‖ sequence in the lowest 24 bytes, zeros in the others.
[[gnu::always_inline]] inline Word tag_and_sequence(const Sha512Item& item) noexcept {
  const __m128i tag = _mm_loadu_si128(reinterpret_cast<const __m128i*>(item.tag));
  const __m128i sequence = _mm_cvtsi64_si128(static_cast<long long>(item.sequence));
  return _mm512_inserti32x4(_mm512_zextsi128_si512(tag), sequence, 1);
}

// The first block of a message with both r and key: these, then tag ‖ sequence ‖ payload.
[[gnu::always_inline]] inline void first_block(const Stream& stream, Word& low, Word& high) noexcept {
  if (stream.item == nullptr) {
    low = high = _mm512_setzero_si512();
    return;
  }
  const Sha512Item& item = *stream.item;
  low = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(item.r))),
                           _mm256_loadu_si256(reinterpret_cast<const __m256i*>(item.key)), 1);
  if (item.tag == nullptr) {
    high = half_of(stream, kHalfBytes, 0);
    return;
  }
  high = _mm512_or_si512(tag_and_sequence(item), half_of(stream, kHalfBytes, 24));
}

// The same when any of them is left out.
[[gnu::always_inline]] inline void any_first_block(const Stream& stream, Word& low, Word& high) noexcept {
  if (stream.item == nullptr || (stream.item->r != nullptr && stream.item->key != nullptr)) {
    return first_block(stream, low, high);
  }
  const Sha512Item& item = *stream.item;
  const std::uint8_t* const part = item.r != nullptr ? item.r : item.key;
  const int rest_bytes = item.tag == nullptr ? 0 : 24;
  Word head = item.tag == nullptr ? _mm512_setzero_si512() : tag_and_sequence(item);
  if (part != nullptr) {
    head = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(part))),
                              _mm512_castsi512_si256(head), 1);
  }
  low = _mm512_or_si512(head, half_of(stream, 0, part == nullptr ? rest_bytes : 32 + rest_bytes));
  high = half_of(stream, kHalfBytes, 0);
}

// What a group of 8 lanes reads.
struct Input {
  Stream streams[kLanes];
  Word blocks;            // of each lane: 0 of a lane without a message
  Word bits;              // length of each lane's message
  std::int64_t full = 0;  // so many blocks of every lane have no padding; 0 if a lane has no message
  // The first blocks of the lanes, if a message has not both r and key; else null.
  const std::uint8_t* first_blocks = nullptr;
};

struct alignas(kHalfBytes) FirstBlocks {
  std::uint8_t lane[kLanes][kBlockBytes];
};

// By way of memory and not inlined: so the usual messages keep their registers, and their speed (12 %).
[[gnu::noinline]] void write_first_blocks(const Stream* streams, FirstBlocks& out) noexcept {
  for (int i = 0; i < kLanes; ++i) {
    Word low, high;
    any_first_block(streams[i], low, high);
    _mm512_store_si512(out.lane[i], low);
    _mm512_store_si512(out.lane[i] + kHalfBytes, high);
  }
}

[[gnu::always_inline]] inline std::int64_t open(Input& input, FirstBlocks& first_blocks, const Sha512Item* items,
                                                std::size_t count) noexcept {
  alignas(64) std::int64_t blocks[kLanes], bits[kLanes];
  std::int64_t blocks_max = 0, bytes_min = INT64_MAX;
  bool whole = true;
  for (std::size_t i = 0; i < kLanes; ++i) {
    input.streams[i] = i < count ? stream_of(items[i]) : Stream{};
    if (i < count) whole = whole && items[i].r != nullptr && items[i].key != nullptr;
    const std::int64_t bytes = input.streams[i].bytes;
    blocks[i] = i < count ? (bytes + std::int64_t{kPaddingBytesMin + kBlockBytes - 1}) / std::int64_t{kBlockBytes} : 0;
    bits[i] = 8 * bytes;
    blocks_max = blocks[i] > blocks_max ? blocks[i] : blocks_max;
    bytes_min = bytes < bytes_min ? bytes : bytes_min;
  }
  input.full = bytes_min / std::int64_t{kBlockBytes};
  input.blocks = _mm512_load_si512(blocks);
  input.bits = _mm512_load_si512(bits);
  if (!whole) {
    write_first_blocks(input.streams, first_blocks);
    input.first_blocks = first_blocks.lane[0];
  }
  return blocks_max;
}

// W[0..16) of all lanes for one block. Transposing whole rows takes less time than gathering words (by 5 %), and without
// masks less than with them (by 5 to 10 %).
[[gnu::always_inline]] inline void load_block(const Input& input, std::int64_t block, Word* w) noexcept {
  Word low[kLanes], high[kLanes];
  const std::int64_t offset = block * std::int64_t{kBlockBytes};
  if (block == 0 && input.first_blocks != nullptr) {
    for (int i = 0; i < kLanes; ++i) {
      low[i] = _mm512_load_si512(input.first_blocks + static_cast<std::size_t>(i) * kBlockBytes);
      high[i] = _mm512_load_si512(input.first_blocks + static_cast<std::size_t>(i) * kBlockBytes + kHalfBytes);
    }
  } else if (block == 0) {
    for (int i = 0; i < kLanes; ++i) first_block(input.streams[i], low[i], high[i]);
  } else if (block < input.full) {
    for (int i = 0; i < kLanes; ++i) {
      const std::uintptr_t at = input.streams[i].begin + static_cast<std::uintptr_t>(offset);
      low[i] = _mm512_loadu_si512(reinterpret_cast<const void*>(at));
      high[i] = _mm512_loadu_si512(reinterpret_cast<const void*>(at + kHalfBytes));
    }
  } else {
    for (int i = 0; i < kLanes; ++i) {
      low[i] = half_of(input.streams[i], offset, 0);
      high[i] = half_of(input.streams[i], offset + std::int64_t{kHalfBytes}, 0);
    }
  }
  transpose(low, w);
  transpose(high, w + 8);
  for (int t = 0; t < 16; ++t) w[t] = swap_bytes(w[t]);
  const __mmask8 last = _mm512_cmpeq_epi64_mask(input.blocks, all(static_cast<std::uint64_t>(block) + 1));
  w[15] = _mm512_mask_mov_epi64(w[15], last, input.bits);
}

// 1 to 8 · kSets items.
template <int kSets>
void hash_groups(const Sha512Item* items, std::size_t count, LaneWords<8>* digests) noexcept {
  Input input[kSets];
  FirstBlocks first_blocks[kSets];
  std::int64_t blocks = 0;
  for (std::size_t set = 0; set < kSets; ++set) {
    const std::size_t first = set * kLanes;
    const std::size_t here = count < first ? 0 : count - first < kLanes ? count - first : kLanes;
    const std::int64_t needed = open(input[set], first_blocks[set], items + (here == 0 ? 0 : first), here);
    blocks = needed > blocks ? needed : blocks;
  }
  Word state[kSets][8];
  for (int set = 0; set < kSets; ++set) {
    for (int i = 0; i < 8; ++i) state[set][i] = all(kSha512Initial[i]);
  }
  for (std::int64_t block = 0; block < blocks; ++block) {
    Word s[kSets][8], w[kSets][16];
    for (int set = 0; set < kSets; ++set) {
      load_block(input[set], block, w[set]);
      for (int i = 0; i < 8; ++i) s[set][i] = state[set][i];
    }
    Sha512Rounds<Vector, kSets, kSets == 1>::compress(s, w);
    for (int set = 0; set < kSets; ++set) {
      const __mmask8 running = _mm512_cmpgt_epi64_mask(input[set].blocks, all(static_cast<std::uint64_t>(block)));
      for (int i = 0; i < 8; ++i) {
        state[set][i] = _mm512_mask_add_epi64(state[set][i], running, state[set][i], s[set][i]);
      }
    }
  }
  for (int set = 0; set < kSets; ++set) {
    for (int i = 0; i < 8; ++i) _mm512_store_si512(digests[set].word[i], swap_bytes(state[set][i]));
  }
}

}  // namespace

void sha512_lanes(const Sha512Item* items, std::size_t count, LaneWords<8>* digests) noexcept {
  while (count > kLanes) {
    const std::size_t taken = count < 2 * kLanes ? count : 2 * kLanes;
    hash_groups<2>(items, taken, digests);
    items += taken;
    digests += 2;
    count -= taken;
  }
  if (count > 0) hash_groups<1>(items, count, digests);
}

void store_digests(const LaneWords<8>& digests, std::size_t count, Bytes64* out) noexcept {
  Word words[8], lanes[kLanes];
  for (int i = 0; i < 8; ++i) words[i] = _mm512_load_si512(digests.word[i]);
  transpose(words, lanes);
  for (std::size_t i = 0; i < kLanes; ++i) {
    if (i < count) _mm512_storeu_si512(out + i, lanes[i]);
  }
}

void sha512_many(const Sha512Item* items, std::size_t count, Bytes64* digests) noexcept {
  LaneWords<8> groups[2];
  while (count > 0) {
    const std::size_t taken = count < 2 * kLanes ? count : 2 * kLanes;
    sha512_lanes(items, taken, groups);
    store_digests(groups[0], taken < kLanes ? taken : kLanes, digests);
    if (taken > kLanes) store_digests(groups[1], taken - kLanes, digests + kLanes);
    items += taken;
    digests += taken;
    count -= taken;
  }
}

}  // namespace electra::crypto::avx512
