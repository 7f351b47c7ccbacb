// `electrad inspect block`: the signed headers of the home, and the records of one block.
#include <fmt/format.h>

#include <algorithm>

#include "engine/electrad/answers.h"
#include "engine/electrad/chain_setup.h"
#include "engine/electrad/commands/inspect.h"
#include "engine/electrad/commands/record_json.h"
#include "engine/electrad/config.h"
#include "engine/electrad/genesis.h"
#include "io/header_file.h"
#include "meter-proto/chain/block_header.h"

namespace electra::app {
namespace {

static_assert(io::kHeaderEntryBytes == proto::kSignedHeaderBytes);

std::expected<std::unique_ptr<io::HeaderFile>, Failure> open_headers(const Context& context) {
  const std::filesystem::path path = context.home().headers_file();
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return std::unexpected(Failure{ExitCode::home, fmt::format("{}: there are no block headers here", path.string())});
  }
  auto file = io::HeaderFile::open(path, false);
  if (!file) return std::unexpected(Failure{ExitCode::failed, file.error()});
  return std::move(*file);
}

struct Entry {
  std::optional<proto::SignedHeader> block;  // nothing: these are not the bytes of a header
  std::string fault;                         // empty: as it should be, as far as headers alone can tell
};

// The header, and whether it stands where it says and continues the one before.
std::expected<Entry, Failure> read_entry(const io::HeaderFile& file, std::uint64_t height,
                                         const std::optional<Bytes32>& genesis) {
  io::HeaderEntry bytes;
  std::optional<Bytes32> previous = height == 1 ? genesis : std::nullopt;
  if (height > 1) {
    if (auto read = file.read(height - 1, bytes); !read)
      return std::unexpected(Failure{ExitCode::failed, read.error()});
    if (const auto before = proto::decode_signed_header(bytes)) previous = proto::header_hash(before->header);
  }
  if (auto read = file.read(height, bytes); !read) return std::unexpected(Failure{ExitCode::failed, read.error()});
  Entry entry{.block = proto::decode_signed_header(bytes), .fault = {}};
  const std::string place =
      fmt::format("{} at offset {} (height {}): ", file.path().string(), (height - 1) * io::kHeaderEntryBytes, height);
  if (!entry.block) {
    entry.fault = place + "these bytes are no block header";
  } else if (entry.block->header.height != height) {
    entry.fault = place + fmt::format("the header of height {} stands here", entry.block->header.height);
  } else if (previous && entry.block->header.previous_hash != *previous) {
    entry.fault = place + (height == 1 ? "it belongs to another chain" : "it does not continue the header before it");
  }
  return entry;
}

// The records of the batches first … last.
class Collector final : public io::WalkVisitor {
 public:
  Collector(std::uint64_t first, std::uint64_t last) : first_(first), last_(last) {}

  bool on_record(const io::RecordView& record, bool follows) override {
    const std::uint64_t batch = record.header.batch;
    if (batch >= first_ && batch <= last_) {
      Json entry = record_json(record);
      if (!follows) entry["follows"] = false;
      rows.push_back({std::to_string(batch), nanosecond_text(record.header.time_ns), std::to_string(record.segment),
                      std::to_string(record.file_offset), std::to_string(record.header.count),
                      record_flags_text(record.header.flags), to_hex(record.header.record_hash).substr(0, 16)});
      records.push_back(std::move(entry));
    }
    return batch < last_ || !follows;
  }
  bool on_fault(const io::WalkFault& fault) override {
    if (fault_count++ == 0) first_fault = fault.text();
    return true;
  }

  Json records = Json::array();
  std::vector<std::vector<std::string>> rows;
  std::uint64_t fault_count = 0;
  std::string first_fault;

 private:
  std::uint64_t first_;
  std::uint64_t last_;
};

}  // namespace

