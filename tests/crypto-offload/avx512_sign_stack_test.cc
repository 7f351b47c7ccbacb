// Signing leaves nothing secret on the stack, and its callees stay in the part of the stack that is wiped.
//
// A thread signs on a stack that was painted before. What it leaves there is searched for the words of all secrets: as
// bytes, turned round as SHA-512 has them, and as limbs of 51 and 52 bits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sodium.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crypto-offload/avx512/sign.h"
#include "crypto-offload/avx512/supported.h"
#include "crypto-offload/batch_signer.h"

namespace electra::crypto {
namespace {

constexpr std::size_t kStackBytes = std::size_t{1} << 19;
constexpr std::uint8_t kPaint = 0xa7;
constexpr std::size_t kPayloadBytesMax = 200;

class PaintedStack {
 public:
  PaintedStack()
      : bytes_(static_cast<std::uint8_t*>(
            mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {}
  ~PaintedStack() { munmap(bytes_, kStackBytes); }
  PaintedStack(const PaintedStack&) = delete;
  PaintedStack& operator=(const PaintedStack&) = delete;

  // What a thread that runs `work` leaves on its stack, from the last painted byte up: a copy, lowest address first.
  std::vector<std::uint8_t> left_by(void (*work)(void*), void* argument) {
    std::memset(bytes_, kPaint, kStackBytes);
    struct Call {
      void (*work)(void*);
      void* argument;
    } call{work, argument};
    const auto run = [](void* given) -> void* {
      const Call& made = *static_cast<Call*>(given);
      made.work(made.argument);
      return nullptr;
    };
    pthread_attr_t attributes;
    pthread_t thread;
    EXPECT_EQ(pthread_attr_init(&attributes), 0);
    EXPECT_EQ(pthread_attr_setstack(&attributes, bytes_, kStackBytes), 0);
    EXPECT_EQ(pthread_create(&thread, &attributes, run, &call), 0);
    EXPECT_EQ(pthread_join(thread, nullptr), 0);
    pthread_attr_destroy(&attributes);
    const std::uint8_t* const end = bytes_ + kStackBytes;
    const std::uint8_t* const first = std::find_if(bytes_, bytes_ + kStackBytes, [](auto b) { return b != kPaint; });
    return {first, end};
  }

 private:
  std::uint8_t* bytes_;
};

struct Job {
  alignas(64) std::uint64_t table[avx512::kSignTableWords];
  std::vector<avx512::SignLaneItem> items;
  std::vector<std::array<std::uint8_t, 64>> signatures;
};

void sign(void* argument) {
  auto& job = *static_cast<Job*>(argument);
  avx512::sign_lanes(job.table, job.items.data(), job.items.size(),
                     reinterpret_cast<std::uint8_t(*)[64]>(job.signatures.data()));
}

// What the search must find: a secret in a frame that has ended.
[[gnu::noinline]] void leave(void* argument) {
  volatile std::uint8_t frame[256];
  for (int i = 0; i < 32; ++i) frame[64 + i] = static_cast<Job*>(argument)->items[0].prefix[i];
  (void)frame[64];
}

// Secrets as words that a search can find.
class Secrets {
 public:
  void add(std::string name, const std::uint8_t* bytes, std::size_t size) {
    for (std::size_t at = 0; at + 8 <= size; at += 8) {
      std::uint64_t word;
      std::memcpy(&word, bytes + at, sizeof word);
      words_.push_back({word, name + ", byte " + std::to_string(at)});
      words_.push_back({std::byteswap(word), name + " turned, byte " + std::to_string(at)});
    }
  }
  // A number of 32 bytes, in limbs of so many bits too.
  void add_number(const std::string& name, const std::uint8_t* bytes) {
    add(name, bytes, 32);
    for (const unsigned bits : {51U, 52U}) {
      for (unsigned low = 0; low < 200; low += bits) {  // the highest limb has too few bits to be told from other words
        std::uint64_t limb = 0;
        for (unsigned i = 0; i < bits; ++i) {
          const unsigned at = low + i;
          limb |= static_cast<std::uint64_t>(bytes[at / 8] >> at % 8 & 1) << i;
        }
        words_.push_back({limb, name + ", limb of " + std::to_string(bits) + " bits from " + std::to_string(low)});
      }
    }
  }
  // Which of them lies in the memory, at any address.
  [[nodiscard]] std::optional<std::string> found_in(const std::vector<std::uint8_t>& memory) {
    std::ranges::sort(words_, {}, &Word::value);
    for (std::size_t at = 0; at + 8 <= memory.size(); ++at) {
      std::uint64_t word;
      std::memcpy(&word, memory.data() + at, sizeof word);
      const auto place = std::ranges::lower_bound(words_, word, {}, &Word::value);
      if (place != words_.end() && place->value == word) return place->name;
    }
    return std::nullopt;
  }

 private:
  struct Word {
    std::uint64_t value;
    std::string name;
  };
  std::vector<Word> words_;
};

class Avx512SignStack : public testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    if (!avx512::supported()) GTEST_SKIP() << "this CPU has no AVX-512 IFMA: 8-lane signing was not searched";
    ASSERT_GE(sodium_init(), 0);
    avx512::make_sign_table(job_->table);
    for (std::size_t i = 0; i < kPayloadBytesMax; ++i) payload_[i] = static_cast<std::uint8_t>(7 * i);
    const std::size_t count = GetParam();
    job_->signatures.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      Bytes32 seed;
      randombytes_buf(seed.data(), seed.size());
      keys_.push_back(std::make_unique<ExpandedKey>(seed));
      const ExpandedKey& key = *keys_.back();
      job_->items.push_back({.scalar = key.scalar().data(),
                             .prefix = key.prefix().data(),
                             .public_key = key.public_key().data(),
                             .tag = tag_.data(),
                             .sequence = i,
                             .payload = payload_.data(),
                             .payload_bytes = static_cast<std::uint32_t>(i % (kPayloadBytesMax + 1))});
      add_secrets(key, job_->items.back(), "message " + std::to_string(i) + ": ");
    }
  }

