// When the gateway ends a block, and that the file of headers follows from the journal over restarts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/signed_height.h"
#include "tests/pipeline/blocks_support.h"

namespace electra::pipeline {
namespace {

using namespace test;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

TEST(GatewayBlocks, ABlockClosesAnIntervalAfterItsFirstMessageAndAnIdleGatewayWritesNothing) {
  constexpr auto kInterval = 400ms;
  BlockChain chain;
  RunningGateway gateway(chain.settings(kInterval));
  ASSERT_EQ(gateway.error(), "");
  Client meter(gateway.port(), kM2);
  const auto sent = Clock::now();
  ASSERT_TRUE(meter.ask(1, reading(0, 1)).receipt);
  ASSERT_TRUE(meter.ask(2, reading(0, 2)).receipt);
  const auto is_signed = [](const wire::Status& status) { return status.signed_height() == 1; };
  const wire::Status status = wait_for_status(meter, is_signed);
  EXPECT_GE(Clock::now() - sent, kInterval) << "it closed too early";
  EXPECT_EQ(status.height(), 1U);
  EXPECT_EQ(status.epoch(), 0U);
  EXPECT_EQ(status.signer_problem(), "");

  std::this_thread::sleep_for(100ms);  // the watermark goes out
  const std::uint64_t records = record_count(chain.data());
  std::this_thread::sleep_for(3 * kInterval);
  EXPECT_EQ(record_count(chain.data()), records);
  EXPECT_EQ(meter.status().height(), 1U);
  gateway.stop();
  EXPECT_EQ(record_count(chain.data()), records);
  const auto headers = headers_in(chain.headers_file());
  ASSERT_EQ(headers.size(), 1U);
  EXPECT_EQ(headers[0].header.messages, 2U);
}

TEST(GatewayBlocks, AGatewayWithoutMessagesMakesNoBlock) {
  BlockChain chain;
  {
    RunningGateway gateway(chain.settings());
    ASSERT_EQ(gateway.error(), "");
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_EQ(record_count(chain.data()), 0U);
  EXPECT_TRUE(headers_in(chain.headers_file()).empty());
  EXPECT_FALSE(std::filesystem::exists(chain.signed_file()));
}

TEST(GatewayBlocks, ATickFartherThanTheIntervalClosesTheBlockAndANearerOneDoesNot) {
  BlockChain chain;
  RunningGateway gateway(chain.settings(600s));
  ASSERT_EQ(gateway.error(), "");
  Client meter(gateway.port(), kM2);
  Client boss(gateway.port(), kOperator);
  ASSERT_TRUE(meter.ask(1, reading(0, 1)).receipt);
  ASSERT_EQ(boss.tick(kGenesisS + 599).result, Result::ok);
  EXPECT_EQ(boss.status().height(), 0U);
  ASSERT_EQ(boss.tick(kGenesisS + 601).result, Result::ok);
  EXPECT_EQ(boss.status().height(), 1U);
  gateway.stop();
  const auto headers = headers_in(chain.headers_file());
  ASSERT_EQ(headers.size(), 1U) << "what followed the block was a watermark at most";
  EXPECT_GE(headers[0].header.time_ns, (kGenesisS + 601) * kSecondNs);
}

TEST(GatewayBlocks, AStopClosesTheBlockAndSignsIt) {
  BlockChain chain;
  {
    RunningGateway gateway(chain.settings(3600s));
    ASSERT_EQ(gateway.error(), "");
    Client meter(gateway.port(), kM2);
    for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) {
      ASSERT_TRUE(meter.ask(sequence, reading(0, 1)).receipt);
    }
    EXPECT_EQ(meter.status().height(), 0U);
  }
  const auto headers = headers_in(chain.headers_file());
  ASSERT_EQ(headers.size(), 1U);
  EXPECT_EQ(headers[0].header.messages, 5U);
  EXPECT_EQ(audit_problems(chain), "");
}

TEST(GatewayBlocks, TheFileHoldsASignedHeaderOfEveryClosedBlockAndTheyAreAChain) {
  BlockChain chain;
  RunningGateway gateway(chain.settings(20ms));
  ASSERT_EQ(gateway.error(), "");
  ASSERT_NO_FATAL_FAILURE(do_a_bit_of_everything(gateway.port()));
  gateway.stop();
  const auto headers = headers_in(chain.headers_file());
  EXPECT_EQ(headers.size(), gateway.counters().height);
  ASSERT_GE(headers.size(), 10U);  // every tick was farther than the interval

  const std::vector<std::uint64_t> closing = closing_batches(chain.data());
  ASSERT_EQ(closing.size(), headers.size());

  const Bytes32 genesis = small_genesis().hash;
  Bytes32 previous = genesis;
  std::uint64_t messages = 0;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const proto::BlockHeader& header = headers[i].header;
    EXPECT_EQ(header.height, i + 1);
    EXPECT_EQ(header.last_batch, closing[i]);
    EXPECT_EQ(header.previous_hash, previous);
    EXPECT_TRUE(proto::header_signature_valid(headers[i], genesis, Person(holder_name(kGrid)).public_key()));
    messages += header.messages;
    EXPECT_EQ(header.total_messages, messages);
    previous = proto::header_hash(header);
  }
  std::uint64_t in_journal = 0;
  for (const auto& [name, count] : journal_messages(chain.data())) in_journal += static_cast<std::uint64_t>(count);
  EXPECT_EQ(messages, in_journal);
  EXPECT_EQ(audit_problems(chain), "");
}

// What somebody or something does to the file of headers between two runs, and what the next start makes of it.
struct Damage {
  const char* name;
  void (*apply)(const BlockChain&, Bytes);
  std::uint64_t signatures;  // that are made again, of 8
  const char* warning;
};

void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.name; }

