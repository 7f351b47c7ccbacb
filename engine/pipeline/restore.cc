#include "engine/pipeline/restore.h"

#include <algorithm>
#include <system_error>

#include "engine/state/restorer.h"
#include "io/header_file.h"
#include "io/journal/segment_files.h"
#include "io/snapshot/snapshot_directory.h"
#include "io/snapshot/snapshot_reader.h"
#include "meter-proto/base/sentence.h"

namespace electra::pipeline {

static_assert(io::kSnapshotBlockHeaderBytes == proto::kHeaderBytes);
static_assert(state::kTables <= io::kSnapshotTablesMax);

namespace {

// Hands leaves on to the state's own checks.
class Receiver final : public io::LeafReceiver {
 public:
  explicit Receiver(const state::Genesis& genesis) : genesis_(genesis) {}

  std::expected<void, std::string> on_header(const io::SnapshotHeader& header) override {
    if (header.genesis_hash != genesis_.hash) return std::unexpected(std::string("it is a snapshot of another chain"));
    if (header.tables != state::kTables) {
      return std::unexpected(
          sentence("it has ", header.tables, " tables, and this program's state has ", state::kTables));
    }
    state::LeafCounts counts;
    std::copy_n(header.leaf_counts.begin(), counts.size(), counts.begin());
    auto restorer = state::Machine::Restorer::create(genesis_, state::kKnownRules, counts);
    if (!restorer) return std::unexpected(std::move(restorer.error()));
    restorer_.emplace(std::move(*restorer));
    return {};
  }

  std::expected<void, std::string> on_leaf(std::uint8_t table, std::uint32_t index, ByteSpan leaf) override {
    return restorer_->load(static_cast<state::Table>(table), index, leaf);
  }

  [[nodiscard]] std::expected<std::unique_ptr<state::Machine>, std::string> finish() { return restorer_->finish(); }

