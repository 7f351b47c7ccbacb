// `electrad inspect`: the journal as it lies on disk. Reads only; works while a gateway serves, and on a damaged journal.
#include <fmt/format.h>

#include <memory>
#include <type_traits>

#include "engine/electrad/amount.h"
#include "engine/electrad/commands/commands.h"
#include "io/journal/journal_reader.h"
#include "meter-proto/address.h"
#include "meter-proto/strict/envelope.h"
#include "meter-proto/strict/payload.h"

namespace electra::app {
namespace {

using Outcome = std::expected<void, Failure>;

struct Options {
  std::string directory;
  std::uint64_t from = 1;
  std::uint64_t limit = 0;  // 0 = all
  std::uint64_t record = 0;
};

std::string time_text(std::uint64_t time_ns) {
  std::string text = instant_text(time_ns / 1'000'000'000);
  text.insert(text.size() - 1, fmt::format(".{:09}", time_ns % 1'000'000'000));
  return text;
}

std::string flags_text(std::uint32_t flags) {
  std::string text;
  if ((flags & io::kRecordBlockClose) != 0) text += "block";
  if ((flags & io::kRecordWatermark) != 0) text += text.empty() ? "watermark" : ",watermark";
  return text.empty() ? "-" : text;
}

Json header_json(const io::RecordView& record) {
  const io::RecordHeader& header = record.header;
  return {{"batch", std::to_string(header.batch)},
          {"time", std::to_string(header.time_ns)},
          {"timeText", time_text(header.time_ns)},
          {"segment", std::to_string(header.segment)},
          {"offset", std::to_string(record.file_offset)},
          {"count", header.count},
          {"bodyBytes", header.body_bytes},
          {"diskBytes", std::to_string(io::record_bytes(header.body_bytes))},
          {"flags", flags_text(header.flags)},
          {"watermark", std::to_string(header.watermark)},
          {"rulesVersion", header.rules_version},
          {"hash", to_hex(header.record_hash)},
          {"previousHash", to_hex(header.previous_hash)}};
}

Json operation_json(const strict::Operation& operation) {
  return std::visit(
      [](const auto& message) -> Json {
        using T = std::decay_t<decltype(message)>;
        if constexpr (std::is_same_v<T, strict::RegisterKey>) {
          return {{"registerKey",
                   {{"serial", message.serial},
                    {"publicKey", to_hex(message.public_key)},
                    {"roles", message.roles},
                    {"phases", message.phases},
                    {"ownerSlot", message.owner_slot}}}};
        } else if constexpr (std::is_same_v<T, strict::ProvePossession>) {
          return {{"provePossession", {{"registrationId", to_hex(message.registration_id)}}}};
        } else if constexpr (std::is_same_v<T, strict::SetStatus>) {
          return {{"setStatus", {{"slot", message.slot}, {"status", message.status}}}};
        } else if constexpr (std::is_same_v<T, strict::OpenAccounts>) {
          return {{"openAccounts",
                   {{"ownerSlot", message.owner_slot},
                    {"asset", message.asset},
                    {"flags", message.flags},
                    {"count", message.count}}}};
        } else if constexpr (std::is_same_v<T, strict::Transfers>) {
          Json list = Json::array();
          for (const strict::Transfer& transfer : message.all()) {
            list.push_back({{"kind", transfer.kind},
                            {"debitAccount", transfer.debit_account},
                            {"creditAccount", transfer.credit_account},
                            {"amount", std::to_string(transfer.amount)},
                            {"timeout", transfer.timeout},
                            {"pendingSlot", transfer.pending_slot},
                            {"pendingSequence", std::to_string(transfer.pending_sequence)},
                            {"pendingIndex", transfer.pending_index},
                            {"reference", std::to_string(transfer.reference)}});
          }
          return {{"transfers", list}};
        } else if constexpr (std::is_same_v<T, strict::Reading>) {
          Json phases = Json::array();
          for (const strict::PhaseReading& phase : message.phases()) {
            phases.push_back({{"phase", phase.phase},
                              {"whin", std::to_string(phase.whin)},
                              {"whout", std::to_string(phase.whout)},
                              {"mvolt", phase.mvolt},
                              {"mhertz", phase.mhertz},
                              {"mpf", phase.mpf},
                              {"maxmi", phase.maxmi}});
          }
          return {{"reading", {{"time", std::to_string(message.time)}, {"phases", phases}}}};
        } else if constexpr (std::is_same_v<T, strict::BeginEpoch>) {
          return {{"beginEpoch", {{"epoch", message.epoch}, {"height", std::to_string(message.height)}}}};
        } else if constexpr (std::is_same_v<T, strict::ScheduleRules>) {
          return {{"scheduleRules", {{"version", message.version}, {"height", std::to_string(message.height)}}}};
        } else {
          return Json::object();
        }
      },
      operation);
}

Json message_json(ByteSpan bytes) {
  strict::EnvelopeView envelope;
  if (strict::decode_envelope(bytes, envelope) != Result::ok) return {{"undecodable", to_hex(bytes)}};
  Json out;
  if (envelope.slot != 0) {
    out["slot"] = envelope.slot;
  } else {
    out["address"] = proto::address_text(*array_of<20>(envelope.address));
  }
  out["keyGeneration"] = envelope.key_generation;
  out["sequence"] = std::to_string(envelope.sequence);
  strict::PayloadView payload;
  if (strict::decode_payload(envelope.payload, payload) == Result::ok) {
    if (payload.not_after != 0) out["notAfter"] = std::to_string(payload.not_after);
    out.update(operation_json(payload.operation));
  } else {
    out["undecodablePayload"] = to_hex(envelope.payload);
  }
  out["bytes"] = bytes.size();
  return out;
}

// The table for people is printed while the journal is read, so that a long one needs no memory.
class JournalLister final : public io::RecordSink {
 public:
  JournalLister(const Options& options, bool json) : options_(options), json_(json) {
    if (!json_) {
      fmt::print("{:>10}  {:<30}  {:>7}  {:>12}  {:>5}  {:>9}  {:>10}  {:<15}  HASH\n", "BATCH", "TIME", "SEGMENT",
                 "OFFSET", "COUNT", "BYTES", "WATERMARK", "FLAGS");
    }
  }

  bool on_record(const io::RecordView& record) override {
    ++records;
    messages += record.header.count;
    if (record.header.batch < options_.from || (options_.limit != 0 && shown_ >= options_.limit)) return true;
    ++shown_;
    const io::RecordHeader& header = record.header;
    if (json_) {
      list.push_back(header_json(record));
    } else {
      fmt::print("{:>10}  {:<30}  {:>7}  {:>12}  {:>5}  {:>9}  {:>10}  {:<15}  {}\n", header.batch,
                 time_text(header.time_ns), header.segment, record.file_offset, header.count, header.body_bytes,
                 header.watermark, flags_text(header.flags), to_hex(header.record_hash).substr(0, 16));
    }
    return true;
  }

  Json list = Json::array();
  std::uint64_t records = 0;
  std::uint64_t messages = 0;

 private:
  const Options& options_;
  bool json_;
  std::uint64_t shown_ = 0;
};

std::filesystem::path journal_directory(const Context& context, const Options& options) {
  if (!options.directory.empty()) return options.directory;
  return context.home().journal_directory();
}

Failure journal_failure(const io::RecoveryError& error) { return {ExitCode::journal_damaged, error.text()}; }

std::expected<std::filesystem::path, Failure> existing_directory(const Context& context, const Options& options) {
  const auto directory = journal_directory(context, options);
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) {
    return std::unexpected(Failure{ExitCode::home, fmt::format("{}: there is no journal here", directory.string())});
  }
  return directory;
}

Outcome inspect_journal(const Context& context, const Options& options) {
  const auto directory = existing_directory(context, options);
  if (!directory) return std::unexpected(directory.error());
  JournalLister lister(options, context.json);
  const auto result = io::read_journal(*directory, lister);
  if (context.json) {
    Json document = {{"directory", directory->string()},
                     {"recordCount", std::to_string(lister.records)},
                     {"messages", std::to_string(lister.messages)},
                     {"records", std::move(lister.list)}};
    if (result) {
      document["bytes"] = std::to_string(result->bytes);
      document["genesisHash"] = lister.records == 0 ? "" : to_hex(result->position.genesis_hash);
      document["watermark"] = std::to_string(result->position.watermark);
      document["tornTail"] = result->cut_text;
    } else {
      const io::RecoveryError& error = result.error();
      document["damage"] = {{"file", error.file.string()},
                            {"offset", std::to_string(error.offset)},
                            {"batch", std::to_string(error.batch)},
                            {"reason", error.reason}};
    }
    print_json(document);
  } else if (result) {
    fmt::print("\n{} records, {} messages, {} bytes; durable up to batch {} by watermark\n", result->records,
               result->messages, result->bytes, result->position.watermark);
    if (result->tail_cut) fmt::print("torn tail, cut at the next start: {}\n", result->cut_text);
  }
  if (!result) return std::unexpected(journal_failure(result.error()));
  return {};
}

// Stops at the record that is asked for, so that damage behind it does not hide it.
class RecordFinder final : public io::RecordSink {
 public:
  explicit RecordFinder(std::uint64_t batch) : batch_(batch) {}

  bool on_record(const io::RecordView& record) override {
    if (record.header.batch != batch_) return true;
    document = header_json(record);
    document["genesisHash"] = to_hex(record.header.genesis_hash);
    document["journalId"] = to_hex(record.header.journal_id);
    document["bodyHash"] = to_hex(record.header.body_hash);
    Json messages = Json::array();
    ByteSpan envelope;
    for (io::EntryCursor entries(record.body); entries.next(envelope);) messages.push_back(message_json(envelope));
    document["messages"] = std::move(messages);
    return false;
  }

  Json document;

 private:
  std::uint64_t batch_;
};

Outcome inspect_record(const Context& context, const Options& options) {
  const auto directory = existing_directory(context, options);
  if (!directory) return std::unexpected(directory.error());
  RecordFinder finder(options.record);
  const auto result = io::read_journal(*directory, finder);
  if (!finder.document.is_null()) {
    if (context.json) {
      print_json(finder.document);
      return {};
    }
    Json header = finder.document;
    header.erase("messages");
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const auto& [key, value] : header.items()) {
      pairs.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
    }
    print_pairs(pairs);
    for (const Json& message : finder.document["messages"]) fmt::print("  {}\n", message.dump());
    return {};
  }
  if (!result) return std::unexpected(journal_failure(result.error()));
  return std::unexpected(
      Failure{ExitCode::failed, fmt::format("{}: there is no batch {}; the last one is {}", directory->string(),
                                            options.record, result->position.last_batch)});
}

}  // namespace

void add_inspect(CLI::App& app, Context& context) {
  CLI::App* inspect = app.add_subcommand("inspect", "Look into the journal on disk");
  inspect->require_subcommand(1);
  auto options = std::make_shared<Options>();
  inspect->add_option("--journal", options->directory, "Directory of the journal (default: that of the home)");
  inspect->footer(
      "Reads only: safe while a gateway serves, and on a damaged journal. Ends with 7 if there is damage.\n\n"
      "Examples:\n"
      "  electrad inspect journal\n"
      "  electrad inspect record 17 --json\n"
      "  electrad inspect journal --journal /backup/journal --from 1000 --limit 20");

  CLI::App* command = inspect->add_subcommand("journal", "One line a record");
  command->add_option("--from", options->from, "First batch to show")->check(whole_number())->capture_default_str();
  command->add_option("--limit", options->limit, "Records to show, 0 = all")
      ->check(whole_number())
      ->capture_default_str();
  command->footer("Example:\n  electrad inspect journal --from 1000 --limit 20");
  command->callback([&context, options] { context.finish(inspect_journal(context, *options)); });

  command = inspect->add_subcommand("record", "One record with its messages");
  command->add_option("batch", options->record, "Number of the batch")->required()->check(whole_number());
  command->footer("Example:\n  electrad inspect record 17 --json");
  command->callback([&context, options] { context.finish(inspect_record(context, *options)); });
}

}  // namespace electra::app
