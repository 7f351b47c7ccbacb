// How the threads meet.
//
// Readers and the builder (the thread that makes tables) meet in Line::word, which only the builder writes, and in
// the seats. Publishing: the builder writes a table, reads it back, and stores the word (release and more); a reader
// that loads this word (acquire and more) sees the whole table. The key's bytes happen before that, too: the writer
// wrote them before it left its first note. Taking back: the builder stores another word or 0, begins an epoch, and
// retires the slot with the epoch's number; reader_seats.h argues why the slot has no reader when TableSlots::reclaim
// frees it. That argument wants the words' loads and stores to be seq_cst; on x86-64 such a load costs what any load
// costs.
//
// The writer (of learn and forget) and the builder meet in `wanted` and in the notes. A note is a number in a list
// that is linked through the lines and whose head is `notes`. The writer pushes; the builder takes the whole list at
// once, so that no element is taken while it is pushed (no ABA). `noted` keeps a number from being in the list twice:
// the writer stores `wanted` and then exchanges `noted` for 1, the builder exchanges `noted` for 0 and then loads
// `wanted`. Both exchanges are acquire-release on one variable: either the builder's comes later, and it sees the new
// `wanted`, or the writer's comes later, sees 0 and leaves a new note. `next` belongs to who last exchanged `noted`:
// to the writer from its 0 → 1 until the push, to the builder from taking the list until its 1 → 0.
//
// The builder sleeps by work_bell.h, which also argues why it misses no note.
#include "crypto-offload/tables/key_tables.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <system_error>
#include <thread>

#include "crypto-offload/tables/table_slots.h"
#include "crypto-offload/tables/work_bell.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/base/sentence.h"

namespace electra::crypto {
namespace {

using Clock = WorkBell::Clock;
using Slot = TableSlots::Slot;

constexpr std::size_t kGroup = 8;  // tables that are made side by side
constexpr Clock::duration kBetweenReports = std::chrono::seconds(1);
// Between two looks whether readers have left. A batch takes about as long.
constexpr Clock::duration kNap = std::chrono::microseconds(200);

// What the builder knows about a number.
enum class Stage : std::uint8_t {
  none = 0,       // it has nothing and shall have nothing
  waiting = 1,    // in the list of waiting numbers
  displaced = 2,  // the same, at its front: it had a table, whose memory was needed for the change of size
  ready = 3,      // it has a slot, and its word is set
  faulty = 4,     // it has a slot that twice did not read back as it was written
};

enum class Step : std::uint8_t { done, waits_for_readers, nothing_to_do };

}  // namespace

std::uint64_t table_checksum(const std::uint64_t* words, std::size_t count) noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += words[i] * (2 * i + 1);
  return sum;
}

struct KeyTables::Inside {
  Inside(const Options& options, MakeTables make);
  ~Inside();

  // The writer's part.
  void learn(std::uint32_t number, const Bytes32& key);
  void forget(std::uint32_t number);
  void want(std::uint32_t number, bool wanted);

  // Any thread's.
  void settle();
  [[nodiscard]] TableStatus status() const;
  [[nodiscard]] std::uint32_t keys_max() const {
    return static_cast<std::uint32_t>(std::max<std::size_t>(lines.size(), 1) - 1);
  }

  // The builder's.
  void run();
  void read_notes();
  void follow(std::uint32_t number);
  void choose_size();
  [[nodiscard]] Step make_some();
  [[nodiscard]] std::size_t next_group(std::uint32_t* numbers);
  void make(const std::uint32_t* numbers, const Slot* slots, std::size_t count);
  void place(std::uint32_t number, Slot slot, bool good);
  [[nodiscard]] bool displace_chunk();
  void release_slot(Line& line, std::uint64_t word);
  void join_front(std::uint32_t number, Stage stage);
  void join_back(std::uint32_t number);
  void leave_list(std::uint32_t number);
  void set_stage(Line& line, Stage stage);
  [[nodiscard]] Stage stage_of(const Line& line) const { return static_cast<Stage>(line.stage); }
  [[nodiscard]] std::uint32_t count(Stage stage) const { return counts[static_cast<std::size_t>(stage)]; }
  void report_progress();
  void rest(std::uint64_t calls);

