// Tables are trusted input, so a wrong one may harm no one: whatever a table holds, the messages beside those of its key
// get libsodium's verdict, and no table lets a signature pass whose S or R is refused for itself. In particular a table with
// zeros, whose arithmetic ends in R = 0 and in a Z that cannot be inverted, lets nothing pass at all that is not good.
//
// What else a damaged table says about its own key is not specified. Damage is made behind the back of the verifier: in
// life a table's checksum is compared before anyone can see it.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <tuple>

#include "crypto-offload/avx2/backend.h"
#include "crypto-offload/avx512/backend.h"
#include "crypto-offload/lanes/lane_verifier.h"
#include "tests/crypto-offload/conformance.h"
#include "tests/crypto-offload/fake_tables.h"
#include "tests/crypto-offload/judges.h"
#include "tests/crypto-offload/reference_ed25519.h"

namespace electra::crypto {
namespace {

std::vector<std::string_view> lane_backends() {
  std::vector<std::string_view> out = backend_names();
  std::erase_if(out, [](std::string_view name) { return !works_in_lanes({.backend = name}); });
  return out;
}

constexpr std::size_t kLanes = 8;
constexpr std::size_t kSigners = 32;
constexpr std::size_t kVictim = 13;  // its table is damaged
constexpr std::size_t kOther = 17;   // its table is copied

using Words = std::span<std::uint64_t>;

class ConformanceWithTables : public testing::TestWithParam<Setting> {
 protected:
  Case make(Damage damage, std::size_t signer, std::uint64_t choice) {
    std::vector<std::uint8_t> payload(numbers_.below(150));
    numbers_.fill(payload);
    return forge_.make({.damage = damage,
                        .signer = signer,
                        .nonce = numbers_.next(),
                        .choice = choice,
                        .sequence = numbers_.next(),
                        .payload = payload});
  }

  // Under all keys but the victim's, two good ones to a bad one.
  std::vector<Case> neighbours(std::size_t count) {
    std::vector<Case> out;
    while (out.size() < count) {
      const std::size_t signer = numbers_.below(kSigners);
      if (signer == kVictim) continue;
      const bool bad = numbers_.below(3) == 0;
      out.push_back(make(bad ? static_cast<Damage>(numbers_.below(kDamages)) : Damage::none, signer, numbers_.next()));
    }
    return out;
  }

  Words table_of(std::size_t signer) {
    auto& lane_verifier = dynamic_cast<LaneVerifier&>(subject_.verifier());
    std::uint64_t* words = lane_verifier.tables_for_test()->memory_of_table(static_cast<std::uint32_t>(signer + 1));
    EXPECT_NE(words, nullptr);
    return {words, GetParam().table_kib * std::size_t{1024} / sizeof(std::uint64_t)};
  }

