// `electrad tx`: signs one message, sends it, waits for its receipt.
#include <fmt/format.h>

#include <memory>
#include <sstream>

#include "engine/electrad/amount.h"
#include "engine/electrad/answers.h"
#include "engine/electrad/commands/commands.h"
#include "engine/electrad/config.h"
#include "meter-proto/address.h"

namespace electra::app {
namespace {

using Outcome = std::expected<void, Failure>;

constexpr std::uint64_t kValidForDefault_s = 3600;
constexpr std::string_view kOperatorKey = "operator";

// What every message shares.
struct Sending {
  Context& context;
  SendOptions options;
  std::uint64_t valid_for_s = kValidForDefault_s;
};
using SendingPointer = std::shared_ptr<Sending>;

std::unexpected<Failure> usage(std::string text) { return std::unexpected(Failure{ExitCode::usage, std::move(text)}); }

// Prints the receipt; a refusal is a failure with the same text.
Outcome send(const Sending& sending, const SendOptions& options, const MakePayload& make, std::string_view detail_name,
             Json extra = Json::object()) {
  const auto receipt = send_message(sending.context.home(), options, make);
  if (!receipt) return std::unexpected(receipt.error());
  Json document = receipt_json(*receipt);
  const bool good = receipt->result == Result::ok || receipt->result == Result::late_reading;
  if (good && !detail_name.empty()) extra[std::string(detail_name)] = std::to_string(receipt->detail);
  document.update(extra);
  if (sending.context.json) {
    print_json(document);
  } else {
    print_pairs(flat_pairs(document));
  }
  if (good) return {};
  std::string what =
      receipt->batch == 0 ? "refused before the chain" : fmt::format("refused in batch {}", receipt->batch);
  return refused(receipt->result, what);
}

SendOptions with_default_key(SendOptions options, std::string_view name) {
  if (options.node.from.empty()) options.node.from = name;
  return options;
}

Outcome need_key(const SendOptions& options) {
  if (!options.node.from.empty()) return {};
  return usage("--from is needed: the name of the key that signs");
}

// ---- meter

struct PhaseArguments {
  std::uint64_t whin = 0;
  std::uint64_t whout = 0;
  std::uint32_t mvolt = 0;
  std::uint32_t mhertz = 0;
  std::uint32_t mpf = 0;
  std::uint32_t maxmi = 0;
};

void add_phase_arguments(Command command, PhaseArguments& phase, const std::string& suffix) {
  command.add_option("whin" + suffix, phase.whin, "Wh taken from the grid, cumulative").required().whole_number();
  command.add_option("whout" + suffix, phase.whout, "Wh given to the grid, cumulative").required().whole_number();
  command.add_option("mvolt" + suffix, phase.mvolt, "Voltage, mV").required().whole_number();
  command.add_option("mhertz" + suffix, phase.mhertz, "Frequency, mHz").required().whole_number();
  command.add_option("mpf" + suffix, phase.mpf, "Power factor, 1/1000").required().whole_number();
  command.add_option("maxmi" + suffix, phase.maxmi, "Largest current of the interval, mA").required().whole_number();
}

strict::PhaseReading phase_reading(std::uint32_t number, const PhaseArguments& phase) {
  return {.phase = number,
          .whin = phase.whin,
          .whout = phase.whout,
          .mvolt = phase.mvolt,
          .mhertz = phase.mhertz,
          .mpf = phase.mpf,
          .maxmi = phase.maxmi};
}

Outcome record(const Sending& sending, const strict::Reading& reading) {
  if (const auto key = need_key(sending.options); !key) return key;
  const strict::PayloadView payload{.operation = reading};
  return send(sending, sending.options, [&](GatewayClient&) { return payload; }, "");
}

void add_meter(Command tx, const SendingPointer& sending) {
  Command meter = tx.add_subcommand("meter", "Readings");
  meter.require_subcommand();

  Command command = meter.add_subcommand("record", "Record the registers of one phase");
  struct One {
    std::uint64_t time = 0;
    std::uint32_t phase = 0;
    PhaseArguments registers;
  };
  auto one = std::make_shared<One>();
  command.add_option("timestamp", one->time, "Instant of the reading, unix seconds").required().whole_number();
  command.add_option("phase", one->phase, "1, 2 or 3").required().in_range(1, 3);
  add_phase_arguments(command, one->registers, "");
  command.footer("Example:\n  electrad tx meter record 1666772865 1 3500 0 230000 50000 958 16 --from alice");
  command.callback([sending, one] {
    strict::Reading reading{.time = one->time, .count = 1, .items = {}};
    reading.items[0] = phase_reading(one->phase, one->registers);
    sending->context.finish(record(*sending, reading));
  });

  command = meter.add_subcommand("record-3", "Record the registers of three phases");
  struct Three {
    std::uint64_t time = 0;
    std::array<PhaseArguments, 3> registers;
  };
  auto three = std::make_shared<Three>();
  command.add_option("timestamp", three->time, "Instant of the reading, unix seconds").required().whole_number();
  for (std::size_t i = 0; i < 3; ++i) add_phase_arguments(command, three->registers[i], std::to_string(i + 1));
  command.footer(
      "Example:\n"
      "  electrad tx meter record-3 1666772865 3500 0 230000 50000 958 16 2100 0 230000 50000 950 12 \\\n"
      "    900 0 230000 50000 990 7 --from FLAT-1");
  command.callback([sending, three] {
    strict::Reading reading{.time = three->time, .count = 3, .items = {}};
    for (std::uint32_t i = 0; i < 3; ++i) reading.items[i] = phase_reading(i + 1, three->registers[i]);
    sending->context.finish(record(*sending, reading));
  });
}

// ---- bank

// A holder named by a key of the home, an address, a slot or a serial number.
std::string holder_name(const Home& home, const std::string& name) {
  if (!home.has_key(name)) return name;
  const auto keys = home.list_keys();
  if (!keys) return name;
  for (const KeyEntry& key : *keys) {
    if (key.name == name) return key.address;
  }
  return name;
}

// The wallet's account number. Somebody else's holder may be asked for by an operator only, so the home's operator key
// helps out where there is one; "account:12" needs nobody.
std::expected<std::uint32_t, Failure> find_wallet(GatewayClient& client, const Home& home, const SendOptions& options,
                                                  const std::string& name) {
  constexpr std::string_view kAccountPrefix = "account:";
  if (name.starts_with(kAccountPrefix)) {
    const auto number = parse_whole(std::string_view(name).substr(kAccountPrefix.size()));
    if (!number || *number == 0 || *number > UINT32_MAX) return usage(fmt::format("\"{}\" is not an account", name));
    return static_cast<std::uint32_t>(*number);
  }
  auto holder = client.ask_holder(holder_name(home, name));
  if (!holder && holder.error().code == ExitCode::refused && home.has_key(kOperatorKey)) {
    NodeOptions as_operator = options.node;
    as_operator.from = kOperatorKey;
    auto second = GatewayClient::connect(home, as_operator);
    if (second) holder = second->ask_holder(holder_name(home, name));
  }
  if (!holder) return std::unexpected(holder.error());
  if (holder->wallet_account() == 0) return refused(Result::unknown_account, fmt::format("the wallet of {}", name));
  return holder->wallet_account();
}

struct SendArguments {
  std::string from;
  std::string to;
  std::string amount;
  std::uint64_t reference = 0;
};

// FROM is a key of the home, by name or address.
std::expected<std::string, Failure> key_name(const Home& home, const std::string& from) {
  if (home.has_key(from)) return from;
  const auto keys = home.list_keys();
  if (!keys) return std::unexpected(Failure{ExitCode::home, keys.error()});
  for (const KeyEntry& key : *keys) {
    if (key.address == from) return key.name;
  }
  return std::unexpected(Failure{ExitCode::home, fmt::format("{}: no key is named or has the address \"{}\"",
                                                             home.keys_directory().string(), from)});
}

Outcome bank_send(const Sending& sending, const SendArguments& arguments) {
  const Home home = sending.context.home();
  const auto amount = parse_amount(arguments.amount);
  if (!amount) return usage(amount.error());
  const auto from = key_name(home, arguments.from);
  if (!from) return std::unexpected(from.error());
  SendOptions options = sending.options;
  options.node.from = *from;
  const auto make = [&](GatewayClient& client) -> std::expected<strict::PayloadView, Failure> {
    const auto debit = find_wallet(client, home, options, *from);
    if (!debit) return std::unexpected(debit.error());
    const auto credit = find_wallet(client, home, options, arguments.to);
    if (!credit) return std::unexpected(credit.error());
    strict::Transfers transfers{.count = 1, .items = {}};
    transfers.items[0] = {.kind = static_cast<std::uint32_t>(strict::TransferKind::posted),
                          .debit_account = *debit,
                          .credit_account = *credit,
                          .amount = *amount,
                          .reference = arguments.reference};
    return strict::PayloadView{.not_after = client.now_s() + sending.valid_for_s, .operation = transfers};
  };
  return send(sending, options, make, "", {{"amount", amount_text(*amount)}});
}

void add_bank(Command tx, const SendingPointer& sending) {
  Command bank = tx.add_subcommand("bank", "Transfers");
  bank.require_subcommand();
  Command command = bank.add_subcommand("send", "Send money from one wallet to another");
  auto arguments = std::make_shared<SendArguments>();
  command.add_option("from", arguments->from, "Key of the home that pays, by name or address").required();
  command.add_option("to", arguments->to, "Who is paid: address, name, serial number, slot, or account:NUMBER")
      .required();
  command.add_option("amount", arguments->amount, "Such as 1500000uelectra or 1.5elc").required();
  command.add_option("--reference", arguments->reference, "A number of yours that stays with the transfer")
      .whole_number();
  command.add_option("--valid-for", sending->valid_for_s, "Seconds after which the message has no effect any more")
      .in_range(1U, 366U * 86400U)
      .capture_default_str();
  command.footer(
      "Examples:\n"
      "  electrad tx bank send alice bob 1.5elc\n"
      "  electrad tx bank send operator electra1… 1000000uelectra --json");
  command.callback([sending, arguments] { sending->context.finish(bank_send(*sending, *arguments)); });
}

// ---- directory

struct RegisterArguments {
  std::string serial;
  std::string public_key;
  std::string roles = "meter";
  std::string phases = "1";
  std::string owner;
  std::uint64_t register_modulus = 0;
  std::uint64_t max_wh_per_interval = 0;
};

std::expected<std::uint32_t, Failure> parse_roles(const std::string& text) {
  const std::vector<std::string> known = role_names(UINT32_MAX);
  std::uint32_t roles = 0;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    const auto found = std::find(known.begin(), known.end(), word);
    if (found == known.end()) {
      return usage(fmt::format("--roles: \"{}\" is not one of {}", word, fmt::join(known, ", ")));
    }
    roles |= 1U << static_cast<unsigned>(found - known.begin());
  }
  return roles;
}

std::expected<std::uint32_t, Failure> parse_phases(const std::string& text) {
  if (text == "none") return 0U;
  std::uint32_t phases = 0;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    const auto phase = parse_whole(word);
    if (!phase || *phase < 1 || *phase > 3) return usage(fmt::format("--phases: \"{}\" is not 1, 2 or 3", word));
    phases |= 1U << (*phase - 1);
  }
  return phases;
}