 private:
  const state::Genesis& genesis_;
  std::optional<state::Machine::Restorer> restorer_;
};

// Empty, or why the header of the snapshot's block is not that of the file.
std::string header_fault(const std::filesystem::path& headers_file, const proto::BlockHeader& header) {
  const auto file = io::HeaderFile::open(headers_file, /*writable=*/false);
  if (!file) return file.error();
  if (header.height > (*file)->count()) {
    return sentence(headers_file.string(), " ends with block ", (*file)->count(), ", and it is of block ",
                    header.height);
  }
  io::HeaderEntry entry;
  if (auto read = (*file)->read(header.height, entry); !read) return read.error();
  const auto kept = proto::decode_signed_header(entry);
  if (kept && kept->header == header) return {};
  return sentence("the header of block ", header.height, " in ", headers_file.string(), " is another one");
}

// What can be seen without reading all of it.
std::expected<proto::BlockHeader, std::string> fits(const std::filesystem::path& file, const SnapshotPlaces& places,
                                                    const state::Genesis& genesis) {
  const auto snapshot = io::read_snapshot_header(file);
  if (!snapshot) return std::unexpected(snapshot.error().text());
  if (snapshot->genesis_hash != genesis.hash) {
    return std::unexpected(sentence(file.string(), ": it is a snapshot of another chain"));
  }
  const auto header = header_in_snapshot(file, *snapshot);
  if (!header) return header;
  if (auto there = io::check_start(places.journal, start_behind(*snapshot, *header)); !there) {
    return std::unexpected(sentence(file.string(), ": ", there.error().text()));
  }
  if (std::string fault = header_fault(places.headers_file, *header); !fault.empty()) {
    return std::unexpected(sentence(file.string(), ": ", fault));
  }
  return header;
}

}  // namespace

std::expected<proto::BlockHeader, std::string> header_in_snapshot(const std::filesystem::path& file,
                                                                  const io::SnapshotHeader& snapshot) {
  const auto header = proto::decode_header(snapshot.block_header);
  if (header && header->last_batch == snapshot.batch && header->time_ns == snapshot.time_ns) return *header;
  return std::unexpected(sentence(file.string(), ": it names another block than its batch's"));
}

io::JournalStart start_behind(const io::SnapshotHeader& snapshot, const proto::BlockHeader& header) {
  return {.position = {.genesis_hash = snapshot.genesis_hash,
                       .journal_id = snapshot.journal_id,
                       .last_batch = snapshot.batch,
                       .last_time_ns = header.time_ns,
                       .last_hash = snapshot.record_hash,
                       .watermark = snapshot.watermark,
                       .watermark_behind = true,  // it closed a block
                       .segment = snapshot.segment,
                       .offset = snapshot.record_end},
          .record_offset = snapshot.record_offset};
}

std::expected<RestoredState, std::string> restore_snapshot(const std::filesystem::path& file,
                                                           const state::Genesis& genesis,
                                                           const RestoreProgress& progress) {
  Receiver receiver(genesis);
  const auto snapshot = io::read_snapshot(file, &receiver, progress);
  if (!snapshot) return std::unexpected(snapshot.error().text());
  const auto header = header_in_snapshot(file, *snapshot);
  if (!header) return std::unexpected(header.error());
  auto machine = receiver.finish();
  if (!machine) return std::unexpected(sentence(file.string(), ": ", machine.error()));
  auto maker = chain::BlockMaker::restore(**machine, *header);
  if (!maker) return std::unexpected(sentence(file.string(), ": ", maker.error()));
  return RestoredState{.machine = std::move(*machine),
                       .maker = std::move(*maker),
                       .header = *header,
                       .snapshot = *snapshot,
                       .file = file};
}

std::expected<SnapshotSearch, std::string> find_snapshot(const SnapshotPlaces& places, const state::Genesis& genesis,
                                                         const SnapshotRange& range, const RestoreProgress& progress) {
  SnapshotSearch search;
  if (places.snapshots.empty()) return search;
  auto batches = io::list_snapshots(places.snapshots);
  if (!batches) return std::unexpected(std::move(batches.error()));
  if (range.newest_first) std::ranges::reverse(*batches);
  for (const std::uint64_t batch : *batches) {
    if (batch < range.first || batch > range.last) continue;
    const std::filesystem::path file = places.snapshots / io::snapshot_name(batch);
    const auto header = fits(file, places, genesis);
    if (!header) {
      search.unusable.push_back(header.error());
      continue;
    }
    if (header->height > range.last_height) continue;
    auto restored = restore_snapshot(file, genesis, progress);
    if (restored) {
      search.found = std::move(*restored);
      return search;
    }
    search.unusable.push_back(std::move(restored.error()));
  }
  return search;
}

std::expected<proto::BlockHeader, std::string> check_snapshot(const std::filesystem::path& file,
                                                              const SnapshotPlaces& places,
                                                              const state::Genesis& genesis) {
  if (auto header = fits(file, places, genesis); !header) return header;
  auto restored = restore_snapshot(file, genesis);
  if (!restored) return std::unexpected(std::move(restored.error()));
  return restored->header;
}

bool may_begin_later(const std::filesystem::path& journal, const std::filesystem::path& snapshots) {
  const auto first = first_segment(journal);
  const auto batches = io::list_snapshots(snapshots);
  if (!first || !batches) return false;
  return std::ranges::any_of(*batches, [&](std::uint64_t batch) {
    const auto header = io::read_snapshot_header(snapshots / io::snapshot_name(batch));
    return header && header->segment >= *first;
  });
}

std::expected<std::uint64_t, std::string> first_segment(const std::filesystem::path& journal) {
  const auto segments = io::list_segments(journal);
  if (!segments) return std::unexpected(sentence(segments.error().path.string(), ": ", segments.error().reason));
  return segments->empty() ? 0 : segments->front();
}

std::string begins_later_text(const std::filesystem::path& journal, std::uint64_t segment,
                              const std::vector<std::string>& unusable) {
  std::string text =
      sentence("the journal in ", journal.string(), " begins with segment ", segment, ": ",
               (journal / io::segment_name(segment - 1)).string(),
               " and what came before was dropped or archived, and there is no snapshot that can stand in "
               "for it");
  for (const std::string& why : unusable) text += "; " + why;
  return text + ". Put the segments back from the archive, or a snapshot from a backup of this very chain";
}

std::uint64_t journal_bytes_from(const std::filesystem::path& journal, std::uint64_t segment, std::uint64_t offset) {
  std::uint64_t bytes = 0;
  const auto segments = io::list_segments(journal);
  if (!segments) return 0;
  for (const std::uint64_t number : *segments) {
    if (number < segment) continue;
    std::error_code gone;
    const std::uintmax_t size = std::filesystem::file_size(journal / io::segment_name(number), gone);
    if (gone) continue;
    bytes += number == segment ? size - std::min<std::uintmax_t>(size, offset) : size;
  }
  return bytes;
}

}  // namespace electra::pipeline
