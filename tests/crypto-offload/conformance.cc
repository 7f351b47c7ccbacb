#include "tests/crypto-offload/conformance.h"

#include <algorithm>

namespace electra::crypto {
namespace {

std::vector<const Case*> pointers_to(std::span<const Case> cases) {
  std::vector<const Case*> out;
  for (const Case& c : cases) out.push_back(&c);
  return out;
}

}  // namespace

std::string name_of_setting(const testing::TestParamInfo<Setting>& info) {
  const std::string state = info.param.table_kib == 0 ? "without_tables" : std::to_string(info.param.table_kib) + "KiB";
  return std::string(info.param.backend) + "_" + state;
}

testing::AssertionResult Subject::is_right_about(std::span<const Case* const> batch, const Tolerates& tolerates) const {
  std::vector<VerifyItem> items;
  items.reserve(batch.size());
  for (const Case* c : batch) items.push_back(c->item());
  VerifyOutcome rubbish{.valid = true};
  rubbish.message_id.fill(0xee);
  std::vector<VerifyOutcome> outcomes(batch.size(), rubbish);
  verifier_->verify(items, outcomes);

  std::size_t wrong = 0, first = 0;
  for (std::size_t i = batch.size(); i-- > 0;) {
    const bool verdict = outcomes[i].valid == batch[i]->valid || (tolerates && tolerates(*batch[i], outcomes[i].valid));
    if (verdict && outcomes[i].message_id == batch[i]->message_id) continue;
    ++wrong;
    first = i;
  }
  if (wrong == 0) return testing::AssertionSuccess();
  return testing::AssertionFailure() << setting_.backend << " with tables of " << setting_.table_kib
                                     << " KiB: " << wrong << " of " << batch.size() << " items are wrong, the first at "
                                     << first << ": it was " << (outcomes[first].valid ? "accepted" : "refused")
                                     << (outcomes[first].message_id == batch[first]->message_id
                                             ? ""
                                             : " and has the id " + to_hex(outcomes[first].message_id))
                                     << "\n"
                                     << text_of(*batch[first]);
}

testing::AssertionResult Subject::is_right_about(std::span<const Case> batch) const {
  return is_right_about(pointers_to(batch));
}

testing::AssertionResult Subject::is_right_in_every_lane_about(std::span<const Case> batch, const Forge& forge) const {
  const std::size_t lanes = works_in_lanes(setting_) ? 8 : 1;
  const std::vector<Case> good = good_cases(forge, lanes - 1, 77);
  std::vector<const Case*> pointers = pointers_to(batch);
  for (std::size_t shift = 0; shift < lanes; ++shift) {
    if (shift > 0) pointers.insert(pointers.begin(), &good[shift - 1]);
    if (testing::AssertionResult result = is_right_about(pointers); !result) return result;
  }
  return testing::AssertionSuccess();
}

std::vector<Case> good_cases(const Forge& forge, std::size_t count, std::uint64_t seed) {
  Numbers numbers(seed);
  std::vector<std::uint8_t> payload(200);
  std::vector<Case> out;
  for (std::size_t i = 0; i < count; ++i) {
    numbers.fill(payload);
    out.push_back(forge.make({.signer = i,
                              .nonce = numbers.next(),
                              .sequence = numbers.next(),
                              .payload = ByteSpan(payload).first(numbers.below(payload.size()))}));
  }
  return out;
}

testing::AssertionResult libsodium_agrees(std::span<const Case> cases, std::uint64_t every, Numbers& numbers) {
  for (const Case& c : cases) {
    if (numbers.below(every) != 0 || (libsodium_accepts(c) == c.valid && libsodium_id(c) == c.message_id)) continue;
    return testing::AssertionFailure() << "libsodium has another verdict than the case was made for:\n" << text_of(c);
  }
  return testing::AssertionSuccess();
}

}  // namespace electra::crypto
