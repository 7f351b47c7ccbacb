// The gateway's own parts: what Gateway::open() makes and run() moves. Internal to engine/pipeline.
//
// gateway_start.cc makes it (recovery, epoch, sockets), gateway.cc is the way of a batch. io thread only, but for
// request_stop().
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "crypto-offload/key_store.h"
#include "crypto-offload/verifier.h"
#include "engine/pipeline/batch.h"
#include "engine/pipeline/batch_queue.h"
#include "engine/pipeline/datagram_desk.h"
#include "engine/pipeline/front_desk.h"
#include "engine/pipeline/gateway.h"
#include "engine/pipeline/named_execution.h"
#include "engine/pipeline/order_clock.h"
#include "engine/pipeline/verify_stage.h"
#include "io/directory_lock.h"
#include "io/journal/journal_writer.h"
#include "io/loop.h"
#include "io/udp_server.h"

namespace electra::pipeline {

// CLOCK_REALTIME in nanoseconds since 1970.
[[nodiscard]] std::uint64_t system_ns() noexcept;

class GatewayImpl final : public Gateway, public FrontDeskHost, public io::JournalListener {
 public:
  explicit GatewayImpl(GatewaySettings settings) : settings_(std::move(settings)) {}
  ~GatewayImpl() override;

  [[nodiscard]] std::expected<void, std::string> start(const Progress& progress);

  StopReason run() override;
  void request_stop() noexcept override {
    stop_requested_.store(true, std::memory_order_relaxed);  // wake() orders it before the loop's next turn
    loop_->wake();
  }
  [[nodiscard]] std::uint16_t port() const noexcept override { return server_->port(); }
  [[nodiscard]] const state::Machine& machine() const noexcept override { return *machine_; }
  [[nodiscard]] GatewayCounters counters() const noexcept override;
  [[nodiscard]] const chain::BlockMaker& blocks() const noexcept override { return keeper_->maker(); }
  [[nodiscard]] std::string failure() const override { return failure_; }
  [[nodiscard]] GatewayStart facts() const override { return start_facts_; }

 private:
  // FrontDeskHost
  Batch* forming() override;
  Result tick(std::uint64_t time_ns) override;
  bool ask(Question question) override;
  void nudge() override { loop_->defer(advance_); }
  std::uint64_t durable_time_ns() const override { return durable_time_ns_; }
  BlockKeeper& keeper() override { return *keeper_; }
  std::optional<DatagramCounters> datagrams() const override {
    return datagram_desk_ ? std::optional(datagram_desk_->counters()) : std::nullopt;
  }
  // JournalListener
  void on_durable(io::RecordBuffer& buffer, const io::DurableRecord& record) override;
  void on_journal_failed(const std::string& text) override;

  // Sets machine, keys and keeper as of the newest snapshot that can be used, else as of the genesis. Where the journal goes
  // on behind it; nothing: at its beginning.
  [[nodiscard]] std::expected<std::optional<io::JournalStart>, std::string> restore(const Progress& progress);
  [[nodiscard]] std::expected<void, std::string> recover(const Progress& progress,
                                                         const std::optional<io::JournalStart>& start,
                                                         io::JournalPosition& position);
  [[nodiscard]] std::expected<void, std::string> begin_epoch();
  // Headers that wait for a slow key hold the peers back; with a dead one the front desk refuses their messages.
  [[nodiscard]] bool held_back() const { return keeper_->full() && !keeper_->refusing(); }
  [[nodiscard]] std::expected<void, std::string> open_sockets();
  void close_datagrams();
  // Nothing more is read until resume().
  void pause();
  void resume();
  Batch* take_free();
  void release(Batch& batch);
  void advance();
  void collect_verified();
  void verify_next();
  void commit(Batch& batch, std::uint32_t flags);
  void answer_questions();
  [[nodiscard]] VerifyStage* executor_of(std::uint32_t messages) const noexcept;
  [[nodiscard]] bool may_write(std::uint32_t messages) const noexcept;
  [[nodiscard]] bool everything_durable() const noexcept { return committed_.empty(); }
  [[nodiscard]] bool quiet() const noexcept;
  void make_empty_batches();
  void make_headers();
  void arm_timer();
  [[nodiscard]] std::uint64_t now_ns() { return clock_->now(system_ns(), io::monotonic_ns()); }

  GatewaySettings settings_;
  GatewayStart start_facts_;
  std::unique_ptr<io::DirectoryLock> lock_;
  std::unique_ptr<NamedExecution> execution_;
  std::unique_ptr<state::Machine> machine_;
  std::unique_ptr<crypto::KeyStore> keys_;
  std::unique_ptr<crypto::Verifier> verifier_;
  std::unique_ptr<OrderClock> clock_;
  std::unique_ptr<io::Loop> loop_;  // outlives the keeper, whose signer wakes it
  std::unique_ptr<BlockKeeper> keeper_;
  std::unique_ptr<io::RecordBufferPool> pool_;
  std::unique_ptr<io::JournalWriter> journal_;
  std::unique_ptr<SnapshotKeeper> snapshots_;  // null: the settings name no directory
  std::unique_ptr<SenderLimits> limits_;
  std::unique_ptr<FrontDesk> desk_;
  std::unique_ptr<io::TcpServer> server_;
  std::unique_ptr<DatagramDesk> datagram_desk_;  // null, like the server: the settings want no datagrams
  std::unique_ptr<io::UdpServer> datagrams_;
  std::unique_ptr<VerifyStage> stage_;  // for large batches
  std::unique_ptr<VerifyStage> aside_;  // for small ones; null: there is but one core

  // Every batch is in exactly one of these places.
  std::vector<std::unique_ptr<Batch>> batches_;
  std::vector<Batch*> free_;
  Batch* forming_ = nullptr;
  BatchQueue formed_;            // full, waiting for verification
  std::uint32_t verifying_ = 0;  // in an executor
  VerifyStage* verifying_in_ = nullptr;
  BatchQueue verified_;   // waiting for their turn in the journal
  BatchQueue committed_;  // executed; their record is being written

  std::vector<Question> questions_;
  std::vector<Question> answering_;
  std::uint64_t tick_ns_ = 0;  // highest asked for
  std::uint64_t durable_time_ns_ = 0;
  std::uint64_t watermark_due_ns_ = 0;  // monotonic
  io::Deferred advance_;
  io::Timer timer_;
  io::Timer work_timer_;                 // while a header is being made
  std::uint64_t unhashed_messages_ = 0;  // executed since the last part of a header
  std::uint64_t header_allowance_ = 0;   // bytes that may be hashed for the header under way
  std::uint64_t header_paced_ns_ = 0;    // monotonic, up to when that was reckoned; 0: none is under way
  bool stopping_ = false;
  std::atomic<bool> stop_requested_{false};
  std::string failure_;
  GatewayCounters counters_;
};

}  // namespace electra::pipeline
