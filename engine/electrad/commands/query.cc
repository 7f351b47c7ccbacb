// `electrad query`: questions to a running gateway. Names, arguments and answers of `query meter` are the original's.
#include <fmt/format.h>

#include <memory>

#include "engine/electrad/amount.h"
#include "engine/electrad/answers.h"
#include "engine/electrad/chain_setup.h"
#include "engine/electrad/commands/commands.h"
#include "meter-proto/address.h"

namespace electra::app {
namespace {

constexpr std::uint32_t kPageHolders = 500;
constexpr std::uint32_t kPageCycles = 500;

using Outcome = std::expected<void, Failure>;

// What every question shares: the connection, and how answers are shown.
struct Asker {
  Context& context;
  NodeOptions node;

  // What anyone may ask needs no key; with --from it is asked under that one.
  std::expected<wire::QueryAnswer, Failure> ask_publicly(const wire::Query& query) const {
    auto client = node.from.empty() ? GatewayClient::connect_publicly(context.home(), node) : connect();
    if (!client) return std::unexpected(client.error());
    return client->ask(query);
  }
  std::expected<GatewayClient, Failure> connect() const {
    return GatewayClient::connect_for_query(context.home(), node);
  }
  void show(const Json& answer) const {
    if (context.json) {
      print_json(answer);
    } else {
      print_pairs(flat_pairs(answer));
    }
  }
};
using AskerPointer = std::shared_ptr<Asker>;

Json pagination(std::size_t total) { return {{"next_key", nullptr}, {"total", std::to_string(total)}}; }

Outcome current_cycle(const Asker& asker) {
  wire::Query query;
  query.mutable_current_cycle();
  const auto answer = asker.ask_publicly(query);
  if (!answer) return std::unexpected(answer.error());
  asker.show(current_cycle_json(answer->current_cycle()));
  return {};
}

Outcome params(const Asker& asker) {
  wire::Query query;
  query.mutable_params();
  const auto answer = asker.ask_publicly(query);
  if (!answer) return std::unexpected(answer.error());
  asker.show({{"params", params_json(answer->params())}});
  return {};
}

Outcome status(const Asker& asker) {
  wire::Query query;
  query.mutable_status();
  const auto answer = asker.ask_publicly(query);
  if (!answer) return std::unexpected(answer.error());
  asker.show(status_json(answer->status()));
  return {};
}

Outcome digest(const Asker& asker) {
  auto client = asker.connect();
  if (!client) return std::unexpected(client.error());
  wire::Query query;
  query.mutable_digest();
  const auto answer = client->ask(query);
  if (!answer) return std::unexpected(answer.error());
  asker.show(digest_json(answer->digest()));
  return {};
}

// `height` 0: the newest.
Outcome block(const Asker& asker, std::uint64_t height) {
  wire::Query query;
  query.mutable_block()->set_height(height);
  const auto answer = asker.ask_publicly(query);
  if (!answer) {
    Failure failed = answer.error();
    failed.text = fmt::format("{}: {}", height == 0 ? "newest block" : fmt::format("block {}", height), failed.text);
    return std::unexpected(std::move(failed));
  }
  const auto header = proto::decode_signed_header(bytes_of(answer->block().signed_header()));
  if (!header || (height != 0 && header->header.height != height)) {
    return std::unexpected(Failure{ExitCode::not_verified, "the gateway's answer is not the header of this block"});
  }
  Json document = block_json(*header);
  const auto valid = gateway_signed(asker.context.home(), *header);
  if (asker.context.json) {
    document["signatureValid"] = valid ? Json(*valid) : Json(nullptr);
    print_json(document);
  } else {
    // Nobody compares a signature by eye: for people what became of the check.
    document["signature"] = !valid   ? "not checked: the home has no genesis to take the gateway's key from"
                            : *valid ? "good"
                                     : "BAD: it is not by the gateway's key of the home's genesis";
    print_pairs(flat_pairs(document));
  }
  if (valid == false) {
    return std::unexpected(Failure{ExitCode::not_verified, fmt::format("the header of block {} is not signed by the "
                                                                       "gateway's key of the home's genesis",
                                                                       header->header.height)});
  }
  return {};
}

Outcome account(const Asker& asker, std::uint32_t number) {
  auto client = asker.connect();
  if (!client) return std::unexpected(client.error());
  wire::Query query;
  query.mutable_account()->set_account(number);
  const auto answer = client->ask(query);
  if (!answer) return std::unexpected(answer.error());
  asker.show(account_json(answer->account()));
  return {};
}

Outcome holder(const Asker& asker, const std::string& name) {
  auto client = asker.connect();
  if (!client) return std::unexpected(client.error());
  const auto answer = client->ask_holder(name);
  if (!answer) return std::unexpected(answer.error());
  asker.show({{"holder", holder_json(*answer)}});
  return {};
}

// For people the denomination stands with the amount, and the same in ELC.
Outcome balances(const Asker& asker, const std::string& name) {
  auto client = asker.connect();
  if (!client) return std::unexpected(client.error());
  const auto answer = client->ask_holder(name);
  if (!answer) return std::unexpected(answer.error());
  if (asker.context.json) {
    print_json(balances_json(*answer));
    return {};
  }
  const std::int64_t balance = answer->wallet_balance();
  print_pairs({{"balance", fmt::format("{}uelectra ({})", balance, elc_text(balance))},
               {"debt", fmt::format("{} ({})", amount_text(answer->debt()), elc_text(answer->debt()))}});
  return {};
}

// All holders with a metered phase, page after page.
std::expected<std::vector<wire::Holder>, Failure> all_meters(GatewayClient& client) {
  std::vector<wire::Holder> meters;
  std::uint32_t next = 1;
  while (next != 0) {
    wire::Query query;
    query.mutable_holders()->set_from_slot(next);
    query.mutable_holders()->set_limit(kPageHolders);
    const auto answer = client.ask(query);
    if (!answer) return std::unexpected(answer.error());
    for (const wire::Holder& holder : answer->holders().holders()) {
      if (holder.phases() != 0) meters.push_back(holder);
    }
    const std::uint32_t following = answer->holders().next_slot();
    next = following > next ? following : 0;
  }
  return meters;
}

Outcome list_directory(const Asker& asker) {
  auto client = asker.connect();
  if (!client) return std::unexpected(client.error());
  const auto meters = all_meters(*client);
  if (!meters) return std::unexpected(meters.error());
  Json list = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (const wire::Holder& meter : *meters) {
    const Json entry = meter_directory_json(meter);
    rows.push_back({meter.serial(), entry["deviceID"].get<std::string>(),
                    std::string(holder_status_name(meter.status())),
                    fmt::format("{}", fmt::join(holder_json(meter)["phases"].get<std::vector<unsigned>>(), ","))});
    list.push_back(entry);
  }
  if (asker.context.json) {
    print_json({{"meterdirectory", list}, {"pagination", pagination(list.size())}});
  } else {
    print_table({{"SERIAL"}, {"DEVICE"}, {"STATUS"}, {"PHASES"}}, rows);
  }
  return {};
}

Outcome show_directory(const Asker& asker, const std::string& device, const std::string& serial) {
  auto client = asker.connect();
  if (!client) return std::unexpected(client.error());
  const auto answer = client->ask_holder("serial:" + serial);
  if (!answer) return std::unexpected(answer.error());
  const Json entry = meter_directory_json(*answer);
  if (entry["deviceID"].get<std::string>() != device) {
    return refused(Result::not_found, fmt::format("device {} with serial number {}", device, serial));
  }
  asker.show({{"meterdirectory", entry}});
  return {};
}

Outcome list_cycles(const Asker& asker) {
  Json list = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (std::uint64_t next = 1; next != 0;) {
    wire::Query query;
    query.mutable_cycles()->set_from_cycle(next);
    query.mutable_cycles()->set_limit(kPageCycles);
    const auto answer = asker.ask_publicly(query);
    if (!answer) return std::unexpected(answer.error());
    std::uint64_t last = 0;
    for (const wire::Cycle& cycle : answer->cycles().cycles()) {
      last = cycle.cycle_id();
      list.push_back(billing_cycle_json(cycle));
      rows.push_back({std::to_string(cycle.cycle_id()), instant_text(cycle.begin()), instant_text(cycle.end()),
                      std::to_string(cycle.whin()), std::to_string(cycle.whout()), std::to_string(cycle.moneyin()),
                      std::to_string(cycle.moneyout()), cycle.state()});
    }
    next = last >= next ? last + 1 : 0;
  }
  if (asker.context.json) {
    print_json({{"billingcycles", list}, {"pagination", pagination(list.size())}});
  } else {
    print_table({{"CYCLE", Align::right},
                 {"BEGIN"},
                 {"END"},
                 {"WHIN", Align::right},
                 {"WHOUT", Align::right},
                 {"MONEYIN", Align::right},
                 {"MONEYOUT", Align::right},
                 {"STATE"}},
                rows);
  }
  return {};
}

Outcome show_cycle(const Asker& asker, std::uint64_t id) {
  wire::Query query;
  query.mutable_cycles()->set_from_cycle(id);
  query.mutable_cycles()->set_limit(1);
  const auto answer = asker.ask_publicly(query);
  if (!answer) return std::unexpected(answer.error());
  if (answer->cycles().cycles_size() == 0 || answer->cycles().cycles(0).cycle_id() != id) {
    return refused(Result::not_found, fmt::format("cycle {}", id));
  }
  asker.show({{"billingcycles", billing_cycle_json(answer->cycles().cycles(0))}});
  return {};
}

void add_meter_queries(Command query, const AskerPointer& asker) {
  Command meter = query.add_subcommand("meter", "Cycles, parameters and the directory of meters");
  meter.require_subcommand();
  meter.footer(
      "Examples:\n"
      "  electrad query meter currentcycle-id\n"
      "  electrad query meter list-meterdirectory --json");

  Command command = meter.add_subcommand("currentcycle-id", "The billing cycle that is open now");
  command.footer("Example:\n  electrad query meter currentcycle-id --json");
  command.callback([asker] { asker->context.finish(current_cycle(*asker)); });

  command = meter.add_subcommand("params", "Interval, cycle, prices");
  command.footer("Example:\n  electrad query meter params");
  command.callback([asker] { asker->context.finish(params(*asker)); });

  command = meter.add_subcommand("list-meterdirectory", "All meters");
  command.footer("Example:\n  electrad query meter list-meterdirectory");
  command.callback([asker] { asker->context.finish(list_directory(*asker)); });

  auto device = std::make_shared<std::string>();
  auto serial = std::make_shared<std::string>();
  command = meter.add_subcommand("show-meterdirectory", "One meter");
  command.add_option("device", *device, "Address of the device, electra1…").required();
  command.add_option("serial", *serial, "Its serial number").required();
  command.footer("Example:\n  electrad query meter show-meterdirectory electra1… FLAT-1");
  command.callback([asker, device, serial] { asker->context.finish(show_directory(*asker, *device, *serial)); });

  command = meter.add_subcommand("list-billingcycles",
                                 "The billing cycles that the gateway still keeps, at most 1024 closed ones");
  command.footer("Example:\n  electrad query meter list-billingcycles --json");
  command.callback([asker] { asker->context.finish(list_cycles(*asker)); });

  auto cycle = std::make_shared<std::uint64_t>(0);
  command = meter.add_subcommand("show-billingcycles", "One billing cycle");
  command.add_option("cycle", *cycle, "Its number").required().whole_number();
  command.footer("Example:\n  electrad query meter show-billingcycles 1");
  command.callback([asker, cycle] { asker->context.finish(show_cycle(*asker, *cycle)); });
}

void add_bank_queries(Command query, const AskerPointer& asker) {
  Command bank = query.add_subcommand("bank", "Balances");
  bank.require_subcommand();
  Command command = bank.add_subcommand("balances", "What a holder's wallet holds");
  auto name = std::make_shared<std::string>();
  command.add_option("holder", *name, "Address, slot or serial number").required();
  command.footer("Examples:\n  electrad query bank balances alice\n  electrad query bank balances electra1… --json");
  command.callback([asker, name] { asker->context.finish(balances(*asker, *name)); });
}

}  // namespace

void add_query(Command app, Context& context) {
  Command query = app.add_subcommand("query", "Ask a running gateway").alias("q");
  query.require_subcommand();
  auto asker = std::make_shared<Asker>(Asker{context, {}});
  add_node_options(query, asker->node, "default: the operator's if it is in the home");
  query.footer(
      "Status, blocks, parameters and cycles are for everybody; a holder's data for itself, its owner, operators,\n"
      "auditors and the gateway; the digest for the last three. --from says who asks.\n\n"
      "Examples:\n"
      "  electrad query status\n"
      "  electrad query block --json\n"
      "  electrad query meter currentcycle-id --json\n"
      "  electrad query holder FLAT-1 --from operator\n"
      "  electrad query bank balances alice --node 127.0.0.1:26600");
  add_meter_queries(query, asker);
  add_bank_queries(query, asker);

  Command command = query.add_subcommand("status", "Chain, batch, time, heights and signer of blocks, totals");
  command.footer("Example:\n  electrad query status --json");
  command.callback([asker] { asker->context.finish(status(*asker)); });

  command = query.add_subcommand("digest", "Digests of the settlement and of the whole state, and the state root");
  command.footer("Example:\n  electrad query digest");
  command.callback([asker] { asker->context.finish(digest(*asker)); });

  auto height = std::make_shared<std::uint64_t>(0);
  command = query.add_subcommand("block", "The signed header of a block, its signature checked");
  command.add_option("height", *height, "Its height; 0 or left out: the newest signed one").whole_number();
  command.footer(
      "The signature is checked under the gateway's key of the home's genesis. A header's hash stands for everything\n"
      "before it: compare it with others.\n\n"
      "Examples:\n"
      "  electrad query block\n"
      "  electrad query block 78 --json");
  command.callback([asker, height] { asker->context.finish(block(*asker, *height)); });

  auto name = std::make_shared<std::string>();
  command = query.add_subcommand("holder", "All that the directory knows of one holder");
  command.add_option("holder", *name, "Address, slot or serial number (serial:123 if it is all digits)").required();
  command.footer("Examples:\n  electrad query holder alice\n  electrad query holder 3 --json");
  command.callback([asker, name] { asker->context.finish(holder(*asker, *name)); });

  auto number = std::make_shared<std::uint32_t>(0);
  command = query.add_subcommand("account", "One account of the ledger");
  command.add_option("number", *number, "Its number").required().whole_number();
  command.footer("Example:\n  electrad query account 5 --json");
  command.callback([asker, number] { asker->context.finish(account(*asker, *number)); });
}

}  // namespace electra::app
