// `electrad prove`: executes the home's journal up to a block and makes a proof of what stands there. Reads only.
#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "engine/chain/prover.h"
#include "engine/electrad/amount.h"
#include "engine/electrad/commands/commands.h"
#include "engine/electrad/offline_chain.h"
#include "engine/electrad/proof_json.h"
#include "meter-proto/chain/proof_check.h"

namespace electra::app {
namespace {

using Outcome = std::expected<void, Failure>;
using MadeProof = std::expected<proto::Proof, Failure>;

struct Options {
  std::string name;            // of the holder, sender or meter; of an account its number
  std::uint64_t sequence = 0;  // of the message
  std::uint32_t number = 0;    // of what is absent
  std::optional<std::uint64_t> height;
  std::string message_id;
  std::string out;
  std::string format;  // empty: json on standard output, binary in a file
};

std::unexpected<Failure> failed(std::string text, ExitCode code = ExitCode::failed) {
  return std::unexpected(Failure{code, std::move(text)});
}

// A proof leaves only after the checks that its reader will make.
MadeProof checked(const OfflineChain& chain, proto::Proof proof) {
  const proto::TrustAnchor anchor{chain.machine().genesis_hash(), chain::gateway_key(chain.machine())};
  if (const auto facts = proto::check_proof(proof, anchor); !facts) {
    return failed(fmt::format("the journal and the signed header of height {} do not fit together: {}; "
                              "\"electrad verify\" says more",
                              proof.header.header.height, facts.error()),
                  ExitCode::not_verified);
  }
  return proof;
}

// The block that is asked for; without --height the newest signed one.
std::expected<std::uint64_t, Failure> wanted_height(const OfflineChain& chain, const Options& options) {
  const std::uint64_t newest = chain.signed_height();
  if (!options.height) return newest;
  if (*options.height == 0 || *options.height > newest) {
    return failed(
        fmt::format("there is no signed header of height {}; the newest has height {}", *options.height, newest));
  }
  return *options.height;
}

state::Slot find_holder(const wire::HolderQuery& query, const state::Machine& machine) {
  switch (query.by_case()) {
    case wire::HolderQuery::kSlot:      return query.slot() <= machine.holder_count() ? query.slot() : 0;
    case wire::HolderQuery::kSerial:    return machine.find_serial(query.serial());
    case wire::HolderQuery::kAddress:   return machine.find_address(*array_of<20>(bytes_of(query.address())));
    case wire::HolderQuery::BY_NOT_SET: break;
  }
  return 0;
}

// --- the state behind a block ----------------------------------------------------------------------------------------

using MakeProof = std::function<MadeProof(const chain::ProvenBlock& block)>;

MadeProof prove_state(const Context& context, const Options& options, const MakeProof& make) {
  auto chain = OfflineChain::open(context.home());
  if (!chain) return std::unexpected(chain.error());
  const auto height = wanted_height(**chain, options);
  if (!height) return std::unexpected(height.error());
  const auto header = (*chain)->header(*height);
  if (!header) return std::unexpected(header.error());
  if (const Outcome begun = (*chain)->begin(*height); !begun) return std::unexpected(begun.error());
  Execution execution(**chain, *height);
  if (const Outcome ran = (*chain)->run(execution); !ran) return std::unexpected(ran.error());
  auto proof = make({.machine = (*chain)->machine(), .trees = (*chain)->trees(), .header = *header});
  if (!proof) return proof;
  return checked(**chain, std::move(*proof));
}

std::string at_height(const chain::ProvenBlock& block) {
  return fmt::format("at height {}", block.header.header.height);
}

MadeProof or_missing(std::optional<proto::Proof> proof, const std::string& missing) {
  if (!proof) return failed(missing);
  return std::move(*proof);
}

// By number, or the wallet of a holder.
MadeProof prove_balance(const Context& context, const Options& options) {
  const auto number = parse_whole(options.name);
  if (number && *number > UINT32_MAX) return failed("no account has so high a number", ExitCode::usage);
  const auto query = parse_holder_name(options.name);
  if (!number && !query) return failed(query.error(), ExitCode::usage);
  return prove_state(context, options, [&](const chain::ProvenBlock& block) -> MadeProof {
    if (number) {
      return or_missing(chain::prove_account(block, static_cast<state::AccountNumber>(*number)),
                        fmt::format("there is no account {} {}; \"prove absent account {}\" proves it", *number,
                                    at_height(block), *number));
    }
    const auto holder = block.machine.holder(find_holder(*query, block.machine));
    if (!holder) return failed(fmt::format("there is no holder {} {}", options.name, at_height(block)));
    return or_missing(chain::prove_account(block, holder->wallet_account), {});
  });
}

MadeProof prove_holder(const Context& context, const Options& options, bool registers) {
  const auto query = parse_holder_name(options.name);
  if (!query) return failed(query.error(), ExitCode::usage);
  return prove_state(context, options, [&](const chain::ProvenBlock& block) -> MadeProof {
    const state::Slot slot = find_holder(*query, block.machine);
    if (slot == 0) return failed(fmt::format("there is no holder {} {}", options.name, at_height(block)));
    if (!registers) return or_missing(chain::prove_holder(block, slot), {});
    return or_missing(chain::prove_meter(block, slot),
                      fmt::format("the holder {} has no meter {}", options.name, at_height(block)));
  });
}

MadeProof prove_absent(const Context& context, const Options& options, state::Table table) {
  if (options.number == 0) return failed("numbers begin with 1", ExitCode::usage);
  return prove_state(context, options, [&](const chain::ProvenBlock& block) -> MadeProof {
    const bool is_there = options.number <= block.trees.tree(table).count();
    if (is_there) {
      return failed(fmt::format("{} {} is there {}", table == state::Table::holders ? "slot" : "account",
                                options.number, at_height(block)));
    }
    return chain::prove_absence(block, table);
  });
}

// --- a message -------------------------------------------------------------------------------------------------------

// Looks for the message that used the sequence. If none did, the first one with it in the newest block that has one.
class MessageSearch final : public Execution {
 public:
  struct Found {
    proto::MessageProof proof;
    std::uint64_t height = 0;
    bool final = false;  // no other message answers the question better
  };