  const MakeTables make_tables;
  const std::function<void(const TableStatus&)> on_change;
  const bool forced;
  const std::size_t chunks_asked;
  const std::size_t bytes_max;
  const UntouchedArray<Line> lines;  // [0 … keys_max]; 0 is no number
  ReaderSeats seats;
  bool no_thread = false;  // constant from the constructor on

  // Written by the writer.
  alignas(128) std::atomic<std::uint32_t> notes{0};  // the newest note's number; 0: none
  std::atomic<std::uint32_t> learned{0};

  // Written by the builder, for status.
  alignas(128) std::atomic<std::uint32_t> shape{0};
  std::atomic<std::uint32_t> tables{0};
  std::atomic<std::uint32_t> faulty{0};
  std::atomic<std::uint32_t> without{0};

  // The builder's own.
  TableSlots slots;
  UntouchedArray<std::uint8_t> scratch;
  std::uint32_t first_waiting = 0;
  std::uint32_t last_waiting = 0;
  std::array<std::uint32_t, 5> counts{};  // numbers [stage], but for Stage::none
  bool unreported = false;                // something happened since the last report of rest
  Clock::time_point work_began{};
  Clock::time_point last_report{};

  WorkBell bell;
  std::thread builder;
};

KeyTables::Inside::Inside(const Options& options, MakeTables make)
    : make_tables(make),
      on_change(options.on_change),
      forced(options.table_kib != 0),
      chunks_asked(chunks_within(options.keys_max, options.memory_bytes_max)),
      bytes_max(tables_bytes_max(options.keys_max, options.memory_bytes_max)),
      lines(options.keys_max == 0 ? 0 : std::size_t{options.keys_max} + 1),
      slots(lines.size() == 0 ? 0 : chunks_asked, options.memory) {
  ELECTRA_ASSERT_LT(options.keys_max, UINT32_MAX);
  if (forced) {
    const std::uint32_t wanted = shape_of_kib(options.table_kib);
    ELECTRA_ASSERT_LT(wanted, kTableShapeCount);
    slots.set_shape(wanted);
    shape.store(wanted, std::memory_order_relaxed);
  }
  if (slots.chunks_max() == 0) return;
  try {
    builder = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    no_thread = true;
    slots.close();  // no thread, no tables
  }
}

KeyTables::Inside::~Inside() {
  bell.stop();
  if (builder.joinable()) builder.join();
  ELECTRA_ASSERT_EQ(seats.oldest(), UINT64_MAX);  // no Reading outlives the tables
}

// ------------------------------------------------------------------------------------------------ the writer

void KeyTables::Inside::learn(std::uint32_t number, const Bytes32& key) {
  if (number == 0 || number > keys_max()) return;
  Line& line = lines[number];
  if (line.named == 0) {
    std::memcpy(line.key, key.data(), sizeof line.key);
    line.named = 1;
  }
  ELECTRA_ASSERT_EQ(std::memcmp(line.key, key.data(), sizeof line.key), 0);  // a number stays with its key
  want(number, true);
}

void KeyTables::Inside::forget(std::uint32_t number) {
  if (number == 0 || number > keys_max()) return;
  want(number, false);
}

void KeyTables::Inside::want(std::uint32_t number, bool wanted) {
  Line& line = lines[number];
  const std::atomic_ref wanted_now(line.wanted);
  if ((wanted_now.load(std::memory_order_relaxed) != 0) == wanted) return;
  wanted_now.store(wanted ? 1 : 0, std::memory_order_relaxed);
  if (wanted) {
    learned.fetch_add(1, std::memory_order_relaxed);
  } else {
    learned.fetch_sub(1, std::memory_order_relaxed);
  }
  if (!builder.joinable()) return;
  if (std::atomic_ref(line.noted).exchange(1, std::memory_order_acq_rel) == 0) {
    std::uint32_t newest = notes.load(std::memory_order_relaxed);
    do {
      line.next = newest;
    } while (!notes.compare_exchange_weak(newest, number, std::memory_order_release, std::memory_order_relaxed));
  }
  bell.ring();
}

