#include "engine/state/metering/meters.h"

#include "meter-proto/chain/leaves.h"

namespace electra::state {

std::uint64_t Meters::ring_places(const Params& params) noexcept {
  const std::uint64_t intervals = params.cycle_s / params.interval_s;
  const std::uint64_t ahead_s = std::uint64_t{params.grace_s} + params.future_tolerance_s;
  const std::uint64_t needed = intervals + (ahead_s + params.interval_s - 1) / params.interval_s + 2;
  // One more cycle where it fits, so that a settlement that lags does not have to be finished at once.
  return needed > kReadingRingMax ? needed : std::min(needed + intervals, kReadingRingMax);
}

Meters::Meters(const Params& params, const Calendar& calendar, std::uint32_t meters_max)
    : calendar_(calendar),
      ring_places_(ring_places(params)),
      line_count_(calendar.intervals_per_cycle()),
      touched_(meters_max),
      readings_touched_(meters_max),
      lines_touched_(meters_max) {
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
  for (TouchedSet* set : {&touched_, &readings_touched_, &lines_touched_}) set->mark(count() - 1);
  return count() - 1;
}

void Meters::prefetch(std::uint32_t meter, std::uint64_t time_s) const noexcept {
  prefetch_for_writing(&meters_[meter]);
  if (time_s >= calendar_.genesis_s())
    prefetch_for_writing(&ring_[meter * ring_places_ + calendar_.boundary_of(time_s) % ring_places_]);
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
  readings_touched_.mark(meter);
  Meter& record = change(meter);  // its leaf shows the newest registers, which may lie in this place
  place = reading;
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

void Meters::append_leaf(std::uint32_t number, LeafWriter& out) const {
  static_assert(proto::MeterLeaf::kTable == static_cast<std::uint8_t>(Table::meters));
  const Meter& meter = at(number);
  const Registers& newest = newest_registers(number);
  out.fixed(proto::MeterLeaf{.slot = meter.slot,
                             .phases = static_cast<std::uint8_t>(meter.phases),
                             .own_limit = meter.rules.own_limit,
                             .has_base = meter.has_base,
                             .register_modulus = meter.rules.modulus,
                             .wh_per_interval_max = meter.rules.wh_per_interval_max,
                             .base_boundary = meter.base_boundary,
                             .base_time_s = meter.base_time_s,
                             .base = {.in = meter.base.in, .out = meter.base.out},
                             .newest_time_s = meter.newest_time_s,
                             .newest_boundary = meter.newest_boundary,
                             .newest = {.in = newest.in, .out = newest.out},
                             .consumed_wh = meter.consumed_wh,
                             .generated_wh = meter.generated_wh,
                             .paid = meter.paid,
                             .received = meter.received,
                             .intervals_missing = meter.intervals_missing,
                             .intervals_estimated = meter.intervals_estimated,
                             .intervals_faulty = meter.intervals_faulty,
                             .billed_cycle = meter.billed_cycle,
                             .bill_hash = meter.bill_hash,
                             .correction_hash = meter.correction_hash}
                .encode());
}

void Meters::append_readings_leaf(std::uint32_t meter, LeafWriter& out) const {
  out.records(std::span<const KeptReading>(ring_.data() + meter * ring_places_, ring_places_));
}

void Meters::append_lines_leaf(std::uint32_t meter, LeafWriter& out) const { out.records(lines(meter)); }

void Meters::begin_restore(std::uint32_t count) {
  meters_.resize(count);
  ring_.resize(count * ring_places_);
  lines_.resize(count * line_count_);
}

LeafCheck Meters::load_leaf(std::uint32_t number, ByteSpan bytes, Registers& newest) {
  const auto leaf = proto::MeterLeaf::decode(bytes);
  if (!leaf) return wrong_leaf("own_limit or has_base is not 0 or 1, or byte 7 is not 0");
  if (leaf->phases < 1 || leaf->phases > 7) return wrong_field("phases", leaf->phases, "1..7");
  newest = {.in = leaf->newest.in, .out = leaf->newest.out};
  meters_[number] = {.slot = leaf->slot,
                     .phases = leaf->phases,
                     .rules = {.modulus = leaf->register_modulus,
                               .wh_per_interval_max = leaf->wh_per_interval_max,
                               .own_limit = leaf->own_limit},
                     .newest_time_s = leaf->newest_time_s,
                     .newest_boundary = leaf->newest_boundary,
                     .has_base = leaf->has_base,
                     .base_boundary = leaf->base_boundary,
                     .base_time_s = leaf->base_time_s,
                     .base = {.in = leaf->base.in, .out = leaf->base.out},
                     .consumed_wh = leaf->consumed_wh,
                     .generated_wh = leaf->generated_wh,
                     .paid = leaf->paid,
                     .received = leaf->received,
                     .intervals_missing = leaf->intervals_missing,
                     .intervals_estimated = leaf->intervals_estimated,
                     .intervals_faulty = leaf->intervals_faulty,
                     .billed_cycle = leaf->billed_cycle,
                     .bill_hash = leaf->bill_hash,
                     .correction_hash = leaf->correction_hash};
  return {};
}

LeafCheck Meters::load_readings_leaf(std::uint32_t meter, ByteSpan bytes) {
  LeafReader reader(bytes);
  reader.records(std::span<KeptReading>(ring_.data() + meter * ring_places_, ring_places_));
  return reader.good() ? LeafCheck{} : wrong_leaf("is not the encoding of a ring of readings");
}

LeafCheck Meters::load_lines_leaf(std::uint32_t meter, ByteSpan bytes) {
  LeafReader reader(bytes);
  reader.records(std::span<BillLine>(lines_.data() + meter * line_count_, line_count_));
  return reader.good() ? LeafCheck{} : wrong_leaf("is not the encoding of bill lines");
}

void Meters::clear_touched() noexcept {
  touched_.clear();
  readings_touched_.clear();
  lines_touched_.clear();
}

std::size_t Meters::memory_bytes(const Params& params, std::uint32_t meters_max) noexcept {
  const std::size_t lines = params.cycle_s / params.interval_s;
  return meters_max * (sizeof(Meter) + ring_places(params) * sizeof(KeptReading) + lines * sizeof(BillLine)) +
         3 * TouchedSet::memory_bytes(meters_max);
}

}  // namespace electra::state