Outcome register_holder(const Sending& sending, const RegisterArguments& arguments) {
  Bytes32 public_key{};
  if (!from_hex(arguments.public_key, public_key)) return usage("the public key is 64 hexadecimal digits");
  const auto roles = parse_roles(arguments.roles);
  if (!roles) return std::unexpected(roles.error());
  const auto phases = parse_phases(arguments.phases);
  if (!phases) return std::unexpected(phases.error());
  const auto make = [&](GatewayClient& client) -> std::expected<strict::PayloadView, Failure> {
    strict::RegisterKey operation{.public_key = public_key,
                                  .serial = arguments.serial,
                                  .roles = *roles,
                                  .phases = *phases,
                                  .register_modulus = arguments.register_modulus,
                                  .max_wh_per_interval = arguments.max_wh_per_interval};
    if (!arguments.owner.empty()) {
      const auto owner = client.ask_holder(arguments.owner);
      if (!owner) return std::unexpected(owner.error());
      operation.owner_slot = owner->slot();
    }
    return strict::PayloadView{.operation = operation};
  };
  return send(sending, with_default_key(sending.options, kOperatorKey), make, "registeredSlot",
              {{"address", proto::address_text(proto::address_of(public_key))}});
}

Outcome prove(const Sending& sending) {
  if (const auto key = need_key(sending.options); !key) return key;
  Bytes32 registration{};
  const auto make = [&](GatewayClient& client) -> std::expected<strict::PayloadView, Failure> {
    const auto& id = client.hello().registration_id;
    if (!id) return refused(Result::wrong_registration, "this holder was not registered by a message");
    registration = *id;
    return strict::PayloadView{.operation = strict::ProvePossession{.registration_id = registration}};
  };
  return send(sending, sending.options, make, "");
}

