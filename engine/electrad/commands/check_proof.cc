// `electrad check-proof`: judges a proof with nothing but the chain's genesis.
#include <fmt/format.h>

#include <array>
#include <fstream>
#include <memory>

#include "engine/electrad/answers.h"
#include "engine/electrad/commands/commands.h"
#include "engine/electrad/commands/record_json.h"
#include "engine/electrad/genesis.h"
#include "engine/electrad/proof_json.h"
#include "meter-proto/chain/proof_check.h"

namespace electra::app {
namespace {

using Outcome = std::expected<void, Failure>;

constexpr std::size_t kGenesisBytesMax = std::size_t{256} << 20;

struct Options {
  std::string file;
  std::string genesis;
  std::string genesis_hash;
  std::string gateway_key;
};

// Not much more than `bytes_max`, so that a wrong file costs nothing.
std::expected<std::string, Failure> read_file(const std::string& path, std::size_t bytes_max, ExitCode code) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  std::array<char, 16384> piece;
  while (file && text.size() <= bytes_max) {
    file.read(piece.data(), piece.size());
    text.append(piece.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (!file.is_open() || file.bad()) return std::unexpected(Failure{code, fmt::format("{}: cannot be read", path)});
  return text;
}

std::expected<proto::TrustAnchor, Failure> anchor_of_genesis(const std::string& path, ExitCode code) {
  const auto text = read_file(path, kGenesisBytesMax, code);
  if (!text) return std::unexpected(text.error());
  const auto genesis = parse_genesis(path, *text);
  if (!genesis) return std::unexpected(Failure{ExitCode::configuration, genesis.error()});
  const state::GenesisHolder* gateway = gateway_of(*genesis);
  if (gateway != nullptr) return proto::TrustAnchor{genesis->hash, gateway->public_key};
  return std::unexpected(Failure{ExitCode::configuration, fmt::format("{}: there is no gateway", path)});
}

std::expected<proto::TrustAnchor, Failure> trust_anchor(const Context& context, const Options& options) {
  if (!options.genesis.empty()) return anchor_of_genesis(options.genesis, ExitCode::configuration);
  if (options.genesis_hash.empty()) {
    return anchor_of_genesis(context.home().genesis_file().string(), ExitCode::home);
  }
  proto::TrustAnchor anchor;
  if (!from_hex(options.genesis_hash, anchor.genesis_hash) || !from_hex(options.gateway_key, anchor.gateway_key)) {
    return std::unexpected(
        Failure{ExitCode::usage, "--genesis-hash and --gateway-key: expected 64 hexadecimal digits each"});
  }
  return anchor;
}

// What a message asked for; empty for other proofs.
Json said_json(const proto::Proof& proof) {
  const auto* message = std::get_if<proto::MessageProof>(&proof.content);
  strict::PayloadView payload;
  if (message == nullptr || strict::decode_payload(message->payload, payload) != Result::ok) return Json::object();
  return operation_json(payload.operation);
}

Outcome check(const Context& context, const Options& options) {
  const auto anchor = trust_anchor(context, options);
  if (!anchor) return std::unexpected(anchor.error());
  const auto bytes = read_file(options.file, kProofTextBytesMax, ExitCode::failed);
  if (!bytes) return std::unexpected(bytes.error());
  const auto not_verified = [&options](const std::string& why) {
    return std::unexpected(Failure{ExitCode::not_verified, fmt::format("{}: not proved: {}", options.file, why)});
  };
  const auto proof = read_proof(*bytes);
  if (!proof) return not_verified(proof.error());
  const auto checked = proto::check_proof(*proof, *anchor);
  if (!checked) return not_verified(checked.error());

  const proto::BlockHeader& header = checked->header;
  Json facts = proof_facts_json(*proof);
  if (const Json said = said_json(*proof); !said.empty()) facts["message"] = said;
  if (context.json) {
    print_json({{"proved", true},
                {"kind", proto::proof_kind_name(proof->kind())},
                {"height", std::to_string(header.height)},
                {"time", std::to_string(header.time_ns)},
                {"headerHash", to_hex(proto::header_hash(header))},
                {"text", proof_sentence(*proof)},
                {"facts", facts}});
  } else {
    fmt::print("proved: {}\n\n", proof_sentence(*proof));
    print_pairs(flat_pairs(facts));
    fmt::print("\nby the header {} of chain {}\n", to_hex(proto::header_hash(header)), to_hex(proof->genesis_hash));
  }
  return {};
}

}  // namespace

void add_check_proof(Command app, Context& context) {
  Command command = app.add_subcommand("check-proof", "Check a proof that \"prove\" made, offline");
  auto options = std::make_shared<Options>();
  command.add_option("file", options->file, "The proof, binary or JSON").required();
  Option genesis =
      command.add_option("--genesis", options->genesis, "genesis.json of the chain (default: that of the home)");
  Option hash = command.add_option("--genesis-hash", options->genesis_hash, "Instead: its hash …");
  Option key = command.add_option("--gateway-key", options->gateway_key, "… and the gateway's public key");
  hash.needs(key).excludes(genesis);
  key.needs(hash);
  command.footer(
      "Ends with 0 if the proof shows what it says, with 10 if it does not.\n\n"
      "Examples:\n"
      "  electrad check-proof bill.proof --genesis genesis.json\n"
      "  electrad check-proof balance.json --json");
  command.callback([&context, options] { context.finish(check(context, *options)); });
}

}  // namespace electra::app
