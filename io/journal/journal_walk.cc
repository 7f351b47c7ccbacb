#include "io/journal/journal_walk.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "io/journal/journal_places.h"

namespace electra::io {
namespace {

using detail::Expectation;
using detail::JournalPlaces;

template <typename T>
using Expected = std::expected<T, RecoveryError>;

struct Place {
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;
};

struct Judgement {
  WalkFaultKind kind = WalkFaultKind::damage;
  std::string_view reason;
};

// Whether it matters what later records say.
bool needs_evidence(Finding finding) noexcept {
  return finding != Finding::missing_segment &&
         decide(finding, Evidence::none).decision != decide(finding, Evidence::durable).decision;
}

// Findings that a header with a good hash was compared for. Its record may be whole.
bool has_good_header(Finding finding) noexcept {
  switch (finding) {
    case Finding::ahead:
    case Finding::stale:
    case Finding::misplaced:
    case Finding::broken_chain:
    case Finding::foreign_genesis:
    case Finding::foreign_journal:
    case Finding::inconsistent:    return true;
    default:                       return false;
  }
}

class Walk {
 public:
  Walk(const std::filesystem::path& directory, const std::optional<Bytes32>& genesis_hash, WalkVisitor& visitor,
       const WalkOptions& options)
      : places_(directory), visitor_(visitor), options_(options), genesis_hash_(genesis_hash) {
    if (genesis_hash) {
      next_.genesis_known = true;
      next_.at.genesis_hash = *genesis_hash;
      next_.at.last_hash = *genesis_hash;
    }
    end_.position = next_.at;
  }

  Expected<WalkEnd> run() {
    std::vector<std::filesystem::path> odd_names;
    if (auto listed = places_.list(&odd_names); !listed) return std::unexpected(io_error(listed.error()));
    for (const auto& file : odd_names) {
      if (!tell({.finding = Finding::misplaced, .file = file, .reason = std::string(kOddNameReason)})) return end_;
    }
    if (places_.segments().empty()) return finish();
    if (options_.begins_later && places_.segments().front() > 1) {
      const auto go_on = begin_later(places_.segments().front());
      if (!go_on) return std::unexpected(go_on.error());
      if (!*go_on) return finish();
    }
    for (;;) {
      const auto go_on = step();
      if (!go_on) return std::unexpected(go_on.error());
      if (!*go_on) return finish();
    }
  }

 private:
  RecoveryError io_error(const SegmentFileError& from) const {
    return {RecoveryError::Kind::io_error, from.path, from.offset, next_.batch(), from.reason};
  }

  // Expects what the first record there is, if it is one of this segment.
  Expected<bool> begin_later(std::uint64_t segment) {
    const auto whole = places_.read_whole(segment, 0);
    if (!whole) return std::unexpected(io_error(whole.error()));
    if (!*whole) {
      next_.start_segment(segment);
      return fault_and_resync({.finding = Finding::bad_header,
                               .file = places_.file(segment),
                               .reason = "the first record that is there is damaged"},
                              Finding::bad_header, 0);
    }
    const RecordHeader& header = places_.header();
    if (header.segment != segment || header.batch < 2) return true;
    if (genesis_hash_ && header.genesis_hash != *genesis_hash_) return true;
    next_.genesis_known = true;
    next_.at.genesis_hash = header.genesis_hash;
    next_.at.journal_id = header.journal_id;
    next_.at.last_batch = header.batch - 1;
    next_.at.last_hash = header.previous_hash;
    next_.start_segment(segment);
    return true;
  }

  // Looks at the next place and goes behind it. False: the walk is over.
  Expected<bool> step() {
    const auto finding = places_.look(next_);
    if (!finding) return std::unexpected(io_error(finding.error()));
    if (*finding == Finding::next_record) return hand_out(true);
    if (*finding == Finding::segment_end) {
      if (!places_.has_segment(next_.at.segment + 1)) return false;
      end_of_segment_ = next_;
      next_.start_segment(next_.at.segment + 1);
      if (!resynced_) end_.position = next_.at;
      return true;
    }

    Evidence evidence = Evidence::none;
    if (needs_evidence(*finding)) {
      const auto found = places_.find_evidence(next_, *finding);
      if (!found) return std::unexpected(io_error(found.error()));
      evidence = *found;
    }
    if (*finding == Finding::zeros && evidence == Evidence::none) return end_of_records();
    // A fault was told, and the search for the next record led here: that some are missing is its consequence.
    if (*finding == Finding::ahead && resynced_) {
      const auto whole = places_.read_whole(next_.at.segment, next_.at.offset);
      if (!whole) return std::unexpected(io_error(whole.error()));
      if (*whole) return hand_out(false);
    }
    const Judgement judgement = judge(*finding, evidence);
    if (judgement.kind == WalkFaultKind::torn_tail && options_.allow_torn_tail) return allowed_tail();
    if (look_again()) return relist();
    return fault_here(*finding, judgement);
  }