Outcome set_status(const Sending& sending, const std::string& name, const std::string& status) {
  std::uint32_t number = 0;
  while (holder_status_name(number) != status) ++number;  // the command line was checked
  const auto make = [&](GatewayClient& client) -> std::expected<strict::PayloadView, Failure> {
    const auto holder = client.ask_holder(name);
    if (!holder) return std::unexpected(holder.error());
    return strict::PayloadView{.operation = strict::SetStatus{.slot = holder->slot(), .status = number}};
  };
  return send(sending, with_default_key(sending.options, kOperatorKey), make, "");
}

void add_directory(Command tx, const SendingPointer& sending) {
  Command directory = tx.add_subcommand("directory", "Registration of key holders");
  directory.require_subcommand();

  Command command = directory.add_subcommand(
      "register", "Operator: register a key; its holder is pending until it proves possession");
  auto arguments = std::make_shared<RegisterArguments>();
  command.add_option("serial", arguments->serial, "Serial number").required();
  command.add_option("public-key", arguments->public_key, "64 hexadecimal digits").required();
  command
      .add_option("--roles", arguments->roles, "meter, owner, producer, gateway, operator, auditor; joined by commas")
      .capture_default_str();
  command.add_option("--phases", arguments->phases, "Metered phases, such as 1 or 1,2,3; none: no meter")
      .capture_default_str();
  command.add_option("--owner", arguments->owner, "Holder whose wallet pays and is paid (default: itself)");
  command.add_option("--register-modulus", arguments->register_modulus, "Wh at which a register rolls over; 0 = never")
      .whole_number();
  command
      .add_option("--max-wh-per-interval", arguments->max_wh_per_interval,
                  "Plausible energy per interval; 0 = no limit")
      .whole_number();
  command.footer(
      "Examples:\n"
      "  electrad tx directory register M-17 5f…e2\n"
      "  electrad tx directory register PV-3 5f…e2 --roles meter,producer --phases 1,2,3 --owner alice");
  command.callback([sending, arguments] { sending->context.finish(register_holder(*sending, *arguments)); });

  command = directory.add_subcommand("prove", "Holder: prove possession of the registered key");
  command.footer("Example:\n  electrad tx directory prove --from meter-17");
  command.callback([sending] { sending->context.finish(prove(*sending)); });

  command = directory.add_subcommand("set-status", "Operator: suspend, activate again, or retire (for ever) a holder");
  auto name = std::make_shared<std::string>();
  auto status = std::make_shared<std::string>();
  command.add_option("holder", *name, "Serial number, address or slot").required();
  command.add_option("status", *status, "active, suspended or retired")
      .required()
      .one_of({"active", "suspended", "retired"});
  command.footer("Example:\n  electrad tx directory set-status M-17 suspended");
  command.callback([sending, name, status] { sending->context.finish(set_status(*sending, *name, *status)); });
}

}  // namespace

void add_tx(Command app, Context& context) {
  Command tx = app.add_subcommand("tx", "Sign a message, send it and wait for its receipt");
  tx.require_subcommand();
  auto sending = std::make_shared<Sending>(Sending{context, {}});
  add_node_options(tx, sending->options.node, "directory register and set-status default to operator");
  tx.add_option("--sequence", sending->options.sequence,
                "Sequence number (default: one more than the highest used); the same one twice has one effect")
      .whole_number();
  tx.footer(
      "The same bytes are sent again until they are answered or the time-out ends. Ends with 6 if the answer is no.\n\n"
      "Examples:\n"
      "  electrad tx meter record 1666772865 1 3500 0 230000 50000 958 16 --from alice\n"
      "  electrad tx bank send alice bob 1.5elc\n"
      "  electrad tx directory register M-17 5f…e2 --phases 1,2,3");
  add_meter(tx, sending);
  add_bank(tx, sending);
  add_directory(tx, sending);
}

}  // namespace electra::app
