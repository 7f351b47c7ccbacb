// Every backend has libsodium's verdicts on random batches of good and damaged messages: some 20,000 here, 10 million for
// each backend under ELECTRA_LONG (scripts/test --long).
//
// libsodium verifies 25,000 signatures a second and would take seven minutes for 10 million. The expected verdict is
// therefore the one for which a case was made (signed_cases.h), the id always the library's SHA-512, and one case in 50,
// drawn at random, is given to libsodium as well.
#include <algorithm>
#include <cstdlib>

#include "tests/crypto-offload/conformance.h"

namespace electra::crypto {
namespace {

constexpr std::uint64_t kSodiumCheckedEvery = 50;
constexpr std::size_t kSigners = 200;
constexpr std::size_t kNonces = 512;

// How many cases a setting gets: the settings of a backend have the 10 million together.
std::uint64_t cases_of(const Setting& setting) {
  const auto all = settings();
  const auto of_backend =
      static_cast<std::uint64_t>(std::ranges::count(all, setting.backend, [](const Setting& s) { return s.backend; }));
  if (std::getenv("ELECTRA_LONG") != nullptr) return (10'000'000 + of_backend - 1) / of_backend;
#ifdef ELECTRA_SANITIZED
  return 2'000;
#else
  return works_in_lanes(setting) ? 20'000 : 4'000;
#endif
}

class RandomConformance : public testing::TestWithParam<Setting> {
 protected:
  RandomConformance() { numbers_.fill(bytes_); }

  std::size_t draw_batch_size() {
    switch (numbers_.below(16)) {
      case 0:  return 1 + numbers_.below(2'500);
      case 1:
      case 2:
      case 3:
      case 4:  return 1 + numbers_.below(300);
      case 5:
      case 6:
      case 7:
      case 8:
      case 9:  return 1 + numbers_.below(64);
      default: return 1 + numbers_.below(16);
    }
  }

  // Mostly the length of a message from a meter; sometimes whatever a frame takes; rarely more.
  ByteSpan draw_payload() {
    const std::uint64_t kind = numbers_.below(256);
    const std::size_t bytes = numbers_.below(kind == 0 ? 6'000 : kind < 16 ? 1'472 : 260);
    return ByteSpan(bytes_).subspan(numbers_.below(bytes_.size() - bytes), bytes);
  }

  // Half of a batch good; half of the batches under a few keys only. Some messages come without their key's number, or
  // with another's: then no table may be used.
  std::vector<Case> draw_batch(std::size_t size) {
    const std::size_t keys = numbers_.below(2) == 0 ? 1 + numbers_.below(4) : kSigners;
    const std::size_t first = numbers_.below(kSigners);
    std::vector<Case> batch;
    batch.reserve(size);
    for (std::size_t i = 0; i < size; ++i) {
      const bool good = numbers_.below(2) == 0;
      if (numbers_.below(8) == 0) forge_.renew_nonce(numbers_.below(kNonces), numbers_.next());
      batch.push_back(forge_.make({.damage = good ? Damage::none : static_cast<Damage>(numbers_.below(kDamages)),
                                   .signer = first + numbers_.below(keys),
                                   .nonce = numbers_.next(),
                                   .choice = numbers_.next(),
                                   .sequence = numbers_.next(),
                                   .payload = draw_payload()}));
      const std::uint64_t number = numbers_.below(32);
      if (number == 0) batch.back().key_number = 0;
      if (number == 1) batch.back().key_number = static_cast<std::uint32_t>(numbers_.below(2 * kSigners));
    }
    return batch;
  }

  Numbers numbers_{std::getenv("ELECTRA_LONG") != nullptr ? 20U : 10U};
  std::vector<std::uint8_t> bytes_ = std::vector<std::uint8_t>(100'000);
  Forge forge_ = Forge(kSigners, kNonces, 3);
  // Three keys in four are learned.
  const Subject subject_ = Subject(GetParam(), forge_.keys().first(kSigners * 3 / 4));
};

INSTANTIATE_TEST_SUITE_P(Backends, RandomConformance, testing::ValuesIn(settings()), name_of_setting);

TEST_P(RandomConformance, HoldsForGoodAndDamagedMessages) {
  const std::uint64_t cases = cases_of(GetParam());
  std::uint64_t done = 0, accepted = 0;
  while (done < cases) {
    const std::vector<Case> batch = draw_batch(draw_batch_size());
    ASSERT_TRUE(subject_.is_right_about(batch)) << "after " << done << " cases";
    ASSERT_TRUE(libsodium_agrees(batch, kSodiumCheckedEvery, numbers_)) << "after " << done << " cases";
    done += batch.size();
    accepted += static_cast<std::uint64_t>(std::ranges::count(batch, true, &Case::valid));
  }
  // Half, and the good ones among the others: the generator makes what it is meant to.
  EXPECT_GT(accepted, done * 2 / 5);
  EXPECT_LT(accepted, done * 2 / 3);
}

}  // namespace
}  // namespace electra::crypto
