// Runs two small threads through every interleaving, and through every value that C++'s release and acquire let a load see.
//
// The threads are fibers of one thread. Each access to a shared atomic is a point where the other one may go on; a load may
// see any store that is not older than what its thread knows. Which thread goes on and what is seen are choices, and
// explore() tries all sequences of choices, one execution each. Plain memory is checked for races by vector clocks: an
// access that does not happen after the other thread's last one is a fault, whatever the interleaving.
//
// Model: stores to a place are in one order (each place has one writer here); release stores carry what their thread knows,
// acquire loads take it over; relaxed ones don't. Loads see no store that comes later in their own thread's future, and
// there are no fences and no read-modify-write operations.
#pragma once

#include <ucontext.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace electra::pipeline::test {

class MemoryModel {
 public:
  struct Result {
    std::uint64_t executions = 0;
    std::string fault;  // of the first execution with one
  };

  // `body` makes the shared objects, gives the two threads to run(), and checks what came of it; once per execution.
  static Result explore(const std::function<void(MemoryModel&)>& body) {
    Result result;
    MemoryModel model;
    do {
      model.begin_execution();
      current_ = &model;
      body(model);
      current_ = nullptr;
      ++result.executions;
      if (!model.fault_.empty()) {
        result.fault = model.fault_;
        return result;
      }
    } while (model.next_choices());
    return result;
  }

  // Until both have ended. Afterwards the caller knows all that they knew.
  void run(std::function<void()> first, std::function<void()> second) {
    bodies_ = {std::move(first), std::move(second)};
    ended_ = {};
    for (std::size_t i = 0; i < 2; ++i) {
      views_[i] = views_[kMain];
      views_[i].clock[i] = 1;
      getcontext(&fibers_[i]);
      fibers_[i].uc_stack.ss_sp = stacks_[i].data();
      fibers_[i].uc_stack.ss_size = stacks_[i].size();
      fibers_[i].uc_link = nullptr;
      makecontext(&fibers_[i], &MemoryModel::enter, 0);
    }
    while (!ended_[0] || !ended_[1]) {
      running_ = ended_[0] ? 1 : ended_[1] ? 0 : choose(2);
      swapcontext(&main_, &fibers_[running_]);
    }
    running_ = kMain;
    views_[kMain].join(views_[0]);
    views_[kMain].join(views_[1]);
  }

  void fail(std::string text) {
    if (fault_.empty()) fault_ = std::move(text);
  }
  static MemoryModel& current() { return *current_; }

  // --- for Atomic and Plain ---
  struct View {
    std::array<std::uint64_t, 2> clock{};  // of what each thread did, how much is known
    std::vector<std::size_t> seen;         // by place: the newest store that is known
    void join(const View& other) {
      for (std::size_t i = 0; i < clock.size(); ++i) clock[i] = std::max(clock[i], other.clock[i]);
      if (seen.size() < other.seen.size()) seen.resize(other.seen.size());
      for (std::size_t i = 0; i < other.seen.size(); ++i) seen[i] = std::max(seen[i], other.seen[i]);
    }
  };
  struct Store {
    std::uint64_t value = 0;
    std::optional<View> view;  // of a release
  };

