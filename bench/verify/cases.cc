#include "bench/verify/cases.h"

#include <fmt/core.h>

#include <algorithm>

#include "bench/common/measure.h"
#include "bench/verify/lanes.h"
#include "bench/verify/peers.h"
#include "meter-proto/base/assert.h"

namespace electra::bench {
namespace {

// 9 MB, and what they read of 64 KiB tables is 134 MB: more than caches hold. Many keys get more, so that most are used.
constexpr std::uint32_t kMessages = 32'768;
constexpr std::uint32_t kMessagesOfManyKeys = 131'072;
constexpr std::uint32_t kMessagesQuick = 4'096;
constexpr std::uint32_t kMessagesToHash = 1'024;  // they lie in the cache: hashing is measured, not memory
constexpr std::uint32_t kFewKeys = 10'000;
constexpr std::uint32_t kManyKeys = 100'000;
constexpr std::uint32_t kTurns = 10;  // of each side in a run
constexpr std::uint64_t kTurnNs = 20'000'000;
constexpr std::uint64_t kMemoryLeftAlone = std::uint64_t{2} << 30;
constexpr std::uint64_t kBudgetQuick = std::uint64_t{256} << 20;
// The bars and aims are those of the vector backend for AVX-512 IFMA.
constexpr std::string_view kBackendWithBars = "avx512";

std::string tables_text(const crypto::TableStatus& tables) {
  if (tables.table_bytes == 0) return "no tables";
  std::string text = fmt::format("tables of {} KiB, {}", tables.table_bytes >> 10, tables.pages);
  if (tables.without > 0) text += fmt::format(", {} keys have none", tables.without);
  return text;
}

nlohmann::json facts(const ReadyVerifier& ready, std::size_t keys, std::size_t batch) {
  return {{"backend", ready.verifier->name()},
          {"keys", keys},
          {"batch", batch},
          {"table_kib", ready.tables.table_bytes >> 10},
          {"tables", ready.tables.tables},
          {"table_memory_bytes", ready.tables.memory_bytes},
          {"pages", ready.tables.pages}};
}

}  // namespace

const std::vector<std::string>& Arena::names() {
  static const std::vector<std::string> names = {"known_10k",   "known_100k",   "known_10k_4kib", "batch_64",
                                                 "batch_8",     "batch_1",      "unknown_key",    "two_cores",
                                                 "sign_8",      "sha512_8",     "sodium_verify",  "openssl_verify",
                                                 "sodium_sign", "openssl_sign", "sodium_sha512",  "openssl_sha512"};
  return names;
}

Arena::Made Arena::make(const std::string& name) {
  Made made = make_unnamed(name);
  if (made && *made) (*made)->name = name;
  return made;
}

Arena::Made Arena::make_unnamed(const std::string& name) {
  if (name == "known_10k") return known(keys(kFewKeys), 64, {256, 44, 58});
  if (name == "known_100k") return known(keys(kManyKeys), 0, {256, 40, 52});
  if (name == "known_10k_4kib") return known(keys(kFewKeys), 4, {256, 28, 36});
  if (name == "batch_64") return known(keys(kFewKeys), 64, {64, 40, 50});
  if (name == "batch_8") return known(keys(kFewKeys), 64, {8, 18, 25});
  if (name == "batch_1") return known(keys(kFewKeys), 64, {1, 0, 0});
  if (name == "unknown_key") return unknown();
  if (name == "two_cores") return two_cores();
  return plain(name);
}

const Workload& Arena::workload(std::uint32_t keys) {
  return workload(keys, options_.quick ? kMessagesQuick : keys < kManyKeys ? kMessages : kMessagesOfManyKeys);
}

const Workload& Arena::workload(std::uint32_t keys, std::uint32_t messages) {
  auto& slot = workloads_[{keys, messages}];
  if (!slot) slot = std::make_unique<Workload>(ring_, keys, messages);
  return *slot;
}

std::uint64_t Arena::budget(std::uint32_t keys) const {
  if (options_.table_memory_bytes != 0) return options_.table_memory_bytes;
  if (options_.quick) return kBudgetQuick;
  const std::uint64_t wanted = budget_for(keys, 64);
  const std::uint64_t available = memory_available_bytes();
  return available == 0 ? wanted : std::min(wanted, available - std::min(available, kMemoryLeftAlone));
}

std::expected<const ReadyVerifier*, std::string> Arena::verifier(std::uint32_t keys, std::uint32_t table_kib,
                                                                 std::uint64_t budget_bytes) {
  const auto found = verifiers_.find({keys, table_kib});
  if (found != verifiers_.end()) return &found->second;
  auto ready =
      learn_all(workload(keys), {.backend = options_.backend, .table_kib = table_kib, .budget_bytes = budget_bytes});
  if (!ready) return std::unexpected(ready.error());
  if (ready->tables.table_bytes != 0) {
    fmt::print("made {} tables of {} KiB in {:.2f} s ({}){}{}\n", ready->tables.tables, ready->tables.table_bytes >> 10,
               ready->seconds, ready->tables.pages, ready->tables.reason.empty() ? "" : ": ", ready->tables.reason);
    std::fflush(stdout);
  }
  return &verifiers_.emplace(std::pair(keys, table_kib), std::move(*ready)).first->second;
}

Arena::Made Arena::known(std::uint32_t keys, std::uint32_t table_kib, Batch batch) {
  const auto ready = verifier(keys, table_kib, table_kib == 0 ? budget(keys) : budget_for(keys, table_kib));
  if (!ready) return std::unexpected(ready.error());
  const Workload& messages = workload(keys);
  auto made = std::make_unique<Case>();
  made->unit = "signatures";
  made->against = "libsodium";
  made->contestant = verify_batches(messages, *(*ready)->verifier, batch.size, true);
  made->warms_up = (*ready)->tables.table_bytes != 0;
  made->peer = sodium_verify(messages);
  if ((*ready)->verifier->name() == kBackendWithBars && batch.bar > 0) {
    made->bar = batch.bar;
    made->aim = batch.aim;
  }
  made->note = fmt::format("{} keys, {}, batches of {}", keys, tables_text((*ready)->tables), batch.size);
  made->more = facts(**ready, keys, batch.size);
  return made;
}

Arena::Made Arena::unknown() {
  const std::uint32_t count = keys(kFewKeys);
  auto ready = learn_nothing(options_.backend);
  if (!ready) return std::unexpected(ready.error());
  // Its own: no key has a table there, whatever the other cases made.
  const ReadyVerifier& kept = verifiers_.emplace(std::pair(0U, 0U), std::move(*ready)).first->second;
  auto made = std::make_unique<Case>();
  made->unit = "signatures";
  made->against = "libsodium";
  made->contestant = verify_batches(workload(count), *kept.verifier, 256, false);
  made->peer = sodium_verify(workload(count));
  if (kept.verifier->name() == kBackendWithBars) {
    made->bar = 11;
    made->aim = 14;
  }
  made->note = fmt::format("{} keys, no tables, batches of 256", count);
  made->more = facts(kept, count, 256);
  return made;
}

Arena::Made Arena::two_cores() {
  const std::uint32_t count = keys(kFewKeys);
  const auto ready = verifier(count, 64, budget_for(count, 64));
  if (!ready) return std::unexpected(ready.error());
  auto made = std::make_unique<Case>();
  made->unit = "signatures";
  made->against = "one core";
  made->contestant = verify_batches_on_two_cores(workload(count), *(*ready)->verifier, 256);
  made->warms_up = (*ready)->tables.table_bytes != 0;
  made->peer = verify_batches(workload(count), *(*ready)->verifier, 256, true);
  if ((*ready)->verifier->name() == kBackendWithBars) {
    made->bar = 1.9;
    made->aim = 2;
  }
  made->note = fmt::format("{} keys, {}, batches of 256", count, tables_text((*ready)->tables));
  made->more = facts(**ready, count, 256);
  return made;
}

Arena::Made Arena::plain(const std::string& name) {
  using Maker = std::unique_ptr<Contestant> (*)(const Workload&);
  struct Plain {
    const char* name;
    Maker contestant;
    Maker peer;
    double bar, aim;         // 0: none
    std::uint32_t messages;  // 0: as many as verification gets
    const char* unit;
    const char* note;
  };
  static constexpr const char* kHashNote = "264 bytes, in the cache";
  static constexpr const char* kItself = "against itself: how far a ratio is by chance from 1";
  static constexpr Plain kPlain[] = {
      {"sign_8", lane_sign, sodium_sign, 8, 12, 0, "signatures", "batches of 256 of random keys"},
      {"sha512_8", lane_sha512, sodium_sha512, 7, 9, kMessagesToHash, "hashes", kHashNote},
      {"sodium_verify", sodium_verify, sodium_verify, 0, 0, 0, "signatures", kItself},
      {"openssl_verify", openssl_verify, sodium_verify, 0, 0, 0, "signatures", "EVP_DigestVerify"},
      {"sodium_sign", sodium_sign, sodium_sign, 0, 0, 0, "signatures", kItself},
      {"openssl_sign", openssl_sign, sodium_sign, 0, 0, 0, "signatures", "EVP_DigestSign"},
      {"sodium_sha512", sodium_sha512, sodium_sha512, 0, 0, kMessagesToHash, "hashes", kItself},
      {"openssl_sha512", openssl_sha512, sodium_sha512, 0, 0, kMessagesToHash, "hashes", kHashNote},
  };
  const auto* const found = std::ranges::find(kPlain, name, &Plain::name);
  ELECTRA_ASSERT(found != std::end(kPlain));
  const std::uint32_t count = keys(kFewKeys);
  const Workload& messages = found->messages == 0 ? workload(count) : workload(count, found->messages);
  auto made = std::make_unique<Case>();
  made->contestant = found->contestant(messages);
  if (!made->contestant) {
    why_not_ = "this machine has no AVX-512 IFMA";
    return nullptr;
  }
  made->unit = found->unit;
  made->against = "libsodium";
  made->peer = found->peer(messages);
  if (found->bar > 0) {
    made->bar = found->bar;
    made->aim = found->aim;
  }
  made->note = found->note;
  made->more = nlohmann::json::object();
  return made;
}

std::expected<void, std::string> run_once(Case& which, std::uint32_t run, bool quick) {
  const std::uint32_t turns = quick ? 2 : kTurns;
  const std::uint64_t turn_ns = quick ? 2'000'000 : kTurnNs;
  if (which.warms_up) {
    const auto warm = which.contestant->run_once_through();
    if (!warm) return std::unexpected(warm.error());
  }
  Slice mine;
  Slice theirs;
  for (std::uint32_t turn = 0; turn < 2 * turns; ++turn) {
    const bool my_turn = (turn + run) % 2 == 0;
    const auto slice = (my_turn ? which.contestant : which.peer)->run(turn_ns);
    if (!slice) return std::unexpected(slice.error());
    (my_turn ? mine : theirs) += *slice;
  }
  which.rates.push_back(mine.per_second());
  which.peer_rates.push_back(theirs.per_second());
  which.ratios.push_back(mine.per_second() / theirs.per_second());
  which.cpu_ratios.push_back(mine.per_cpu_second() / theirs.per_cpu_second());
  return {};
}

}  // namespace electra::bench
