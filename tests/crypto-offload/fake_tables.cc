#include "tests/crypto-offload/fake_tables.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>

#include "meter-proto/base/assert.h"

namespace electra::crypto::fake {
namespace {

struct World {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::uint64_t, std::uint32_t> attempts;  // [number], of keys whose maker lies
  bool closed = false;
  std::uint64_t passes = 0;    // calls that may pass a closed gate
  std::uint64_t arrivals = 0;  // calls that came to a closed gate
  std::atomic<std::uint32_t> slowness_ms{0};
  std::atomic<std::uint64_t> calls{0};
};
World world;

constexpr std::size_t kLieAt = 30;
constexpr std::size_t kTimesAt = 31;

std::uint64_t word(std::uint64_t number, const CombShape& shape, std::size_t at) {
  return (number * kTableShapeCount + shape.entries()) * 0x9e3779b97f4a7c15 + at * 0xd1342543de82ef95 + 1;
}

std::uint32_t attempt(std::uint64_t number) {
  const std::lock_guard lock(world.mutex);
  return ++world.attempts[number];
}

void damage(Lie lie, std::uint64_t number, const CombShape& shape, std::uint64_t* table, std::size_t words) {
  switch (lie) {
    case Lie::none:                return;
    case Lie::one_bit:             table[words / 3] ^= 1ULL << 63; return;
    case Lie::all_zero:            std::memset(table, 0, words * sizeof *table); return;
    case Lie::second_half_missing: std::memset(table + words / 2, 0, words / 2 * sizeof *table); return;
    case Lie::neighbours_table:
      for (std::size_t i = 0; i < words; ++i) table[i] = word(number + 1, shape, i);
      return;
  }
}

void wait_for_arrivals(std::uint64_t count) {
  std::unique_lock lock(world.mutex);
  const bool came = world.changed.wait_for(lock, std::chrono::minutes(1), [&] { return world.arrivals >= count; });
  ELECTRA_ASSERT(came);
}

}  // namespace

Bytes32 key_of(std::uint32_t number, Lie lie, std::uint8_t times) {
  Bytes32 key{};
  store_le64(key.data(), number);
  for (std::size_t i = 8; i < kLieAt; ++i) key[i] = static_cast<std::uint8_t>(number * i >> 3);
  key[kLieAt] = static_cast<std::uint8_t>(lie);
  key[kTimesAt] = times;
  return key;
}

void pass_gate() {
  std::unique_lock lock(world.mutex);
  if (!world.closed) return;
  ++world.arrivals;
  world.changed.notify_all();
  world.changed.wait(lock, [] { return !world.closed || world.passes != 0; });
  if (world.closed) --world.passes;
}

void make_tables(const std::uint8_t* const* keys, std::size_t count, const CombShape& shape,
                 std::uint64_t* const* tables, std::uint64_t* checksums, void* scratch) {
  ELECTRA_ASSERT(count >= 1 && count <= 8);
  ELECTRA_ASSERT_EQ(reinterpret_cast<std::uintptr_t>(scratch) % 64, 0u);
  static_cast<std::uint8_t*>(scratch)[0] = 1;
  static_cast<std::uint8_t*>(scratch)[kMakeScratchBytes - 1] = 1;
  world.calls.fetch_add(1);
  pass_gate();
  if (const std::uint32_t slowness = world.slowness_ms.load(); slowness != 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(slowness));
  }
  const std::size_t words = table_bytes(shape) / sizeof(std::uint64_t);
  for (std::size_t k = 0; k < count; ++k) {
    ELECTRA_ASSERT_EQ(reinterpret_cast<std::uintptr_t>(tables[k]) % 64, 0u);
    const std::uint64_t number = load_le64(keys[k]);
    checksums[k] = 0;
    for (std::size_t i = 0; i < words; ++i) {
      tables[k][i] = word(number, shape, i);
      checksums[k] += word(number, shape, i) * (2 * i + 1);
    }
    const auto lie = static_cast<Lie>(keys[k][kLieAt]);
    if (lie != Lie::none && attempt(number) <= keys[k][kTimesAt]) damage(lie, number, shape, tables[k], words);
  }
}

bool whole(const KeyTables::Found& found, const Bytes32& key) {
  if (found.entries == nullptr || found.shape >= kTableShapeCount) return false;
  const CombShape& shape = kTableShapes[found.shape];
  const std::uint64_t number = load_le64(key.data());
  bool same = true;
  for (std::size_t i = 0; i < table_bytes(shape) / sizeof(std::uint64_t); ++i) {
    same = same && found.entries[i] == word(number, shape, i);
  }
  return same;
}

void reset() {
  const std::lock_guard lock(world.mutex);
  world.attempts.clear();
  world.slowness_ms = 0;
  world.calls = 0;
}

Gate::Gate() {
  const std::lock_guard lock(world.mutex);
  world.closed = true;
  world.passes = 0;
  world.arrivals = 0;
}

void Gate::open() {
  const std::lock_guard lock(world.mutex);
  world.closed = false;
  world.changed.notify_all();
}

void Gate::wait_for_a_call() { wait_for_arrivals(1); }

void Gate::let_one_pass() {
  std::uint64_t arrivals = 0;
  {
    const std::lock_guard lock(world.mutex);
    arrivals = world.arrivals;
    ++world.passes;
    world.changed.notify_all();
  }
  wait_for_arrivals(arrivals + 1);
}

void set_slowness_ms(std::uint32_t milliseconds) { world.slowness_ms = milliseconds; }
std::uint64_t calls() { return world.calls.load(); }

}  // namespace electra::crypto::fake
