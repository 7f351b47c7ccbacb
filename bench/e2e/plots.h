// Pictures of a report, drawn by gnuplot: throughput by shape, latencies to the last nines, latency against offered load.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bench/e2e/report.h"

namespace electra::bench {

// throughput.svg, latency.svg and (with points) load.svg in the directory, which is made. Empty, or what failed: no
// gnuplot (Debian: gnuplot-nox), or a file that cannot be written.
[[nodiscard]] std::string draw_plots(const std::filesystem::path& directory, const std::vector<ShapeSummary>& shapes,
                                     const std::vector<LoadPoint>& load_curve);

}  // namespace electra::bench
