#include "engine/state/restorer.h"

#include "engine/state/parts.h"

namespace electra::state {

struct Machine::Restorer::Work {};

Machine::Restorer::Restorer(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
Machine::Restorer::Restorer(Restorer&&) noexcept = default;
Machine::Restorer& Machine::Restorer::operator=(Restorer&&) noexcept = default;
Machine::Restorer::~Restorer() = default;

std::expected<Machine::Restorer, std::string> Machine::Restorer::create(const Genesis& genesis, RulesRange,
                                                                        const LeafCounts&) {
  if (auto good = Parts::check(genesis); !good) return std::unexpected(std::move(good.error()));
  return std::unexpected("restoring is not there yet");
}

std::expected<void, std::string> Machine::Restorer::load(Table, std::uint32_t, ByteSpan) {
  return std::unexpected("restoring is not there yet");
}

std::expected<std::unique_ptr<Machine>, std::string> Machine::Restorer::finish() {
  return std::unexpected("restoring is not there yet");
}

}  // namespace electra::state
