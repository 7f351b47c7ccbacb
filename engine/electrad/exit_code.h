// How electrad ends, as a number for scripts and a sentence for people. docs/command-line.md lists the numbers.
#pragma once

#include <string>

namespace electra::app {

enum class ExitCode : int {
  ok = 0,
  failed = 1,           // anything that has no number of its own
  usage = 2,            // the command line is wrong
  configuration = 3,    // config.yml or genesis.json is refused
  home = 4,             // the home directory: a chain is there already, there is none, a key is missing, it is in use
  no_gateway = 5,       // no gateway answers at the address, or not in time
  refused = 6,          // the gateway answered, and the answer is no: a result code says why
  journal_damaged = 7,  // `inspect` or `export` found damage
  cannot_start = 8,     // the gateway does not start: damaged journal, io_uring refused, address in use …
  stopped = 9,          // the gateway had to stop: its journal failed (full disk, …)
  not_verified = 10,    // a chain or a proof was checked, and something in it is not true
};

struct Failure {
  ExitCode code = ExitCode::failed;
  std::string text;  // one or more lines
};

}  // namespace electra::app
