#include "engine/electrad/meter/enroll.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

#include "crypto-offload/key_file.h"
#include "crypto-offload/software_signer.h"
#include "engine/electrad/meter/exchange.h"
#include "engine/electrad/meter/meter_key.h"
#include "engine/electrad/meter/roster.h"
#include "engine/electrad/meter/schedule.h"
#include "engine/state/types.h"
#include "meter-proto/address.h"

namespace electra::player {
namespace {

constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::size_t kExchangeWindow = 64;  // as many as a sender may have in flight
constexpr std::uint32_t kPhaseL1 = 1;

enum class GroupResult { done, sequences_taken };

struct Pending {
  OutgoingMessage message;
  std::vector<std::uint8_t> frame;
  std::uint32_t meter = 0;  // index into the fleet
  Bytes32 id{};
};

// One run of the command; holds what its steps share.
class Enrolment {
 public:
  Enrolment(const EnrollOptions& options, std::vector<MeterPlan> fleet, ProgressSink& progress)
      : options_(options), fleet_(std::move(fleet)), progress_(progress) {
    for (const MeterPlan& meter : fleet_) keys_.emplace_back(options.seed, meter.serial);
    report_.meters = static_cast<std::uint32_t>(fleet_.size());
  }

  std::expected<EnrollReport, std::string> run() {
    if (auto opened = open(); !opened) return std::unexpected(opened.error());
    const auto groups = static_cast<std::uint32_t>((fleet_.size() + kMetersPerGroup - 1) / kMetersPerGroup);
    for (std::uint32_t group = 0; group < groups; ++group) {
      auto result = run_group(group, group_sequence(group));
      if (result && *result == GroupResult::sequences_taken) {
        // Somebody used the operator's key in between: the group starts again above everything that was used.
        auto highest = operator_highest_sequence();
        if (!highest) return std::unexpected(highest.error());
        result = run_group(group, *highest + 1);
        if (result && *result == GroupResult::sequences_taken) {
          return std::unexpected("the operator's key is being used by another program; try again when it has finished");
        }
      }
      if (!result) return std::unexpected(result.error());
      progress_.on_count("meters enrolled",
                         std::min<std::size_t>(fleet_.size(), (group + 1) * std::size_t{kMetersPerGroup}),
                         fleet_.size());
    }
    return report_;
  }

 private:
  std::expected<void, std::string> open() {
    auto operator_seed = operator_key_seed();
    if (!operator_seed) return std::unexpected(operator_seed.error());
    operator_signer_.emplace(*operator_seed);
    sodium_memzero(operator_seed->data(), operator_seed->size());
    auto link = GatewayLink::open(options_.link, {.address = proto::address_of(operator_signer_->public_key())},
                                  operator_sign());
    if (!link) {
      return std::unexpected(
          fmt::format("{}\nno session as operator: is the gateway running, and is the operator's key (--operator-key "
                      "or --seed) right?",
                      link.error()));
    }
    link_.emplace(std::move(*link));
    if ((link_->hello_answer().roles & state::kRoleOperator) == 0) {
      return std::unexpected("the operator's key belongs to a holder without the role operator");
    }
    operator_ = {.slot = link_->hello_answer().slot, .key_generation = link_->hello_answer().key_generation};
    auto holders = load_holders(*link_);
    if (!holders) return std::unexpected(holders.error());
    holders_ = std::move(*holders);
    for (const auto& [serial, holder] : holders_) {
      if (holder.slot() == operator_.slot) operator_wallet_ = holder.wallet_account();
    }
    const auto status = query_status(*link_);
    const auto params = query_params(*link_);
    if (!status || !params) return std::unexpected(!status ? status.error() : params.error());
    not_after_ = funding_not_after(params->genesis_time(), status->time() / kNanosecondsPerSecond);
    return {};
  }

  std::expected<Bytes32, std::string> operator_key_seed() const {
    if (options_.operator_key) return crypto::load_key_file(*options_.operator_key);
    return crypto::derive_development_seed(options_.seed, kOperatorSerial);
  }

  client::SignFunction operator_sign() const {
    return [this](proto::SignatureKind kind, const Bytes32& genesis_hash, std::uint64_t sequence,
                  ByteSpan payload) -> std::optional<Bytes64> {
      auto signature = operator_signer_->sign(kind, genesis_hash, sequence, payload);
      if (!signature) return std::nullopt;
      return *signature;
    };
  }

  const wire::Holder* holder_of(std::uint32_t meter) const {
    const auto found = holders_.find(fleet_[meter].serial);
    return found == holders_.end() ? nullptr : &found->second;
  }

  std::expected<GroupResult, std::string> run_group(std::uint32_t group, std::uint64_t first_sequence) {
    const std::uint32_t begin = group * kMetersPerGroup;
    const auto end = std::min<std::uint32_t>(begin + kMetersPerGroup, static_cast<std::uint32_t>(fleet_.size()));
    for (const auto step : {&Enrolment::register_meters, &Enrolment::prove_possession, &Enrolment::fund_wallets}) {
      const auto result = (this->*step)(begin, end, first_sequence);
      if (!result || *result != GroupResult::done) return result;
    }
    return GroupResult::done;
  }

