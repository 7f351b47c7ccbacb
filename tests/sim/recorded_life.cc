#include "tests/sim/recorded_life.h"

#include <stdlib.h>

#include <fstream>

#include "meter-proto/base/assert.h"

namespace electra::sim {
namespace {

namespace fs = std::filesystem;
using Kind = DiskOperation::Kind;

// As if nothing had ever been cut off by a lost sector, moved or removed.
Bytes last_contents(const DiskLog& log, FileId file) {
  const auto base = log.base_files().find(file);
  Bytes bytes = base == log.base_files().end() ? Bytes() : base->second;
  for (const DiskOperation& operation : log.operations()) {
    if (operation.file != file) continue;
    if (operation.kind == Kind::truncate) bytes.resize(operation.offset);
    if (operation.kind != Kind::write) continue;
    bytes.resize(std::max<std::size_t>(bytes.size(), operation.offset + operation.bytes.size()));
    std::ranges::copy(operation.bytes, bytes.begin() + static_cast<std::ptrdiff_t>(operation.offset));
  }
  return bytes;
}

// Every segment that there ever was.
void write_segments(const DiskLog& log, const fs::path& directory) {
  std::map<std::string, FileId> segments;
  const auto note = [&segments](const std::string& name, FileId file) {
    if (name.ends_with(".seg")) segments[fs::path(name).filename().string()] = file;
  };
  for (const auto& [name, file] : log.base_names()) note(name, file);
  for (const DiskOperation& operation : log.operations()) {
    if (operation.kind == Kind::create) note(operation.path, operation.file);
  }
  fs::create_directories(directory);
  for (const auto& [name, file] : segments) {
    const Bytes bytes = last_contents(log, file);
    std::ofstream out(directory / name, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
}

}  // namespace

ScratchDirectory::ScratchDirectory() {
  const fs::path memory = "/dev/shm";
  std::error_code ignored;
  const fs::path parent = fs::is_directory(memory, ignored) ? memory : fs::temp_directory_path();
  std::string path = (parent / "electra-sim-XXXXXX").string();
  ELECTRA_ASSERT(mkdtemp(path.data()) != nullptr);
  path_ = path;
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

RecordedLife live(const World& world, RecordedDisk& disk, std::uint64_t seed, std::uint64_t messages) {
  RecordedLife life;
  pipeline::GatewaySettings settings = world.settings(6);
  disk.serve(settings);
  settings.snapshots.on_event = [&life](const pipeline::SnapshotEvent& event) {
    if (event.kind == pipeline::SnapshotEvent::Kind::sealed) ++life.snapshots;
    life.put_away += event.segments;
    if (event.kind == pipeline::SnapshotEvent::Kind::failed) life.problem = event.text;
  };
  {
    test::RunningGateway gateway(std::move(settings));
    if (!gateway.error().empty()) {
      life.problem = gateway.error();
      return life;
    }
    {
      Load load(gateway.port(), seed, &disk.log());
      if (!load.send(messages) || load.refused() != 0) life.problem = "the load did not come through";
      life.promises = load.promises();
    }
    gateway.stop();
    if (gateway.reason() != pipeline::StopReason::requested) life.problem = gateway.failure();
  }
  const ScratchDirectory all;
  write_segments(disk.log(), all.path());
  life.chain = read_chain(all.path(), world.headers_file());
  if (!life.chain.problem.empty()) life.problem = life.chain.problem;
  return life;
}

}  // namespace electra::sim
