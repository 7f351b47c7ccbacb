// Every backend gives libsodium's SHA-256, whatever the lengths, the number of jobs and where they lie.
#include "crypto-offload/hash.h"

#include <gtest/gtest.h>
#include <sodium/crypto_hash_sha256.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "crypto-offload/hash/backend.h"
#include "crypto-offload/hash/padding.h"
#include "meter-proto/base/bytes.h"
#include "meter-proto/base/sha256_compress.h"

namespace electra::crypto {
namespace {

constexpr std::string_view kTag = "electra/test/1";

static_assert(blocks_of(0) == 1);
static_assert(blocks_of(55) == 1);
static_assert(blocks_of(56) == 2);
static_assert(blocks_of(64) == 2);
static_assert(blocks_of(0xffffffff) == 0x4000001, "no overflow at the greatest length");
static_assert(bits_of(0xffffffff) == 0x8000001f8);

Bytes32 oracle(ByteSpan message) {
  Bytes32 tag_hash;
  crypto_hash_sha256(tag_hash.data(), bytes_of(kTag).data(), kTag.size());
  std::vector<std::uint8_t> whole(tag_hash.begin(), tag_hash.end());
  whole.insert(whole.end(), tag_hash.begin(), tag_hash.end());
  whole.insert(whole.end(), message.begin(), message.end());
  Bytes32 out;
  crypto_hash_sha256(out.data(), whole.data(), whole.size());
  return out;
}

// A backend alone, or (without one) the two functions that everybody calls.
struct Subject {
  const HashBackend* backend;

  void many(const HashMidstate& midstate, std::span<const HashJob> jobs) const {
    backend == nullptr ? hash_many(midstate, jobs) : hash_many(*backend, midstate, jobs);
  }
  void nodes(const HashMidstate& midstate, std::span<const NodeJob> jobs) const {
    backend == nullptr ? hash_nodes(midstate, jobs) : hash_nodes(*backend, midstate, jobs);
  }
};

std::string_view name_of(const Subject& subject) {
  return subject.backend == nullptr ? "chosen" : subject.backend->name;
}
void PrintTo(const Subject& subject, std::ostream* out) { *out << name_of(subject); }

std::vector<Subject> subjects() {
  std::vector<Subject> out{{nullptr}};
  for (const HashBackend* backend : hash_backends()) out.push_back({backend});
  return out;
}

std::string suffix_of(const testing::TestParamInfo<Subject>& info) {
  std::string name(name_of(info.param));
  std::erase(name, '-');
  return name;
}

// Messages side by side in one buffer, at odd addresses, and outputs with a guard byte on either side.
class Fixture {
 public:
  Fixture(std::mt19937_64& random, const std::vector<std::uint32_t>& lengths) {
    std::size_t total = 0;
    for (const std::uint32_t length : lengths) {
      offsets_.push_back(total += 1 + random() % 5);
      total += length;
    }
    in_.resize(total);
    std::ranges::generate(in_, [&] { return static_cast<std::uint8_t>(random()); });
    out_.assign(lengths.size() * kStride + 1, kGuard);
    lengths_ = lengths;
  }

  [[nodiscard]] std::vector<HashJob> jobs() {
    std::vector<HashJob> out;
    for (std::size_t i = 0; i < lengths_.size(); ++i)
      out.push_back({in_.data() + offsets_[i], lengths_[i], out_.data() + i * kStride + 1});
    return out;
  }
  [[nodiscard]] std::vector<NodeJob> node_jobs() {
    std::vector<NodeJob> out;
    for (const HashJob& job : jobs()) out.push_back({job.in, job.out});
    return out;
  }

  void expect_right() const {
    for (std::size_t i = 0; i < lengths_.size(); ++i) {
      const ByteSpan digest(out_.data() + i * kStride + 1, 32);
      const Bytes32 expected = oracle({in_.data() + offsets_[i], lengths_[i]});
      ASSERT_EQ(to_hex(digest), to_hex(expected))
          << "job " << i << " of " << lengths_.size() << ", " << lengths_[i] << " bytes";
      ASSERT_EQ(out_[i * kStride], kGuard) << "before the output of job " << i;
      ASSERT_EQ(out_[(i + 1) * kStride], kGuard) << "after the output of job " << i;
    }
  }

 private:
  static constexpr std::size_t kStride = 33;
  static constexpr std::uint8_t kGuard = 0xa5;