// --------------------------------------------------------------------------------------------- any thread

void KeyTables::Inside::settle() {
  if (builder.joinable()) bell.wait_until_done();
}

TableStatus KeyTables::Inside::status() const {
  TableStatus status;
  status.keys = learned.load(std::memory_order_relaxed);
  TablePlan plan = {.shape = shape.load(std::memory_order_relaxed),
                    .forced = forced,
                    .keys = status.keys,
                    .chunks = slots.chunks_max(),
                    .chunks_asked = chunks_asked,
                    .no_thread = no_thread};
  // The size that goes with this number of keys: the builder's may be of the moment before they were learned.
  if (!forced) plan.shape = choose_shape(plan.keys, plan.chunks, plan.shape);
  status.reason = reason_of(plan);
  status.memory_bytes_max = bytes_max;
  status.system_refused = plan.chunks < plan.chunks_asked;
  if (plan.chunks == 0) {
    status.without = status.keys;
    return status;
  }
  status.table_bytes = static_cast<std::uint32_t>(table_bytes(kTableShapes[plan.shape]));
  status.tables = std::min(tables.load(std::memory_order_relaxed), status.keys);
  status.without = std::min(without.load(std::memory_order_relaxed), status.keys);
  status.faulty = std::min(faulty.load(std::memory_order_relaxed), status.keys);
  std::array<std::size_t, kPagesKinds> chunks{};
  std::size_t all = 0;
  for (std::size_t kind = 0; kind < kPagesKinds; ++kind) all += chunks[kind] = slots.chunks(static_cast<Pages>(kind));
  for (std::size_t kind = 0; kind < kPagesKinds; ++kind) {
    if (chunks[kind] == 0) continue;
    if (!status.pages.empty()) status.pages += ", ";
    status.pages += name_of(static_cast<Pages>(kind));
    if (chunks[kind] != all) status.pages += sentence(" for ", chunks[kind] * kChunkBytes >> 20, " MiB");
  }
  status.memory_bytes = all * kChunkBytes;
  return status;
}

// -------------------------------------------------------------------------------------------- the builder

void KeyTables::Inside::run() {
  while (!bell.stopping()) {
    const std::uint64_t calls = bell.calls();
    read_notes();
    choose_size();
    slots.reclaim(seats.oldest());
    switch (make_some()) {
      case Step::done: report_progress(); break;
      case Step::waits_for_readers:
        report_progress();
        bell.nap(kNap);
        break;
      case Step::nothing_to_do: rest(calls); break;
    }
  }
}

void KeyTables::Inside::read_notes() {
  std::uint32_t newest = notes.exchange(0, std::memory_order_acquire);
  if (newest == 0) return;
  if (!unreported) work_began = Clock::now();
  unreported = true;
  std::uint32_t oldest = 0;
  while (newest != 0) {  // turns the list round: first come, first served
    const std::uint32_t older = std::exchange(lines[newest].next, oldest);
    oldest = std::exchange(newest, older);
  }
  while (oldest != 0) {
    const std::uint32_t number = std::exchange(oldest, lines[oldest].next);
    std::atomic_ref(lines[number].noted).exchange(0, std::memory_order_acq_rel);
    follow(number);
  }
}

// Makes the number's stage what the writer wants.
void KeyTables::Inside::follow(std::uint32_t number) {
  Line& line = lines[number];
  const bool wanted = std::atomic_ref(line.wanted).load(std::memory_order_relaxed) != 0;
  const Stage stage = stage_of(line);
  if (wanted == (stage != Stage::none)) return;
  if (wanted) {
    join_back(number);
  } else if (stage == Stage::waiting || stage == Stage::displaced) {
    leave_list(number);
  } else {
    release_slot(line, 0);
  }
  if (!wanted) set_stage(line, Stage::none);
}

