// A command's connection to a running gateway: finding it, opening a session with a key of the home, asking, sending.
//
// Failures come with the exit code that fits: nobody answers (no_gateway), the answer is no (refused).
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "electra/query.pb.h"
#include "engine/electrad/document.h"
#include "engine/electrad/exit_code.h"
#include "engine/electrad/home.h"
#include "meter-proto/client/tcp_client.h"
#include "meter-proto/strict/payload.h"

namespace electra::app {

struct NodeOptions {
  std::string node{};  // host:port; empty = the gateway that serves the home
  std::string from{};  // name of a key; empty = the command's default
  double timeout_s = 10;
};

// The address in `node`, else that of the gateway that serves the home.
[[nodiscard]] std::expected<Endpoint, Failure> find_node(const Home& home, const std::string& node);

// Nothing when the home has no genesis: then any chain will do.
[[nodiscard]] std::optional<Bytes32> genesis_hash_of(const Home& home);

[[nodiscard]] std::unexpected<Failure> refused(Result result, const std::string& what);

class GatewayClient {
 public:
  // Opens a session as `options.from`.
  [[nodiscard]] static std::expected<GatewayClient, Failure> connect(const Home& home, const NodeOptions& options);

  // As `options.from` if given, else with the operator's or any other key of the home.
  [[nodiscard]] static std::expected<GatewayClient, Failure> connect_for_query(const Home& home, NodeOptions options);

  // Without a key, and so without a hello: for questions that anyone may ask.
  [[nodiscard]] static std::expected<GatewayClient, Failure> connect_publicly(const Home& home,
                                                                              const NodeOptions& options);

  // The answer's result is ok.
  [[nodiscard]] std::expected<wire::QueryAnswer, Failure> ask(const wire::Query& query);

  // The holder named by an address, slot or serial number.
  [[nodiscard]] std::expected<wire::Holder, Failure> ask_holder(std::string_view name);

  [[nodiscard]] client::TcpClient& tcp() noexcept { return tcp_; }
  [[nodiscard]] const client::HelloAnswer& hello() const noexcept { return tcp_.hello_answer(); }

  // The gateway's idea of now, unix s: in a replay that of the last batch, else at least the local clock's.
  [[nodiscard]] std::uint64_t now_s() const;

 private:
  GatewayClient(client::TcpClient tcp, double timeout_s) : tcp_(std::move(tcp)), timeout_s_(timeout_s) {}
  client::TcpClient tcp_;
  double timeout_s_;
};

// "electra1…" is an address, digits are a slot, everything else a serial number; "serial:123" is one in any case.
[[nodiscard]] std::expected<wire::HolderQuery, std::string> parse_holder_name(std::string_view text);

// What became of a message.
struct Receipt {
  Result result = Result::ok;
  std::uint32_t slot = 0;
  std::uint64_t sequence = 0;
  std::uint64_t batch = 0;  // 0: it never reached the chain
  std::uint64_t detail = 0;
  bool repeated = false;
  Bytes32 message_id{};
  std::string text{};  // of a refusal before the chain
};

struct SendOptions {
  NodeOptions node;
  std::uint64_t sequence = 0;  // 0 = the one after the highest that was used
};

// What to send may depend on what the gateway answers to questions; made once, on the first connection.
using MakePayload = std::function<std::expected<strict::PayloadView, Failure>(GatewayClient& client)>;

// Signs one message and sends it until it is answered: over a new connection, with the same bytes, when the old one is
// lost. The payload's views must stay valid meanwhile.
[[nodiscard]] std::expected<Receipt, Failure> send_message(const Home& home, const SendOptions& options,
                                                           const MakePayload& make_payload);

}  // namespace electra::app
