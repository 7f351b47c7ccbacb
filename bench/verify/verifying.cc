#include "bench/verify/verifying.h"

#include <fmt/core.h>

#include <algorithm>
#include <barrier>
#include <thread>

#include "bench/common/measure.h"
namespace electra::bench {
namespace {

class Batches final : public ChunkedContestant {
 public:
  Batches(const Workload& workload, const crypto::Verifier& verifier, std::size_t batch, bool known)
      : ChunkedContestant(workload, batch), verifier_(verifier), items_(workload.items(known)), outcomes_(batch) {}

 protected:
  void work(std::size_t first) override { verifier_.verify(std::span(items_).subspan(first, chunk()), outcomes_); }

  std::string_view problem(std::size_t first, std::size_t i) const override {
    const Bytes32& id = outcomes_[i].message_id;
    if (!std::equal(id.begin(), id.end(), workload().facts(first + i).digest.begin())) {
      return "another message id than libsodium's SHA-512 gives";
    }
    return verdict_problem(first + i, outcomes_[i].valid);
  }

 private:
  const crypto::Verifier& verifier_;
  const std::vector<crypto::VerifyItem> items_;
  std::vector<crypto::VerifyOutcome> outcomes_;
};

class OnTwoCores final : public Contestant {
 public:
  OnTwoCores(const Workload& workload, const crypto::Verifier& verifier, std::size_t batch)
      : here_(workload, verifier, batch, true), there_(workload, verifier, batch, true) {
    there_.start_at(workload.messages().size() / 512 * 256);
  }

  std::expected<Slice, std::string> run(std::uint64_t ns) override {
    return on_both([ns](Batches& half) { return half.run(ns); });
  }

  std::expected<Slice, std::string> run_once_through() override {
    return on_both([](Batches& half) { return half.run_once_through(); });
  }

 private:
  template <typename Work>
  std::expected<Slice, std::string> on_both(const Work& work) {
    std::barrier<> begin(2);
    std::expected<Slice, std::string> there;
    std::thread other([&] {
      begin.arrive_and_wait();
      there = work(there_);
    });
    begin.arrive_and_wait();
    auto here = work(here_);
    other.join();
    if (!here) return here;
    if (!there) return there;
    // As long as this thread worked, at the rate of both.
    const double rate = here->per_second() + there->per_second();
    const double cpu_rate = here->per_cpu_second() + there->per_cpu_second();
    const double operations = rate * here->seconds;
    return Slice{.operations = operations, .seconds = here->seconds, .cpu_seconds = operations / cpu_rate};
  }

  Batches here_;
  Batches there_;
};

}  // namespace

std::uint64_t budget_for(std::uint32_t keys, std::uint32_t table_kib) noexcept {
  const std::uint64_t tables = std::uint64_t{keys} * table_kib << 10;
  return tables + tables / 64 + (std::uint64_t{16} << 20);
}

std::expected<ReadyVerifier, std::string> learn_all(const Workload& workload, const TablesWanted& wanted) {
  const std::uint32_t keys = workload.keys();
  auto verifier = crypto::make_verifier(crypto::VerifierOptions{.backend = wanted.backend,
                                                                .keys_max = keys,
                                                                .table_memory_bytes = wanted.budget_bytes,
                                                                .table_kib = wanted.table_kib});
  if (!verifier) return std::unexpected(verifier.error());
  const std::uint64_t begin = wall_ns();
  for (std::uint32_t i = 0; i < keys; ++i) (*verifier)->learn(i + 1, workload.public_key(i));
  (*verifier)->settle();
  ReadyVerifier ready{
      .verifier = std::move(*verifier), .tables = {}, .seconds = static_cast<double>(wall_ns() - begin) / 1e9};
  ready.tables = ready.verifier->tables();
  const crypto::TableStatus& tables = ready.tables;
  const bool as_demanded = tables.tables == keys && tables.table_bytes == wanted.table_kib << 10;
  const bool keeps_tables = ready.verifier->name() != "sodium";
  if (keeps_tables && wanted.table_kib != 0 && !as_demanded) {
    return std::unexpected(fmt::format("{} of {} keys have a table, of {} KiB instead of {} KiB", tables.tables, keys,
                                       tables.table_bytes >> 10, wanted.table_kib));
  }
  return ready;
}

std::expected<ReadyVerifier, std::string> learn_nothing(const std::string& backend) {
  auto verifier = crypto::make_verifier(backend);
  if (!verifier) return std::unexpected(verifier.error());
  return ReadyVerifier{.verifier = std::move(*verifier), .tables = {}, .seconds = 0};
}

std::unique_ptr<Contestant> verify_batches(const Workload& workload, const crypto::Verifier& verifier,
                                           std::size_t batch, bool known) {
  return std::make_unique<Batches>(workload, verifier, batch, known);
}

std::unique_ptr<Contestant> verify_batches_on_two_cores(const Workload& workload, const crypto::Verifier& verifier,
                                                        std::size_t batch) {
  return std::make_unique<OnTwoCores>(workload, verifier, batch);
}

}  // namespace electra::bench
