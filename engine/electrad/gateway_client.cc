#include "engine/electrad/gateway_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>
#include <thread>
#include <variant>

#include "crypto-offload/software_signer.h"
#include "engine/electrad/amount.h"
#include "engine/electrad/config.h"
#include "engine/electrad/document.h"
#include "engine/electrad/genesis.h"
#include "meter-proto/address.h"
#include "meter-proto/base/assert.h"

namespace electra::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::chrono::milliseconds kRetryPause{200};
constexpr std::string_view kOperatorKey = "operator";

std::unexpected<Failure> failure(ExitCode code, std::string text) {
  return std::unexpected(Failure{code, std::move(text)});
}

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::clamp(seconds, 0.001, 1e6) * 1000.0));
}

client::SignFunction sign_with(std::shared_ptr<const crypto::SoftwareSigner> signer) {
  return [signer = std::move(signer)](proto::SignatureKind kind, const Bytes32& genesis_hash, std::uint64_t sequence,
                                      ByteSpan payload) -> std::optional<Bytes64> {
    const auto signature = signer->sign(kind, genesis_hash, sequence, payload);
    if (!signature) return std::nullopt;
    return *signature;
  };
}

std::expected<std::shared_ptr<const crypto::SoftwareSigner>, Failure> load_signer(const Home& home,
                                                                                  const std::string& name) {
  const auto seed = home.load_key(name);
  if (!seed) return failure(ExitCode::home, seed.error());
  return std::make_shared<const crypto::SoftwareSigner>(*seed);
}

// Without a signer: no hello.
std::expected<client::TcpClient, Failure> open_session(const Home& home, const NodeOptions& options,
                                                       const std::shared_ptr<const crypto::SoftwareSigner>& signer) {
  const auto node = find_node(home, options.node);
  if (!node) return std::unexpected(node.error());
  client::TcpClient::Options open;
  open.host = node->host;
  open.port = node->port;
  open.timeout = milliseconds(options.timeout_s);
  if (signer) open.sender.address = proto::address_of(signer->public_key());
  // A gateway named by hand may be one of another chain; the home's own must be of the home's chain.
  if (options.node.empty()) open.expected_genesis_hash = genesis_hash_of(home);
  auto tcp = client::TcpClient::connect(open, signer ? sign_with(signer) : client::SignFunction{});
  if (!tcp) {
    const client::TcpClient::Error& error = tcp.error();
    if (error.result != Result::ok) return refused(error.result, fmt::format("hello of {}", options.from));
    return failure(ExitCode::no_gateway, error.text);
  }
  return std::move(*tcp);
}

Bytes32 id_of_frame(ByteSpan frame, const Bytes32& public_key, const Bytes32& genesis_hash) {
  strict::FrameView view;
  strict::EnvelopeView envelope;
  const bool good = strict::decode_frame(frame.subspan(strict::kFrameHeaderBytes), view) == Result::ok &&
                    strict::decode_envelope(view.message, envelope) == Result::ok;
  ELECTRA_ASSERT(good);
  std::vector<std::uint8_t> buffer(proto::kSigningPrefixBytes + envelope.payload.size());
  const Bytes16 tag = proto::signing_tag(proto::SignatureKind::message, genesis_hash);
  const ByteSpan bytes = proto::signing_bytes(tag, envelope.sequence, envelope.payload, buffer);
  return proto::message_id(public_key, *array_of<64>(envelope.signature), bytes);
}

// The gateway could not take the message now; the same bytes are good later.
bool is_temporary(Result result) { return result == Result::overloaded || result == Result::shutting_down; }

// Nothing: the session ended, or time is up, without an answer to this message.
std::optional<Receipt> wait_for_receipt(client::TcpClient& tcp, std::uint32_t slot, std::uint64_t sequence,
                                        Clock::time_point deadline) {
  while (Clock::now() < deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    const auto event = tcp.wait_event(left);
    if (!event || std::holds_alternative<client::Closed>(*event)) return std::nullopt;
    if (const auto* receipt = std::get_if<strict::Receipt>(&*event)) {
      if (receipt->slot != slot || receipt->sequence != sequence) continue;
      return Receipt{.result = receipt->result,
                     .slot = slot,
                     .sequence = sequence,
                     .batch = receipt->batch,
                     .detail = receipt->detail,
                     .repeated = receipt->repeated,
                     .text = {}};
    }
    if (const auto* refusal = std::get_if<client::Refusal>(&*event)) {
      if (is_temporary(refusal->result)) return std::nullopt;
      return Receipt{.result = refusal->result, .slot = slot, .sequence = sequence, .text = refusal->text};
    }
  }
  return std::nullopt;
}

}  // namespace

std::expected<Endpoint, Failure> find_node(const Home& home, const std::string& node) {
  std::string text = node;
  if (text.empty()) {
    const auto address = home.read_address();
    if (!address) {
      return failure(ExitCode::no_gateway,
                     fmt::format("{}: no gateway serves here; start one with `electrad start`, or name one with --node "
                                 "host:port",
                                 home.root().string()));
    }
    text = *address;
  }
  const auto endpoint = parse_endpoint(text);
  if (!endpoint || endpoint->port == 0) {
    return failure(ExitCode::usage, fmt::format("\"{}\" is not host:port, such as 127.0.0.1:26600", text));
  }
  return *endpoint;
}

std::optional<Bytes32> genesis_hash_of(const Home& home) {
  const auto text = read_text_file(home.genesis_file());
  if (!text) return std::nullopt;
  return genesis_hash(*text);
}

std::unexpected<Failure> refused(Result result, const std::string& what) {
  return std::unexpected(
      Failure{ExitCode::refused, fmt::format("{}: {}: {}", what, result_name(result), result_text(result))});
}

