#include "meter-proto/strict/frame.h"

#include "tests/meter-proto/support.h"

namespace electra {
namespace {

using strict::FrameSplitter;
using test::Bytes;
using test::hex;
using test::operator+;

Bytes with_length(const Bytes& body) {
  Bytes frame(4);
  store_le32(frame.data(), static_cast<std::uint32_t>(body.size()));
  return frame + body;
}

// Feeds `stream` in pieces of the sizes that `piece_size` gives; every piece is a copy of its own that is freed (so that
// a view kept too long is seen by the address sanitizer).
template <typename PieceSize>
std::vector<Bytes> split(FrameSplitter& splitter, const Bytes& stream, PieceSize&& piece_size) {
  std::vector<Bytes> bodies;
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t size = std::min<std::size_t>(piece_size(), stream.size() - at);
    const auto begin = stream.begin() + static_cast<std::ptrdiff_t>(at);
    const Bytes piece(begin, begin + static_cast<std::ptrdiff_t>(size));
    splitter.feed(piece);
    ByteSpan body;
    while (splitter.next(body) == FrameSplitter::Status::frame) bodies.emplace_back(body.begin(), body.end());
    at += size;
  }
  return bodies;
}

TEST(Splitter, CutsTheSameFramesHoweverTheStreamArrives) {
  test::Randomness random(7);
  std::vector<Bytes> bodies;
  Bytes stream;
  for (int index = 0; index < 300; ++index) {
    const std::size_t size = index % 10 == 0 ? 1468 : random.below(300);
    const std::string text = random.bytes(size);
    bodies.emplace_back(text.begin(), text.end());
    stream = stream + with_length(bodies.back());
  }
  FrameSplitter splitter;
  EXPECT_EQ(split(splitter, stream, [] { return 1u; }), bodies);
  EXPECT_EQ(split(splitter, stream, [&] { return stream.size(); }), bodies);
  for (int round = 0; round < 20; ++round) {
    EXPECT_EQ(split(splitter, stream, [&] { return 1 + random.below(1 + random.below(5000)); }), bodies);
  }
  EXPECT_EQ(splitter.kept_bytes(), 0u);
}

TEST(Splitter, HandsOutAWholeFrameInPlace) {
  const Bytes stream = with_length(hex("aabbcc"));
  FrameSplitter splitter;
  splitter.feed(stream);
  ByteSpan body;
  ASSERT_EQ(splitter.next(body), FrameSplitter::Status::frame);
  EXPECT_EQ(body.data(), stream.data() + 4);
  EXPECT_EQ(splitter.next(body), FrameSplitter::Status::need_more);
}

struct LengthCase {
  const char* name;
  std::uint32_t length;
  FrameSplitter::Status expected;
};
TEST(Splitter, RefusesALengthAboveTheLimitAsSoonAsTheLengthIsThere) {
  const LengthCase cases[] = {
      {"empty", 0, FrameSplitter::Status::frame},
      {"the limit", 1468, FrameSplitter::Status::need_more},
      {"one more", 1469, FrameSplitter::Status::too_large},
      {"the sign bit", 0x80000000, FrameSplitter::Status::too_large},
      {"all ones", 0xffffffff, FrameSplitter::Status::too_large},
  };
  for (const LengthCase& row : cases) {
    Bytes header(4);
    store_le32(header.data(), row.length);
    FrameSplitter splitter;
    ByteSpan body;
    splitter.feed(ByteSpan(header).first(3));
    EXPECT_EQ(splitter.next(body), FrameSplitter::Status::need_more) << row.name;
    splitter.feed(ByteSpan(header).last(1));
    EXPECT_EQ(splitter.next(body), row.expected) << row.name;
  }
}

TEST(Splitter, StaysRefusedUntilItIsReset) {
  FrameSplitter splitter;
  ByteSpan body;
  const Bytes huge = hex("ffffffff 00");
  const Bytes good = with_length(hex("01"));
  splitter.feed(huge);
  EXPECT_EQ(splitter.next(body), FrameSplitter::Status::too_large);
  splitter.feed(good);
  EXPECT_EQ(splitter.next(body), FrameSplitter::Status::too_large);
  splitter.reset();
  splitter.feed(good);
  EXPECT_EQ(splitter.next(body), FrameSplitter::Status::frame);
}

struct BodyCase {
  const char* name;
  Bytes body;
  Result expected;
};
void PrintTo(const BodyCase& row, std::ostream* out) { *out << to_hex(row.body); }

class FrameBody : public testing::TestWithParam<BodyCase> {};
TEST_P(FrameBody, IsJudged) {
  strict::FrameView frame;
  EXPECT_EQ(strict::decode_frame(GetParam().body, frame), GetParam().expected);
}
INSTANTIATE_TEST_SUITE_P(
    Strict, FrameBody,
    testing::Values(BodyCase{"envelope", hex("22 01 00"), Result::ok},
                    BodyCase{"empty message", hex("2a 00"), Result::ok},
                    BodyCase{"last kind", hex("52 00"), Result::ok}, BodyCase{"nothing", {}, Result::malformed_frame},
                    BodyCase{"field 0", hex("02 00"), Result::malformed_frame},
                    BodyCase{"field 11", hex("5a 00"), Result::malformed_frame},
                    BodyCase{"field 16", hex("82 01 00"), Result::malformed_frame},
                    BodyCase{"a varint", hex("20 01"), Result::malformed_frame},
                    BodyCase{"a fixed64", hex("21 0000000000000000"), Result::malformed_frame},
                    BodyCase{"two kinds", hex("22 01 00 2a 00"), Result::malformed_frame},
                    BodyCase{"the same kind twice", hex("22 00 22 00"), Result::malformed_frame},
                    BodyCase{"a length too long", hex("22 02 00"), Result::malformed_frame},
                    BodyCase{"a length too short", hex("22 00 00"), Result::malformed_frame},
                    BodyCase{"a length not minimal", hex("22 81 00 00"), Result::malformed_frame},
                    BodyCase{"no length", hex("22"), Result::malformed_frame},
                    BodyCase{"a huge length", hex("22 ffffffffffffffffff01"), Result::malformed_frame}),
    test::case_name<BodyCase>);

}  // namespace
}  // namespace electra
