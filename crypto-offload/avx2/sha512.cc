// SHA-512 in four 64-bit lanes. Compiled for AVX2: calls no inline function of a shared header, because the linker could
// keep this file's copy of it for everyone.
#include "crypto-offload/avx2/sha512.h"

#include <immintrin.h>

#include "crypto-offload/avx2/transpose.h"
#include "crypto-offload/lanes/sha512_rounds.h"

namespace electra::crypto::avx2 {
namespace {

using Word = __m256i;

constexpr std::size_t kLanes = 4;
constexpr std::size_t kGroup = 8;
constexpr std::size_t kBlockBytes = 128;
constexpr std::size_t kPaddingBytesMin = 17;  // a bit, and 16 bytes of length

[[gnu::always_inline]] inline Word swap_bytes(Word words) noexcept {
  return _mm256_shuffle_epi8(
      words, _mm256_broadcastsi128_si256(_mm_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8)));
}

// What lanes/sha512_rounds.h computes with.
struct Vector {
  using Word = __m256i;

  template <int kBits>
  [[gnu::always_inline]] static Word rotate(Word x) noexcept {
    if constexpr (kBits == 8) {
      return _mm256_shuffle_epi8(
          x, _mm256_broadcastsi128_si256(_mm_setr_epi8(1, 2, 3, 4, 5, 6, 7, 0, 9, 10, 11, 12, 13, 14, 15, 8)));
    } else {
      return _mm256_or_si256(_mm256_srli_epi64(x, kBits), _mm256_slli_epi64(x, 64 - kBits));
    }
  }
  template <int kBits>
  [[gnu::always_inline]] static Word shift(Word x) noexcept {
    return _mm256_srli_epi64(x, kBits);
  }
  [[gnu::always_inline]] static Word add(Word x, Word y) noexcept { return _mm256_add_epi64(x, y); }
  [[gnu::always_inline]] static Word all(std::uint64_t x) noexcept {
    return _mm256_set1_epi64x(static_cast<long long>(x));
  }
  [[gnu::always_inline]] static Word xor3(Word x, Word y, Word z) noexcept {
    return _mm256_xor_si256(_mm256_xor_si256(x, y), z);
  }
  [[gnu::always_inline]] static Word choose(Word x, Word y, Word z) noexcept {
    return _mm256_xor_si256(z, _mm256_and_si256(x, _mm256_xor_si256(y, z)));
  }
  [[gnu::always_inline]] static Word majority(Word x, Word y, Word z) noexcept {
    return _mm256_or_si256(_mm256_and_si256(x, y), _mm256_and_si256(z, _mm256_or_si256(x, y)));
  }
  [[gnu::always_inline]] static Word in_order(Word x) noexcept {
    asm("" : "+x"(x));
    return x;
  }
};

// One message as a stream of blocks. Sizes in bytes.
struct Stream {
  const Sha512Item* item = nullptr;
  std::size_t head = 0;    // before the payload
  std::size_t bytes = 0;   // of the message
  std::size_t blocks = 0;  // 0 of a lane without a message
};

[[gnu::always_inline]] inline Stream stream_of(const Sha512Item& item) noexcept {
  const std::size_t head =
      std::size_t{item.r == nullptr ? 0U : 32U} + (item.key == nullptr ? 0U : 32U) + (item.tag == nullptr ? 0U : 24U);
  const std::size_t bytes = head + item.payload_bytes;
  return {&item, head, bytes, (bytes + kPaddingBytesMin + kBlockBytes - 1) / kBlockBytes};
}

struct alignas(64) Block {
  std::uint8_t bytes[kBlockBytes];
};

// A block that is not all payload.
void assemble(const Stream& stream, std::size_t block, Block& out) noexcept {
  const Sha512Item& item = *stream.item;
  const std::size_t begin = block * kBlockBytes;
  out = Block{};
  std::size_t at = 0;  // so many bytes are there
  if (block == 0) {
    const std::uint8_t* const parts[2] = {item.r, item.key};
    for (const std::uint8_t* part : parts) {
      if (part == nullptr) continue;
      __builtin_memcpy(out.bytes + at, part, 32);
      at += 32;
    }
    if (item.tag != nullptr) {
      __builtin_memcpy(out.bytes + at, item.tag, 16);
      __builtin_memcpy(out.bytes + at + 16, &item.sequence, 8);
      at += 24;
    }
  }
  if (begin + at < stream.bytes) {
    const std::size_t left = stream.bytes - begin - at, room = kBlockBytes - at;
    const std::size_t taken = left < room ? left : room;
    __builtin_memcpy(out.bytes + at, item.payload + (begin + at - stream.head), taken);
    at += taken;
  }
  if (begin + at == stream.bytes && at < kBlockBytes) out.bytes[at] = 0x80;
  if (block + 1 == stream.blocks) {
    const std::uint64_t bits = __builtin_bswap64(8 * stream.bytes);
    __builtin_memcpy(out.bytes + kBlockBytes - sizeof bits, &bits, sizeof bits);
  }
}

// Where the block lies: in the payload or, assembled, in `room`. A lane that has ended reads what is there.
[[gnu::always_inline]] inline const std::uint8_t* find_block(const Stream& stream, std::size_t block,
                                                             Block& room) noexcept {
  const std::size_t begin = block * kBlockBytes;
  if (begin >= stream.head && begin + kBlockBytes <= stream.bytes) return stream.item->payload + (begin - stream.head);
  if (block < stream.blocks) assemble(stream, block, room);
  return room.bytes;
}

// 1 to 4 items to lanes first to first + 3 of the digests.
void hash_four(const Sha512Item* items, std::size_t count, std::size_t first, LaneWords<8>& digests) noexcept {
  Stream streams[kLanes];
  Block rooms[kLanes] = {};
  std::size_t blocks = 0;
  alignas(32) std::uint64_t lane_blocks[kLanes] = {};
  for (std::size_t i = 0; i < count; ++i) {
    streams[i] = stream_of(items[i]);
    lane_blocks[i] = streams[i].blocks;
    blocks = streams[i].blocks > blocks ? streams[i].blocks : blocks;
  }
  const Word ends = _mm256_load_si256(reinterpret_cast<const __m256i*>(lane_blocks));

  Word state[8];
  for (int i = 0; i < 8; ++i) state[i] = Vector::all(kSha512Initial[i]);
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::uint8_t* from[kLanes];
    for (std::size_t i = 0; i < kLanes; ++i) from[i] = find_block(streams[i], block, rooms[i]);
    Word s[1][8], w[1][16];
    for (int t = 0; t < 16; t += 4) {
      Word rows[kLanes];
      for (std::size_t i = 0; i < kLanes; ++i) {
        rows[i] = swap_bytes(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from[i] + 8 * t)));
      }
      transpose(rows, w[0] + t);
    }
    for (int i = 0; i < 8; ++i) s[0][i] = state[i];
    Sha512Rounds<Vector, 1, true>::compress(s, w);
    const Word running = _mm256_cmpgt_epi64(ends, Vector::all(block));
    for (int i = 0; i < 8; ++i) state[i] = _mm256_add_epi64(state[i], _mm256_and_si256(running, s[0][i]));
  }
  for (int i = 0; i < 8; ++i) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(digests.word[i] + first), swap_bytes(state[i]));
  }
}

}  // namespace

void sha512_lanes(const Sha512Item* items, std::size_t count, LaneWords<8>* digests) noexcept {
  for (std::size_t at = 0; at < count; at += kLanes) {
    const std::size_t left = count - at;
    hash_four(items + at, left < kLanes ? left : kLanes, at % kGroup, digests[at / kGroup]);
  }
  if (count % kGroup > 0 && count % kGroup <= kLanes) {
    for (auto& word : digests[count / kGroup].word) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(word + kLanes), _mm256_setzero_si256());
    }
  }
}

void store_digests(const LaneWords<8>& digests, std::size_t count, Bytes64* out) noexcept {
  for (std::size_t lane = 0; lane < count; ++lane) {
    for (std::size_t i = 0; i < 8; ++i) {
      __builtin_memcpy(reinterpret_cast<std::uint8_t*>(out + lane) + 8 * i, &digests.word[i][lane], 8);
    }
  }
}

}  // namespace electra::crypto::avx2
