#include "tests/crash/flood.h"

#include "meter-proto/base/assert.h"

namespace electra::test {
namespace {

using namespace std::chrono_literals;
constexpr std::chrono::seconds kPatience{60};

client::SignFunction sign_with(const crypto::SoftwareSigner& signer) {
  return [&signer](proto::SignatureKind kind, const Bytes32& genesis_hash, std::uint64_t sequence,
                   ByteSpan payload) -> std::optional<Bytes64> {
    const auto signature = signer.sign(kind, genesis_hash, sequence, payload);
    return signature ? std::optional(*signature) : std::nullopt;
  };
}

}  // namespace

Flood::Flood(std::uint16_t port, const Bytes32& genesis_hash, const std::string& development_seed,
             const std::vector<FloodSender>& senders, std::uint32_t window, std::uint64_t seed)
    : port_(port), genesis_hash_(genesis_hash), window_(window), random_(seed) {
  for (const FloodSender& who : senders) {
    by_slot_[who.slot] = senders_.size();
    senders_.push_back({.who = who,
                        .signer = std::make_unique<crypto::SoftwareSigner>(
                            crypto::derive_development_seed(development_seed, who.name)),
                        .open = {},
                        .answers = {},
                        .sent = 0});
  }
}

Flood::~Flood() {
  ended_.store(true);
  if (thread_.joinable()) thread_.join();
}

void Flood::start() { thread_ = std::thread(&Flood::run, this); }

bool Flood::finish() {
  finishing_.store(true);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!ended_.load() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
  if (!ended_.exchange(true)) fail("messages were not answered in time");
  thread_.join();
  return problem().empty();
}

std::string Flood::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

void Flood::fail(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (problem_.empty()) problem_ = text;
  ended_.store(true);
}

bool Flood::done() const { return finishing_.load() && in_flight_.load() == 0; }

void Flood::run() {
  while (!ended_.load()) {
    const Sender& first = senders_.front();
    auto client = client::TcpClient::connect(
        {.port = port_, .timeout = 5s, .sender = {.slot = first.who.slot}, .expected_genesis_hash = genesis_hash_},
        sign_with(*first.signer));
    if (!client) {
      std::this_thread::sleep_for(1ms);
      continue;
    }
    sessions_.fetch_add(1);
    serve(*client);
    if (done()) ended_.store(true);
  }
}

// Until the session ends.
void Flood::serve(client::TcpClient& client) {
  if (!keeps_promises(client)) return;
  for (const Sender& sender : senders_) {
    for (const auto& [sequence, bytes] : sender.open) {
      if (client.is_open()) client.session().send_frame(bytes);
    }
  }
  client.flush();
  while (client.is_open() && !ended_.load() && !done()) {
    send_more(client);
    for (auto event = client.wait_event(1ms); event; event = client.wait_event(0ms)) {
      if (const auto* receipt = std::get_if<strict::Receipt>(&*event)) take(*receipt);
      if (const auto* refusal = std::get_if<client::Refusal>(&*event))
        return fail("refused: " + std::string(result_name(refusal->result)));
      if (std::holds_alternative<client::Closed>(*event)) return;
    }
  }
}

// Every sender's highest answered sequence is known, and one answered message of each session is answered as before.
bool Flood::keeps_promises(client::TcpClient& client) {
  const auto highest_answered = [](const Sender& sender) {
    std::uint64_t highest = sender.answers.size();
    while (highest > 0 && sender.answers[highest - 1].batch == 0) --highest;
    return highest;
  };
  for (const Sender& sender : senders_) {
    const std::uint64_t highest = highest_answered(sender);
    if (highest == 0) continue;
    wire::Query query;
    query.mutable_holder()->set_slot(sender.who.slot);
    const auto answer = client.query(query, kPatience);
    if (!answer) return false;  // killed
    if (answer->holder().highest_sequence() < highest) {
      fail("lost: sequence " + std::to_string(highest) + " of " + sender.who.name);
      return false;
    }
  }
  // The window of sequences remembers the last 64.
  const Sender& chosen = senders_[random_() % senders_.size()];
  const std::uint64_t sequence = highest_answered(chosen);
  if (sequence == 0) return true;
  const Answer& before = chosen.answers[sequence - 1];
  client.session().send_frame(frame(chosen, sequence));
  while (const auto event = client.wait_event(kPatience)) {
    if (std::holds_alternative<client::Closed>(*event)) return false;
    const auto* receipt = std::get_if<strict::Receipt>(&*event);
    if (receipt == nullptr) continue;
    if (receipt->sequence == sequence && receipt->slot == chosen.who.slot && receipt->repeated &&
        receipt->result == before.result && receipt->batch == before.batch) {
      return true;
    }
    break;
  }
  fail("another answer than before: sequence " + std::to_string(sequence) + " of " + chosen.who.name);
  return false;
}

std::vector<std::uint8_t> Flood::frame(const Sender& sender, std::uint64_t sequence) const {
  const std::size_t to = (by_slot_.at(sender.who.slot) + 1 + sequence % (senders_.size() - 1)) % senders_.size();
  strict::Transfers transfers;
  transfers.count = 1;
  transfers.items[0].debit_account = sender.who.wallet;
  transfers.items[0].credit_account = senders_[to].who.wallet;
  transfers.items[0].amount = 1 + sequence % 1000;
  transfers.items[0].reference = sequence;
  auto made = client::make_message_frame({.slot = sender.who.slot}, genesis_hash_, sequence,
                                         {.not_after = 1'451'865'600 + 10 * 86'400, .operation = transfers},
                                         sign_with(*sender.signer));
  ELECTRA_ASSERT(made.has_value());
  return std::move(*made);
}

void Flood::send_more(client::TcpClient& client) {
  if (finishing_.load()) return;
  for (Sender& sender : senders_) {
    // The oldest that is open decides: the gateway remembers a window of sequences, no more.
    while (client.is_open() && (sender.open.empty() || sender.sent - sender.open.front().first + 1 < window_)) {
      const std::uint64_t sequence = ++sender.sent;
      sender.answers.push_back({.result = Result::ok, .batch = 0});
      sender.open.emplace_back(sequence, frame(sender, sequence));
      in_flight_.fetch_add(1);
      client.session().send_frame(sender.open.back().second);
    }
  }
  client.flush();
}

void Flood::take(const strict::Receipt& receipt) {
  const auto found = by_slot_.find(receipt.slot);
  if (found == by_slot_.end()) return fail("a receipt for nobody");
  Sender& sender = senders_[found->second];
  if (receipt.sequence == 0 || receipt.sequence > sender.answers.size()) return fail("a receipt for nothing");
  Answer& answer = sender.answers[receipt.sequence - 1];
  if (answer.batch != 0) {
    if (answer.batch != receipt.batch || answer.result != receipt.result) fail("two different answers");
    return;
  }
  answer = {.result = receipt.result, .batch = receipt.batch};
  std::erase_if(sender.open, [&](const auto& open) { return open.first == receipt.sequence; });
  in_flight_.fetch_sub(1);
  answered_.fetch_add(1);
}

}  // namespace electra::test
