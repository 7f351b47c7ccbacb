#include "engine/pipeline/block_keeper.h"

#include <algorithm>
#include <cstring>

#include "io/journal/record_format.h"
#include "meter-proto/base/assert.h"

namespace electra::pipeline {

static_assert(io::kHeaderEntryBytes == proto::kSignedHeaderBytes);

namespace {

// The file of headers is not synced, so a power cut may leave holes in its newest part, in a signature as well. These many
// at its end, more than a gateway makes in the half minute that the system holds back, are verified: 0.4 s at most. Older
// signatures are compared by `electrad verify` only.
constexpr std::uint64_t kVerifiedEntries = 1U << 13;

}  // namespace

std::expected<std::unique_ptr<BlockKeeper>, std::string> BlockKeeper::open(BlockSettings settings,
                                                                           state::Machine& machine) {
  auto keeper = open_files(std::move(settings), machine);
  if (keeper) (*keeper)->maker_ = std::make_unique<chain::BlockMaker>(machine);
  return keeper;
}

std::expected<std::unique_ptr<BlockKeeper>, std::string> BlockKeeper::open(BlockSettings settings,
                                                                           state::Machine& machine,
                                                                           std::unique_ptr<chain::BlockMaker> maker,
                                                                           const proto::BlockHeader& last) {
  auto opened = open_files(std::move(settings), machine);
  if (!opened) return opened;
  BlockKeeper& keeper = **opened;
  ELECTRA_ASSERT_EQ(maker->height(), last.height);
  ELECTRA_ASSERT_LE(last.height, keeper.file_->count());
  keeper.maker_ = std::move(maker);
  keeper.kept_ = last.height;
  // What recover() would have seen in passing.
  if (const auto& highest = keeper.highest_->get(); highest && highest->height <= last.height) {
    const auto entry = keeper.signed_header(highest->height);
    const auto header = entry ? proto::decode_signed_header(*entry) : std::nullopt;
    keeper.highest_seen_ =
        header && header->header.epoch == highest->epoch && proto::header_hash(header->header) == highest->header_hash;
  }
  return opened;
}

std::expected<std::unique_ptr<BlockKeeper>, std::string> BlockKeeper::open_files(BlockSettings settings,
                                                                                 state::Machine& machine) {
  if (!settings.signer) return std::unexpected("the gateway has no key to sign block headers with");
  if (settings.signer->public_key() != chain::gateway_key(machine)) {
    return std::unexpected("the key to sign block headers with is " + to_hex(settings.signer->public_key()) +
                           ", and the gateway's key in the chain is " + to_hex(chain::gateway_key(machine)));
  }
  std::unique_ptr<BlockKeeper> keeper(new BlockKeeper(std::move(settings), machine));
  const std::filesystem::path directory = keeper->settings_.headers_file.parent_path();
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return std::unexpected("cannot make the directory " + directory.string() + ": " + error.message());
  if (!keeper->settings_.other_device) keeper->settings_.other_device = io::make_file_device();
  io::FileDevice& device = *keeper->settings_.other_device;
  const std::filesystem::path parent = std::filesystem::absolute(directory).parent_path();
  if (const int status = device.sync_directory(parent); status != 0)
    return std::unexpected(parent.string() + ": cannot be made durable: " + std::strerror(status));
  auto file = io::HeaderFile::open(keeper->settings_.headers_file, true, keeper->settings_.other_device);
  if (!file) return std::unexpected(file.error());
  keeper->file_ = std::move(*file);
  if (const auto last = keeper->signed_header(keeper->file_->count())) {
    if (const auto header = proto::decode_signed_header(*last)) keeper->file_epoch_ = header->header.epoch;
  }
  auto highest = io::SignedHeightFile::open(keeper->settings_.signed_height_file, keeper->settings_.other_device);
  if (!highest) return std::unexpected(highest.error());
  keeper->highest_ = std::make_unique<io::SignedHeightFile>(std::move(*highest));
  return keeper;
}

std::expected<void, std::string> BlockKeeper::recover(const proto::BlockHeader& header) {
  if (const auto& highest = highest_->get(); highest && highest->height == header.height) {
    highest_seen_ = highest->epoch == header.epoch && highest->header_hash == proto::header_hash(header);
  }
  if (unsigned_.empty() && header.height <= file_->count()) {
    io::HeaderEntry entry;
    if (auto read = file_->read(header.height, entry); !read) return read;
    const auto kept = proto::decode_signed_header(entry);
    const bool verified =
        header.height + kVerifiedEntries <= file_->count() ||
        (kept && proto::header_signature_valid(*kept, machine_.genesis_hash(), settings_.signer->public_key()));
    if (kept && kept->header == header && verified) {
      kept_ = header.height;
      return {};
    }
    warning_ = file_->path().string() + ": the header of block " + std::to_string(header.height) +
               " is not the one that follows from the journal, or its signature is not the gateway's; it and those "
               "behind it are signed again";
  }
  unsigned_.push_back(header);
  return {};
}

std::string BlockKeeper::contradiction() const {
  const std::string ends = ", and the journal ends at height " + std::to_string(maker_->height()) + " in epoch " +
                           std::to_string(machine_.epoch());
  if (const auto& highest = highest_->get(); highest && machine_.epoch() <= highest->epoch && !highest_seen_) {
    const std::string key = "the gateway's key has signed height " + std::to_string(highest->height) + " in epoch " +
                            std::to_string(highest->epoch) + " (" + highest_->path().string() + ")";
    if (highest->height > maker_->height()) return key + ends + ": this is an older copy of the data";
    return key + " with another header than the journal gives for it: this is another history of the chain";
  }
  if (file_->count() > maker_->height() && machine_.epoch() <= file_epoch_) {
    return file_->path().string() + " holds headers up to height " + std::to_string(file_->count()) + ends +
           ": this is an older copy of the journal";
  }
  return {};
}

std::uint32_t BlockKeeper::next_epoch() const noexcept {
  const std::uint32_t signed_epoch = highest_->get() ? highest_->get()->epoch : 0;
  return std::max({signed_epoch, file_epoch_, machine_.epoch()}) + 1;
}

std::expected<void, std::string> BlockKeeper::start(std::function<void()> wake) {
  ELECTRA_ASSERT(contradiction().empty());
  if (file_->count() > kept_) {
    if (auto cut = file_->truncate(kept_); !cut) return cut;
  }
  signer_ = std::make_unique<HeaderSigner>(machine_.genesis_hash(), *settings_.signer, *file_, *highest_,
                                           std::move(wake), settings_.on_signer_problem);
  for (const proto::BlockHeader& header : unsigned_) signer_->submit(header);
  unsigned_.clear();
  unsigned_.shrink_to_fit();
  return {};
}

bool BlockKeeper::ends_block(std::size_t messages, std::uint64_t time_ns, std::uint64_t monotonic_ns) const noexcept {
  // Room for one more full batch has to be left in a block that goes on.
  if (maker_->open_messages() + messages + io::kRecordMessagesMax > chain::kBlockMessagesMax) return true;
  if (maker_->open_batches() + 2 > chain::kBlockBatchesMax) return true;
  return open_ && (time_ns - open_time_ns_ >= settings_.interval_ns || monotonic_ns >= due_ns());
}

void BlockKeeper::executed(const proto::BatchLink& link, std::span<const state::VerifiedMessage> messages,
                           std::span<const state::Outcome> outcomes, std::uint64_t monotonic_ns) {
  maker_->add_batch(link, messages, outcomes);
  if ((link.flags & io::kRecordBlockClose) != 0) {
    if (working()) work(SIZE_MAX);  // the block before; only if blocks are very short
    maker_->begin_close();
    closing_batch_ = link.number;
  }
  note(link, monotonic_ns);
}

void BlockKeeper::note(const proto::BatchLink& link, std::uint64_t monotonic_ns) noexcept {
  if ((link.flags & io::kRecordBlockClose) != 0) {
    open_ = false;
  } else if (!open_ && (link.flags & io::kRecordWatermark) == 0) {
    open_ = true;
    open_time_ns_ = link.time_ns;
    open_monotonic_ns_ = monotonic_ns;
  }
}

void BlockKeeper::work(std::size_t bytes) {
  if (!working()) return;
  const auto header = maker_->step(bytes);
  if (!header) return;
  pending_.push_back({.batch = closing_batch_, .header = *header});
  durable(durable_batch_);
}

void BlockKeeper::durable(std::uint64_t batch) {
  durable_batch_ = batch;
  while (!pending_.empty() && pending_.front().batch <= batch) {
    if (signer_) {
      signer_->submit(pending_.front().header);
    } else {
      unsigned_.push_back(pending_.front().header);
    }
    pending_.pop_front();
  }
}

std::uint64_t BlockKeeper::due_ns() const noexcept {
  return open_ ? open_monotonic_ns_ + settings_.interval_ns : UINT64_MAX;
}

std::optional<io::HeaderEntry> BlockKeeper::signed_header(std::uint64_t height) const {
  io::HeaderEntry entry;
  if (height == 0 || height > file_->count() || !file_->read(height, entry)) return std::nullopt;
  return entry;
}

}  // namespace electra::pipeline