void KeyTables::Inside::choose_size() {
  const std::uint32_t keys =
      count(Stage::waiting) + count(Stage::displaced) + count(Stage::ready) + count(Stage::faulty);
  if (!forced) {
    const std::uint32_t chosen = choose_shape(keys, slots.chunks_max(), slots.shape());
    if (chosen != slots.shape()) slots.set_shape(chosen);
    shape.store(chosen, std::memory_order_relaxed);
  }
  const std::uint64_t room = slots.chunks_max() * tables_per_chunk(slots.shape());
  without.store(keys > room ? static_cast<std::uint32_t>(keys - room) : 0, std::memory_order_relaxed);
}

Step KeyTables::Inside::make_some() {
  std::array<std::uint32_t, kGroup> numbers;
  std::array<Slot, kGroup> taken;
  const std::size_t wanted = next_group(numbers.data());
  if (wanted == 0) return Step::nothing_to_do;
  if (scratch.size() == 0) scratch = UntouchedArray<std::uint8_t>(kMakeScratchBytes);
  if (scratch.size() == 0) slots.close();
  const std::size_t chunks_before = slots.chunks_max();
  std::size_t count = 0;
  while (count < wanted && (taken[count] = slots.take(numbers[count])) != TableSlots::kNoSlot) ++count;
  if (count != 0) {
    make(numbers.data(), taken.data(), count);
    return Step::done;
  }
  if (slots.chunks_max() != chunks_before) return Step::done;  // the budget became smaller: choose again
  if (slots.waits_for_readers()) return Step::waits_for_readers;
  return displace_chunk() ? Step::done : Step::nothing_to_do;
}

// Up to kGroup numbers that shall have a table of the present size: those whose table was taken from them before those
// that have one of another size, and these before those that never had one, because their chunks give room for more.
std::size_t KeyTables::Inside::next_group(std::uint32_t* numbers) {
  const bool displaced = count(Stage::displaced) != 0;
  if (!displaced) {
    const std::size_t stale = slots.stale_owners(numbers, kGroup);
    if (stale != 0) return stale;
  }
  const Stage stage = displaced ? Stage::displaced : Stage::waiting;
  std::size_t found = 0;
  for (std::uint32_t number = first_waiting; number != 0 && found < kGroup; number = lines[number].after) {
    if (stage_of(lines[number]) != stage) break;
    numbers[found++] = number;
  }
  return found;
}

void KeyTables::Inside::make(const std::uint32_t* numbers, const Slot* taken, std::size_t count) {
  const CombShape& comb = kTableShapes[slots.shape()];
  const std::size_t words = table_bytes(comb) / sizeof(std::uint64_t);
  std::array<const std::uint8_t*, kGroup> keys{};
  std::array<std::uint64_t*, kGroup> memory{};
  std::array<std::uint64_t, kGroup> meant{};
  for (std::size_t i = 0; i < count; ++i) {
    keys[i] = lines[numbers[i]].key;
    memory[i] = slots.words(taken[i]);
  }
  make_tables(keys.data(), count, comb, memory.data(), meant.data(), scratch.data());
  for (std::size_t i = 0; i < count; ++i) {
    bool good = table_checksum(memory[i], words) == meant[i];
    if (!good) {
      make_tables(&keys[i], 1, comb, &memory[i], &meant[i], scratch.data());
      good = table_checksum(memory[i], words) == meant[i];
    }
    place(numbers[i], taken[i], good);
  }
}

// The slot is the number's own; with a good table readers see it from now on. A slot that it had before is retired.
void KeyTables::Inside::place(std::uint32_t number, Slot slot, bool good) {
  Line& line = lines[number];
  const std::uint64_t word = good ? reinterpret_cast<std::uint64_t>(slots.words(slot)) + 1 + slots.shape() : 0;
  if (stage_of(line) == Stage::ready || stage_of(line) == Stage::faulty) {
    release_slot(line, word);
  } else {
    leave_list(number);
    std::atomic_ref(line.word).store(word, std::memory_order_seq_cst);
  }
  line.slot = slot;
  set_stage(line, good ? Stage::ready : Stage::faulty);
}

