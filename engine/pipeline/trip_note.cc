#include "engine/pipeline/trip_note.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>

namespace electra::pipeline {

std::string TripNote::text() const {
  const std::string batch_text = "batch " + std::to_string(batch);
  if (message == 0) return "behind the " + std::to_string(messages) + " messages of " + batch_text;
  return "at message " + std::to_string(message) + " of " + std::to_string(messages) + " of " + batch_text + ": slot " +
         std::to_string(slot) + ", sequence " + std::to_string(sequence) + ", id " + to_hex(id);
}

std::filesystem::path trip_note_file(const std::filesystem::path& journal_directory) {
  return journal_directory / "tripped";
}

void write_trip_note(const TripNote& note, const std::filesystem::path& file) noexcept {
  const std::string text =
      "batch " + std::to_string(note.batch) + "\nmessage " + std::to_string(note.message) + "\nmessages " +
      std::to_string(note.messages) + "\nslot " + std::to_string(note.slot) + "\nsequence " +
      std::to_string(note.sequence) + "\nid " + to_hex(note.id) + "\nacknowledged " +
      (note.acknowledged ? std::to_string(*note.acknowledged) : std::string("unknown")) + "\nend\n";
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t written = ::write(fd, text.data(), text.size());
  [[maybe_unused]] const int synced = ::fdatasync(fd);
  ::close(fd);
}

std::optional<TripNote> read_trip_note(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::map<std::string, std::string> values;
  std::string key;
  while (in >> key && key != "end") in >> values[key];
  if (key != "end") return std::nullopt;
  const auto number = [&values](const char* name) -> std::uint64_t {
    return std::strtoull(values[name].c_str(), nullptr, 10);
  };
  TripNote note{.batch = number("batch"),
                .message = static_cast<std::uint32_t>(number("message")),
                .messages = static_cast<std::uint32_t>(number("messages")),
                .slot = static_cast<std::uint32_t>(number("slot")),
                .sequence = number("sequence"),
                .id = {},
                .acknowledged = {}};
  if (note.batch == 0) return std::nullopt;
  if (!from_hex(values["id"], note.id)) return std::nullopt;
  if (values["acknowledged"] != "unknown") note.acknowledged = number("acknowledged");
  return note;
}

}  // namespace electra::pipeline