  std::vector<std::uint8_t> in_;
  std::vector<std::uint8_t> out_;
  std::vector<std::size_t> offsets_;
  std::vector<std::uint32_t> lengths_;
};

class Hash : public testing::TestWithParam<Subject> {
 protected:
  const HashMidstate midstate_ = tag_midstate(kTag);
  std::mt19937_64 random_{20240607};
};

INSTANTIATE_TEST_SUITE_P(Backends, Hash, testing::ValuesIn(subjects()), suffix_of);

// FIPS 180-4's examples that are longer than a block: their own first block stands where the tag's would.
TEST_P(Hash, GivesThePublishedDigestsOfMessagesBeyondOneBlock) {
  struct Case {
    std::string message;
    std::string_view digest;
  };
  const Case cases[] = {
      {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrst"
       "u",
       "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
      {std::string(1'000'000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
  for (const Case& c : cases) {
    const ByteSpan message = bytes_of(c.message);
    HashMidstate midstate;
    std::copy_n(kSha256Initial, 8, midstate.words.begin());
    sha256_compress_portable(midstate.words.data(), message.data(), 1);
    std::array<Bytes32, 40> digests;
    std::vector<HashJob> jobs;
    for (Bytes32& out : digests)
      jobs.push_back({message.data() + 64, static_cast<std::uint32_t>(message.size() - 64), out.data()});
    GetParam().many(midstate, jobs);
    for (const Bytes32& digest : digests) EXPECT_EQ(to_hex(digest), c.digest);
  }
}

TEST_P(Hash, EqualsTheOracleForEveryLengthUpTo300AndAnyNumberOfJobs) {
  for (std::uint32_t bytes = 0; bytes <= 300; ++bytes) {
    for (const std::size_t count : {random_() % 71, random_() % 71}) {
      Fixture fixture(random_, std::vector<std::uint32_t>(count, bytes));
      GetParam().many(midstate_, fixture.jobs());
      ASSERT_NO_FATAL_FAILURE(fixture.expect_right());
    }
  }
}

TEST_P(Hash, EqualsTheOracleForEveryNumberOfJobsUpTo70) {
  for (std::size_t count = 0; count <= 70; ++count) {
    for (const std::uint32_t bytes : {35u, 64u, 200u}) {
      Fixture fixture(random_, std::vector<std::uint32_t>(count, bytes));
      GetParam().many(midstate_, fixture.jobs());
      ASSERT_NO_FATAL_FAILURE(fixture.expect_right());
    }
    Fixture fixture(random_, std::vector<std::uint32_t>(count, 64));
    GetParam().nodes(midstate_, fixture.node_jobs());
    ASSERT_NO_FATAL_FAILURE(fixture.expect_right());
  }
}

TEST_P(Hash, EqualsTheOracleWhenLengthsAreMixed) {
  for (int round = 0; round < 100; ++round) {
    std::vector<std::uint32_t> lengths;
    const std::size_t count = random_() % 71;
    while (lengths.size() < count) {
      const auto bytes = static_cast<std::uint32_t>(random_() % 300);
      lengths.insert(lengths.end(), 1 + random_() % 20, bytes);
    }
    Fixture fixture(random_, lengths);
    GetParam().many(midstate_, fixture.jobs());
    ASSERT_NO_FATAL_FAILURE(fixture.expect_right());
  }
}

TEST_P(Hash, TakesANullPointerForAnEmptyMessage) {
  std::array<Bytes32, 20> digests;
  std::vector<HashJob> jobs;
  for (Bytes32& out : digests) jobs.push_back({nullptr, 0, out.data()});
  GetParam().many(midstate_, jobs);
  for (const Bytes32& digest : digests) EXPECT_EQ(digest, oracle({}));
}

// Two pages of which the second may not be touched.
class Edge {
 public:
  Edge() : page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) {
    void* const found = ::mmap(nullptr, 2 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (found == MAP_FAILED) throw std::bad_alloc();
    begin_ = static_cast<std::uint8_t*>(found);
    if (::mprotect(begin_ + page_, page_, PROT_NONE) != 0) throw std::bad_alloc();
    std::iota(begin_, end(), std::uint8_t{1});
  }
  ~Edge() { ::munmap(begin_, 2 * page_); }
  Edge(const Edge&) = delete;
  Edge& operator=(const Edge&) = delete;
  [[nodiscard]] std::uint8_t* end() const { return begin_ + page_; }

 private:
  std::size_t page_;
  std::uint8_t* begin_;
};

TEST_P(Hash, ReadsNothingBehindAMessageAndWritesNothingBehindADigest) {
  const Edge in, out;
  for (const std::size_t count : {1u, 2u, 8u, 16u, 32u}) {
    std::vector<Bytes32> digests(count);
    for (std::uint32_t bytes = 0; bytes <= 200; ++bytes) {
      std::vector<HashJob> jobs;
      for (Bytes32& digest : digests) jobs.push_back({in.end() - bytes, bytes, digest.data()});
      jobs.back().out = out.end() - 32;
      GetParam().many(midstate_, jobs);
      const std::string expected = to_hex(oracle({in.end() - bytes, bytes}));
      ASSERT_EQ(to_hex(digests[0]), count == 1 ? to_hex(Bytes32{}) : expected) << bytes;
      ASSERT_EQ(to_hex({out.end() - 32, 32}), expected) << bytes;
    }
    std::vector<NodeJob> nodes;
    for (Bytes32& digest : digests) nodes.push_back({in.end() - 64, digest.data()});
    nodes.back().out = out.end() - 32;
    GetParam().nodes(midstate_, nodes);
    ASSERT_EQ(to_hex({out.end() - 32, 32}), to_hex(oracle({in.end() - 64, 64})));
  }
}

TEST_P(Hash, FoldsALevelOfATreeIntoItsOwnLeftHalf) {
  for (const std::size_t parents : {1u, 2u, 3u, 9u, 16u, 17u, 31u, 32u, 33u, 64u, 200u}) {
    std::vector<std::uint8_t> level(parents * 64);
    std::ranges::generate(level, [&] { return static_cast<std::uint8_t>(random_()); });
    const std::vector<std::uint8_t> before = level;
    std::vector<NodeJob> jobs;
    for (std::size_t i = 0; i < parents; ++i) jobs.push_back({level.data() + 64 * i, level.data() + 32 * i});
    GetParam().nodes(midstate_, jobs);
    for (std::size_t i = 0; i < parents; ++i) {
      ASSERT_EQ(to_hex({level.data() + 32 * i, 32}), to_hex(oracle({before.data() + 64 * i, 64})))
          << i << " of " << parents;
    }
  }
}

TEST_P(Hash, WritesADigestOverItsOwnMessageAndOverThoseBefore) {
  for (const std::uint32_t bytes : {0u, 31u, 35u, 64u, 119u, 120u, 150u}) {
    constexpr std::size_t kJobs = 67;
    const std::size_t stride = std::max<std::size_t>(bytes, 32);
    for (const std::size_t back : {0u, 1u, 7u, 20u}) {  // job i writes where the message of job i - back was
      std::vector<std::uint8_t> memory((kJobs + back) * stride);
      std::ranges::generate(memory, [&] { return static_cast<std::uint8_t>(random_()); });
      const std::vector<std::uint8_t> before = memory;
      std::vector<HashJob> jobs;
      for (std::size_t i = 0; i < kJobs; ++i)
        jobs.push_back({memory.data() + (i + back) * stride, bytes, memory.data() + i * stride});
      GetParam().many(midstate_, jobs);
      for (std::size_t i = 0; i < kJobs; ++i) {
        ASSERT_EQ(to_hex({memory.data() + i * stride, 32}),
                  to_hex(oracle({before.data() + (i + back) * stride, bytes})))
            << "job " << i << ", " << bytes << " bytes, " << back << " back";
      }
    }
  }
}

TEST(HashBackends, BeginWithThePortableOneAndHoldTheChosenOne) {
  const auto backends = hash_backends();
  ASSERT_FALSE(backends.empty());
  EXPECT_STREQ(backends.front()->name, "portable");
  EXPECT_TRUE(std::ranges::any_of(backends, [](const HashBackend* b) { return b->name == hash_backend(); }));
}

TEST(TagMidstate, DiffersBetweenTags) {
  EXPECT_EQ(tag_midstate("electra/leaf/1"), tag_midstate("electra/leaf/1"));
  EXPECT_NE(tag_midstate("electra/leaf/1"), tag_midstate("electra/node/1"));
}

}  // namespace
}  // namespace electra::crypto
