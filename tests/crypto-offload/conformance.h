// What the conformance suites stand on: every backend of this machine in every state of its tables, and one way to ask
// it. A suite is parametrised over settings(); a check verifies one batch and compares verdict and id of every item with
// what the case expects, which libsodium or the way it was made decided.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crypto-offload/verifier.h"
#include "tests/crypto-offload/settings.h"
#include "tests/crypto-offload/signed_cases.h"

namespace electra::crypto {

// "avx512_64KiB", "sodium_without_tables".
[[nodiscard]] std::string name_of_setting(const testing::TestParamInfo<Setting>& info);

// A verifier in one setting.
class Subject {
 public:
  // Learns the keys if the setting has tables.
  Subject(const Setting& setting, std::span<const Bytes32> learned)
      : setting_(setting), verifier_(make_verifier(setting, learned)) {}
  // One that the test has made; the setting is its name.
  Subject(const Setting& setting, std::unique_ptr<Verifier> verifier)
      : setting_(setting), verifier_(std::move(verifier)) {}

  [[nodiscard]] const Verifier& verifier() const { return *verifier_; }
  [[nodiscard]] Verifier& verifier() { return *verifier_; }

  // Verifies the cases as one batch. Fails with the first wrong item in full, and the number of the others. A verdict that
  // is not the case's may be tolerated; an id never.
  using Tolerates = std::function<bool(const Case&, bool accepted)>;
  [[nodiscard]] testing::AssertionResult is_right_about(std::span<const Case* const> batch,
                                                        const Tolerates& tolerates = {}) const;
  [[nodiscard]] testing::AssertionResult is_right_about(std::span<const Case> batch) const;

  // The same eight times, behind 0 … 7 good messages: a case that sat in lane i sits in each lane once. Once only where
  // there are no lanes.
  [[nodiscard]] testing::AssertionResult is_right_in_every_lane_about(std::span<const Case> batch,
                                                                      const Forge& forge) const;

 private:
  Setting setting_;
  std::unique_ptr<Verifier> verifier_;
};

// Good messages of the signers in turn, with payloads of 0 … 199 bytes.
[[nodiscard]] std::vector<Case> good_cases(const Forge& forge, std::size_t count, std::uint64_t seed);

// One case in `every` is checked against libsodium too, so that "known by construction" is not only a claim. The fraction
// is drawn from the numbers.
[[nodiscard]] testing::AssertionResult libsodium_agrees(std::span<const Case> cases, std::uint64_t every,
                                                        Numbers& numbers);

}  // namespace electra::crypto
