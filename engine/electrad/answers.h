// The gateway's answers as JSON, in the spelling that Electra's users know.
//
// camelCase, `curency`, integers of 64 bits as strings, bytes as hex, addresses as bech32. The flat shapes of
// `query meter …` are those of the original's REST answers; the rest is ours.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "electra/query.pb.h"
#include "engine/electrad/gateway_client.h"
#include "engine/electrad/output.h"
#include "meter-proto/chain/block_header.h"

namespace electra::app {

// cycleID begin end whin whout moneyin moneyout curency
[[nodiscard]] Json current_cycle_json(const wire::Cycle& cycle);
// The same and valid, paid, creator: valid once all intervals are settled, paid with it, because settlement pays.
[[nodiscard]] Json billing_cycle_json(const wire::Cycle& cycle);
[[nodiscard]] Json params_json(const wire::Params& params);
// deviceID barcodeserial …; what describes a person or a place is empty: it stays out of the chain.
[[nodiscard]] Json meter_directory_json(const wire::Holder& holder);
[[nodiscard]] Json holder_json(const wire::Holder& holder);
[[nodiscard]] Json balances_json(const wire::Holder& holder);
[[nodiscard]] Json status_json(const wire::Status& status);
[[nodiscard]] Json digest_json(const wire::Digest& digest);
[[nodiscard]] Json account_json(const wire::Account& account);
// All fields of a header, its hash, its signature.
[[nodiscard]] Json block_json(const proto::SignedHeader& block);
[[nodiscard]] Json receipt_json(const Receipt& receipt);

// A flat view of a JSON object for people: nested names joined by dots, lists by commas.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> flat_pairs(const Json& object);

// "pending", "active", …; "unknown" for a number without a name.
[[nodiscard]] std::string_view holder_status_name(std::uint32_t status) noexcept;

}  // namespace electra::app