  // The id in the frame's signature: computed where the signature is made.
  std::expected<void, std::string> add(std::vector<Pending>& out, std::uint32_t meter, const client::Sender& sender,
                                       std::uint64_t sequence, const strict::PayloadView& payload,
                                       const client::SignFunction& sign, const Bytes32& public_key) {
    Pending pending;
    pending.meter = meter;
    const client::SignFunction sign_and_name = [&](proto::SignatureKind kind, const Bytes32& genesis_hash,
                                                   std::uint64_t number, ByteSpan bytes) {
      auto signature = sign(kind, genesis_hash, number, bytes);
      if (signature) {
        std::vector<std::uint8_t> buffer(proto::kSigningPrefixBytes + bytes.size());
        pending.id =
            proto::message_id(public_key, *signature,
                              proto::signing_bytes(proto::signing_tag(kind, genesis_hash), number, bytes, buffer));
      }
      return signature;
    };
    auto frame = client::make_message_frame(sender, link_->chain().genesis_hash, sequence, payload, sign_and_name);
    if (!frame) return std::unexpected(fmt::format("{}: {}", fleet_[meter].serial, frame.error()));
    pending.frame = std::move(*frame);
    pending.message = {.slot = sender.slot, .sequence = sequence, .frame = pending.frame};
    out.push_back(std::move(pending));  // moving keeps the frame's memory where it is
    return {};
  }

  // Sends, and hands every answer to `accept`, which says whether the meter is well.
  template <typename Accept>
  std::expected<GroupResult, std::string> exchange(const std::vector<Pending>& pending, std::string_view what,
                                                   Accept&& accept) {
    std::vector<OutgoingMessage> messages;
    for (const Pending& one : pending) messages.push_back(one.message);
    std::string problem;
    bool taken = false;
    ExchangeHooks hooks;
    hooks.on_answer = [&](const Answer& answer) {
      ++report_.messages;
      if (answer.repeated) ++report_.repeated;
      if (answer.result == Result::sequence_used || answer.result == Result::sequence_too_old) {
        taken = true;
      } else if (!accept(pending[answer.index], answer)) {
        problem = fmt::format("{} of {} is refused with {}: {}", what, fleet_[pending[answer.index].meter].serial,
                              result_name(answer.result), result_text(answer.result));
      }
    };
    Exchange run(*link_, kExchangeWindow);
    if (auto sent = run.run(messages, hooks); !sent) return std::unexpected(sent.error());
    if (!problem.empty()) return std::unexpected(problem);
    return taken ? GroupResult::sequences_taken : GroupResult::done;
  }

  std::expected<GroupResult, std::string> register_meters(std::uint32_t begin, std::uint32_t end,
                                                          std::uint64_t first_sequence) {
    std::vector<Pending> pending;
    for (std::uint32_t meter = begin; meter < end; ++meter) {
      if (const wire::Holder* holder = holder_of(meter)) {
        if (equal_bytes(bytes_of(holder->public_key()), keys_[meter].public_key())) continue;
        return std::unexpected(fmt::format("the serial number {} is registered with another key", holder->serial()));
      }
      strict::PayloadView payload;
      payload.operation = strict::RegisterKey{
          .public_key = keys_[meter].public_key(),
          .serial = fleet_[meter].serial,
          .roles = state::kRoleMeter | (fleet_[meter].producer ? state::kRoleProducer : state::kRoleOwner),
          .phases = kPhaseL1,
          .register_modulus = options_.register_modulus,
          .max_wh_per_interval = options_.max_wh_per_interval,
          .owner_slot = 0};
      auto added = add(pending, meter, operator_, registration_sequence(first_sequence, meter - begin), payload,
                       operator_sign(), operator_signer_->public_key());
      if (!added) return std::unexpected(added.error());
    }
    std::vector<std::pair<std::uint32_t, std::uint32_t>> registered;  // meter, slot
    const auto result = exchange(pending, "the registration", [&](const Pending& sent, const Answer& answer) {
      if (answer.result != Result::ok) return false;
      registration_ids_[sent.meter] = sent.id;
      registered.emplace_back(sent.meter, static_cast<std::uint32_t>(answer.detail));
      return true;
    });
    for (const auto& [meter, slot] : registered) {
      if (auto refreshed = refresh(slot); !refreshed) return std::unexpected(refreshed.error());
      ++report_.registered;
    }
    return result;
  }