  Numbers numbers_{31};
  const Forge forge_ = Forge(kSigners, 64, 5);
  Subject subject_ = Subject(GetParam(), forge_.keys());
};

// A machine whose only backend is libsodium has none to instantiate.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConformanceWithTables);
INSTANTIATE_TEST_SUITE_P(Backends, ConformanceWithTables, testing::ValuesIn(settings_with_tables()), name_of_setting);

// ---- which keys have one

TEST_P(ConformanceWithTables, MixesLearnedForgottenAndUnknownKeysInABatch) {
  const Forge forge(60, 64, 6);  // 20 forgotten, 20 learned, 20 never heard of
  Subject subject(GetParam(), forge.keys().first(40));
  for (std::uint32_t number = 1; number <= 20; ++number) subject.verifier().forget(number);
  subject.verifier().settle();
  EXPECT_EQ(subject.verifier().tables().tables, 20u);
  std::vector<Case> cases;
  for (std::size_t i = 0; i < 600; ++i) {
    std::vector<std::uint8_t> payload(numbers_.below(100));
    cases.push_back(forge.make({.damage = i % 5 == 0 ? Damage::s_near : Damage::none,
                                .signer = numbers_.next(),
                                .nonce = numbers_.next(),
                                .choice = numbers_.next(),
                                .sequence = i,
                                .payload = payload}));
  }
  EXPECT_TRUE(libsodium_agrees(cases, 10, numbers_));
  EXPECT_TRUE(subject.is_right_in_every_lane_about(cases, forge));
}

TEST_P(ConformanceWithTables, TakesNoTableByANumberThatIsNotTheKeys) {
  std::vector<Case> cases = neighbours(300);
  constexpr std::uint32_t kStrange[] = {0, 1, 2, kSigners, kSigners + 1, kSigners + 100, kSigners + 101, UINT32_MAX};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (i % 2 == 0) cases[i].key_number = kStrange[numbers_.below(std::size(kStrange))];
  }
  EXPECT_TRUE(libsodium_agrees(cases, 10, numbers_));
  EXPECT_TRUE(subject_.is_right_in_every_lane_about(cases, forge_));
}

// Each return of a table that was away counts; verification goes on until there were enough of them.
TEST_P(ConformanceWithTables, IsRightWhileKeysAreLearnedAndForgotten) {
  constexpr int kReturns = 50;
  std::atomic<bool> stop = false;
  std::atomic<int> returns = 0;
  KeyTables& tables = *dynamic_cast<LaneVerifier&>(subject_.verifier()).tables_for_test();
  const auto has_table = [&](std::uint32_t number) { return tables.memory_of_table(number) != nullptr; };
  std::thread changer([&] {
    Numbers numbers(1);
    while (!stop) {
      const std::size_t signer = numbers.below(kSigners);
      const auto number = static_cast<std::uint32_t>(signer + 1);
      subject_.verifier().forget(number);
      while (has_table(number) && !stop) std::this_thread::yield();
      subject_.verifier().learn(number, forge_.keys()[signer]);
      // Every other time the next change comes before the table.
      if (numbers.below(2) == 0) continue;
      while (!has_table(number) && !stop) std::this_thread::yield();
      if (!stop) ++returns;
    }
  });
  const std::vector<Case> cases = neighbours(300);
  testing::AssertionResult result = testing::AssertionSuccess();
  const auto patience = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  for (int round = 0; result && (round < 50 || (returns < kReturns && std::chrono::steady_clock::now() < patience));
       ++round) {
    result = subject_.is_right_about(cases);
  }
  stop = true;
  changer.join();
  EXPECT_TRUE(result);
  EXPECT_GE(returns, kReturns);
  subject_.verifier().settle();
  EXPECT_TRUE(subject_.is_right_about(cases));
}

// ---- tables of two sizes

// The backend with a maker of tables that waits at the gate.
template <const LaneBackend& kBackend>
const LaneBackend& gated() {
  static const LaneBackend backend = [] {
    LaneBackend out = kBackend;
    out.make_tables = [](const std::uint8_t* const* keys, std::size_t count, const CombShape& shape,
                         std::uint64_t* const* tables, std::uint64_t* checksums, void* scratch) {
      fake::pass_gate();
      kBackend.make_tables(keys, count, shape, tables, checksums, scratch);
    };
    return out;
  }();
  return backend;
}

class TablesOfTwoSizes : public testing::TestWithParam<std::string_view> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TablesOfTwoSizes);
INSTANTIATE_TEST_SUITE_P(Backends, TablesOfTwoSizes, testing::ValuesIn(lane_backends()), name_of_backend);