  std::size_t new_place(std::uint64_t value) {
    places_.push_back({Store{value, std::nullopt}});
    return places_.size() - 1;
  }
  // A thread's own place: nobody else writes it, so nothing that others do matters.
  std::uint64_t load_own(std::size_t place) {
    views_[running_].seen.resize(places_.size());
    if (views_[running_].seen[place] + 1 != places_[place].size()) fail("a relaxed load of what another thread writes");
    return places_[place].back().value;
  }
  std::uint64_t load(std::size_t place, bool acquire) {
    View& view = before_access();
    const std::vector<Store>& stores = places_[place];
    const std::size_t oldest = view.seen[place];
    const std::size_t at = oldest + choose(stores.size() - oldest);
    view.seen[place] = at;
    if (acquire && stores[at].view) view.join(*stores[at].view);
    return stores[at].value;
  }
  void store(std::size_t place, std::uint64_t value, bool release) {
    View& view = before_access();
    std::vector<Store>& stores = places_[place];
    if (view.seen[place] + 1 != stores.size()) fail("two threads write one atomic");
    stores.push_back({value, std::nullopt});
    view.seen[place] = stores.size() - 1;
    if (release) stores.back().view = view;
    if (running_ != kMain) ++view.clock[running_];
  }
  // The last accesses to a plain object: by thread, its clock then; 0 = none.
  struct Accesses {
    std::array<std::uint64_t, 2> read{};
    std::array<std::uint64_t, 2> write{};
  };
  void access(Accesses& last, bool write) {
    const View& view = views_[running_];
    for (std::size_t other = 0; other < 2; ++other) {
      if (other == running_) continue;
      const std::uint64_t when = write ? std::max(last.read[other], last.write[other]) : last.write[other];
      if (when > view.clock[other]) fail("a race on plain memory");
    }
    if (running_ == kMain) return;
    (write ? last.write : last.read)[running_] = view.clock[running_];
  }

 private:
  static constexpr std::size_t kMain = 2;

  static void enter() {
    MemoryModel& model = current();
    model.bodies_[model.running_]();
    model.ended_[model.running_] = true;
    swapcontext(&model.fibers_[model.running_], &model.main_);
  }

  // Another thread may go on here.
  View& before_access() {
    if (running_ != kMain) swapcontext(&fibers_[running_], &main_);
    View& view = views_[running_];
    view.seen.resize(places_.size());
    return view;
  }

  void begin_execution() {
    places_.clear();
    views_ = {};
    fault_.clear();
    running_ = kMain;
    next_choice_ = 0;
  }

  std::size_t choose(std::size_t options) {
    if (options == 1) return 0;
    if (next_choice_ == choices_.size()) choices_.push_back({0, options});
    return choices_[next_choice_++].taken;
  }
  // The next sequence in order. False: that was the last.
  bool next_choices() {
    while (!choices_.empty() && choices_.back().taken + 1 == choices_.back().options) choices_.pop_back();
    if (choices_.empty()) return false;
    ++choices_.back().taken;
    return true;
  }

  struct Choice {
    std::size_t taken;
    std::size_t options;
  };
  static inline MemoryModel* current_ = nullptr;
  std::vector<Choice> choices_;
  std::size_t next_choice_ = 0;
  std::vector<std::vector<Store>> places_;
  std::array<View, 3> views_;
  std::string fault_;
  std::size_t running_ = kMain;
  std::array<std::function<void()>, 2> bodies_;
  std::array<bool, 2> ended_{};
  ucontext_t main_{};
  std::array<ucontext_t, 2> fibers_{};
  std::array<std::vector<char>, 2> stacks_{std::vector<char>(64 << 10), std::vector<char>(64 << 10)};
};

// Which orders a model keeps; the others become relaxed. For showing that each is needed.
struct Orders {
  bool release = true;
  bool acquire = true;
};

template <typename T>
class ModelAtomic {
 public:
  explicit ModelAtomic(T value) : place_(MemoryModel::current().new_place(value)) {}
  T load(std::memory_order order) const {
    MemoryModel& model = MemoryModel::current();
    if (order == std::memory_order_relaxed) return static_cast<T>(model.load_own(place_));
    return static_cast<T>(model.load(place_, orders[place_].acquire));
  }
  void store(T value, std::memory_order order) {
    MemoryModel::current().store(place_, value, order == std::memory_order_release && orders[place_].release);
  }
  static inline std::array<Orders, 2> orders{};  // by place

 private:
  std::size_t place_;
};

template <typename T>
class ModelPlain {
 public:
  ModelPlain() = default;
  ModelPlain& operator=(const T& value) {
    MemoryModel::current().access(last_, true);
    value_ = value;
    return *this;
  }
  operator T() const {
    MemoryModel::current().access(last_, false);
    return value_;
  }

 private:
  T value_{};
  mutable MemoryModel::Accesses last_;
};

struct ModelMemory {
  template <typename T>
  using Atomic = ModelAtomic<T>;
  template <typename T>
  using Plain = ModelPlain<T>;
};

}  // namespace electra::pipeline::test
