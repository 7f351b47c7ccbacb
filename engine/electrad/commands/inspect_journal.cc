// `electrad inspect journal` and `inspect record`.
#include <fmt/format.h>

#include "engine/electrad/answers.h"
#include "engine/electrad/commands/inspect.h"
#include "engine/electrad/commands/record_json.h"

namespace electra::app {
namespace {

// Lines for people are printed while the journal is read, so that a long one needs no memory.
class Lister final : public io::WalkVisitor {
 public:
  Lister(const InspectOptions& options, bool json) : options_(options), json_(json) {
    if (!json_) {
      fmt::print("{:>10}  {:<30}  {:>7}  {:>12}  {:>5}  {:>9}  {:>10}  {:<15}  HASH\n", "BATCH", "TIME", "SEGMENT",
                 "OFFSET", "COUNT", "BYTES", "WATERMARK", "FLAGS");
    }
  }

  bool on_record(const io::RecordView& record, bool follows) override {
    const io::RecordHeader& header = record.header;
    if (first_batch == 0) first_batch = header.batch;
    if (header.batch < options_.from || (options_.limit != 0 && shown_ >= options_.limit)) return true;
    ++shown_;
    if (json_) {
      Json entry = record_json(record);
      if (!follows) entry["follows"] = false;
      records.push_back(std::move(entry));
    } else {
      fmt::print("{:>10}  {:<30}  {:>7}  {:>12}  {:>5}  {:>9}  {:>10}  {:<15}  {}{}\n", header.batch,
                 nanosecond_text(header.time_ns), record.segment, record.file_offset, header.count, header.body_bytes,
                 header.watermark, record_flags_text(header.flags), to_hex(header.record_hash).substr(0, 16),
                 follows ? "" : "  does not follow");
    }
    return true;
  }

  bool on_fault(const io::WalkFault& fault) override {
    if (fault_count++ == 0) {
      first_fault = fault.text();
      first = fault_json(fault);
    }
    if (json_) {
      faults.push_back(fault_json(fault));
    } else {
      fmt::print("{:>10}  {}\n", io::walk_fault_kind_name(fault.kind), fault.text());
    }
    return true;
  }

  Json records = Json::array();
  Json faults = Json::array();
  Json first;
  std::uint64_t fault_count = 0;
  std::string first_fault;
  std::uint64_t first_batch = 0;  // that is there

 private:
  const InspectOptions& options_;
  bool json_;
  std::uint64_t shown_ = 0;
};

// Stops at the record that is asked for.
class Finder final : public io::WalkVisitor {
 public:
  explicit Finder(std::uint64_t batch) : batch_(batch) {}

  bool on_record(const io::RecordView& record, bool follows) override {
    if (record.header.batch != batch_) return true;
    document = record_json(record);
    document["genesisHash"] = to_hex(record.header.genesis_hash);
    document["journalId"] = to_hex(record.header.journal_id);
    document["bodyHash"] = to_hex(record.header.body_hash);
    document["follows"] = follows;
    Json messages = Json::array();
    ByteSpan envelope;
    for (io::EntryCursor entries(record.body); entries.next(envelope);) messages.push_back(message_json(envelope));
    document["messages"] = std::move(messages);
    return false;
  }

  bool on_fault(const io::WalkFault& fault) override {
    if (fault_count++ == 0) first_fault = fault.text();
    return true;
  }

  Json document;
  std::uint64_t fault_count = 0;
  std::string first_fault;

 private:
  std::uint64_t batch_;
};

}  // namespace

Outcome inspect_journal(const Context& context, const InspectOptions& options) {
  const auto directory = inspected_journal(context, options);
  if (!directory) return std::unexpected(directory.error());
  Lister lister(options, context.json);
  const auto end = walk_for_inspection(*directory, inspected_genesis(context, options), lister);
  if (context.json) {
    Json document = {{"directory", directory->string()}};
    if (end) {
      document["firstBatch"] = std::to_string(lister.first_batch);
      document["recordCount"] = std::to_string(end->records);
      document["messages"] = std::to_string(end->messages);
      document["bytes"] = std::to_string(end->bytes);
      document["genesisHash"] = end->position.last_batch == 0 ? "" : to_hex(end->position.genesis_hash);
      document["watermark"] = std::to_string(end->position.watermark);
      document["tornTail"] = end->tail_text;
    }
    document["records"] = std::move(lister.records);
    document["faults"] = std::move(lister.faults);
    if (lister.fault_count > 0) document["damage"] = std::move(lister.first);
    print_json(document);
  } else if (end) {
    fmt::print("\n{} records, {} messages, {} bytes; durable up to batch {} by watermark\n", end->records,
               end->messages, end->bytes, end->position.watermark);
    if (lister.first_batch > 1) {
      fmt::print("begins with batch {}: what came before was dropped or archived\n", lister.first_batch);
    }
    if (end->tail_bytes > 0 && end->faults == 0) fmt::print("torn tail, cut at the next start: {}\n", end->tail_text);
  }
  if (!end) return std::unexpected(Failure{ExitCode::journal_damaged, end.error().text()});
  if (end->faults > 0) return std::unexpected(damage_failure(end->faults, lister.first_fault));
  return {};
}

Outcome inspect_record(const Context& context, const InspectOptions& options) {
  const auto directory = inspected_journal(context, options);
  if (!directory) return std::unexpected(directory.error());
  Finder finder(options.batch);
  const auto end = walk_for_inspection(*directory, inspected_genesis(context, options), finder);
  if (!finder.document.is_null()) {
    if (context.json) {
      print_json(finder.document);
    } else {
      Json header = finder.document;
      header.erase("messages");
      print_pairs(flat_pairs(header));
      for (const Json& message : finder.document["messages"]) fmt::print("  {}\n", message.dump());
    }
    // The record is whole, but the journal before it is not.
    if (finder.fault_count > 0) return std::unexpected(damage_failure(finder.fault_count, finder.first_fault));
    return {};
  }
  if (!end) return std::unexpected(Failure{ExitCode::journal_damaged, end.error().text()});
  if (end->faults > 0) {
    Failure failure = damage_failure(end->faults, finder.first_fault);
    failure.text = fmt::format("batch {} is not among the whole records; {}", options.batch, failure.text);
    return std::unexpected(std::move(failure));
  }
  return std::unexpected(
      Failure{ExitCode::failed, fmt::format("{}: there is no batch {}; the last one is {}", directory->string(),
                                            options.batch, end->position.last_batch)});
}

}  // namespace electra::app
