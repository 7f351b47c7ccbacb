// Durable appends to the journal: from append() of a filled buffer to its on_durable, one record in flight.
//
// Arguments: messages a record, records in flight. The directory is $ELECTRA_BENCH_DIR or the temporary directory: the
// figure is that of the disk below it. "messages" and "records" are durable ones a second.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "io/journal/journal_writer.h"
#include "io/journal/record_buffer.h"
#include "io/journal/recovery.h"
#include "io/loop.h"

namespace electra::io {
namespace {

constexpr std::size_t kEnvelopeBytes = 170;

class BenchDirectory {
 public:
  BenchDirectory() {
    const char* const base = std::getenv("ELECTRA_BENCH_DIR");
    std::string name = (base != nullptr ? std::string(base) : std::filesystem::temp_directory_path().string()) +
                       "/electra-bench-XXXXXX";
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~BenchDirectory() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }
  BenchDirectory(const BenchDirectory&) = delete;
  BenchDirectory& operator=(const BenchDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct Listener final : JournalListener {
  void on_durable(RecordBuffer& buffer, const DurableRecord& record) override {
    pool->release(buffer);
    write_ns += record.write_ns;
    ++durable;
  }
  void on_journal_failed(const std::string& text) override { failure = text; }

  RecordBufferPool* pool = nullptr;
  std::uint64_t durable = 0;
  std::uint64_t write_ns = 0;
  std::string failure;
};

void journal_append(benchmark::State& state) {
  const auto messages = static_cast<std::uint32_t>(state.range(0));
  const auto in_flight = static_cast<std::uint32_t>(state.range(1));
  BenchDirectory directory;
  auto loop = Loop::create();
  auto pool = RecordBufferPool::create(in_flight + 1);
  if (!loop || !pool) {
    state.SkipWithError(loop ? pool.error().c_str() : loop.error().c_str());
    return;
  }
  Listener listener;
  listener.pool = pool->get();
  JournalConfig config;
  config.directory = directory.path() / "journal";
  config.in_flight_max = in_flight;
  auto writer = JournalWriter::open(**loop, config, {}, **pool, listener);
  if (!writer) {
    state.SkipWithError(writer.error().c_str());
    return;
  }
  const std::string envelope(kEnvelopeBytes, 'e');
  std::uint64_t time_ns = 0;
  for (auto _ : state) {
    RecordBuffer* buffer = nullptr;
    while ((buffer = (*pool)->acquire()) == nullptr && listener.failure.empty()) (*loop)->run_once();
    if (buffer == nullptr) break;
    for (std::uint32_t i = 0; i < messages; ++i) (void)buffer->append(bytes_of(envelope));
    (void)(*writer)->append(*buffer, {.time_ns = ++time_ns});
    while ((*writer)->in_flight() >= in_flight && listener.failure.empty()) (*loop)->run_once();
  }
  while (!(*writer)->idle() && listener.failure.empty()) (*loop)->run_once();
  if (!listener.failure.empty()) state.SkipWithError(listener.failure.c_str());
  const JournalCounters& counters = (*writer)->counters();
  const auto rate = [](std::uint64_t count) {
    return benchmark::Counter(static_cast<double>(count), benchmark::Counter::kIsRate);
  };
  state.counters["records"] = rate(counters.records);
  state.counters["messages"] = rate(counters.messages);
  state.counters["bytes"] = rate(counters.record_bytes);
  state.counters["write_us"] = static_cast<double>(listener.write_ns) / 1e3 / static_cast<double>(listener.durable);
  state.counters["waits"] = static_cast<double>(counters.lead_waits);
  state.counters["direct"] = (*writer)->direct_io() ? 1 : 0;
}

BENCHMARK(journal_append)
    ->ArgNames({"messages", "in_flight"})
    ->Args({1, 1})
    ->Args({1, 4})
    ->Args({128, 1})
    ->Args({1024, 1})
    ->Args({8192, 1})
    ->Args({8192, 2})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace electra::io