class HeadersAfterARestart : public testing::TestWithParam<Damage> {};

TEST_P(HeadersAfterARestart, AreTheSameByteForByte) {
  BlockChain chain;
  ASSERT_NO_FATAL_FAILURE(chain.live(8));
  const Bytes before = file_bytes(chain.headers_file());
  const Bytes record_before = file_bytes(chain.signed_file());
  ASSERT_EQ(before.size(), 8 * proto::kSignedHeaderBytes);
  GetParam().apply(chain, before);

  const auto signer = std::make_shared<FaultySigner>();
  GatewaySettings settings = chain.settings();
  settings.blocks.signer = signer;
  {
    RunningGateway gateway(settings);
    ASSERT_EQ(gateway.error(), "");
    EXPECT_EQ(gateway.facts().height, 8U);
    EXPECT_THAT(gateway.facts().headers_text, HasSubstr(GetParam().warning));
    EXPECT_EQ(gateway.facts().headers_text.empty(), std::string(GetParam().warning).empty());
  }
  EXPECT_EQ(signer->count(), GetParam().signatures);
  EXPECT_EQ(file_bytes(chain.headers_file()), before);
  EXPECT_EQ(file_bytes(chain.signed_file()), record_before);
  EXPECT_EQ(audit_problems(chain), "");

  ASSERT_NO_FATAL_FAILURE(chain.live(1));
  EXPECT_EQ(headers_in(chain.headers_file()).size(), 9U);
  EXPECT_EQ(audit_problems(chain), "");
}

void turn(const BlockChain& chain, Bytes bytes, std::size_t height, std::size_t byte) {
  bytes.at((height - 1) * proto::kSignedHeaderBytes + byte) ^= 4;
  write_bytes(chain.headers_file(), bytes);
}

const Damage kDamages[] = {
    {"nothing", [](const BlockChain&, Bytes) {}, 0, ""},
    {"the file is gone",
     [](const BlockChain& chain, Bytes) { std::filesystem::remove_all(chain.headers_file().parent_path()); }, 8, ""},
    {"the last entry is torn",
     [](const BlockChain& chain, Bytes bytes) {
       bytes.resize(bytes.size() - 100);
       write_bytes(chain.headers_file(), bytes);
     },
     1, ""},
    {"an entry was begun behind the last",
     [](const BlockChain& chain, Bytes bytes) {
       bytes.resize(bytes.size() + 50, 0xee);
       write_bytes(chain.headers_file(), bytes);
     },
     0, ""},
    {"a bit of a header has turned", [](const BlockChain& chain, Bytes bytes) { turn(chain, bytes, 3, 100); }, 6,
     "block 3"},
    {"a bit of a signature has turned", [](const BlockChain& chain, Bytes bytes) { turn(chain, bytes, 7, 287); }, 2,
     "block 7"},
    {"an entry was never written",
     [](const BlockChain& chain, Bytes bytes) {
       std::fill(bytes.begin() + 288 * 5, bytes.begin() + 288 * 6, std::uint8_t{0});
       write_bytes(chain.headers_file(), bytes);
     },
     3, "block 6"},
};

