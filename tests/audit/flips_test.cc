// One bit turned anywhere in a journal, in the file of headers or in packed blocks is found, whichever bit it is.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "engine/pipeline/export.h"
#include "engine/pipeline/packed_source.h"
#include "tests/audit/audited_chain.h"
#include "tests/support/environment.h"

namespace electra::test {
namespace {

std::uint64_t rounds() {
#ifdef ELECTRA_SANITIZED
  const std::uint64_t otherwise = 60;
#else
  const std::uint64_t otherwise = std::getenv("ELECTRA_LONG") != nullptr ? 10'000 : 300;
#endif
  return number_from_environment("ELECTRA_FLIPS", otherwise);
}

class Flips : public testing::Test {
 protected:
  // Turns `count` random bits of the file, one at a time; `found` says whether an audit has noticed.
  template <typename Found>
  void turn(const std::filesystem::path& file, std::uint64_t count, Found found) {
    const std::uint64_t bytes = std::filesystem::file_size(file);
    ASSERT_GT(bytes, 0U);
    for (std::uint64_t round = 0; round < count; ++round) {
      const std::uint64_t offset = std::uniform_int_distribution<std::uint64_t>(0, bytes - 1)(random_);
      const auto mask = static_cast<std::uint8_t>(1U << std::uniform_int_distribution<unsigned>(0, 7)(random_));
      ASSERT_NO_FATAL_FAILURE(turn_bits(file, offset, mask));
      ASSERT_TRUE(found()) << "not found: " << file.filename() << " byte " << offset << " mask " << unsigned{mask};
      ASSERT_NO_FATAL_FAILURE(turn_bits(file, offset, mask));
    }
    ASSERT_FALSE(found()) << "all bits are as they were";
  }

  std::mt19937_64 random_{20261122};
  TempDirectory directory_;
};

TEST_F(Flips, OfAnyBitOfTheJournalAreFound) {
  const ChainFiles files = LivedChain::get().copy_to(directory_.path() / "chain");
  turn(files.journal / io::segment_name(1), rounds() / 3, [&] { return !audit_of(files).good(); });
}

TEST_F(Flips, OfAnyBitOfTheLeadBehindTheJournalAreFound) {
  const ChainFiles files = LivedChain::get().copy_to(directory_.path() / "chain");
  const auto segment = files.journal / io::segment_name(1);
  const std::uint64_t end = std::filesystem::file_size(segment);
  std::filesystem::resize_file(segment, end + (64U << 10));
  turn(segment, 20, [&] { return !audit_of(files).good(); });
  for (const std::uint64_t offset : {end, end + 1, end + 4095, end + 4096, end + (64U << 10) - 1}) {
    ASSERT_NO_FATAL_FAILURE(turn_bits(segment, offset, 16));
    EXPECT_FALSE(audit_of(files).good()) << offset - end;
    ASSERT_NO_FATAL_FAILURE(turn_bits(segment, offset, 16));
  }
}

TEST_F(Flips, OfAnyBitOfTheHeadersAreFound) {
  const ChainFiles files = LivedChain::get().copy_to(directory_.path() / "chain");
  turn(files.headers(), rounds() / 3, [&] { return !audit_of(files).good(); });
}

TEST_F(Flips, OfAnyBitOfPackedBlocksAreFound) {
  const ChainFiles& chain = LivedChain::get().files();
  const auto file = directory_.path() / "chain.blocks";
  const auto packed = pipeline::export_blocks({.journal_directory = chain.journal,
                                               .headers_file = chain.headers(),
                                               .genesis_hash = small_genesis().hash,
                                               .genesis_text = "a genesis: the auditor below knows it",
                                               .out = file,
                                               .first_height = 1,
                                               .last_height = 0,
                                               .progress = {}});
  ASSERT_TRUE(packed) << packed.error().text;
  const auto found = [&] {
    const auto source = pipeline::open_packed_source({file});
    if (!source) return source.error().not_true;
    const auto report = pipeline::audit(small_genesis(), **source, {});
    return report && !report->good();
  };
  turn(file, rounds() / 3, found);
}

}  // namespace
}  // namespace electra::test