  std::expected<GroupResult, std::string> prove_possession(std::uint32_t begin, std::uint32_t end, std::uint64_t) {
    std::vector<Pending> pending;
    for (std::uint32_t meter = begin; meter < end; ++meter) {
      const wire::Holder* holder = holder_of(meter);
      if (holder == nullptr) return std::unexpected(fmt::format("{} is not in the directory", fleet_[meter].serial));
      const auto status = static_cast<state::HolderStatus>(holder->status());
      if (status == state::HolderStatus::active) continue;
      if (status != state::HolderStatus::pending) {
        return std::unexpected(fmt::format("{} is suspended or retired", holder->serial()));
      }
      auto registration_id = registration_id_of(meter);
      if (!registration_id) return std::unexpected(registration_id.error());
      strict::PayloadView payload;
      payload.operation = strict::ProvePossession{.registration_id = *registration_id};
      auto added = add(pending, meter, {.slot = holder->slot(), .key_generation = holder->key_generation()},
                       kPossessionSequence, payload, keys_[meter].sign_function(), keys_[meter].public_key());
      if (!added) return std::unexpected(added.error());
    }
    auto result = exchange(pending, "the proof of possession", [&](const Pending&, const Answer& answer) {
      if (answer.result == Result::ok && !answer.repeated) ++report_.activated;
      return answer.result == Result::ok || answer.result == Result::already_active;
    });
    if (result && *result == GroupResult::sequences_taken) {
      return std::unexpected("a meter has used sequence 1 for something else than its proof of possession");
    }
    return result;
  }

  // Known from the registration that was just sent; else the meter's own hello is answered with it.
  std::expected<Bytes32, std::string> registration_id_of(std::uint32_t meter) {
    if (const auto found = registration_ids_.find(meter); found != registration_ids_.end()) return found->second;
    auto session = GatewayLink::open(options_.link, {.address = proto::address_of(keys_[meter].public_key())},
                                     keys_[meter].sign_function());
    if (!session) return std::unexpected(fmt::format("{}: {}", fleet_[meter].serial, session.error()));
    if (!session->hello_answer().registration_id) {
      return std::unexpected(fmt::format("{}: the gateway does not tell its registration id", fleet_[meter].serial));
    }
    return *session->hello_answer().registration_id;
  }

  std::expected<GroupResult, std::string> fund_wallets(std::uint32_t begin, std::uint32_t end,
                                                       std::uint64_t first_sequence) {
    if (options_.fund_uelectra == 0) return GroupResult::done;
    std::vector<Pending> pending;
    for (std::uint32_t meter = begin; meter < end; ++meter) {
      if (fleet_[meter].producer) continue;
      const wire::Holder* holder = holder_of(meter);
      if (holder->wallet_balance() != 0 || holder->paid() != 0 || holder->debt() != 0) continue;
      strict::PayloadView payload{.not_after = not_after_, .operation = strict::Transfers{.count = 1, .items = {}}};
      std::get<strict::Transfers>(payload.operation).items[0] = {.debit_account = operator_wallet_,
                                                                 .credit_account = holder->wallet_account(),
                                                                 .amount = options_.fund_uelectra};
      auto added = add(pending, meter, operator_, funding_sequence(first_sequence, meter - begin), payload,
                       operator_sign(), operator_signer_->public_key());
      if (!added) return std::unexpected(added.error());
    }
    const auto result = exchange(pending, "the first transfer to", [&](const Pending&, const Answer& answer) {
      if (answer.result == Result::ok) ++report_.funded;
      return answer.result == Result::ok;
    });
    if (result && *result == GroupResult::sequences_taken) {
      for (const Pending& sent : pending) {  // the second round looks at fresh balances
        if (auto refreshed = refresh(holder_of(sent.meter)->slot()); !refreshed)
          return std::unexpected(refreshed.error());
      }
    }
    return result;
  }

  std::expected<void, std::string> refresh(std::uint32_t slot) {
    wire::Query query;
    query.mutable_holder()->set_slot(slot);
    auto answer = link_->query(query);
    if (!answer) return std::unexpected(answer.error());
    holders_[answer->holder().serial()] = answer->holder();
    return {};
  }

  std::expected<std::uint64_t, std::string> operator_highest_sequence() {
    wire::Query query;
    query.mutable_holder()->set_slot(operator_.slot);
    auto answer = link_->query(query);
    if (!answer) return std::unexpected(answer.error());
    return answer->holder().highest_sequence();
  }

  const EnrollOptions& options_;
  std::vector<MeterPlan> fleet_;
  ProgressSink& progress_;
  std::deque<MeterKey> keys_;  // one a meter of the fleet
  std::optional<crypto::SoftwareSigner> operator_signer_;
  std::optional<GatewayLink> link_;
  client::Sender operator_;
  std::uint32_t operator_wallet_ = 0;
  std::uint64_t not_after_ = 0;
  std::unordered_map<std::string, wire::Holder> holders_;  // by serial number
  std::unordered_map<std::uint32_t, Bytes32> registration_ids_;
  EnrollReport report_;
};

}  // namespace

std::expected<EnrollReport, std::string> run_enroll(const EnrollOptions& options, ProgressSink& progress) {
  const auto data = DataSet::load(options.data);
  if (!data) return std::unexpected(data.error());
  auto fleet = plan_fleet(*data, options.count);
  if (!fleet) return std::unexpected(fleet.error());
  Enrolment enrolment(options, std::move(*fleet), progress);
  return enrolment.run();
}

}  // namespace electra::player
