// The state's digest after every record of a journal of the small chain.
#pragma once

#include <stdexcept>
#include <utility>
#include <vector>

#include "engine/pipeline/replay.h"
#include "tests/pipeline/support.h"

namespace electra::test {

struct Replayed {
  std::vector<Bytes32> digests;  // [0]: of the genesis
  Bytes32 settlement{};
  std::uint64_t messages = 0;
};

// Throws what is wrong with the journal.
inline Replayed replay_digests(const std::filesystem::path& directory) {
  const state::Genesis genesis = small_genesis();
  const auto machine = state::Machine::create(genesis);
  if (!machine) throw std::runtime_error(machine.error());
  const auto verifier = crypto::make_verifier("sodium");
  if (!verifier) throw std::runtime_error(verifier.error());
  crypto::KeyStore keys(genesis.limits.holders_max, 0);
  pipeline::follow_key_changes(**machine, keys, **verifier);

  class Recorder final : public pipeline::RecordReplayer {
   public:
    Recorder(state::Machine& machine, crypto::KeyStore& keys, crypto::Verifier& verifier, Replayed& out)
        : RecordReplayer(machine, keys, verifier), machine_(machine), out_(out) {}

   protected:
    void after_record(const io::RecordView&, std::span<const state::VerifiedMessage> messages,
                      std::span<const state::Outcome>) override {
      out_.digests.push_back(machine_.digest());
      out_.messages += messages.size();
    }

   private:
    state::Machine& machine_;
    Replayed& out_;
  };
  Replayed replayed;
  replayed.digests.push_back((*machine)->digest());
  Recorder recorder(**machine, keys, **verifier, replayed);
  const auto recovered = io::recover_journal(directory, genesis.hash, &recorder);
  if (!recovered) throw std::runtime_error(recovered.error().text() + " " + recorder.problem());
  replayed.settlement = (*machine)->settlement_digest();
  return replayed;
}

}  // namespace electra::test
