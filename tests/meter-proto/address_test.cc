#include "meter-proto/address.h"

#include <gmock/gmock.h>

#include "meter-proto/base/bech32.h"
#include "tests/meter-proto/support.h"

namespace electra {
namespace {

using testing::HasSubstr;

// The test vectors of BIP 173, "Bech32": valid strings, invalid strings with their reason.
TEST(Bech32, AcceptsTheValidStringsOfBip173) {
  const std::string_view valid[] = {
      "A12UEL5L",
      "a12uel5l",
      "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
      "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
      "11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqc8247j",
      "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
      "?1ezyfcl",
  };
  for (const std::string_view text : valid) {
    EXPECT_TRUE(bech32_decode(text).has_value()) << text;
    std::string broken(text);
    broken.back() = broken.back() == 'q' ? 'p' : 'q';
    EXPECT_FALSE(bech32_decode(broken).has_value()) << broken;
  }
}

struct BadText {
  const char* name;
  std::string text;
  const char* reason;
};
void PrintTo(const BadText& row, std::ostream* out) { *out << row.text; }

class InvalidBech32 : public testing::TestWithParam<BadText> {};
TEST_P(InvalidBech32, IsRefusedWithItsReason) {
  const auto decoded = bech32_decode(GetParam().text);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_THAT(decoded.error(), HasSubstr(GetParam().reason));
}
INSTANTIATE_TEST_SUITE_P(
    Bip173, InvalidBech32,
    testing::Values(BadText{"prefix character below the range", std::string("\x20") + "1nwldj5", "printable ASCII"},
                    BadText{"prefix character 127", std::string("\x7f") + "1axkwrx", "printable ASCII"},
                    BadText{"prefix character 128", std::string("\x80") + "1eym55h", "printable ASCII"},
                    BadText{
                        "overall length above 90",
                        "an84characterslonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1569pvx",
                        "90 characters"},
                    BadText{"no separator", "pzry9x0s0muk", "separator"},
                    BadText{"empty prefix", "1pzry9x0s0muk", "prefix is empty"},
                    BadText{"invalid data character", "x1b4n0q5v", "alphabet"},
                    BadText{"too short checksum", "li1dgmt3", "too short"},
                    BadText{"invalid character in checksum", "de1lg7wt\xff", "printable ASCII"},
                    BadText{"checksum calculated with upper case", "A1G7SGD8", "checksum"},
                    BadText{"empty prefix without data", "10a06t8", "prefix is empty"},
                    BadText{"empty prefix with data", "1qzzfhee", "prefix is empty"},
                    BadText{"mixed case", "A12uEL5L", "mixed"}),
    test::case_name<BadText>);

TEST(Address, IsTheFirstTwentyBytesOfTheKeysSha256) {
  // SHA-256 of 32 zero bytes begins 66687aadf862bd77.
  EXPECT_EQ(to_hex(proto::address_of(Bytes32{})), "66687aadf862bd776c8fc18b8e9f8e2008971485");
}

TEST(Address, ReadsWhatItWrites) {
  test::Randomness random(1);
  for (int round = 0; round < 1000; ++round) {
    const Bytes20 address = *array_of<20>(bytes_of(random.bytes(20)));
    const std::string text = proto::address_text(address);
    EXPECT_EQ(text.size(), 46u);
    EXPECT_TRUE(text.starts_with("electra1"));
    EXPECT_EQ(proto::parse_address(text), address);
    std::string upper = text;
    for (char& letter : upper) letter = static_cast<char>(std::toupper(letter));
    EXPECT_EQ(proto::parse_address(upper), address);
  }
}

TEST(Address, ReadsAnAddressThatTheOriginalElectraWrote) {
  const std::string text = "electra16n5tnkck6rcg7gxmalc057daputvac5pzjeal9";
  const auto address = proto::parse_address(text);
  ASSERT_TRUE(address.has_value()) << address.error();
  EXPECT_EQ(proto::address_text(*address), text);
}

TEST(Address, EveryWrongCharacterIsFound) {
  const std::string text = proto::address_text(proto::address_of(test::counting_bytes(0)));
  for (std::size_t place = 0; place < text.size(); ++place) {
    for (const char letter : std::string_view("qpzry9x8gf2tvdw0s3jn54khce6mua7l1bio!")) {
      if (text[place] == letter) continue;
      std::string changed = text;
      changed[place] = letter;
      EXPECT_FALSE(proto::parse_address(changed).has_value()) << changed;
    }
  }
}

class InvalidAddress : public testing::TestWithParam<BadText> {};
TEST_P(InvalidAddress, IsRefusedWithItsReason) {
  const auto address = proto::parse_address(GetParam().text);
  ASSERT_FALSE(address.has_value());
  EXPECT_THAT(address.error(), HasSubstr(GetParam().reason));
}
INSTANTIATE_TEST_SUITE_P(
    Reasons, InvalidAddress,
    testing::Values(BadText{"empty", "", "separator"},
                    BadText{"another prefix", bech32_encode("cosmos", test::repeated(20, 7)), "electra1"},
                    BadText{"nineteen bytes", bech32_encode("electra", test::repeated(19, 7)), "19 bytes, not 20"},
                    BadText{"twenty one bytes", bech32_encode("electra", test::repeated(21, 7)), "21 bytes, not 20"},
                    BadText{"no bytes", bech32_encode("electra", {}), "0 bytes, not 20"},
                    BadText{"hex", "d4e8b9db16d0f08f20dbeff0fa79bd0f16cee281", "checksum"}),
    test::case_name<BadText>);

TEST(Bech32, PaddingMustBeShortAndZero) {
  EXPECT_TRUE(bech32_bytes(std::vector<std::uint8_t>{31, 28}).has_value());   // 8 bits and 2 zero bits
  EXPECT_FALSE(bech32_bytes(std::vector<std::uint8_t>{31, 29}).has_value());  // 8 bits and 2 bits that are not zero
  EXPECT_FALSE(bech32_bytes(std::vector<std::uint8_t>{0}).has_value());       // 5 bits are no byte
  EXPECT_FALSE(bech32_bytes(std::vector<std::uint8_t>{0, 0, 0}).has_value());
}

}  // namespace
}  // namespace electra
