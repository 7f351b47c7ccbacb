// For processors whose lanes nobody has written.
#include "bench/verify/lanes.h"
#include "bench/verify/stages.h"

namespace electra::bench {

std::unique_ptr<Contestant> lane_sign(const Workload&) { return nullptr; }
std::unique_ptr<Contestant> lane_sha512(const Workload&) { return nullptr; }
std::expected<nlohmann::json, std::string> measure_stages(Arena&) {
  return std::unexpected("this machine has no AVX-512 IFMA");
}

}  // namespace electra::bench
