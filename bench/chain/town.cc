#include "bench/chain/town.h"

#include <stdlib.h>

#include <algorithm>
#include <deque>
#include <random>

#include "crypto-offload/batch_signer.h"
#include "crypto-offload/software_signer.h"
#include "engine/chain/block_maker.h"
#include "io/header_file.h"
#include "io/journal/journal_writer.h"
#include "io/loop.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/encode.h"
#include "meter-proto/signing.h"

namespace electra::bench {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kGenesisS = 1'451'865'600;  // 2016-01-04T00:00Z
constexpr std::uint64_t kIntervalS = 900;
constexpr std::uint64_t kDelayS = 5;  // of the first message behind the boundary that it reads
constexpr std::uint32_t kMeters = 200;
constexpr std::uint32_t kTransfersPerTick = 40;
constexpr std::uint32_t kBatchMessagesMax = 64;
constexpr state::Slot kGrid = 1;
constexpr state::Slot kFirstMeter = 2;
constexpr std::uint64_t kBalance = 1'000'000'000'000;
constexpr std::uint32_t kRecordsInFlight = 4;
constexpr std::string_view kPhrase = "electra chain benchmark";

std::string serial_of(state::Slot slot) { return slot == kGrid ? "GRID" : "M" + std::to_string(slot - 1); }

Bytes32 seed_of(state::Slot slot) { return crypto::derive_development_seed(kPhrase, serial_of(slot)); }

std::uint32_t phases_of(state::Slot slot) { return slot % 3 == 0 ? 7 : 1; }
bool is_producer(state::Slot slot) { return slot != kGrid && slot % 10 == 0; }

state::Genesis town_genesis() {
  state::Genesis genesis;
  genesis.chain_id = "electra-bench-town";
  genesis.hash = crypto::derive_development_seed(kPhrase, "genesis");
  genesis.time_ns = kGenesisS * kSecondNs;
  for (state::Slot slot = kGrid; slot < kFirstMeter + kMeters; ++slot) {
    state::GenesisHolder holder;
    holder.serial = serial_of(slot);
    holder.public_key = crypto::SoftwareSigner(seed_of(slot)).public_key();
    holder.roles = state::kRoleMeter;
    holder.roles |= slot == kGrid ? state::kRoleGateway : state::kRoleOwner;
    if (is_producer(slot)) holder.roles |= state::kRoleProducer;
    holder.phases = slot == kGrid ? 7 : phases_of(slot);
    holder.balance = slot == kGrid ? 0 : kBalance;
    genesis.holders.push_back(std::move(holder));
  }
  return genesis;
}

}  // namespace

// Everything that lives only while the town is made.
class TownMaker final : public io::JournalListener {
 public:
  explicit TownMaker(Town& town) : town_(town), gateway_signer_(seed_of(kGrid)) {}

  std::string make(std::uint64_t messages) {
    if (std::string error = open(); !error.empty()) return error;
    for (std::uint64_t tick = 0; town_.messages_.ends.size() < messages; ++tick) {
      if (std::string error = live(tick); !error.empty()) return error;
    }
    while (!writer_->idle() && failure_.empty()) loop_->run_once();
    if (!failure_.empty()) return failure_;
    if (auto synced = headers_->sync(); !synced) return synced.error();
    town_.batches_ = machine_->batch_number();
    town_.settlement_digest_ = machine_->settlement_digest();
    list_items();
    return {};
  }

  void on_durable(io::RecordBuffer& buffer, const io::DurableRecord&) override { pool_->release(buffer); }
  void on_journal_failed(const std::string& text) override { failure_ = text; }