  MessageSearch(OfflineChain& chain, std::uint64_t last_height, const Options& options, const wire::HolderQuery& sender,
                const std::optional<Bytes32>& message_id)
      : Execution(chain, last_height),
        keys_(chain.keys()),
        only_height_(options.height),
        sender_(sender),
        sequence_(options.sequence),
        message_id_(message_id),
        machine_height_(chain.machine().height()) {}

  [[nodiscard]] const std::optional<Found>& found() const noexcept { return found_; }

 private:
  void after_record(const io::RecordView&, std::span<const state::VerifiedMessage> messages,
                    std::span<const state::Outcome> outcomes) override {
    if (slot_ == 0) slot_ = find_holder(sender_, machine_);
    const bool looked_at = !only_height_ || machine_height_ + 1 == *only_height_;
    for (std::uint32_t i = 0; looked_at && slot_ != 0 && i < messages.size(); ++i) {
      if (messages[i].slot == slot_ && messages[i].envelope.sequence == sequence_) {
        consider(messages[i], outcomes[i], block_.count() + i);
      }
    }
    block_.add_batch(messages, outcomes);
  }

  void consider(const state::VerifiedMessage& message, const state::Outcome& outcome, std::uint32_t index) {
    if (message_id_ && message.id != *message_id_) return;
    const bool final = !outcome.repeated && (message_id_ || consumes_sequence(outcome.result));
    if (in_block_ && (in_block_->final || !final)) return;
    in_block_ = Found{chain::message_proof(keys_.entry(message.slot).key->public_key, message, outcome, index),
                      machine_height_ + 1, final};
  }

  bool block_ended() override {
    if (in_block_) {
      in_block_->proof.path = block_.path(static_cast<std::uint32_t>(in_block_->proof.index));
      found_ = std::move(in_block_);
      in_block_.reset();
    }
    block_.clear();
    ++machine_height_;
    return found_ && found_->final;
  }