  // The table's decision, with the walk's own strictness about missing numbers.
  static Judgement judge(Finding finding, Evidence evidence) noexcept {
    const DecisionRow& row = decide(finding, evidence);
    switch (row.decision) {
      case Decision::cut:           return {WalkFaultKind::torn_tail, row.reason};
      case Decision::wrong_genesis: return {WalkFaultKind::wrong_genesis, row.reason};
      case Decision::newer_format:  return {WalkFaultKind::newer_format, row.reason};
      default:                      break;
    }
    // Segments are made and removed at the end only, so a gap is never a crash's, even before an empty one.
    if (finding == Finding::missing_segment) return {WalkFaultKind::damage, "this segment is missing"};
    return {WalkFaultKind::damage, row.reason};
  }

  // A live journal may have moved on since the place was read; once a place. What looked like the end of the segment before
  // may have been the end of what was written.
  bool look_again() noexcept { return options_.live && !std::exchange(looked_again_, true); }

  Expected<bool> relist() {
    std::vector<std::filesystem::path> odd_names;
    if (auto listed = places_.list(&odd_names); !listed) return std::unexpected(io_error(listed.error()));
    if (end_of_segment_) {
      next_ = *std::exchange(end_of_segment_, std::nullopt);
      if (!resynced_) end_.position = next_.at;
    }
    return true;
  }

  // --- records ---

  bool hand_out(bool follows) {
    const RecordHeader& header = places_.header();
    const std::uint64_t length = record_bytes(header.body_bytes);
    if (!visitor_.on_record({header, places_.body(), next_.at.offset, next_.at.segment}, follows)) end_.stopped = true;
    ++end_.records;
    end_.messages += header.count;
    end_.bytes += length;
    if (genesis_hash_ && header.genesis_hash != *genesis_hash_) {
      next_.at.offset += length;  // another chain's record changes nothing about what this one expects
    } else {
      next_.take(header);
      end_.position = next_.at;
    }
    resynced_ = false;
    looked_again_ = false;
    end_of_segment_.reset();
    return !end_.stopped;
  }

  // --- faults ---

  bool tell(WalkFault fault) {
    fault.batch = next_.batch();
    ++end_.faults;
    if (!visitor_.on_fault(fault)) end_.stopped = true;
    return !end_.stopped;
  }

  Expected<bool> fault_here(Finding finding, const Judgement& judgement) {
    WalkFault fault{.kind = judgement.kind,
                    .finding = finding,
                    .file = places_.file(next_.at.segment),
                    .offset = next_.at.offset,
                    .reason = std::string(judgement.reason)};
    if (finding == Finding::missing_segment) {
      if (places_.has_segment(next_.at.segment)) fault.file = places_.file(next_.at.segment + 1);
      fault.offset = 0;
    }
    if (!has_good_header(finding)) return fault_and_resync(std::move(fault), finding, next_.at.offset);
    const auto whole = places_.read_whole(next_.at.segment, next_.at.offset);
    if (!whole) return std::unexpected(io_error(whole.error()));
    if (!*whole) return fault_and_resync(std::move(fault), finding, next_.at.offset);
    fault.next_batch = places_.header().batch;
    fault.next_file = places_.file(next_.at.segment);
    fault.next_offset = next_.at.offset;
    if (!tell(std::move(fault))) return false;
    return hand_out(false);
  }

  // Searches the next whole record from the block of `offset` on, tells the fault, and goes to that record.
  Expected<bool> fault_and_resync(WalkFault fault, Finding finding, std::uint64_t offset) {
    const std::uint64_t from = offset / kRecordAlignment * kRecordAlignment;
    const auto place = find_record(finding, {next_.at.segment, from});
    if (!place) return std::unexpected(place.error());
    if (*place) {
      fault.next_batch = places_.header().batch;
      fault.next_file = places_.file((*place)->segment);
      fault.next_offset = (*place)->offset;
    }
    if (!tell(std::move(fault)) || !*place) return false;
    if ((*place)->segment != next_.at.segment) next_.start_segment((*place)->segment);
    next_.at.offset = (*place)->offset;
    resynced_ = true;
    return true;
  }

  // A record that does not begin a segment must be of the same journal: it might stand inside a damaged body, where a
  // sender chose the bytes, but the journal's id is not known to senders.
  Expected<std::optional<Place>> find_record(Finding finding, Place from) {
    std::optional<Bytes16> journal_id;
    if (finding == Finding::bad_body) {
      journal_id = places_.header().journal_id;
    } else if (next_.at.last_batch > 0) {
      journal_id = next_.at.journal_id;
    }
    for (const std::uint64_t segment : places_.segments()) {
      if (segment < from.segment) continue;
      for (std::uint64_t offset = segment == from.segment ? from.offset : 0;; offset += kRecordAlignment) {
        const auto block = places_.block(segment, offset);
        if (!block) return std::unexpected(io_error(block.error()));
        if (block->empty()) break;
        const auto whole = places_.read_whole(segment, offset);
        if (!whole) return std::unexpected(io_error(whole.error()));
        if (*whole && (offset == 0 || !journal_id || places_.header().journal_id == *journal_id))
          return Place{segment, offset};
      }
    }
    return std::nullopt;
  }