 private:
  std::string open() {
    town_.genesis_ = town_genesis();
    town_.tag_ = proto::signing_tag(proto::SignatureKind::message, town_.genesis_.hash);
    for (state::Slot slot = kGrid; slot < kFirstMeter + kMeters; ++slot) {
      keys_.emplace_back(seed_of(slot));
    }
    sequences_.resize(keys_.size());
    registers_.resize(keys_.size());
    auto machine = state::Machine::create(town_.genesis_);
    if (!machine) return "genesis: " + machine.error();
    machine_ = std::move(*machine);
    maker_.emplace(*machine_);

    std::error_code error;
    std::filesystem::create_directories(town_.headers_file().parent_path(), error);
    if (error) return town_.headers_file().parent_path().string() + ": " + error.message();
    auto headers = io::HeaderFile::open(town_.headers_file(), true);
    if (!headers) return headers.error();
    headers_ = std::move(*headers);
    auto loop = io::Loop::create();
    if (!loop) return loop.error();
    loop_ = std::move(*loop);
    auto pool = io::RecordBufferPool::create(kRecordsInFlight + 1);
    if (!pool) return pool.error();
    pool_ = std::move(*pool);
    io::JournalConfig config;
    config.directory = town_.journal();
    config.in_flight_max = kRecordsInFlight;
    const io::JournalPosition position{.genesis_hash = town_.genesis_.hash, .last_hash = town_.genesis_.hash};
    auto writer = io::JournalWriter::open(*loop_, config, position, *pool_, *this);
    if (!writer) return writer.error();
    writer_ = std::move(*writer);
    return {};
  }

  // One quarter of an hour: readings in some order with transfers between them, then the end of the block.
  std::string live(std::uint64_t tick) {
    const std::uint64_t boundary_s = kGenesisS + tick * kIntervalS;
    time_ns_ = (boundary_s + kDelayS) * kSecondNs;
    std::vector<state::Slot> readers;
    for (state::Slot slot = kFirstMeter; slot < kFirstMeter + kMeters; ++slot) readers.push_back(slot);
    std::ranges::shuffle(readers, random_);

    std::vector<strict::PayloadView> payloads;
    std::vector<state::Slot> senders;
    for (const state::Slot slot : readers) {
      payloads.push_back(reading(slot, tick, boundary_s));
      senders.push_back(slot);
      if (random_() % kMeters < kTransfersPerTick) {
        senders.push_back(kFirstMeter + static_cast<state::Slot>(random_() % kMeters));
        payloads.push_back(transfer(senders.back(), boundary_s));
      }
    }
    payloads.push_back(grid_reading(boundary_s));
    senders.push_back(kGrid);

    sign(senders, payloads);
    for (std::size_t first = 0; first < payloads.size();) {
      const std::size_t count = std::min<std::size_t>(1 + random_() % kBatchMessagesMax, payloads.size() - first);
      io::RecordBuffer* const buffer = free_buffer();
      if (buffer == nullptr) return failure_;
      for (std::size_t i = first; i < first + count; ++i) add(*buffer, senders[i], i);
      first += count;
      if (std::string error = commit(*buffer, 0); !error.empty()) return error;
    }
    io::RecordBuffer* const last = free_buffer();
    return last == nullptr ? failure_ : commit(*last, io::kRecordBlockClose);
  }

