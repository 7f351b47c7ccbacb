#include <gmock/gmock.h>
#include <sodium/crypto_hash_sha256.h>

#include <random>

#include "meter-proto/base/assert.h"
#include "meter-proto/base/assertion_witness.h"
#include "meter-proto/base/checked.h"
#include "meter-proto/base/result.h"
#include "meter-proto/base/sha256.h"
#include "meter-proto/base/sha256_compress.h"
#include "tests/meter-proto/support.h"

namespace electra {
namespace {

using test::hex;

TEST(Hex, ReadsWhatItWritesAndRefusesTheRest) {
  EXPECT_EQ(to_hex(hex("00017f80ff")), "00017f80ff");
  EXPECT_EQ(from_hex("ABcd"), hex("abcd"));
  EXPECT_EQ(from_hex(""), test::Bytes{});
  for (const std::string_view bad : {"a", "abc", "0g", "0x00", " 0", "-1", "00 00"}) {
    EXPECT_EQ(from_hex(bad), std::nullopt) << bad;
  }
  std::array<std::uint8_t, 2> two;
  EXPECT_TRUE(from_hex("beef", two));
  EXPECT_FALSE(from_hex("beefbe", two));
}

TEST(Bytes, IntegersAreLittleEndian) {
  std::array<std::uint8_t, 8> buffer{};
  store_le64(buffer.data(), 0x0102030405060708);
  EXPECT_EQ(to_hex(buffer), "0807060504030201");
  EXPECT_EQ(load_le64(buffer.data()), 0x0102030405060708u);
  EXPECT_EQ(load_le32(buffer.data()), 0x05060708u);
  EXPECT_EQ(load_le16(buffer.data()), 0x0708u);
}

TEST(Checked, AdditionSubtractionAndMultiplicationSayWhenTheyLeaveTheirRange) {
  constexpr std::uint64_t kMax = UINT64_MAX;
  EXPECT_EQ(checked_add(kMax - 1, 1), kMax);
  EXPECT_EQ(checked_add(kMax, 1), std::nullopt);
  EXPECT_EQ(checked_sub(std::uint64_t{1}, 1), 0u);
  EXPECT_EQ(checked_sub(std::uint64_t{0}, 1), std::nullopt);
  EXPECT_EQ(checked_mul(std::uint64_t{1} << 32, std::uint64_t{1} << 31), std::uint64_t{1} << 63);
  EXPECT_EQ(checked_mul(std::uint64_t{1} << 32, std::uint64_t{1} << 32), std::nullopt);
  EXPECT_EQ(checked_add(INT64_MAX, 1), std::nullopt);
  EXPECT_EQ(checked_sub(INT64_MIN, 1), std::nullopt);
  EXPECT_EQ(checked_mul(INT64_MIN, -1), std::nullopt);
  EXPECT_EQ(checked_mul(INT64_MAX, -1), -INT64_MAX);
  EXPECT_EQ(narrow_u64(u128{kMax}), kMax);
  EXPECT_EQ(narrow_u64(u128{kMax} + 1), std::nullopt);
}

TEST(Checked, RoundHalfEvenGoesToTheNearestAndATieToTheEvenNeighbour) {
  struct Case {
    u128 numerator, denominator, expected;
  };
  constexpr u128 kHuge = ~u128{0};
  const Case cases[] = {
      {0, 1, 0},
      {0, 7, 0},
      {1, 3, 0},
      {2, 3, 1},
      {1, 2, 0},  // 0.5 -> 0
      {3, 2, 2},
      {5, 2, 2},
      {7, 2, 4},
      {9, 2, 4},  // ties
      {10, 4, 2},
      {11, 4, 3},
      {9, 4, 2},
      {14, 4, 4},  // 3.5 -> 4
      {25, 10, 2},
      {35, 10, 4},
      {26, 10, 3},
      {24, 10, 2},
      {999, 1000, 1},
      {499, 1000, 0},  // near ties
      {kHuge, 1, kHuge},
      {kHuge, kHuge, 1},
      {kHuge - 1, kHuge, 1},
      {kHuge / 2, kHuge, 0},
      {kHuge, 2, kHuge / 2 + 1},  // odd quotient, tie
  };
  for (const Case& row : cases) {
    EXPECT_TRUE(round_half_even(row.numerator, row.denominator) == row.expected)
        << static_cast<std::uint64_t>(row.numerator) << " / " << static_cast<std::uint64_t>(row.denominator);
  }
}

struct Speaker final : AssertionWitness {
  explicit Speaker(const char* text_in) : text(text_in) {}
  void testify() const noexcept override { std::fprintf(stderr, "<%s>", text); }
  const char* text;
};

TEST(AssertDeathTest, AsksTheWitnessesOfItsThreadTheInnermostFirst) {
  const Speaker outer("outer");
  {
    const Speaker gone("gone");
  }
  EXPECT_DEATH(
      {
        const Speaker inner("inner");
        ELECTRA_ASSERT_EQ(1 + 1, 3);
      },
      "left is 2, right is 3.*<inner><outer>");
  EXPECT_DEATH(ELECTRA_ASSERT(false), "[^>]<outer>") << "who is gone says nothing";
}

TEST(AssertDeathTest, StaysOnAndPrintsBothOperands) {
  EXPECT_DEATH(ELECTRA_ASSERT(1 + 1 == 3), "assertion failed: 1 \\+ 1 == 3");
  const int left = -1;
  const unsigned right = 1;
  EXPECT_DEATH(ELECTRA_ASSERT_EQ(left, right), "left == right, left is -1, right is 1");
  EXPECT_DEATH(ELECTRA_ASSERT_LT(right, left), "right < left, left is 1, right is -1");
  EXPECT_DEATH(ELECTRA_ASSERT_EQ(Result::ok, Result::malformed_frame), "left is 0, right is 1");
  EXPECT_DEATH(ELECTRA_ASSERT_NE(std::string("same"), "same"), "left is same, right is same");
  EXPECT_DEATH((void)round_half_even(1, 0), "denominator != 0");
  ELECTRA_ASSERT_LT(left, right);
  ELECTRA_ASSERT_LE(right, right);
  ELECTRA_ASSERT_NE(left, right);
}

// FIPS 180-4 example messages, as NIST publishes them.
TEST(Sha256Function, GivesThePublishedDigestsHoweverTheInputIsCut) {
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const std::string_view two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  const std::string expected = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
  for (std::size_t cut = 0; cut <= two_blocks.size(); ++cut) {
    EXPECT_EQ(to_hex(Sha256().update(two_blocks.substr(0, cut)).update(two_blocks.substr(cut)).finish()), expected);
  }
}

TEST(Sha256Function, GivesThePublishedDigestsOfLongerMessages) {
  EXPECT_EQ(
      to_hex(sha256("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
                    "mnopqrstnopqrstu")),
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  EXPECT_EQ(to_hex(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Function, EqualsLibsodiumForEveryLengthUpTo300InAnyPieces) {
  std::mt19937_64 random(7);
  std::vector<std::uint8_t> memory(301);
  for (std::uint8_t& byte : memory) byte = static_cast<std::uint8_t>(random());
  for (std::size_t size = 0; size <= 300; ++size) {
    const ByteSpan message = ByteSpan(memory).subspan(300 - size, size);
    Bytes32 expected;
    crypto_hash_sha256(expected.data(), message.data(), message.size());
    EXPECT_EQ(sha256(message), expected) << size;
    Sha256 pieces;
    for (std::size_t at = 0; at < size;) {
      const std::size_t taken = std::min<std::size_t>(random() % 150, size - at);
      pieces.update(message.subspan(at, taken));
      at += taken;
    }
    EXPECT_EQ(pieces.finish(), expected) << size;
  }
}

TEST(Sha256Compression, IsTheSamePortableAndAsThisMachineDoesIt) {
  std::mt19937_64 random(8);
  std::vector<std::uint8_t> blocks(64 * 9 + 1);
  for (std::uint8_t& byte : blocks) byte = static_cast<std::uint8_t>(random());
  for (std::size_t count = 0; count <= 9; ++count) {
    std::array<std::uint32_t, 8> portable{}, fastest{};
    sha256_compress_portable(portable.data(), blocks.data() + 1, count);
    sha256_compress()(fastest.data(), blocks.data() + 1, count);
    EXPECT_EQ(portable, fastest) << count;
  }
}

TEST(ResultCodes, HaveANameAndASentenceEach) {
  EXPECT_EQ(result_name(Result::ok), "ok");
  EXPECT_EQ(result_name(Result::late_without_effect), "late_without_effect");
  EXPECT_EQ(result_name(static_cast<Result>(999)), "unknown_result");
  EXPECT_THAT(std::string(result_text(Result::sequence_used)), testing::HasSubstr("sequence"));
  EXPECT_FALSE(result_text(static_cast<Result>(999)).empty());
  EXPECT_TRUE(consumes_sequence(Result::ok));
  EXPECT_TRUE(consumes_sequence(Result::expired));
  EXPECT_FALSE(consumes_sequence(Result::sequence_used));
  EXPECT_FALSE(consumes_sequence(Result::bad_signature));
}

}  // namespace
}  // namespace electra