INSTANTIATE_TEST_SUITE_P(All, HeadersAfterARestart, testing::ValuesIn(kDamages), [](const auto& info) {
  std::string name = info.param.name;
  std::ranges::replace(name, ' ', '_');
  return name;
});

TEST(GatewayBlocks, ADamagedRecordOfTheHighestSignedBlockIsRefusedAndTheTextSaysWhatToDo) {
  BlockChain chain;
  ASSERT_NO_FATAL_FAILURE(chain.live(3));
  Bytes bytes = file_bytes(chain.signed_file());
  const Bytes good = bytes;
  for (std::size_t at = 40; at < bytes.size(); at += 4096) bytes[at] ^= 1;  // in every copy
  write_bytes(chain.signed_file(), bytes);
  {
    RunningGateway gateway(chain.settings());
    EXPECT_THAT(gateway.error(), HasSubstr(chain.signed_file().string()));
    EXPECT_THAT(gateway.error(), HasSubstr("restore this file from a backup"));
  }
  write_bytes(chain.signed_file(), good);
  ASSERT_NO_FATAL_FAILURE(chain.live(1));
}

TEST(GatewayBlocks, AnotherHeaderThanTheKeyHasSignedForAHeightIsRefused) {
  BlockChain chain;
  ASSERT_NO_FATAL_FAILURE(chain.live(3));
  const Bytes32 hash = proto::header_hash(headers_in(chain.headers_file()).back().header);
  for (const auto& [height, signed_hash] : {std::pair{std::uint64_t{3}, Bytes32{1}}, {std::uint64_t{2}, hash}}) {
    SCOPED_TRACE(height);
    std::filesystem::remove(chain.signed_file());
    {
      auto file = io::SignedHeightFile::open(chain.signed_file());
      ASSERT_TRUE(file) << file.error();
      ASSERT_TRUE(file->store({.epoch = 0, .height = height, .header_hash = signed_hash}));
    }
    RunningGateway gateway(chain.settings());
    EXPECT_THAT(gateway.error(), HasSubstr("another history"));
    EXPECT_THAT(gateway.error(), HasSubstr("height " + std::to_string(height)));
    EXPECT_THAT(gateway.error(), HasSubstr("--new-epoch"));
  }
}

TEST(GatewayBlocks, AnotherKeyThanTheChainsIsRefused) {
  BlockChain chain;
  GatewaySettings settings = chain.settings();
  settings.blocks.signer = Person("somebody else").signer();
  RunningGateway gateway(settings);
  EXPECT_THAT(gateway.error(), HasSubstr(to_hex(Person("somebody else").public_key())));
  EXPECT_THAT(gateway.error(), HasSubstr(to_hex(Person(holder_name(kGrid)).public_key())));
}

TEST(GatewayBlocks, ASecondGatewayDoesNotTouchTheHeadersOfTheFirst) {
  BlockChain chain;
  RunningGateway first(chain.settings());
  ASSERT_EQ(first.error(), "");
  Client meter(first.port(), kM2);
  ASSERT_NO_FATAL_FAILURE(close_a_block(meter, 1));
  wait_for_status(meter, [](const wire::Status& status) { return status.signed_height() == 1; });
  Bytes torn = file_bytes(chain.headers_file());
  torn.resize(torn.size() + 7);  // as if the first were writing
  write_bytes(chain.headers_file(), torn);
  RunningGateway second(chain.settings());
  EXPECT_THAT(second.error(), HasSubstr("in use"));
  EXPECT_EQ(file_bytes(chain.headers_file()), torn);
}

}  // namespace
}  // namespace electra::pipeline
