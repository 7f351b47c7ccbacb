// Says what its thread is doing if an assertion fails there while it lives: for work on behalf of somebody whose name does not
// show in a condition.
//
// assertion_failed() lets the thread's witnesses speak, the innermost first, before it aborts. Costs two stores to make; what
// testify() costs does not matter, for it runs at most once, in a process that is about to end.
#pragma once

namespace electra {

class AssertionWitness {
 public:
  AssertionWitness() noexcept;
  AssertionWitness(const AssertionWitness&) = delete;
  AssertionWitness& operator=(const AssertionWitness&) = delete;

  // Prints to stderr, whole lines.
  virtual void testify() const noexcept = 0;
  [[nodiscard]] const AssertionWitness* outer() const noexcept { return outer_; }

 protected:
  ~AssertionWitness();

 private:
  const AssertionWitness* outer_;
};

}  // namespace electra