Outcome inspect_blocks(const Context& context, const InspectOptions& options) {
  const auto file = open_headers(context);
  if (!file) return std::unexpected(file.error());
  const std::uint64_t count = (*file)->count();
  const auto genesis = inspected_genesis(context, {});
  Json blocks = Json::array();
  Json faults = Json::array();
  if (!context.json) {
    fmt::print("{:>9}  {:<30}  {:>5}  {:>6}  {:>10}  {:>7}  {:>8}  {:<16}  HASH\n", "HEIGHT", "TIME", "EPOCH", "CYCLE",
               "LAST BATCH", "BATCHES", "MESSAGES", "STATE ROOT");
  }
  std::uint64_t fault_count = 0;
  std::string first_fault;
  std::uint64_t shown = 0;
  for (std::uint64_t height = std::max<std::uint64_t>(options.from, 1); height <= count; ++height) {
    if (options.limit != 0 && shown++ >= options.limit) break;
    const auto entry = read_entry(**file, height, genesis);
    if (!entry) return std::unexpected(entry.error());
    if (entry->block && context.json) blocks.push_back(block_json(*entry->block));
    if (entry->block && !context.json) {
      const proto::BlockHeader& header = entry->block->header;
      fmt::print("{:>9}  {:<30}  {:>5}  {:>6}  {:>10}  {:>7}  {:>8}  {:<16}  {}\n", header.height,
                 nanosecond_text(header.time_ns), header.epoch, header.cycle, header.last_batch, header.batches,
                 header.messages, to_hex(header.state_root).substr(0, 16),
                 to_hex(proto::header_hash(header)).substr(0, 16));
    }
    if (entry->fault.empty()) continue;
    if (fault_count++ == 0) first_fault = entry->fault;
    if (context.json) faults.push_back(entry->fault);
    if (!context.json) fmt::print("{:>9}  {}\n", "damage", entry->fault);
  }
  const std::uint64_t torn = (*file)->torn_bytes();
  if (context.json) {
    print_json({{"file", (*file)->path().string()},
                {"count", std::to_string(count)},
                {"tornBytes", std::to_string(torn)},
                {"blocks", std::move(blocks)},
                {"faults", std::move(faults)}});
  } else {
    fmt::print("\n{} blocks\n", count);
    if (torn > 0) fmt::print("{} bytes of an unfinished header follow; the next start makes it again\n", torn);
  }
  if (fault_count > 0) return std::unexpected(damage_failure(fault_count, first_fault));
  return {};
}

Outcome inspect_block(const Context& context, const InspectOptions& options) {
  const auto file = open_headers(context);
  if (!file) return std::unexpected(file.error());
  if (options.height == 0 || options.height > (*file)->count()) {
    return std::unexpected(
        Failure{ExitCode::failed, fmt::format("{}: there is no block {}; the last one is {}", (*file)->path().string(),
                                              options.height, (*file)->count())});
  }
  const auto entry = read_entry(**file, options.height, inspected_genesis(context, options));
  if (!entry) return std::unexpected(entry.error());
  if (!entry->block) return std::unexpected(damage_failure(1, entry->fault));
  Json document = block_json(*entry->block);
  const auto valid = gateway_signed(context.home(), *entry->block);
  document["signatureValid"] = valid ? Json(*valid) : Json(nullptr);

  std::vector<std::string> faults;
  if (!entry->fault.empty()) faults.push_back(entry->fault);
  if (valid == false) faults.push_back("the signature is not the gateway's");
  const proto::BlockHeader& header = entry->block->header;
  const std::uint64_t first = header.last_batch - std::min<std::uint64_t>(header.last_batch, header.batches) + 1;
  Collector records(first, header.last_batch);
  if (const auto directory = inspected_journal(context, options); !directory) {
    faults.push_back(directory.error().text);
  } else {
    const auto end = walk_for_inspection(*directory, inspected_genesis(context, options), records);
    if (!end) faults.push_back(end.error().text());
    if (records.rows.size() != header.batches) {
      faults.push_back(fmt::format("{} of its {} records are in {}{}{}", records.rows.size(), header.batches,
                                   directory->string(), records.fault_count > 0 ? "; " : "", records.first_fault));
    }
  }
  if (context.json) {
    document["records"] = std::move(records.records);
    document["faults"] = faults;
    print_json(document);
  } else {
    print_pairs(flat_pairs(document));
    fmt::print("\n");
    print_table({{"BATCH", Align::right},
                 {"TIME"},
                 {"SEGMENT", Align::right},
                 {"OFFSET", Align::right},
                 {"COUNT", Align::right},
                 {"FLAGS"},
                 {"HASH"}},
                records.rows);
  }
  if (!faults.empty()) return std::unexpected(damage_failure(faults.size(), faults.front()));
  return {};
}

}  // namespace electra::app
