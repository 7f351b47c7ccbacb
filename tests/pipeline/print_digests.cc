// print_digests DIRECTORY: the digest of the state after every record of the small chain's journal there, a line each, and
// the settlement digest at the end.
#include <cstdio>

#include "tests/pipeline/digests.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: print_digests DIRECTORY\n");
    return 2;
  }
  try {
    const electra::test::Replayed replayed = electra::test::replay_digests(argv[1]);
    for (const electra::Bytes32& digest : replayed.digests) std::puts(electra::to_hex(digest).c_str());
    std::puts(electra::to_hex(replayed.settlement).c_str());
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "%s\n", problem.what());
    return 1;
  }
  return 0;
}
