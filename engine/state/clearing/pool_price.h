// The pool rule: what the consumers of an interval pay together and what its producers get together.
//
// Mid-market rate (Long et al. 2017): energy shared inside the community costs (p_b + p_s) / 2; what is missing is bought
// from the grid at p_b, what is left over is sold to it at p_s. The producers' total is a rational and is rounded half to
// even; the consumers' total follows from it, so that consumers - producers = import * p_b - export * p_s exactly.
// Another rule is another function of this shape.
#pragma once

#include <algorithm>
#include <string_view>

#include "engine/state/types.h"
#include "meter-proto/base/checked.h"

namespace electra::state {

inline constexpr std::string_view kPoolRule = "mid-market";

struct PoolTotals {
  std::uint64_t matched_wh = 0;
  std::uint64_t import_wh = 0;
  std::uint64_t export_wh = 0;
  std::uint64_t producers_get = 0;  // uelectra
  std::uint64_t consumers_pay = 0;  // uelectra
  bool operator==(const PoolTotals&) const = default;
};

// feed_in_price <= retail_price; the products must fit into 64 bits (Machine::create sees to it).
[[nodiscard]] constexpr PoolTotals mid_market(std::uint64_t consumption_wh, std::uint64_t generation_wh,
                                              std::uint64_t retail_price, std::uint64_t feed_in_price) {
  PoolTotals totals;
  totals.matched_wh = std::min(consumption_wh, generation_wh);
  totals.import_wh = consumption_wh - totals.matched_wh;
  totals.export_wh = generation_wh - totals.matched_wh;
  const u128 twice =
      u128{totals.matched_wh} * (u128{retail_price} + feed_in_price) + u128{2} * totals.export_wh * feed_in_price;
  const u128 producers = round_half_even(twice, 2);
  const u128 consumers = producers + u128{totals.import_wh} * retail_price - u128{totals.export_wh} * feed_in_price;
  ELECTRA_ASSERT(producers <= UINT64_MAX && consumers <= UINT64_MAX);
  totals.producers_get = static_cast<std::uint64_t>(producers);
  totals.consumers_pay = static_cast<std::uint64_t>(consumers);
  return totals;
}

}  // namespace electra::state