  const crypto::KeyStore& keys_;
  std::optional<std::uint64_t> only_height_;
  const wire::HolderQuery& sender_;
  std::uint64_t sequence_;
  std::optional<Bytes32> message_id_;
  state::Slot slot_ = 0;
  std::uint64_t machine_height_;  // of the last block that ended
  chain::BlockMessages block_;
  std::optional<Found> in_block_;
  std::optional<Found> found_;
};

MadeProof prove_message(const Context& context, const Options& options) {
  const auto sender = parse_holder_name(options.name);
  if (!sender) return failed(sender.error(), ExitCode::usage);
  std::optional<Bytes32> message_id;
  if (!options.message_id.empty()) {
    message_id.emplace();
    if (!from_hex(options.message_id, *message_id)) {
      return failed("--message-id: expected 64 hexadecimal digits", ExitCode::usage);
    }
  }
  auto chain = OfflineChain::open(context.home());
  if (!chain) return std::unexpected(chain.error());
  const auto last = wanted_height(**chain, options);
  if (!last) return std::unexpected(last.error());
  // Of all blocks, from the first that is there; or of one of them, which follows the state that it begins with.
  const Outcome begun = options.height ? (*chain)->begin(*last - 1) : (*chain)->begin(*last, /*earliest=*/true);
  if (!begun) return std::unexpected(begun.error());
  const std::uint64_t begins_behind = (*chain)->machine().height();
  MessageSearch search(**chain, *last, options, *sender, message_id);
  if (const Outcome ran = (*chain)->run(search); !ran) return std::unexpected(ran.error());
  if (!search.found()) {
    return failed(fmt::format("no signed block {} holds a message of {} with sequence {}{}",
                              options.height ? fmt::format("of height {}", *options.height) : "up to the newest",
                              options.name, options.sequence, message_id ? " and this id" : "") +
                  (!options.height && begins_behind != 0
                       ? fmt::format("; blocks 1 to {} are not in the journal any more", begins_behind)
                       : ""));
  }
  const auto header = (*chain)->header(search.found()->height);
  if (!header) return std::unexpected(header.error());
  return checked(**chain, chain::with_header((*chain)->machine(), *header, search.found()->proof));
}

// --- command line ----------------------------------------------------------------------------------------------------

Outcome deliver(const Context& context, const Options& options, const MadeProof& proof) {
  if (!proof) return std::unexpected(proof.error());
  const bool binary = options.format.empty() ? !options.out.empty() : options.format == "binary";
  const auto bytes = proto::encode_proof(*proof);
  const std::string content = binary ? std::string(text_of(bytes)) : proof_text(*proof);
  if (options.out.empty()) {
    std::fwrite(content.data(), 1, content.size(), stdout);
    return {};
  }
  if (const auto written = write_file_durably(std::filesystem::absolute(options.out), content); !written)
    return failed(written.error());
  if (context.json) {
    print_json({{"file", options.out},
                {"format", binary ? "binary" : "json"},
                {"bytes", content.size()},
                {"kind", proto::proof_kind_name(proof->kind())},
                {"height", std::to_string(proof->header.header.height)},
                {"text", proof_sentence(*proof)},
                {"facts", proof_facts_json(*proof)}});
  } else {
    fmt::print("{}: proves that {}\n", options.out, proof_sentence(*proof));
  }
  return {};
}

using OptionsPointer = std::shared_ptr<Options>;
using Prove = MadeProof (*)(const Context&, const Options&);

// What every kind of proof has: where to, how, of which block.
void finish_command(Command command, Context& context, const OptionsPointer& options, Prove prove) {
  command.add_option("--height", options->height, "Height of the block (default: the newest with a signed header)")
      .whole_number();
  command.add_option("--out", options->out, "File to write (default: standard output)");
  command.add_option("--format", options->format, "binary or json (default: json on standard output, else binary)")
      .one_of({"binary", "json"});
  command.callback(
      [&context, options, prove] { context.finish(deliver(context, *options, prove(context, *options))); });
}

void add_absent(Command prove, Context& context, const OptionsPointer& options) {
  Command absent = prove.add_subcommand("absent", "That there is no such slot or account");
  absent.require_subcommand();
  absent.footer("Example:\n  electrad prove absent slot 900");
  Command command = absent.add_subcommand("slot", "No key holder was ever registered under this number");
  command.add_option("number", options->number, "The slot").required().whole_number();
  command.footer("Example:\n  electrad prove absent slot 900 --out nobody.proof");
  finish_command(command, context, options, [](const Context& with, const Options& asked) {
    return prove_absent(with, asked, state::Table::holders);
  });
  command = absent.add_subcommand("account", "No account was ever opened under this number");
  command.add_option("number", options->number, "Number of the account").required().whole_number();
  command.footer("Example:\n  electrad prove absent account 5000");
  finish_command(command, context, options, [](const Context& with, const Options& asked) {
    return prove_absent(with, asked, state::Table::accounts);
  });
}

}  // namespace

void add_prove(Command app, Context& context) {
  Command prove = app.add_subcommand("prove", "Make a proof that others can check with \"check-proof\"");
  prove.require_subcommand();
  prove.footer(
      "Works offline on the journal of the home and executes it up to the block. Safe while a gateway serves.\n\n"
      "Examples:\n"
      "  electrad prove message FLAT-1 17 --out reading.proof\n"
      "  electrad prove balance alice --format json --out balance.json\n"
      "  electrad prove registers FLAT-1 --height 100");
  auto options = std::make_shared<Options>();

  Command command = prove.add_subcommand("message", "A message and what became of it");
  command.add_option("sender", options->name, "Address, slot or serial number of the sender").required();
  command.add_option("sequence", options->sequence, "The message's sequence").required().whole_number();
  command.add_option("--message-id", options->message_id,
                     "Only the message with this id, where several had the sequence");
  command.footer(
      "Without --height all blocks are searched, from the first.\n\nExample:\n  electrad prove message FLAT-1 17");
  finish_command(command, context, options, prove_message);

  command = prove.add_subcommand("balance", "An account of the ledger");
  command.add_option("account", options->name, "Its number, or a holder (address, serial number): its wallet")
      .required();
  command.footer("Examples:\n  electrad prove balance 5\n  electrad prove balance alice --out balance.proof");
  finish_command(command, context, options, prove_balance);

  command = prove.add_subcommand("registers", "A meter's registers and sums");
  command.add_option("meter", options->name, "Address, slot or serial number").required();
  command.footer("Example:\n  electrad prove registers FLAT-1");
  finish_command(command, context, options,
                 [](const Context& with, const Options& asked) { return prove_holder(with, asked, true); });

  command = prove.add_subcommand("holder", "An entry of the directory: serial number, key, status");
  command.add_option("holder", options->name, "Address, slot or serial number").required();
  command.footer("Example:\n  electrad prove holder 3");
  finish_command(command, context, options,
                 [](const Context& with, const Options& asked) { return prove_holder(with, asked, false); });

  add_absent(prove, context, options);
}

}  // namespace electra::app