  strict::PayloadView reading(state::Slot slot, std::uint64_t tick, std::uint64_t boundary_s) {
    strict::PayloadView payload;
    strict::Reading& reading = payload.operation.emplace<strict::Reading>();
    reading.time = boundary_s;
    for (std::uint32_t phase = 1; phase <= 3; ++phase) {
      if ((phases_of(slot) >> (phase - 1) & 1) == 0) continue;
      state::RegisterPair& pair = registers_[slot - 1][phase - 1];
      if (tick != 0) {
        const std::uint64_t in = 20 + random_() % 400;
        const std::uint64_t out = is_producer(slot) ? random_() % 900 : 0;
        pair.whin += in;
        pair.whout += out;
        net_wh_ += static_cast<std::int64_t>(in) - static_cast<std::int64_t>(out);
      }
      reading.items[reading.count++] = {.phase = phase,
                                        .whin = pair.whin,
                                        .whout = pair.whout,
                                        .mvolt = static_cast<std::uint32_t>(225'000 + random_() % 10'000),
                                        .mhertz = static_cast<std::uint32_t>(49'950 + random_() % 100),
                                        .mpf = static_cast<std::uint32_t>(900 + random_() % 100),
                                        .maxmi = static_cast<std::uint32_t>(random_() % 16'000)};
    }
    return payload;
  }

  // What the meters took or gave in the interval has come or gone here.
  strict::PayloadView grid_reading(std::uint64_t boundary_s) {
    state::RegisterPair& pair = registers_[kGrid - 1][0];
    (net_wh_ > 0 ? pair.whin : pair.whout) += static_cast<std::uint64_t>(std::abs(net_wh_));
    net_wh_ = 0;
    strict::PayloadView payload;
    strict::Reading& reading = payload.operation.emplace<strict::Reading>();
    reading.time = boundary_s;
    reading.count = 3;
    for (std::uint32_t i = 0; i < 3; ++i) {
      reading.items[i] = {.phase = i + 1, .whin = i == 0 ? pair.whin : 0, .whout = i == 0 ? pair.whout : 0};
    }
    return payload;
  }

  strict::PayloadView transfer(state::Slot from, std::uint64_t boundary_s) {
    const auto others = static_cast<state::Slot>(1 + random_() % (kMeters - 1));
    const state::Slot to = kFirstMeter + (from - kFirstMeter + others) % kMeters;
    strict::PayloadView payload;
    payload.not_after = boundary_s + 3600;
    strict::Transfers& transfers = payload.operation.emplace<strict::Transfers>();
    transfers.count = 1;
    transfers.items[0].debit_account = machine_->holder(from)->wallet_account;
    transfers.items[0].credit_account = machine_->holder(to)->wallet_account;
    transfers.items[0].amount = 1 + random_() % 100'000;
    transfers.items[0].reference = random_();
    return payload;
  }

  io::RecordBuffer* free_buffer() {
    io::RecordBuffer* buffer = nullptr;
    while ((buffer = pool_->acquire()) == nullptr && failure_.empty()) loop_->run_once();
    return buffer;
  }

  // The messages of a tick, together.
  void sign(const std::vector<state::Slot>& senders, const std::vector<strict::PayloadView>& payloads) {
    signed_.begin(town_.tag_);
    for (std::size_t i = 0; i < payloads.size(); ++i) {
      std::array<std::uint8_t, proto::kClientBufferBytes> encoded;
      signed_.add(keys_[senders[i] - 1], ++sequences_[senders[i] - 1],
                  ByteSpan(encoded).first(proto::encode_payload(payloads[i], encoded)));
    }
    signed_.sign();
  }

  // Puts the envelope with a signed message into the record and the town's memory.
  void add(io::RecordBuffer& buffer, state::Slot slot, std::size_t index) {
    std::array<std::uint8_t, proto::kClientBufferBytes> message;
    std::array<std::uint8_t, proto::kClientBufferBytes> envelope;
    const Bytes64& signature = signed_.signature(index);
    const strict::EnvelopeView view{.slot = slot,
                                    .key_generation = 1,
                                    .sequence = signed_.sequence(index),
                                    .payload = signed_.payload(index),
                                    .signature = signature};
    const ByteSpan bytes = ByteSpan(envelope).first(proto::encode_envelope(view, envelope));
    const bool appended = buffer.append(bytes);
    ELECTRA_ASSERT(appended);

    state::VerifiedMessage& verified = batch_.emplace_back();
    verified.slot = slot;
    const Result decoded = strict::decode_envelope(buffer.entry(buffer.count() - 1), verified.envelope);
    ELECTRA_ASSERT(decoded == Result::ok);
    verified.id = proto::message_id(keys_[slot - 1].public_key(), signature,
                                    proto::signing_bytes(town_.tag_, view.sequence, view.payload, message));
    TownMessages& all = town_.messages_;
    all.bytes.insert(all.bytes.end(), bytes.begin(), bytes.end());
    all.ends.push_back(all.bytes.size());
    all.senders.push_back(slot);
  }

  // Executes the record and gives it to the journal. Every message is due to be taken: refusals cost less.
  std::string commit(io::RecordBuffer& buffer, std::uint32_t flags) {
    const io::RecordFields fields{.time_ns = ++time_ns_, .rules_version = machine_->rules_version(), .flags = flags};
    const proto::BatchLink link{.number = machine_->batch_number() + 1,
                                .time_ns = fields.time_ns,
                                .rules_version = fields.rules_version,
                                .flags = fields.flags,
                                .count = buffer.count(),
                                .body_bytes = static_cast<std::uint32_t>(buffer.body().size()),
                                .body_hash = buffer.body_hash()};
    const bool closes_block = (flags & io::kRecordBlockClose) != 0;
    outcomes_.resize(batch_.size());
    machine_->execute(
        {.number = link.number, .time_ns = link.time_ns, .closes_block = closes_block, .messages = batch_}, outcomes_);
    for (const state::Outcome& outcome : outcomes_) {
      if (outcome.result != Result::ok) return "a message of the town got " + std::string(result_name(outcome.result));
    }
    maker_->add_batch(link, batch_, outcomes_);
    batch_.clear();
    if (writer_->append(buffer, fields) != link.number) {
      return failure_.empty() ? "the journal counts batches otherwise than the machine" : failure_;
    }
    loop_->run_once();
    return closes_block ? close_block() : std::string();
  }

  std::string close_block() {
    town_.last_header_ = maker_->close_block();
    const auto payload = proto::encode_header(town_.last_header_);
    const auto signature =
        gateway_signer_.sign(proto::SignatureKind::header, town_.genesis_.hash, town_.last_header_.height, payload);
    if (!signature) return std::string(crypto::sign_error_text(signature.error()));
    const auto bytes = proto::encode_signed_header({.header = town_.last_header_, .signature = *signature});
    auto appended = headers_->append(bytes);
    return appended ? std::string() : appended.error();
  }

  void list_items() {
    std::size_t begin = 0;
    for (std::size_t i = 0; i < town_.messages_.ends.size(); ++i) {
      const std::size_t end = town_.messages_.ends[i];
      strict::EnvelopeView view;
      const Result decoded = strict::decode_envelope(ByteSpan(town_.messages_.bytes).subspan(begin, end - begin), view);
      ELECTRA_ASSERT(decoded == Result::ok);
      const state::Slot sender = town_.messages_.senders[i];
      town_.items_.push_back({.public_key = town_.genesis_.holders[sender - 1].public_key.data(),
                              .key_number = sender,
                              .signature = view.signature,
                              .tag = &town_.tag_,
                              .sequence = view.sequence,
                              .payload = view.payload});
      begin = end;
    }
  }

  Town& town_;
  const crypto::SoftwareSigner gateway_signer_;
  std::deque<crypto::ExpandedKey> keys_;
  crypto::SignBatch signed_;
  std::vector<std::uint64_t> sequences_;
  std::vector<std::array<state::RegisterPair, 3>> registers_;
  std::int64_t net_wh_ = 0;  // taken less given since the last boundary
  std::mt19937_64 random_{1};
  std::uint64_t time_ns_ = 0;
  std::unique_ptr<state::Machine> machine_;
  std::optional<chain::BlockMaker> maker_;
  std::vector<state::VerifiedMessage> batch_;
  std::vector<state::Outcome> outcomes_;
  std::unique_ptr<io::HeaderFile> headers_;
  std::string failure_;
  std::unique_ptr<io::Loop> loop_;
  std::unique_ptr<io::RecordBufferPool> pool_;
  std::unique_ptr<io::JournalWriter> writer_;
};

std::expected<std::unique_ptr<Town>, std::string> Town::make(const std::filesystem::path& parent,
                                                             std::uint64_t messages) {
  std::unique_ptr<Town> town(new Town);
  std::string name = (parent / "electra-bench-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) return std::unexpected("cannot make a directory below " + parent.string());
  town->directory_ = name;
  if (std::string error = TownMaker(*town).make(messages); !error.empty()) return std::unexpected(std::move(error));
  return town;
}

Town::~Town() {
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

}  // namespace electra::bench