  // --- the end ---

  // Zeros stand at the place, and no record behind it. All bytes up to the end of the last file must be zero.
  Expected<bool> end_of_records() {
    const auto place = find_other_than_zero({next_.at.segment, next_.at.offset});
    if (!place) return std::unexpected(place.error());
    if (!*place) return false;
    if ((*place)->segment != next_.at.segment) return stray_bytes(**place);
    if (options_.allow_torn_tail) return allowed_tail();
    if (look_again()) return relist();
    return fault_and_resync({.kind = WalkFaultKind::torn_tail,
                             .finding = Finding::zeros,
                             .file = places_.file((*place)->segment),
                             .offset = (*place)->offset,
                             .reason = "behind the last record not all bytes are zero"},
                            Finding::zeros, (*place)->offset);
  }

  // The tail of this segment may be anything. Later ones get their first byte only when this one is whole and closed.
  Expected<bool> allowed_tail() {
    const auto place = find_other_than_zero({next_.at.segment + 1, 0});
    if (!place) return std::unexpected(place.error());
    return *place ? stray_bytes(**place) : false;
  }

  Expected<bool> stray_bytes(const Place& place) {
    if (look_again()) return relist();
    const WalkFault fault{.finding = Finding::zeros,
                          .file = places_.file(place.segment),
                          .offset = place.offset,
                          .reason = "a segment was written to while the one before it is not complete"};
    next_.start_segment(place.segment);
    return fault_and_resync(fault, Finding::zeros, place.offset);
  }

  // The exact byte, in the segment of `from` or a later one.
  Expected<std::optional<Place>> find_other_than_zero(Place from) {
    for (const std::uint64_t segment : places_.segments()) {
      if (segment < from.segment) continue;
      for (std::uint64_t offset = segment == from.segment ? from.offset : 0;; offset += kRecordAlignment) {
        const auto block = places_.block(segment, offset);
        if (!block) return std::unexpected(io_error(block.error()));
        if (block->empty()) break;
        const auto other = std::find_if(block->begin(), block->end(), [](std::uint8_t byte) { return byte != 0; });
        if (other != block->end()) return Place{segment, offset + static_cast<std::uint64_t>(other - block->begin())};
      }
    }
    return std::nullopt;
  }

  Expected<WalkEnd> finish() {
    if (end_.stopped || places_.segments().empty()) return end_;
    const JournalPosition& at = end_.position;
    if (!places_.has_segment(at.segment)) return end_;
    for (std::uint64_t offset = at.offset;; offset += kRecordAlignment) {
      const auto block = places_.block(at.segment, offset);
      if (!block) return std::unexpected(io_error(block.error()));
      if (block->empty()) break;
      const auto last = std::find_if(block->rbegin(), block->rend(), [](std::uint8_t byte) { return byte != 0; });
      if (last != block->rend())
        end_.tail_bytes = offset - at.offset + static_cast<std::uint64_t>(block->rend() - last);
    }
    if (end_.tail_bytes > 0) {
      end_.tail_text = places_.file(at.segment).string() + " at offset " + std::to_string(at.offset) + " (batch " +
                       std::to_string(at.last_batch + 1) + " expected): " + std::to_string(end_.tail_bytes) +
                       " bytes behind the last whole record";
    }
    return end_;
  }

  JournalPlaces places_;
  WalkVisitor& visitor_;
  const WalkOptions& options_;
  const std::optional<Bytes32>& genesis_hash_;
  Expectation next_;
  bool resynced_ = false;  // the place was found by a search behind a fault
  bool looked_again_ = false;
  std::optional<Expectation> end_of_segment_;  // where this segment was turned to, while it has given no record
  WalkEnd end_;
};

}  // namespace

std::string_view walk_fault_kind_name(WalkFaultKind kind) noexcept {
  switch (kind) {
    case WalkFaultKind::damage:        return "damage";
    case WalkFaultKind::torn_tail:     return "torn_tail";
    case WalkFaultKind::wrong_genesis: return "wrong_genesis";
    case WalkFaultKind::newer_format:  return "newer_format";
  }
  return "";
}

std::string WalkFault::text() const {
  std::string text = file.string() + " at offset " + std::to_string(offset) + " (batch " + std::to_string(batch) +
                     " expected): " + reason;
  if (next_batch == 0) return text + "; no whole record follows";
  if (next_file == file && next_offset == offset)
    return text + "; the record there is batch " + std::to_string(next_batch);
  return text + "; the next whole record is batch " + std::to_string(next_batch) + " in " +
         next_file.filename().string() + " at offset " + std::to_string(next_offset);
}

std::expected<WalkEnd, RecoveryError> walk_journal(const std::filesystem::path& directory,
                                                   const std::optional<Bytes32>& genesis_hash, WalkVisitor& visitor,
                                                   const WalkOptions& options) {
  return Walk(directory, genesis_hash, visitor, options).run();
}

}  // namespace electra::io
