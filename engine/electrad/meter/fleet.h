// The meters that are played: which series each one repeats, and what their registers show at every boundary.
//
// A fleet larger than the data set repeats the series under new serial numbers (H001, then H001-2, H001-3 …). The grid
// connection meter GRID shows what the sum of all meters draws from outside (whin) or gives to it (whout), interval by
// interval. All registers start at 0 at boundary 0. Memory: 16 bytes a series, whatever the length of the data.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "engine/electrad/meter/data_set.h"

namespace electra::player {

inline constexpr std::string_view kGridSerial = "GRID";          // also the name of its development key
inline constexpr std::string_view kOperatorSerial = "operator";  // likewise

struct MeterPlan {
  std::string serial;
  std::uint32_t series = 0;  // index into DataSet::series()
  bool producer = false;     // its series is generation: it moves whout
};

// `count` meters in the data set's order, repeated as often as needed; 0 = every series once. Refuses serial numbers
// that would become longer than the directory takes.
[[nodiscard]] std::expected<std::vector<MeterPlan>, std::string> plan_fleet(const DataSet& data, std::uint32_t count);

struct Registers {
  std::uint64_t whin = 0;   // Wh taken from the grid, cumulative
  std::uint64_t whout = 0;  // Wh given to it
  bool operator==(const Registers&) const = default;
};

// Sums over the intervals played so far, matched interval by interval. Energy in Wh, money in uelectra.
struct EnergySums {
  std::uint64_t consumption_wh = 0;
  std::uint64_t generation_wh = 0;
  std::uint64_t matched_wh = 0;
  std::uint64_t import_wh = 0;
  std::uint64_t export_wh = 0;
  bool operator==(const EnergySums&) const = default;
};

// A cursor over the boundaries.
class Playback {
 public:
  Playback(const DataSet& data, const std::vector<MeterPlan>& fleet);

  [[nodiscard]] std::uint64_t boundary() const noexcept { return boundary_; }
  [[nodiscard]] Registers registers(const MeterPlan& meter) const noexcept;
  [[nodiscard]] Registers grid() const noexcept { return grid_; }
  [[nodiscard]] const EnergySums& sums() const noexcept { return sums_; }

  // Wh in the interval that ends at the present boundary; 0 at boundary 0.
  [[nodiscard]] std::uint64_t last_import_wh() const noexcept { return last_import_wh_; }
  [[nodiscard]] std::uint64_t last_export_wh() const noexcept { return last_export_wh_; }

  // Moves to the next boundary; boundary() must be below the data's intervals.
  void advance();

  // Moves to `boundary`, forwards or back (from the start).
  void seek(std::uint64_t boundary);

 private:
  void restart() noexcept;

  const DataSet* data_;
  std::vector<std::uint64_t> copies_;      // how many meters play each series
  std::vector<std::uint64_t> cumulative_;  // Wh of each series up to boundary_
  std::uint64_t boundary_ = 0;
  Registers grid_;
  EnergySums sums_;
  std::uint64_t last_import_wh_ = 0;
  std::uint64_t last_export_wh_ = 0;
};

}  // namespace electra::player
