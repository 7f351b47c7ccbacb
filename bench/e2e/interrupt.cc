#include "bench/e2e/interrupt.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <system_error>
#include <thread>

namespace electra::bench {
namespace {

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

void remove_when_interrupted(const std::filesystem::path& directory) {
  const sigset_t signals = ending_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals, directory] {
    int signal = 0;
    while (sigwait(&signals, &signal) != 0) {
    }
    // Who still writes there may make something new between two looks.
    for (int attempt = 0; attempt < 100; ++attempt) {
      std::error_code error;
      std::filesystem::remove_all(directory, error);
      if (!error && !std::filesystem::exists(directory)) break;
    }
    _exit(128 + signal);
  }).detach();
}

void take_signals_again() {
  const sigset_t signals = ending_signals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

}  // namespace electra::bench
