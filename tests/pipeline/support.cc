#include "tests/pipeline/support.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include "io/journal/journal_reader.h"
#include "meter-proto/address.h"
#include "meter-proto/base/assert.h"

namespace electra::test {

TempDirectory::TempDirectory() {
  std::string path = (std::filesystem::temp_directory_path() / "electra-test-XXXXXX").string();
  ELECTRA_ASSERT(mkdtemp(path.data()) != nullptr);
  path_ = path;
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string holder_name(state::Slot slot) {
  static const std::vector<std::string> names = {"GRID", "operator", "auditor", "alice", "bob", "M1", "M2", "P1"};
  return slot < kFirstExtra ? names.at(slot - 1) : "X" + std::to_string(slot - kFirstExtra + 1);
}

state::Genesis small_genesis(std::uint32_t extra) {
  using namespace state;
  Genesis genesis;
  genesis.chain_id = "electra-pipeline-test";
  genesis.hash = crypto::derive_development_seed("genesis of the pipeline tests", std::to_string(extra));
  genesis.time_ns = kGenesisS * kSecondNs;
  genesis.limits.holders_max = 1024;
  genesis.limits.accounts_max = 8192;
  genesis.limits.pending_transfers_max = 1024;
  const auto add = [&](std::uint32_t roles, std::uint32_t phases, Slot owner, std::uint64_t balance) {
    GenesisHolder holder;
    holder.serial = holder_name(static_cast<Slot>(genesis.holders.size() + 1));
    holder.public_key = Person(holder.serial).public_key();
    holder.roles = roles;
    holder.phases = phases;
    holder.owner_slot = owner;
    holder.balance = balance;
    genesis.holders.push_back(holder);
  };
  add(kRoleGateway | kRoleMeter, 1, 0, 0);
  add(kRoleOperator, 0, 0, 1'000'000'000'000);
  add(kRoleAuditor, 0, 0, 0);
  add(kRoleOwner, 0, 0, 1'000'000'000);
  add(kRoleOwner, 0, 0, 1'000'000'000);
  add(kRoleMeter, 1, kAlice, 0);
  add(kRoleMeter | kRoleOwner, 1, 0, 1'000'000'000);
  add(kRoleMeter | kRoleProducer, 1, 0, 0);
  for (std::uint32_t i = 0; i < extra; ++i) add(kRoleMeter | kRoleOwner, 1, 0, 1'000'000);
  return genesis;
}

Bytes32 seed_of(const std::string& name) { return crypto::derive_development_seed("pipeline tests", name); }

Person::Person(const std::string& name) : signer_(std::make_shared<crypto::SoftwareSigner>(seed_of(name))) {}

client::SignFunction Person::sign_function() const {
  return [signer = signer_](proto::SignatureKind kind, const Bytes32& genesis_hash, std::uint64_t sequence,
                            ByteSpan payload) -> std::optional<Bytes64> {
    const auto signature = signer->sign(kind, genesis_hash, sequence, payload);
    return signature ? std::optional(*signature) : std::nullopt;
  };
}

pipeline::GatewaySettings small_settings(const std::filesystem::path& directory, std::uint32_t extra_holders) {
  pipeline::GatewaySettings settings;
  settings.genesis = small_genesis(extra_holders);
  settings.journal_directory = directory;
  settings.blocks.signer = Person(holder_name(1)).signer();
  settings.blocks.headers_file = directory / "blocks" / "headers.bin";
  settings.blocks.signed_height_file = directory / "GRID.signed";
  settings.listen_port = 0;
  settings.replay_clock = true;
  settings.verify_threads = 2;
  settings.batches_max = 4;
  settings.connections_max = 64;
  settings.version = "test";
  return settings;
}

// --- gateway ---------------------------------------------------------------------------------------------------------

RunningGateway::RunningGateway(pipeline::GatewaySettings settings) {
  std::promise<void> opened;
  std::future<void> ready = opened.get_future();
  thread_ = std::thread(&RunningGateway::live, this, std::move(settings), std::move(opened));
  ready.wait();
}

RunningGateway::~RunningGateway() { stop(); }

void RunningGateway::live(pipeline::GatewaySettings settings, std::promise<void> opened) {
  auto gateway = pipeline::Gateway::open(std::move(settings));
  if (!gateway) {
    error_ = gateway.error();
    opened.set_value();
    return;
  }
  port_ = (*gateway)->port();
  facts_ = (*gateway)->facts();
  {
    const std::lock_guard lock(mutex_);
    gateway_ = gateway->get();
  }
  opened.set_value();
  reason_ = (*gateway)->run();
  {
    const std::lock_guard lock(mutex_);
    gateway_ = nullptr;
  }
  counters_ = (*gateway)->counters();
  digest_ = (*gateway)->machine().digest();
  settlement_digest_ = (*gateway)->machine().settlement_digest();
  batch_number_ = (*gateway)->machine().batch_number();
  failure_ = (*gateway)->failure();
}

std::chrono::nanoseconds RunningGateway::io_cpu_time() {
  clockid_t clock{};
  timespec time{};
  ELECTRA_ASSERT_EQ(pthread_getcpuclockid(thread_.native_handle(), &clock), 0);
  ELECTRA_ASSERT_EQ(clock_gettime(clock, &time), 0);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

void RunningGateway::request_stop() {
  const std::lock_guard lock(mutex_);
  if (gateway_ != nullptr) gateway_->request_stop();
}

void RunningGateway::join() {
  if (thread_.joinable()) thread_.join();
}

// --- client ----------------------------------------------------------------------------------------------------------

Client::Client(std::uint16_t port, state::Slot slot) : Client(port, Person(holder_name(slot)), {.slot = slot}) {}

Client::Client(std::uint16_t port, const Person& person, const client::Sender& sender)
    : person_(person), sender_(sender) {
  auto connected = client::TcpClient::connect(
      {.port = port, .timeout = kPatience, .sender = sender, .expected_genesis_hash = std::nullopt},
      person.sign_function());
  if (connected) {
    tcp_.emplace(std::move(*connected));
  } else {
    error_ = connected.error();
  }
}

Bytes Client::frame(std::uint64_t sequence, const strict::PayloadView& payload) const {
  auto made =
      client::make_message_frame(sender_, tcp_->chain().genesis_hash, sequence, payload, person_.sign_function());
  EXPECT_TRUE(made);
  return made.value_or(Bytes{});
}

Bytes Client::send(std::uint64_t sequence, const strict::PayloadView& payload) {
  Bytes bytes = frame(sequence, payload);
  send_frame(bytes);
  return bytes;
}

void Client::send_frame(const Bytes& frame) {
  if (!tcp_->is_open()) return;
  tcp_->session().send_frame(frame);
  tcp_->flush();
}

std::optional<Reply> Client::next_reply() {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto event = tcp_->wait_event(kPatience);
    if (!event || std::holds_alternative<client::Closed>(*event)) return std::nullopt;
    if (const auto* receipt = std::get_if<strict::Receipt>(&*event)) {
      return Reply{.result = receipt->result, .receipt = true, .body = *receipt};
    }
    if (const auto* refusal = std::get_if<client::Refusal>(&*event)) {
      return Reply{.result = refusal->result,
                   .receipt = false,
                   .body = {.slot = refusal->slot, .sequence = refusal->sequence, .result = refusal->result}};
    }
  }
  return std::nullopt;
}

Reply Client::ask(std::uint64_t sequence, const strict::PayloadView& payload) {
  return ask_frame(frame(sequence, payload), sequence);
}

Reply Client::ask_frame(const Bytes& frame, std::uint64_t sequence) {
  send_frame(frame);
  while (auto reply = next_reply()) {
    if (reply->body.sequence == sequence) return *reply;
  }
  ADD_FAILURE() << "no answer to sequence " << sequence;
  return {.result = Result::overloaded};
}

std::map<MessageName, Reply> Client::replies(std::size_t count) {
  std::map<MessageName, Reply> replies;
  while (replies.size() < count) {
    const auto reply = next_reply();
    if (!reply) break;
    const bool first = replies.emplace(MessageName{reply->body.slot, reply->body.sequence}, *reply).second;
    EXPECT_TRUE(first) << "sequence " << reply->body.sequence << " was answered twice";
  }
  return replies;
}

bool Client::closed_by_gateway() {
  while (const auto event = tcp_->wait_event(kPatience)) {
    if (std::holds_alternative<client::Closed>(*event)) return true;
  }
  return !tcp_->is_open();
}

wire::QueryAnswer Client::query(const wire::Query& query) {
  auto answer = tcp_->query(query, kPatience);
  EXPECT_TRUE(answer) << answer.error();
  return answer ? *answer : wire::QueryAnswer{};
}

wire::Holder Client::holder(state::Slot slot) {
  wire::Query query;
  query.mutable_holder()->set_slot(slot);
  return this->query(query).holder();
}

wire::Status Client::status() {
  wire::Query query;
  query.mutable_status();
  return this->query(query).status();
}

strict::TickAnswer Client::tick(std::uint64_t time_s) {
  auto answer = tcp_->tick(time_s * kSecondNs, kPatience);
  EXPECT_TRUE(answer) << answer.error();
  return answer.value_or(strict::TickAnswer{.result = Result::overloaded});
}

// --- messages --------------------------------------------------------------------------------------------------------

strict::PayloadView transfer(state::AccountNumber debit, state::AccountNumber credit, std::uint64_t amount,
                             std::uint64_t reference) {
  strict::Transfers transfers;
  transfers.count = 1;
  transfers.items[0].debit_account = debit;
  transfers.items[0].credit_account = credit;
  transfers.items[0].amount = amount;
  transfers.items[0].reference = reference;
  return {.not_after = kGenesisS + 10 * 86'400, .operation = transfers};
}

strict::PayloadView reading(std::uint64_t boundary, std::uint64_t whin, std::uint64_t whout) {
  strict::Reading reading;
  reading.time = kGenesisS + boundary * 900;
  reading.count = 1;
  reading.items[0].phase = 1;
  reading.items[0].whin = whin;
  reading.items[0].whout = whout;
  return {.not_after = 0, .operation = reading};
}

strict::PayloadView set_status(state::Slot slot, state::HolderStatus status) {
  return {.not_after = 0, .operation = strict::SetStatus{.slot = slot, .status = static_cast<std::uint32_t>(status)}};
}

Bytes message_frame(const Person& person, const client::Sender& sender, std::uint64_t sequence,
                    const strict::PayloadView& payload) {
  auto made = client::make_message_frame(sender, small_genesis().hash, sequence, payload, person.sign_function());
  EXPECT_TRUE(made);
  return made.value_or(Bytes{});
}

Bytes with_bad_signature(Bytes frame) {
  frame.at(frame.size() - 32) ^= 1;  // the signature is the envelope's last field; its second half is S
  return frame;
}

std::map<MessageName, int> journal_messages(const std::filesystem::path& directory) {
  class Collector final : public io::RecordSink {
   public:
    bool on_record(const io::RecordView& record) override {
      ByteSpan bytes;
      for (io::EntryCursor cursor(record.body); cursor.next(bytes);) {
        strict::EnvelopeView envelope;
        EXPECT_EQ(strict::decode_envelope(bytes, envelope), Result::ok);
        ++messages[{envelope.slot, envelope.sequence}];
      }
      return true;
    }
    std::map<MessageName, int> messages;
  };
  Collector collector;
  const auto read = io::read_journal(directory, collector);
  EXPECT_TRUE(read) << read.error().text();
  return collector.messages;
}

void do_a_bit_of_everything(std::uint16_t port) {
  Client grid(port, kGrid);
  Client boss(port, kOperator);
  Client meter(port, kM2);
  Client producer(port, kP1);
  Client alice(port, kAlice);
  const std::uint32_t from = alice.holder(kAlice).wallet_account();
  const std::uint32_t to = boss.holder(kBob).wallet_account();
  std::uint64_t sequence = 0;
  for (std::uint64_t boundary = 0; boundary <= 9; ++boundary) {
    ASSERT_EQ(grid.tick(kGenesisS + boundary * 900).result, Result::ok);
    ++sequence;
    ASSERT_EQ(meter.ask(sequence, reading(boundary, 130 * boundary)).result, Result::ok);
    ASSERT_EQ(producer.ask(sequence, reading(boundary, 0, 47 * boundary)).result, Result::ok);
    ASSERT_EQ(grid.ask(sequence, reading(boundary, 83 * boundary)).result, Result::ok);
  }
  const Bytes repeated = alice.frame(1, transfer(from, to, 5));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(alice.ask_frame(repeated, 1).receipt);
  for (std::uint64_t next = 2; next <= 200; ++next) {
    alice.tcp().session().send_frame(alice.frame(next, transfer(from, next % 3 == 0 ? from : to, next)));
  }
  alice.tcp().flush();
  ASSERT_EQ(alice.replies(199).size(), 199U);
  const Person person("NEW1");
  const strict::RegisterKey registration{
      .public_key = person.public_key(), .serial = "NEW1", .roles = state::kRoleMeter, .phases = 1};
  ASSERT_EQ(boss.ask(1, {.not_after = 0, .operation = registration}).result, Result::ok);
  Client fresh(port, person, {.slot = 0, .address = proto::address_of(person.public_key())});
  const strict::ProvePossession proof{.registration_id = *fresh.hello().registration_id};
  ASSERT_EQ(fresh.ask(1, {.not_after = 0, .operation = proof}).result, Result::ok);
  ASSERT_EQ(boss.ask(2, set_status(kBob, state::HolderStatus::suspended)).result, Result::ok);
  ASSERT_EQ(grid.tick(kGenesisS + 3 * 3600).result, Result::ok);
}

}  // namespace electra::test
