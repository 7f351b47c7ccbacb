#include "engine/electrad/meter/fleet.h"

#include <fmt/format.h>

#include <algorithm>

#include "meter-proto/base/assert.h"

namespace electra::player {
namespace {

constexpr std::size_t kSerialBytesMax = 32;

}  // namespace

std::expected<std::vector<MeterPlan>, std::string> plan_fleet(const DataSet& data, std::uint32_t count) {
  const auto series = data.series();
  const std::size_t wanted = count == 0 ? series.size() : count;
  std::vector<MeterPlan> fleet;
  fleet.reserve(wanted);
  for (std::size_t i = 0; i < wanted; ++i) {
    const std::size_t index = i % series.size();
    const std::size_t copy = i / series.size() + 1;
    std::string serial = copy == 1 ? series[index].id : fmt::format("{}-{}", series[index].id, copy);
    if (serial.size() > kSerialBytesMax || serial == kGridSerial || serial == kOperatorSerial) {
      return std::unexpected(
          fmt::format("the serial number `{}` is reserved or longer than {} bytes", serial, kSerialBytesMax));
    }
    fleet.push_back({.serial = std::move(serial),
                     .series = static_cast<std::uint32_t>(index),
                     .producer = series[index].kind == SeriesKind::pv});
  }
  return fleet;
}

Playback::Playback(const DataSet& data, const std::vector<MeterPlan>& fleet)
    : data_(&data), copies_(data.series().size()), cumulative_(data.series().size()) {
  for (const MeterPlan& meter : fleet) ++copies_[meter.series];
}

Registers Playback::registers(const MeterPlan& meter) const noexcept {
  const std::uint64_t wh = cumulative_[meter.series];
  return meter.producer ? Registers{.whin = 0, .whout = wh} : Registers{.whin = wh, .whout = 0};
}

void Playback::advance() {
  ELECTRA_ASSERT_LT(boundary_, data_->intervals());
  const auto row = data_->row(boundary_);
  const auto series = data_->series();
  std::uint64_t consumption = 0;
  std::uint64_t generation = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    cumulative_[i] += row[i];
    (series[i].kind == SeriesKind::pv ? generation : consumption) += row[i] * copies_[i];
  }
  const std::uint64_t matched = std::min(consumption, generation);
  last_import_wh_ = consumption - matched;
  last_export_wh_ = generation - matched;
  grid_.whin += last_import_wh_;
  grid_.whout += last_export_wh_;
  sums_.consumption_wh += consumption;
  sums_.generation_wh += generation;
  sums_.matched_wh += matched;
  sums_.import_wh += last_import_wh_;
  sums_.export_wh += last_export_wh_;
  ++boundary_;
}

void Playback::seek(std::uint64_t boundary) {
  if (boundary < boundary_) restart();
  while (boundary_ < boundary) advance();
}

void Playback::restart() noexcept {
  std::ranges::fill(cumulative_, 0);
  boundary_ = 0;
  grid_ = {};
  sums_ = {};
  last_import_wh_ = 0;
  last_export_wh_ = 0;
}

}  // namespace electra::player