  void add_secrets(const ExpandedKey& key, const avx512::SignLaneItem& item, const std::string& whose) {
    std::vector<std::uint8_t> message(key.prefix().begin(), key.prefix().end());
    message.insert(message.end(), tag_.begin(), tag_.end());
    for (int i = 0; i < 8; ++i) message.push_back(static_cast<std::uint8_t>(item.sequence >> 8 * i));
    message.insert(message.end(), item.payload, item.payload + item.payload_bytes);
    Bytes64 digest;
    Bytes32 nonce;
    crypto_hash_sha512(digest.data(), message.data(), message.size());
    crypto_core_ed25519_scalar_reduce(nonce.data(), digest.data());
    secrets_.add_number(whose + "scalar", key.scalar().data());
    secrets_.add(whose + "prefix", key.prefix().data(), key.prefix().size());
    secrets_.add(whose + "hash of the nonce", digest.data(), digest.size());
    secrets_.add_number(whose + "nonce", nonce.data());
  }

  // S of a lane without a message, had it signed with the scalar of its group's first: from the initial state of SHA-512
  // as hash and as nonce. The scalar could be computed from it.
  void add_idle_response() {
    static constexpr std::uint64_t kInitial[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                                  0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                                  0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
    Bytes64 state;
    for (std::size_t i = 0; i < 8; ++i) {
      const std::uint64_t turned = std::byteswap(kInitial[i]);
      std::memcpy(state.data() + 8 * i, &turned, sizeof turned);
    }
    Bytes32 known, response;
    crypto_core_ed25519_scalar_reduce(known.data(), state.data());
    for (const auto& key : keys_) {
      crypto_core_ed25519_scalar_mul(response.data(), known.data(), key->scalar().data());
      crypto_core_ed25519_scalar_add(response.data(), response.data(), known.data());
      secrets_.add_number("S of a lane without a message", response.data());
    }
  }

  const Bytes16 tag_{5};
  std::array<std::uint8_t, kPayloadBytesMax> payload_{};
  std::vector<std::unique_ptr<ExpandedKey>> keys_;
  std::unique_ptr<Job> job_ = std::make_unique<Job>();
  Secrets secrets_;
  PaintedStack stack_;
};

INSTANTIATE_TEST_SUITE_P(Counts, Avx512SignStack, testing::Values(1, 8, 11, 16, 21, 256),
                         [](const auto& info) { return "Of" + std::to_string(info.param); });

TEST_P(Avx512SignStack, TheSearchFindsASecretThatIsLeft) {
  EXPECT_THAT(secrets_.found_in(stack_.left_by(leave, job_.get())).value_or("nothing"),
              testing::StartsWith("message 0: prefix, byte "));
}

TEST_P(Avx512SignStack, HoldsNoSecretAfterSigning) {
  add_idle_response();
  EXPECT_EQ(secrets_.found_in(stack_.left_by(sign, job_.get())).value_or("nothing"), "nothing");
}

// The lowest bytes that were touched are the zeros of the wiping, all of them: nothing went deeper.
TEST_P(Avx512SignStack, StaysInThePartThatIsWiped) {
  const std::vector<std::uint8_t> left = stack_.left_by(sign, job_.get());
  ASSERT_GE(left.size(), avx512::kSignStackBytesMax);
  const auto zeros = std::ranges::find_if(left, [](auto b) { return b != 0; }) - left.begin();
  EXPECT_GE(static_cast<std::size_t>(zeros), avx512::kSignStackBytesMax);
}

}  // namespace
}  // namespace electra::crypto