// 4 MiB hold 64 tables of 64 KiB. The next key makes all of them smaller: first those whose memory has to be used again,
// which have none for a while, then the others one by one.
TEST_P(TablesOfTwoSizes, AreReadSideBySideInABatch) {
  constexpr std::size_t kFit = 64;
  const Forge forge(kFit + 1, 64, 12);
  VerifierOptions options;
  options.keys_max = kFit + 1;
  options.table_memory_bytes = std::size_t{4} << 20;
  const LaneBackend& backend = GetParam() == "avx512" ? gated<avx512::kBackend>() : gated<avx2::kBackend>();
  Subject subject({.backend = GetParam()}, std::make_unique<LaneVerifier>(backend, options));
  auto& verifier = dynamic_cast<LaneVerifier&>(subject.verifier());
  const auto learn = [&](std::size_t signer) {
    verifier.learn(static_cast<std::uint32_t>(signer + 1), forge.keys()[signer]);
  };
  // How many keys have a table of each shape now; the last: none.
  const auto seen = [&] {
    std::array<std::size_t, kTableShapeCount + 1> count{};
    const KeyTables::Reading reading(*verifier.tables_for_test());
    for (std::size_t i = 0; i <= kFit; ++i) {
      const KeyTables::Found found = reading.find(static_cast<std::uint32_t>(i + 1), forge.keys()[i].data());
      ++count[found.entries == nullptr ? kTableShapeCount : found.shape];
    }
    return count;
  };
  Numbers numbers(4);
  std::vector<Case> cases;
  for (std::size_t i = 0; i < 520; ++i) {
    std::vector<std::uint8_t> payload(numbers.below(150));
    numbers.fill(payload);
    cases.push_back(forge.make({.damage = static_cast<Damage>(i % 3 == 0 ? numbers.below(kDamages) : 0),
                                .signer = numbers.next(),
                                .nonce = numbers.next(),
                                .choice = numbers.next(),
                                .sequence = i,
                                .payload = payload}));
  }
  EXPECT_TRUE(libsodium_agrees(cases, 10, numbers));

  for (std::size_t signer = 0; signer < kFit; ++signer) learn(signer);
  verifier.settle();
  EXPECT_EQ(seen(), (std::array<std::size_t, kTableShapeCount + 1>{kFit, 0, 0, 0, 0, 0, 1}));
  {
    fake::Gate gate;
    learn(kFit);
    gate.wait_for_a_call();
    // 8 tables a call: some of the first chunk again, all of it again, some of the second moved.
    for (const auto& [calls, large, small] : {std::tuple{2, 32U, 16U}, {2, 32U, 32U}, {2, 16U, 48U}}) {
      for (int call = 0; call < calls; ++call) gate.let_one_pass();
      EXPECT_EQ(seen(), (std::array<std::size_t, kTableShapeCount + 1>{large, small, 0, 0, 0, 0, 65 - large - small}));
      EXPECT_TRUE(subject.is_right_in_every_lane_about(cases, forge));
    }
  }
  verifier.settle();
  EXPECT_EQ(seen(), (std::array<std::size_t, kTableShapeCount + 1>{0, kFit + 1}));
  EXPECT_TRUE(subject.is_right_in_every_lane_about(cases, forge));
}

// ---- damaged tables

constexpr std::size_t kEntry = kEntryWords;

// What a damaged table holds. `lets_nothing_pass`: each entry is the right one or zero, so whatever is accepted is good.
struct Fault {
  const char* what;
  void (*damage)(Words victim, std::span<const std::uint64_t> other);
  bool lets_nothing_pass;
};

void zero(Words words) { std::ranges::fill(words, 0); }
void copy(std::span<const std::uint64_t> from, Words to) { std::ranges::copy(from, to.begin()); }

constexpr Fault kFaults[] = {
    {"zeroed", [](Words t, auto) { zero(t); }, true},
    {"the first half real, the second zero", [](Words t, auto) { zero(t.subspan(t.size() / 2)); }, true},
    {"the first half zero, the second real", [](Words t, auto) { zero(t.first(t.size() / 2)); }, true},
    {"its first entry zero", [](Words t, auto) { zero(t.first(kEntry)); }, true},
    {"its last entry zero", [](Words t, auto) { zero(t.last(kEntry)); }, true},
    {"every second entry zero",
     [](Words t, auto) {
       for (std::size_t at = 0; at < t.size(); at += 2 * kEntry) zero(t.subspan(at, kEntry));
     },
     true},
    {"the second cache line of every entry zero",
     [](Words t, auto) {
       for (std::size_t at = 0; at < t.size(); at += kEntry) zero(t.subspan(at + kEntry / 2, kEntry / 2));
     },
     false},
    {"another key's", [](Words t, auto other) { copy(other, t); }, false},
    {"the first half real, the second another key's",
     [](Words t, auto other) { copy(other.subspan(t.size() / 2), t.subspan(t.size() / 2)); }, false},
    {"the identity everywhere",
     [](Words t, auto) {
       zero(t);
       for (std::size_t at = 0; at < t.size(); at += kEntry) t[at] = t[at + 5] = 1;  // y + x, y − x
     },
     false},
    {"all ones", [](Words t, auto) { std::ranges::fill(t, ~std::uint64_t{0}); }, false},
    {"random words",
     [](Words t, auto) {
       Numbers numbers(2);
       for (std::uint64_t& word : t) word = numbers.next();
     },
     false},
};

