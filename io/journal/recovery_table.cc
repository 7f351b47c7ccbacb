// Recovery's decisions as data. The prose that argues for each row is docs/journal-format.md.
#include <array>

#include "io/journal/recovery.h"

namespace electra::io {
namespace {

constexpr std::array kTable = {
    // finding                   what later records say  decision                 reason
    DecisionRow{Finding::next_record, Evidence::none, Decision::accept, "the record is whole"},
    DecisionRow{Finding::next_record, Evidence::beyond, Decision::accept, "the record is whole"},
    DecisionRow{Finding::next_record, Evidence::durable, Decision::accept, "the record is whole"},

    DecisionRow{Finding::segment_end, Evidence::none, Decision::next_segment, "the segment ends"},
    DecisionRow{Finding::segment_end, Evidence::beyond, Decision::next_segment, "the segment ends"},
    DecisionRow{Finding::segment_end, Evidence::durable, Decision::next_segment, "the segment ends"},

    DecisionRow{Finding::missing_segment, Evidence::none, Decision::end, "later segments hold no record"},
    // A segment gets its first record only when all before it is durable, so records after a gap prove a loss.
    DecisionRow{Finding::missing_segment, Evidence::beyond, Decision::damage, "the next segment is missing"},
    DecisionRow{Finding::missing_segment, Evidence::durable, Decision::damage, "the next segment is missing"},

    DecisionRow{Finding::zeros, Evidence::none, Decision::end, "nothing was written here"},
    DecisionRow{Finding::zeros, Evidence::beyond, Decision::cut, "a record in flight never reached the disk"},
    DecisionRow{Finding::zeros, Evidence::durable, Decision::damage, "a durable record is not there (zeros)"},

    DecisionRow{Finding::bad_header, Evidence::none, Decision::cut, "a torn record"},
    DecisionRow{Finding::bad_header, Evidence::beyond, Decision::cut, "a torn record, with others in flight behind it"},
    DecisionRow{Finding::bad_header, Evidence::durable, Decision::damage, "the header of a durable record is damaged"},

    DecisionRow{Finding::bad_body, Evidence::none, Decision::cut, "a torn record"},
    DecisionRow{Finding::bad_body, Evidence::beyond, Decision::cut, "a torn record, with others in flight behind it"},
    DecisionRow{Finding::bad_body, Evidence::durable, Decision::damage, "the body of a durable record is damaged"},

    DecisionRow{Finding::ahead, Evidence::none, Decision::cut, "a record in flight was overtaken"},
    DecisionRow{Finding::ahead, Evidence::beyond, Decision::cut, "a record in flight was overtaken"},
    DecisionRow{Finding::ahead, Evidence::durable, Decision::damage, "a durable record is missing before this one"},

    DecisionRow{Finding::stale, Evidence::none, Decision::cut, "an old record from the file's earlier use"},
    DecisionRow{Finding::stale, Evidence::beyond, Decision::cut, "an old record where one in flight should be"},
    DecisionRow{Finding::stale, Evidence::durable, Decision::damage, "an old record stands where a durable one was"},

    // Files were swapped or renamed: a crash moves no record.
    DecisionRow{Finding::misplaced, Evidence::none, Decision::damage, "the record belongs to another segment"},
    DecisionRow{Finding::misplaced, Evidence::beyond, Decision::damage, "the record belongs to another segment"},
    DecisionRow{Finding::misplaced, Evidence::durable, Decision::damage, "the record belongs to another segment"},

    // A crash cannot make these: a cut is durable before anything is appended behind it.
    DecisionRow{Finding::broken_chain, Evidence::none, Decision::damage, "the record continues another history"},
    DecisionRow{Finding::broken_chain, Evidence::beyond, Decision::damage, "the record continues another history"},
    DecisionRow{Finding::broken_chain, Evidence::durable, Decision::damage, "the record continues another history"},

    DecisionRow{Finding::foreign_genesis, Evidence::none, Decision::wrong_genesis, "the record is of another chain"},
    DecisionRow{Finding::foreign_genesis, Evidence::beyond, Decision::wrong_genesis, "the record is of another chain"},
    DecisionRow{Finding::foreign_genesis, Evidence::durable, Decision::wrong_genesis, "the record is of another chain"},

    DecisionRow{Finding::foreign_journal, Evidence::none, Decision::damage, "the record is of another journal"},
    DecisionRow{Finding::foreign_journal, Evidence::beyond, Decision::damage, "the record is of another journal"},
    DecisionRow{Finding::foreign_journal, Evidence::durable, Decision::damage, "the record is of another journal"},

    DecisionRow{Finding::inconsistent, Evidence::none, Decision::damage, "the record contradicts itself"},
    DecisionRow{Finding::inconsistent, Evidence::beyond, Decision::damage, "the record contradicts itself"},
    DecisionRow{Finding::inconsistent, Evidence::durable, Decision::damage, "the record contradicts itself"},

    DecisionRow{Finding::newer_format, Evidence::none, Decision::newer_format, "the format version is unknown"},
    DecisionRow{Finding::newer_format, Evidence::beyond, Decision::newer_format, "the format version is unknown"},
    DecisionRow{Finding::newer_format, Evidence::durable, Decision::newer_format, "the format version is unknown"},
};

constexpr bool every_pair_in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].finding) != i / kEvidences) return false;
    if (static_cast<std::size_t>(kTable[i].evidence) != i % kEvidences) return false;
  }
  return kTable.size() == kFindings * kEvidences;
}
static_assert(every_pair_in_order());

}  // namespace

std::span<const DecisionRow> decision_table() noexcept { return kTable; }

const DecisionRow& decide(Finding finding, Evidence evidence) noexcept {
  return kTable[static_cast<std::size_t>(finding) * kEvidences + static_cast<std::size_t>(evidence)];
}

std::string_view finding_name(Finding finding) noexcept {
  switch (finding) {
    case Finding::next_record:     return "next_record";
    case Finding::segment_end:     return "segment_end";
    case Finding::missing_segment: return "missing_segment";
    case Finding::zeros:           return "zeros";
    case Finding::bad_header:      return "bad_header";
    case Finding::bad_body:        return "bad_body";
    case Finding::ahead:           return "ahead";
    case Finding::stale:           return "stale";
    case Finding::misplaced:       return "misplaced";
    case Finding::broken_chain:    return "broken_chain";
    case Finding::foreign_genesis: return "foreign_genesis";
    case Finding::foreign_journal: return "foreign_journal";
    case Finding::inconsistent:    return "inconsistent";
    case Finding::newer_format:    return "newer_format";
  }
  return "unknown";
}

std::string_view evidence_name(Evidence evidence) noexcept {
  switch (evidence) {
    case Evidence::none:    return "none";
    case Evidence::beyond:  return "beyond";
    case Evidence::durable: return "durable";
  }
  return "unknown";
}

std::string_view decision_name(Decision decision) noexcept {
  switch (decision) {
    case Decision::accept:        return "accept";
    case Decision::next_segment:  return "next_segment";
    case Decision::end:           return "end";
    case Decision::cut:           return "cut";
    case Decision::damage:        return "damage";
    case Decision::wrong_genesis: return "wrong_genesis";
    case Decision::newer_format:  return "newer_format";
  }
  return "unknown";
}

}  // namespace electra::io
