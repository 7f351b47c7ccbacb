#include "engine/electrad/chain_import.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <utility>

#include "engine/electrad/config.h"
#include "engine/electrad/genesis.h"
#include "engine/electrad/progress_bar.h"
#include "engine/pipeline/audit.h"
#include "engine/pipeline/packed_source.h"
#include "io/directory_lock.h"

namespace electra::app {
namespace {

namespace fs = std::filesystem;

std::unexpected<Failure> failure(ExitCode code, std::string text) {
  return std::unexpected(Failure{code, std::move(text)});
}

// Where an import is made. Without a genesis beside it, it is one that did not end.
fs::path corner_of(const Home& home) { return home.root() / "import"; }

bool has_chain(const Home& home) {
  std::error_code error;
  const bool interrupted = fs::exists(corner_of(home), error) && !fs::exists(home.genesis_file(), error);
  return !interrupted && home.has_chain();
}

std::expected<void, Failure> refuse_chain(const Home& home) {
  if (!has_chain(home)) return {};
  return failure(ExitCode::home,
                 fmt::format("{}: a chain is here already; another --home takes the blocks", home.root().string()));
}

std::expected<void, Failure> checked(const fs::path& path, const std::error_code& error) {
  if (!error) return {};
  return failure(ExitCode::home, fmt::format("{}: {}", path.string(), error.message()));
}

// Of an import that was interrupted.
std::expected<void, Failure> clear(const Home& home) {
  std::error_code error;
  if (!fs::exists(corner_of(home), error)) return {};
  for (const fs::path& path : {home.journal_directory(), home.headers_file(), corner_of(home)}) {
    fs::remove_all(path, error);
    if (auto good = checked(path, error); !good) return good;
  }
  fs::create_directory(home.journal_directory(), error);
  return checked(home.journal_directory(), error);
}

std::expected<void, Failure> sync_directory(const fs::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool good = fd >= 0 && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (good) return {};
  return failure(ExitCode::home,
                 fmt::format("{}: cannot be made durable: {}", directory.string(), std::strerror(error)));
}

std::expected<void, Failure> audit_source(const state::Genesis& genesis, pipeline::PackedSource& source,
                                          const Config& config, bool bars) {
  ProgressBar progress("checking the blocks", bars);
  const auto report = pipeline::audit(genesis, source,
                                      {.verifier = config.verify_backend,
                                       .table_memory_bytes = config.table_memory_bytes,
                                       .progress = std::ref(progress)});
  progress.end();
  if (!report) return failure(ExitCode::failed, report.error());
  if (report->good()) return {};
  const pipeline::SourceProblem& first = report->problems.front();
  std::string place = fmt::format("{} at offset {}", first.place.file.string(), first.place.offset);
  if (first.batch != 0) place += fmt::format(", batch {}", first.batch);
  if (first.height != 0) place += fmt::format(", block {}", first.height);
  return failure(ExitCode::not_verified, fmt::format("{}: {}; nothing was imported", place, first.text));
}

// Journal and headers, from the corner to their places, durably.
std::expected<void, Failure> move_into_place(const Home& home) {
  const fs::path blocks = home.headers_file().parent_path();
  std::error_code error;
  fs::create_directories(blocks, error);
  if (auto good = checked(blocks, error); !good) return good;
  fs::rename(corner_of(home) / "headers.bin", home.headers_file(), error);
  if (auto good = checked(home.headers_file(), error); !good) return good;
  fs::rename(corner_of(home) / "journal", home.journal_directory(), error);  // over an empty directory
  if (auto good = checked(home.journal_directory(), error); !good) return good;
  if (auto synced = sync_directory(blocks); !synced) return synced;
  return sync_directory(home.root());
}

std::expected<pipeline::ImportSummary, Failure> import_into_corner(const Home& home, pipeline::PackedSource& source,
                                                                   const Bytes32& genesis_hash, const Config& config,
                                                                   bool bars) {
  std::error_code error;
  fs::create_directory(corner_of(home), error);
  if (auto good = checked(corner_of(home), error); !good) return std::unexpected(std::move(good.error()));
  if (auto synced = sync_directory(home.root()); !synced) return std::unexpected(std::move(synced.error()));
  ProgressBar progress("importing the blocks", bars);
  auto imported = pipeline::import_chain(source, {.genesis_hash = genesis_hash,
                                                  .journal_directory = corner_of(home) / "journal",
                                                  .headers_file = corner_of(home) / "headers.bin",
                                                  .segment_bytes = config.segment_bytes,
                                                  .progress = std::ref(progress)});
  progress.end();
  if (!imported) return failure(ExitCode::failed, fmt::format("{}; nothing was imported", imported.error()));
  return *imported;
}

fs::path gateway_key_file(const Home& home, const state::Genesis& genesis) {
  for (const state::GenesisHolder& holder : genesis.holders) {
    if ((holder.roles & state::kRoleGateway) != 0) return home.key_file(holder.serial);
  }
  return {};
}

std::expected<pipeline::ImportSummary, Failure> make_home(const Home& home, pipeline::PackedSource& source,
                                                          const Bytes32& genesis_hash, const Config& config,
                                                          const std::string& config_text, bool bars) {
  if (const auto made = home.create(); !made) return failure(ExitCode::home, made.error());
  const auto lock = io::DirectoryLock::acquire(home.root());
  if (!lock) return failure(ExitCode::home, lock.error());
  if (auto free = refuse_chain(home); !free) return std::unexpected(std::move(free.error()));
  if (auto cleared = clear(home); !cleared) return std::unexpected(std::move(cleared.error()));

  auto imported = import_into_corner(home, source, genesis_hash, config, bars);
  if (!imported) {
    (void)clear(home);
    return imported;
  }
  if (auto moved = move_into_place(home); !moved) return std::unexpected(std::move(moved.error()));
  for (const auto& [path, text] : {std::pair(home.config_file(), std::string_view(config_text)),
                                   std::pair(home.genesis_file(), std::string_view(source.genesis_text()))}) {
    if (const auto written = write_file_durably(path, text); !written) return failure(ExitCode::home, written.error());
  }
  std::error_code ignored;
  fs::remove_all(corner_of(home), ignored);  // beside a genesis it says nothing
  return imported;
}

}  // namespace

std::expected<ImportedChain, Failure> import_home(const Home& home, const std::vector<fs::path>& files,
                                                  std::string_view config_file, const std::string& config_text,
                                                  bool bars) {
  if (auto free = refuse_chain(home); !free) return std::unexpected(std::move(free.error()));
  const auto config = parse_config(config_file, config_text);
  if (!config) return failure(ExitCode::configuration, config.error());
  const auto source = pipeline::open_packed_source(files);
  if (!source) {
    return failure(source.error().not_true ? ExitCode::not_verified : ExitCode::failed, source.error().text);
  }
  auto genesis = parse_genesis(files.front().string() + " (genesis)", (*source)->genesis_text());
  if (!genesis) return failure(ExitCode::not_verified, genesis.error());
  if (auto good = audit_source(*genesis, **source, *config, bars); !good)
    return std::unexpected(std::move(good.error()));
  auto imported = make_home(home, **source, genesis->hash, *config, config_text, bars);
  if (!imported) return std::unexpected(std::move(imported.error()));
  ImportedChain chain{.genesis = std::move(*genesis),
                      .summary = *imported,
                      .last_header_hash = proto::header_hash(imported->last_header),
                      .gateway_key_file = {}};
  chain.gateway_key_file = gateway_key_file(home, chain.genesis);
  return chain;
}

}  // namespace electra::app