std::expected<GatewayClient, Failure> GatewayClient::connect(const Home& home, const NodeOptions& options) {
  const auto signer = load_signer(home, options.from);
  if (!signer) return std::unexpected(signer.error());
  auto tcp = open_session(home, options, *signer);
  if (!tcp) return std::unexpected(tcp.error());
  return GatewayClient(std::move(*tcp), options.timeout_s);
}

std::expected<GatewayClient, Failure> GatewayClient::connect_for_query(const Home& home, NodeOptions options) {
  if (options.from.empty() && home.has_key(kOperatorKey)) options.from = kOperatorKey;
  if (options.from.empty()) {
    const auto keys = home.list_keys();
    if (!keys) return failure(ExitCode::home, keys.error());
    if (keys->empty()) {
      return failure(ExitCode::home, fmt::format("{}: there is no key to open a session with; `electrad keys import` "
                                                 "brings one, --home names another home",
                                                 home.keys_directory().string()));
    }
    options.from = keys->front().name;
  }
  return connect(home, options);
}

std::expected<GatewayClient, Failure> GatewayClient::connect_publicly(const Home& home, const NodeOptions& options) {
  auto tcp = open_session(home, options, nullptr);
  if (!tcp) return std::unexpected(tcp.error());
  return GatewayClient(std::move(*tcp), options.timeout_s);
}

std::expected<wire::QueryAnswer, Failure> GatewayClient::ask(const wire::Query& query) {
  auto answer = tcp_.query(query, milliseconds(timeout_s_));
  if (!answer) return failure(ExitCode::no_gateway, answer.error());
  const auto result = static_cast<Result>(answer->result());
  if (result != Result::ok) return refused(result, "query");
  return std::move(*answer);
}

std::expected<wire::Holder, Failure> GatewayClient::ask_holder(std::string_view name) {
  const auto by = parse_holder_name(name);
  if (!by) return failure(ExitCode::usage, by.error());
  wire::Query query;
  *query.mutable_holder() = *by;
  auto answer = ask(query);
  if (!answer) {
    Failure failed = answer.error();
    failed.text = fmt::format("holder {}: {}", name, failed.text);
    return std::unexpected(std::move(failed));
  }
  return answer->holder();
}

std::uint64_t GatewayClient::now_s() const {
  const std::uint64_t chain_s = tcp_.chain().time_ns / kNanosecondsPerSecond;
  if (tcp_.chain().replay_clock) return chain_s;
  return std::max(chain_s, static_cast<std::uint64_t>(std::time(nullptr)));
}

std::expected<wire::HolderQuery, std::string> parse_holder_name(std::string_view text) {
  constexpr std::string_view kSerialPrefix = "serial:";
  wire::HolderQuery query;
  if (text.starts_with(kSerialPrefix)) {
    query.set_serial(std::string(text.substr(kSerialPrefix.size())));
  } else if (text.starts_with("electra1")) {
    const auto address = proto::parse_address(text);
    if (!address) return std::unexpected(fmt::format("\"{}\": {}", text, address.error()));
    query.set_address(address->data(), address->size());
  } else if (const auto slot = parse_whole(text); slot && *slot >= 1 && *slot <= UINT32_MAX) {
    query.set_slot(static_cast<std::uint32_t>(*slot));
  } else {
    if (text.empty()) return std::unexpected("a holder is named by address, slot or serial number");
    query.set_serial(std::string(text));
  }
  return query;
}

std::expected<Receipt, Failure> send_message(const Home& home, const SendOptions& options,
                                             const MakePayload& make_payload) {
  const auto signer = load_signer(home, options.node.from);
  if (!signer) return std::unexpected(signer.error());
  const Clock::time_point deadline = Clock::now() + milliseconds(options.node.timeout_s);
  std::vector<std::uint8_t> frame;  // made once: what is sent again are the same bytes
  std::uint64_t sequence = options.sequence;
  Bytes32 id{};
  Failure last_failure{ExitCode::no_gateway, "no answer in time"};
  do {
    auto client = GatewayClient::connect(home, options.node);
    if (!client) {
      const bool may_come_back = !frame.empty() && client.error().code == ExitCode::no_gateway;
      if (!may_come_back) return std::unexpected(client.error());
      last_failure = client.error();
      std::this_thread::sleep_for(kRetryPause);
      continue;
    }
    if (frame.empty()) {
      const auto payload = make_payload(*client);
      if (!payload) return std::unexpected(payload.error());
      if (sequence == 0) sequence = client->hello().highest_sequence + 1;
      const client::Sender sender{.slot = client->hello().slot, .key_generation = client->hello().key_generation};
      const Bytes32& genesis_hash = client->tcp().chain().genesis_hash;
      auto made = client::make_message_frame(sender, genesis_hash, sequence, *payload, sign_with(*signer));
      if (!made) return failure(ExitCode::failed, made.error());
      frame = std::move(*made);
      id = id_of_frame(frame, (*signer)->public_key(), genesis_hash);
    }
    if (client->tcp().is_open()) {
      client->tcp().session().send_frame(frame);
      if (auto receipt = wait_for_receipt(client->tcp(), client->hello().slot, sequence, deadline)) {
        receipt->message_id = id;
        return std::move(*receipt);
      }
    }
    if (Clock::now() < deadline) std::this_thread::sleep_for(kRetryPause);
  } while (Clock::now() < deadline);
  last_failure.text += fmt::format(
      "; the message may still have reached the chain: the same command with --sequence {} cannot take effect twice",
      sequence);
  return std::unexpected(std::move(last_failure));
}

}  // namespace electra::app
