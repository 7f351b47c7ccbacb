// The verify stage as a TBB flow graph: verify (a batch's chunks in parallel, batches side by side) → sequencer → done.
#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <atomic>

#include "engine/pipeline/cpu_time.h"
#include "engine/pipeline/spsc_ring.h"
#include "engine/pipeline/verify_stage.h"
#include "meter-proto/base/assert.h"

namespace electra::pipeline {
namespace {

class TbbVerifyStage final : public VerifyStage {
 public:
  TbbVerifyStage(const crypto::Verifier& verifier, std::uint32_t threads, std::function<void()> wake)
      : verifier_(verifier),
        threads_(threads),
        wake_(std::move(wake)),
        // TBB counts the calling thread as a worker; ours only submits, so one more.
        control_(tbb::global_control::max_allowed_parallelism, threads + 1),
        arena_(static_cast<int>(threads), 0) {
    arena_.execute([this] { graph_ = std::make_unique<Graph>(*this); });
  }

  ~TbbVerifyStage() override {
    arena_.execute([this] {
      graph_->graph.wait_for_all();
      graph_.reset();
    });
  }

  void submit(Batch& batch) override {
    batch.verify_ticket = next_ticket_++;
    // Posted as a task of the arena: the io thread never takes part in the work. The graph counts what is on its way to
    // it, so that the destructor waits for that too.
    graph_->graph.reserve_wait();
    arena_.enqueue([this, &batch] {
      graph_->verify.try_put(&batch);
      graph_->graph.release_wait();
    });
  }

  Batch* try_take() override { return done_.try_pop().value_or(nullptr); }

 private:
  struct Graph {
    explicit Graph(TbbVerifyStage& stage)
        : verify(graph, tbb::flow::unlimited, [&stage](Batch* batch) { return stage.verify(batch); }),
          order(graph, [](Batch* const& batch) -> std::size_t { return batch->verify_ticket; }),
          done(graph, tbb::flow::serial, [&stage](Batch* batch) { return stage.finish(batch); }) {
      tbb::flow::make_edge(verify, order);
      tbb::flow::make_edge(order, done);
    }
    tbb::flow::graph graph;
    tbb::flow::function_node<Batch*, Batch*> verify;
    tbb::flow::sequencer_node<Batch*> order;
    tbb::flow::function_node<Batch*, tbb::flow::continue_msg> done;
  };

  Batch* verify(Batch* batch) {
    std::atomic<std::uint64_t> ns{0};
    const std::uint32_t size = batch->size();
    const std::uint32_t part = messages_per_task(size, threads_, verifier_.part_size());
    const auto verify_part = [&](std::uint32_t first) {
      const std::uint64_t begin = thread_cpu_ns();
      batch->verify(verifier_, first, std::min(first + part, size));
      ns.fetch_add(thread_cpu_ns() - begin, std::memory_order_relaxed);
    };
    if (size <= part) {
      if (size != 0) verify_part(0);
    } else {
      tbb::parallel_for(0U, size, part, verify_part, tbb::simple_partitioner());
    }
    batch->seal();
    batch->verify_ns = ns.load(std::memory_order_relaxed);
    return batch;
  }

  tbb::flow::continue_msg finish(Batch* batch) {
    // The serial node makes this the ring's only producer at any time, and TBB orders its bodies one after the other.
    const bool pushed = done_.try_push(batch);
    ELECTRA_ASSERT(pushed);  // the ring holds as many as may be inside
    wake_();
    return {};
  }

  const crypto::Verifier& verifier_;
  const std::uint32_t threads_;
  std::function<void()> wake_;
  tbb::global_control control_;
  tbb::task_arena arena_;
  std::uint64_t next_ticket_ = 0;
  SpscRing<Batch*, kVerifyBatchesMax> done_;
  std::unique_ptr<Graph> graph_;
};

}  // namespace

std::unique_ptr<VerifyStage> make_verify_stage(const crypto::Verifier& verifier, std::uint32_t threads,
                                               std::function<void()> wake) {
  return std::make_unique<TbbVerifyStage>(verifier, threads, std::move(wake));
}

const char* verify_stage_name() noexcept { return "tbb"; }

}  // namespace electra::pipeline
