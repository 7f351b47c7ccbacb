#include "engine/electrad/offline_chain.h"

#include <fmt/format.h>

#include "engine/electrad/chain_setup.h"

namespace electra::app {
namespace {

std::unexpected<Failure> failed(ExitCode code, std::string text) {
  return std::unexpected(Failure{code, std::move(text)});
}

}  // namespace

Execution::Execution(OfflineChain& chain, std::uint64_t last_height)
    : RecordReplayer(chain.machine(), chain.keys(), chain.verifier()),
      machine_(chain.machine()),
      last_height_(last_height),
      done_(machine_.height() >= last_height),
      progress_("executing the journal", ProgressBar::Unit::blocks) {
  pipeline::follow_key_changes(machine_, chain.keys(), chain.verifier());
}

bool Execution::on_record(const io::RecordView& record) {
  if (done_ || !RecordReplayer::on_record(record)) return false;
  if ((record.header.flags & io::kRecordBlockClose) != 0) {
    progress_(machine_.height(), last_height_);
    done_ = block_ended() || machine_.height() >= last_height_;
  }
  return !done_;
}

std::expected<std::unique_ptr<OfflineChain>, Failure> OfflineChain::open(const Home& home) {
  const auto file = load_genesis(home);
  if (!file) return std::unexpected(file.error());
  auto headers = io::HeaderFile::open(home.headers_file(), false);
  if (!headers) return failed(ExitCode::home, headers.error());
  if ((*headers)->count() == 0) return failed(ExitCode::failed, "no block of this chain has a signed header yet");
  auto verifier = crypto::make_verifier("auto");
  if (!verifier) return failed(ExitCode::failed, verifier.error());
  std::unique_ptr<OfflineChain> chain(new OfflineChain(home, file->genesis));
  chain->headers_ = std::move(*headers);
  chain->verifier_ = std::move(*verifier);
  chain->keys_ = std::make_unique<crypto::KeyStore>(file->genesis.limits.holders_max, 0);
  return chain;
}

std::expected<void, Failure> OfflineChain::begin(std::uint64_t last_height, bool earliest) {
  const auto first = pipeline::first_segment(home_.journal_directory());
  if (!first) return failed(ExitCode::journal_damaged, first.error());
  std::vector<std::string> unusable;
  if (*first > 1 || !earliest) {
    auto search = pipeline::find_snapshot({.snapshots = home_.snapshots_directory(),
                                           .journal = home_.journal_directory(),
                                           .headers_file = home_.headers_file()},
                                          genesis_, {.last_height = last_height, .newest_first = !earliest});
    if (!search) return failed(ExitCode::failed, search.error());
    if (search->found) {
      machine_ = std::move(search->found->machine);
      maker_ = std::move(search->found->maker);
      start_ = pipeline::start_behind(search->found->snapshot, search->found->header);
      return {};
    }
    unusable = std::move(search->unusable);
  }
  if (*first > 1) {
    return failed(ExitCode::journal_damaged,
                  fmt::format("nothing can be executed up to block {}: {}", last_height,
                              pipeline::begins_later_text(home_.journal_directory(), *first, unusable)));
  }
  auto machine = state::Machine::create(genesis_);
  if (!machine) return failed(ExitCode::configuration, machine.error());
  machine_ = std::move(*machine);
  maker_ = std::make_unique<chain::BlockMaker>(*machine_);
  return {};
}

const chain::StateTrees& OfflineChain::trees() {
  maker_->trees().update();
  return maker_->trees();
}

std::expected<void, Failure> OfflineChain::run(Execution& execution) {
  if (execution.done()) return {};
  const auto read = start_ ? io::recover_journal(home_.journal_directory(), *start_, &execution)
                           : io::recover_journal(home_.journal_directory(), machine_->genesis_hash(), &execution);
  if (execution.done()) return {};
  if (!execution.problem().empty()) {
    return failed(ExitCode::journal_damaged, fmt::format("the journal cannot be executed behind batch {}: {}",
                                                         machine_->batch_number(), execution.problem()));
  }
  if (!read) return failed(ExitCode::journal_damaged, read.error().text());
  return failed(ExitCode::not_verified, fmt::format("{}: the journal ends with block {}; {} has headers up to {}",
                                                    home_.journal_directory().string(), machine_->height(),
                                                    home_.headers_file().string(), signed_height()));
}

std::expected<proto::SignedHeader, Failure> OfflineChain::header(std::uint64_t height) const {
  io::HeaderEntry bytes{};
  if (const auto read = headers_->read(height, bytes); !read) return failed(ExitCode::failed, read.error());
  const auto header = proto::decode_signed_header(bytes);
  if (!header || header->header.height != height) {
    return failed(ExitCode::not_verified, fmt::format("{}: what stands at the place of height {} is no header of it",
                                                      home_.headers_file().string(), height));
  }
  return *header;
}

}  // namespace electra::app