// Takes the tables of a chunk of another size from their keys, which wait at the front of the list from now on.
// False: there is no such chunk.
bool KeyTables::Inside::displace_chunk() {
  std::array<std::uint32_t, kTablesPerChunkMax> numbers;
  const std::size_t count = slots.stale_owners(numbers.data(), numbers.size());
  for (std::size_t i = 0; i < count; ++i) {
    release_slot(lines[numbers[i]], 0);
    join_front(numbers[i], Stage::displaced);
  }
  return count != 0;
}

// Readers see `word` from now on, and the slot waits for those that saw what was before.
void KeyTables::Inside::release_slot(Line& line, std::uint64_t word) {
  std::atomic_ref(line.word).store(word, std::memory_order_seq_cst);
  slots.retire(line.slot, seats.begin_epoch());
}

void KeyTables::Inside::join_front(std::uint32_t number, Stage stage) {
  Line& line = lines[number];
  line.before = 0;
  line.after = first_waiting;
  (first_waiting == 0 ? last_waiting : lines[first_waiting].before) = number;
  first_waiting = number;
  set_stage(line, stage);
}

void KeyTables::Inside::join_back(std::uint32_t number) {
  Line& line = lines[number];
  line.before = last_waiting;
  line.after = 0;
  (last_waiting == 0 ? first_waiting : lines[last_waiting].after) = number;
  last_waiting = number;
  set_stage(line, Stage::waiting);
}

void KeyTables::Inside::leave_list(std::uint32_t number) {
  const Line& line = lines[number];
  (line.before == 0 ? first_waiting : lines[line.before].after) = line.after;
  (line.after == 0 ? last_waiting : lines[line.after].before) = line.before;
}

void KeyTables::Inside::set_stage(Line& line, Stage stage) {
  if (stage_of(line) != Stage::none) --counts[line.stage];
  line.stage = static_cast<std::uint8_t>(stage);
  if (stage != Stage::none) ++counts[line.stage];
  tables.store(count(Stage::ready), std::memory_order_relaxed);
  faulty.store(count(Stage::faulty), std::memory_order_relaxed);
}

void KeyTables::Inside::report_progress() {
  const Clock::time_point now = Clock::now();
  if (now - std::max(last_report, work_began) < kBetweenReports) return;
  last_report = now;
  if (on_change) on_change(status());
}

// Reports, at the earliest a second after the last time, and sleeps until there is a reason not to.
void KeyTables::Inside::rest(std::uint64_t calls) {
  const Clock::time_point due = last_report + kBetweenReports;
  if (unreported && (last_report == Clock::time_point{} || Clock::now() >= due)) {
    unreported = false;
    last_report = Clock::now();
    if (on_change) on_change(status());
  }
  bell.rest(calls, unreported ? std::optional(due) : std::nullopt);
}

// --------------------------------------------------------------------------------------------- the outside

KeyTables::KeyTables(const Options& options, MakeTables make) : inside_(std::make_unique<Inside>(options, make)) {}
KeyTables::~KeyTables() = default;

void KeyTables::learn(std::uint32_t number, const Bytes32& key) { inside_->learn(number, key); }
void KeyTables::forget(std::uint32_t number) { inside_->forget(number); }
void KeyTables::settle() { inside_->settle(); }
TableStatus KeyTables::status() const { return inside_->status(); }

KeyTables::Reading::Reading(const KeyTables& tables) noexcept
    : seat_(tables.inside_->seats.sit()),
      lines_(tables.inside_->lines.data()),
      keys_max_(seat_ == nullptr ? 0 : tables.inside_->keys_max()) {}

KeyTables::Reading::~Reading() {
  if (seat_ != nullptr) ReaderSeats::leave(seat_);
}

std::uint64_t* KeyTables::memory_of_table(std::uint32_t number) noexcept {
  if (number > inside_->keys_max() || inside_->lines.size() == 0) return nullptr;
  const std::uint64_t word = std::atomic_ref(inside_->lines[number].word).load(std::memory_order_seq_cst);
  return reinterpret_cast<std::uint64_t*>(word & ~kShapeBits);
}

}  // namespace electra::crypto
