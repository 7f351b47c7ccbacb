#include "engine/state/metering/meters.h"

namespace electra::state {
namespace {

void digest_registers(DigestWriter& out, const Registers& registers) {
  for (const std::uint64_t wh : registers.in) out.integer(wh);
  for (const std::uint64_t wh : registers.out) out.integer(wh);
}

}  // namespace

std::uint64_t Meters::ring_places(const Params& params) noexcept {
  const std::uint64_t intervals = params.cycle_s / params.interval_s;
  const std::uint64_t ahead_s = std::uint64_t{params.grace_s} + params.future_tolerance_s;
  const std::uint64_t needed = intervals + (ahead_s + params.interval_s - 1) / params.interval_s + 2;
  // One more cycle where it fits, so that a settlement that lags does not have to be finished at once.
  return needed > kReadingRingMax ? needed : std::min(needed + intervals, kReadingRingMax);
}

Meters::Meters(const Params& params, const Calendar& calendar, std::uint32_t meters_max)
    : calendar_(calendar), ring_places_(ring_places(params)), line_count_(calendar.intervals_per_cycle()) {
  meters_.reserve(meters_max);
  ring_.reserve(meters_max * ring_places_);
  lines_.reserve(meters_max * line_count_);
}

std::uint32_t Meters::add(Slot slot, std::uint32_t phases, const RegisterRules& rules) {
  ELECTRA_ASSERT_LT(meters_.size(), meters_.capacity());
  Meter meter;
  meter.slot = slot;
  meter.phases = phases;
  meter.rules = rules;
  meters_.push_back(meter);
  ring_.resize(meters_.size() * ring_places_);
  lines_.resize(meters_.size() * line_count_);
  return count() - 1;
}

Result Meters::check(const Meter& meter, const strict::Reading& reading, const ReadingContext& context,
                     KeptReading& kept) const noexcept {
  if (meter.phases == 0) return Result::not_a_meter;
  std::uint32_t seen = 0;
  std::uint32_t last = 0;
  bool ordered = true;
  bool in_range = true;
  kept.registers = {};
  for (const strict::PhaseReading& phase : reading.phases()) {
    ordered &= phase.phase > last;
    last = phase.phase;
    if (phase.phase < 1 || phase.phase > strict::kPhasesMax) {
      ordered = false;
      continue;
    }
    seen |= 1U << (phase.phase - 1);
    kept.registers.in[phase.phase - 1] = phase.whin;
    kept.registers.out[phase.phase - 1] = phase.whout;
    in_range &= meter.rules.modulus == 0 || (phase.whin < meter.rules.modulus && phase.whout < meter.rules.modulus);
  }
  if (seen != meter.phases) return Result::wrong_phases;
  if (!ordered || reading.time < calendar_.genesis_s()) return Result::invalid_field;
  if (reading.time > context.time_s + context.future_tolerance_s) return Result::reading_in_future;
  if (reading.time + context.correction_horizon_s < context.time_s) return Result::reading_too_old;
  if (!in_range) return Result::register_out_of_range;
  kept.time_s = reading.time;
  kept.boundary_plus_1 = calendar_.boundary_of(reading.time) + 1;
  return Result::ok;
}

Result Meters::keep(std::uint32_t meter, const KeptReading& reading) noexcept {
  KeptReading& place = ring_[meter * ring_places_ + (reading.boundary_plus_1 - 1) % ring_places_];
  if (place.boundary_plus_1 == reading.boundary_plus_1) {
    if (place.time_s == reading.time_s)
      return place.registers == reading.registers ? Result::duplicate_reading : Result::conflicting_reading;
    if (reading.time_s < place.time_s) return Result::superseded_reading;
  }
  place = reading;
  Meter& record = meters_[meter];
  if (record.newest_time_s <= reading.time_s) {
    record.newest_time_s = reading.time_s;
    record.newest_boundary = reading.boundary_plus_1 - 1;
  }
  return Result::ok;
}

void Meters::set_base(Meter& meter, const KeptReading& reading) noexcept {
  meter.has_base = true;
  meter.base_boundary = reading.boundary_plus_1 - 1;
  meter.base_time_s = reading.time_s;
  meter.base = reading.registers;
  if (meter.newest_time_s <= reading.time_s) {
    meter.newest_time_s = reading.time_s;
    meter.newest_boundary = meter.base_boundary;
  }
}

const Registers& Meters::newest_registers(std::uint32_t meter) const noexcept {
  const Meter& record = at(meter);
  if (record.has_base && record.base_time_s == record.newest_time_s) return record.base;
  const KeptReading* reading = kept(meter, record.newest_boundary);
  return reading == nullptr ? record.base : reading->registers;
}

void Meters::digest(DigestWriter& out, std::uint64_t first_boundary) const {
  out.integer(count());
  for (std::uint32_t number = 0; number < count(); ++number) {
    const Meter& meter = at(number);
    out.integers(meter.slot, meter.phases, meter.rules.modulus, meter.rules.wh_per_interval_max, meter.rules.own_limit,
                 meter.has_base, meter.base_boundary, meter.base_time_s, meter.newest_time_s, meter.newest_boundary,
                 meter.consumed_wh, meter.generated_wh, meter.paid, meter.received, meter.intervals_missing,
                 meter.intervals_estimated, meter.intervals_faulty, meter.billed_cycle);
    digest_registers(out, meter.base);
    out.fixed(meter.bill_hash).fixed(meter.correction_hash);
    for (const BillLine& line : lines(number)) out.integers(line.wh_in, line.wh_out, line.pay, line.get);
    for (std::uint64_t boundary = first_boundary; boundary < first_boundary + ring_places_; ++boundary) {
      const KeptReading* reading = kept(number, boundary);
      if (reading == nullptr) continue;
      out.integers(reading->boundary_plus_1, reading->time_s);
      digest_registers(out, reading->registers);
    }
    out.integer(std::uint64_t{0});
  }
}

std::size_t Meters::memory_bytes(const Params& params, std::uint32_t meters_max) noexcept {
  const std::size_t lines = params.cycle_s / params.interval_s;
  return meters_max * (sizeof(Meter) + ring_places(params) * sizeof(KeptReading) + lines * sizeof(BillLine));
}

}  // namespace electra::state
