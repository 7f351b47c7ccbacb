#include "engine/pipeline/header_signer.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "meter-proto/base/assert.h"

namespace electra::pipeline {
namespace {

constexpr std::chrono::seconds kRetryPause{1};

// Headers that are written to the file at once.
constexpr std::size_t kGroupMax = 64;

}  // namespace

HeaderSigner::HeaderSigner(const Bytes32& genesis_hash, const crypto::Signer& signer, io::HeaderFile& file,
                           io::SignedHeightFile& highest, std::function<void()> wake,
                           std::function<void(const std::string&)> report)
    : genesis_hash_(genesis_hash),
      signer_(signer),
      file_(file),
      highest_(highest),
      wake_(std::move(wake)),
      report_(std::move(report)),
      thread_([this] { run(); }) {}

HeaderSigner::~HeaderSigner() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void HeaderSigner::submit(const proto::BlockHeader& header) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(header);
    waiting_.fetch_add(1, std::memory_order_relaxed);
  }
  changed_.notify_one();
}

std::string HeaderSigner::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

std::size_t HeaderSigner::sign(const std::deque<proto::BlockHeader>& headers, std::string& problem) {
  const proto::BlockHeader& last = headers.back();
  // The highest of the group speaks for all of it: the hash of a header holds those before it.
  const auto highest = highest_.get();
  // Headers of an earlier epoch that are signed again (the file was lost) are below it, whatever their height.
  const bool above = !highest || std::pair(last.epoch, last.height) > std::pair(highest->epoch, highest->height);
  if (above) {
    const auto stored =
        highest_.store({.epoch = last.epoch, .height = last.height, .header_hash = proto::header_hash(last)});
    if (!stored) {
      problem = stored.error();
      return 0;
    }
  }
  std::vector<std::uint8_t> entries;
  std::size_t count = 0;
  for (const proto::BlockHeader& header : headers) {
    ELECTRA_ASSERT_EQ(header.height, file_.count() + count + 1);
    const auto signature =
        signer_.sign(proto::SignatureKind::header, genesis_hash_, header.height, proto::encode_header(header));
    if (!signature) {
      problem = "the header of block " + std::to_string(header.height) +
                " cannot be signed: " + std::string(crypto::sign_error_text(signature.error()));
      break;
    }
    const auto bytes = proto::encode_signed_header({.header = header, .signature = *signature});
    entries.insert(entries.end(), bytes.begin(), bytes.end());
    ++count;
  }
  if (count == 0) return 0;
  if (auto written = file_.append(entries); !written) {
    problem = written.error();
    return 0;
  }
  return count;
}

void HeaderSigner::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ending_ || !queue_.empty(); });
    if (queue_.empty()) return;  // ending
    const std::deque<proto::BlockHeader> group(
        queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), kGroupMax)));
    lock.unlock();
    std::string problem;
    const std::size_t count = sign(group, problem);
    if (report_ && problem != problem_) report_(problem);  // this thread alone writes problem_
    lock.lock();
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
    waiting_.fetch_sub(static_cast<std::uint32_t>(count), std::memory_order_relaxed);
    problem_ = std::move(problem);
    const bool stuck = !problem_.empty();
    wake_();
    if (!stuck) continue;
    if (ending_) return;  // they are signed after the next start
    changed_.wait_for(lock, kRetryPause, [this] { return ending_; });
  }
}

}  // namespace electra::pipeline
