#include "engine/pipeline/audit_books.h"

namespace electra::pipeline {

std::string header_differences(const proto::BlockHeader& kept, const proto::BlockHeader& made) {
  std::string out;
  const auto add = [&out](const char* name, const std::string& left, const std::string& right) {
    if (left == right) return;
    if (!out.empty()) out += "; ";
    out += std::string(name) + " " + left + " instead of " + right;
  };
  const auto number = [&add](const char* name, std::uint64_t left, std::uint64_t right) {
    add(name, std::to_string(left), std::to_string(right));
  };
  const auto hash = [&add](const char* name, const Bytes32& left, const Bytes32& right) {
    add(name, to_hex(left), to_hex(right));
  };
  number("rules version", kept.rules_version, made.rules_version);
  number("epoch", kept.epoch, made.epoch);
  number("height", kept.height, made.height);
  number("last batch", kept.last_batch, made.last_batch);
  number("time", kept.time_ns, made.time_ns);
  number("cycle", kept.cycle, made.cycle);
  number("batches", kept.batches, made.batches);
  number("messages", kept.messages, made.messages);
  number("total messages", kept.total_messages, made.total_messages);
  hash("previous hash", kept.previous_hash, made.previous_hash);
  hash("batch hash", kept.batch_hash, made.batch_hash);
  hash("transaction root", kept.transaction_root, made.transaction_root);
  hash("state root", kept.state_root, made.state_root);
  hash("validator set hash", kept.validator_set_hash, made.validator_set_hash);
  return out;
}

}  // namespace electra::pipeline
