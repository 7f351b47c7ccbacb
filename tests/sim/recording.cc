#include "tests/sim/recording.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <vector>

namespace electra::sim {
namespace {

using Json = nlohmann::json;

template <typename Range>
Json binary(const Range& bytes) {
  return Json::binary(std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
}

Bytes bytes_of(const Json& value) { return value.get_binary(); }

template <std::size_t kSize>
std::array<std::uint8_t, kSize> array_of(const Json& value) {
  std::array<std::uint8_t, kSize> out{};
  const auto& bytes = value.get_binary();
  if (bytes.size() != kSize) throw std::length_error("an array of " + std::to_string(bytes.size()) + " bytes");
  std::ranges::copy(bytes, out.begin());
  return out;
}

// --- to and from: each pair lists the same fields in the same order ---

Json json_of(const DiskOperation& o) {
  return {
      static_cast<std::uint8_t>(o.kind), o.file, o.path, o.to, o.offset, binary(o.bytes), o.through, o.begun, o.done};
}
DiskOperation operation_of(const Json& j) {
  return {.kind = static_cast<DiskOperation::Kind>(j.at(0).get<std::uint8_t>()),
          .file = j.at(1),
          .path = j.at(2),
          .to = j.at(3),
          .offset = j.at(4),
          .bytes = bytes_of(j.at(5)),
          .through = j.at(6),
          .begun = j.at(7),
          .done = j.at(8)};
}

Json json_of(const DiskLog& log) {
  Json names = Json::array();
  Json files = Json::array();
  Json operations = Json::array();
  for (const auto& [name, file] : log.base_names()) names.push_back({file, name});
  for (const auto& [file, bytes] : log.base_files()) files.push_back({file, binary(bytes)});
  for (const DiskOperation& operation : log.operations()) operations.push_back(json_of(operation));
  return {{"directories", log.base_directories()}, {"names", names}, {"files", files}, {"operations", operations}};
}
std::unique_ptr<DiskLog> log_of(const Json& j) {
  DiskLog::Recorded recorded;
  recorded.base_directories = j.at("directories").get<std::vector<std::string>>();
  for (const Json& name : j.at("names")) recorded.base_names[name.at(1).get<std::string>()] = name.at(0);
  for (const Json& file : j.at("files")) recorded.base_files[file.at(0).get<FileId>()] = bytes_of(file.at(1));
  for (const Json& operation : j.at("operations")) recorded.operations.push_back(operation_of(operation));
  return std::make_unique<DiskLog>(std::move(recorded));
}

Json json_of(const Life& life) {
  Json promises = Json::array();
  Json records = Json::array();
  Json headers = Json::array();
  for (const Promise& p : life.promises) {
    promises.push_back({p.name.first, p.name.second, static_cast<std::uint64_t>(p.result), p.batch, p.moment});
  }
  for (const auto& [batch, record] : life.chain.records) {
    records.push_back({batch, binary(record.hash), record.closes_block, record.messages});
  }
  for (const io::HeaderEntry& header : life.chain.headers) headers.push_back(binary(header));
  return {{"promises", promises}, {"records", records}, {"headers", headers}};
}
Life life_of(const Json& j) {
  Life life;
  for (const Json& p : j.at("promises")) {
    life.promises.push_back({.name = {p.at(0), p.at(1)},
                             .result = static_cast<Result>(p.at(2).get<std::uint64_t>()),
                             .batch = p.at(3),
                             .moment = p.at(4)});
  }
  for (const Json& r : j.at("records")) {
    life.chain.records[r.at(0).get<std::uint64_t>()] = {.hash = array_of<sizeof(Bytes32)>(r.at(1)),
                                                        .closes_block = r.at(2),
                                                        .messages = r.at(3).get<std::vector<test::MessageName>>()};
  }
  for (const Json& header : j.at("headers")) {
    life.chain.headers.push_back(array_of<io::kHeaderEntryBytes>(header));
  }
  return life;
}

}  // namespace

bool save_recording(const std::filesystem::path& file, const DiskLog& log, const Life& life,
                    io::OldSegments old_segments, const PowerCut& cut) {
  const Json document = {{"log", json_of(log)},
                         {"life", json_of(life)},
                         {"archives", old_segments == io::OldSegments::archive},
                         {"moment", cut.moment},
                         {"seed", cut.seed}};
  std::ofstream out(file, std::ios::binary);
  const std::vector<std::uint8_t> bytes = Json::to_cbor(document);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return static_cast<bool>(out.flush());
}

std::expected<Recording, std::string> load_recording(const std::filesystem::path& file) {
  try {
    const Json document = Json::from_cbor(read_bytes(file));
    Recording recording{.log = log_of(document.at("log")), .life = life_of(document.at("life")), .cut = {}};
    recording.old_segments = document.at("archives") ? io::OldSegments::archive : io::OldSegments::drop;
    recording.cut = {.moment = document.at("moment"), .seed = document.at("seed")};
    return recording;
  } catch (const std::exception& problem) {
    return std::unexpected(file.string() + " is no recording: " + problem.what());
  }
}

}  // namespace electra::sim