class DamagedTables : public ConformanceWithTables {
 protected:
  DamagedTables() {
    const auto add = [this](Damage damage, std::uint64_t choices) {
      for (std::uint64_t choice = 0; choice < choices; ++choice) of_victim_.push_back(make(damage, kVictim, choice));
    };
    add(Damage::none, 16);
    add(Damage::r_small_order, 3 * small_order_strings().size());  // R = 0 and the others, each with three S
    add(Damage::r_not_canonical, 38);
    add(Damage::s_plus_order, 15);
    add(Damage::arbitrary, 1);  // R = 0 and S = 0
    for (std::uint64_t kind = 1; kind < kDamages; ++kind) add(static_cast<Damage>(kind), 3);
    for (int i = 0; i < 8; ++i) {
      const Order order{.signer = kVictim, .nonce = numbers_.next(), .sequence = numbers_.next(), .payload = {}};
      of_victim_.push_back(forge_.make_for_stale_table(order, kOther));
    }
    EXPECT_TRUE(libsodium_agrees(of_victim_, 10, numbers_));
  }

  void apply(const Fault& fault) {
    const Words victim = table_of(kVictim), other = table_of(kOther);
    whole_.assign(victim.begin(), victim.end());
    fault.damage(victim, other);
    EXPECT_FALSE(std::ranges::equal(whole_, victim));
  }
  void mend() { copy(whole_, table_of(kVictim)); }

  std::vector<Case> of_victim_;
  std::vector<std::uint64_t> whole_;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DamagedTables);
INSTANTIATE_TEST_SUITE_P(Backends, DamagedTables, testing::ValuesIn(settings_with_tables()), name_of_setting);

// What libsodium refuses before it looks at the equation.
bool is_refused_for_itself(const Case& c) {
  if (c.signature.size() != 64) return true;
  const ByteSpan signature = c.signature;
  return !reference::less(reference::load(signature.subspan(32)), reference::group_order()) ||
         std::ranges::find(small_order_strings(), *array_of<32>(signature.first(32))) != small_order_strings().end();
}

TEST_P(DamagedTables, HarmNoOtherKeyAndLetNothingPassThatIsRefusedForItself) {
  const std::vector<Case> others = neighbours(72);
  for (const Fault& fault : kFaults) {
    SCOPED_TRACE(fault.what);
    apply(fault);
    const auto tolerates = [&](const Case& c, bool accepted) {
      if (c.key != forge_.keys()[kVictim]) return false;
      return !accepted || (!fault.lets_nothing_pass && !is_refused_for_itself(c));
    };
    // Each beside two others, in every lane.
    std::vector<const Case*> mixed;
    for (std::size_t i = 0; i < of_victim_.size(); ++i) {
      mixed.insert(mixed.end(), {&of_victim_[i], &others[2 * i % 72], &others[(2 * i + 1) % 72]});
    }
    for (std::size_t shift = 0; shift < kLanes; ++shift) {
      ASSERT_TRUE(subject_.is_right_about(std::span(mixed).subspan(shift), tolerates));
    }
    // One alone in the first, a middle and the last vector of a batch; and a vector full of them.
    for (std::size_t at : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 35U, 64U, 65U, 66U, 67U, 68U, 69U, 70U, 71U}) {
      std::vector<const Case*> batch;
      for (const Case& c : others) batch.push_back(&c);
      for (std::size_t i = at; i < (at == 64 ? 72 : at + 1); ++i)
        batch[i] = &of_victim_[(7 * at + i) % of_victim_.size()];
      ASSERT_TRUE(subject_.is_right_about(batch, tolerates));
    }
    mend();
    ASSERT_TRUE(subject_.is_right_about(of_victim_)) << "after the table was mended";
  }
}

// Else the test above would prove nothing: good signatures fail under the damage, and what is good for the other key's
// multiples passes.
TEST_P(DamagedTables, AreWhatVerificationReads) {
  const auto verdict = [&](const Case& c) {
    const VerifyItem item = c.item();
    VerifyOutcome outcome;
    subject_.verifier().verify({&item, 1}, {&outcome, 1});
    return outcome.valid;
  };
  const Case good = make(Damage::none, kVictim, 0);
  const Case stale = of_victim_.back();
  EXPECT_TRUE(verdict(good));
  EXPECT_FALSE(verdict(stale));
  for (const Fault& fault : kFaults) {
    if (fault.lets_nothing_pass && std::string_view(fault.what) != "zeroed") continue;
    SCOPED_TRACE(fault.what);
    apply(fault);
    EXPECT_FALSE(verdict(good));
    EXPECT_EQ(verdict(stale), std::string_view(fault.what) == "another key's");
    mend();
  }
  EXPECT_TRUE(verdict(good));
}

}  // namespace
}  // namespace electra::crypto
