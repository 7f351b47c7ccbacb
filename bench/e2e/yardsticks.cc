#include "bench/e2e/yardsticks.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sodium.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "bench/common/measure.h"
#include "bench/e2e/picks.h"
#include "meter-proto/signing.h"

namespace electra::bench {
namespace {

constexpr std::size_t kMessages = 16'384;
constexpr std::size_t kBatch = 256;
constexpr std::size_t kPayloadBytes = 60;

constexpr std::size_t kBlockBytes = 4096;
constexpr std::uint64_t kFileBytes = 32U << 20;

}  // namespace

std::expected<std::unique_ptr<VerifyYardstick>, std::string> VerifyYardstick::make(const std::string& backend,
                                                                                   std::uint32_t keys) {
  auto verifier = crypto::make_verifier(crypto::VerifierOptions{.backend = backend, .keys_max = keys});
  if (!verifier) return std::unexpected(verifier.error());
  std::unique_ptr<VerifyYardstick> made(new VerifyYardstick);
  made->verifier_ = std::move(*verifier);
  made->payload_.resize(kPayloadBytes);
  made->public_keys_.resize(keys);
  made->signatures_.resize(kMessages);
  std::vector<Bytes64> secret_keys(keys);
  for (std::uint32_t i = 0; i < keys; ++i) {
    const Bytes32 seed{7, static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8)};
    crypto_sign_seed_keypair(made->public_keys_[i].data(), secret_keys[i].data(), seed.data());
    made->verifier_->learn(i + 1, made->public_keys_[i]);
  }
  std::array<std::uint8_t, proto::kSigningPrefixBytes + kPayloadBytes> buffer;
  for (std::size_t i = 0; i < kMessages; ++i) {
    const auto key = static_cast<std::uint32_t>(scale_to(mix64(i), keys));
    const ByteSpan message = proto::signing_bytes(made->tag_, i, made->payload_, buffer);
    crypto_sign_detached(made->signatures_[i].data(), nullptr, message.data(), message.size(), secret_keys[key].data());
    made->items_.push_back({.public_key = made->public_keys_[key].data(),
                            .key_number = key + 1,
                            .signature = made->signatures_[i],
                            .tag = &made->tag_,
                            .sequence = i,
                            .payload = made->payload_});
  }
  made->verifier_->settle();
  return made;
}

std::expected<double, std::string> VerifyYardstick::measure(std::uint64_t slice_ns) {
  std::vector<crypto::VerifyOutcome> outcomes(kBatch);
  std::uint64_t count = 0;
  std::uint64_t good = 0;
  const std::uint64_t begin = thread_cpu_ns();
  std::uint64_t now = begin;
  for (; now - begin < slice_ns; now = thread_cpu_ns()) {
    verifier_->verify(std::span(items_).subspan(next_, kBatch), outcomes);
    next_ = (next_ + kBatch) % kMessages;
    for (const crypto::VerifyOutcome& outcome : outcomes) good += outcome.valid ? 1 : 0;
    count += kBatch;
  }
  if (good != count) return std::unexpected("the verifier refuses good signatures");
  return static_cast<double>(count) * 1e9 / static_cast<double>(now - begin);
}

std::expected<std::unique_ptr<DiskYardstick>, std::string> DiskYardstick::make(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "yardstick.bin";
  const auto failed = [&file](const char* what) {
    return std::unexpected(fmt::format("{}: {}: {}", file.string(), what, std::strerror(errno)));
  };
  std::unique_ptr<DiskYardstick> made(new DiskYardstick);
  constexpr int kFlags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC;
  made->fd_ = ::open(file.c_str(), kFlags | O_DIRECT, 0600);
  if (made->fd_ < 0 && errno == EINVAL) {
    made->direct_ = false;
    made->fd_ = ::open(file.c_str(), kFlags, 0600);
  }
  if (made->fd_ < 0) return failed("cannot be made");
  ::unlink(file.c_str());
  constexpr std::size_t kPieceBytes = 1U << 20;
  made->block_ = static_cast<std::uint8_t*>(std::aligned_alloc(kBlockBytes, kPieceBytes));
  std::memset(made->block_, 0, kPieceBytes);
  for (std::uint64_t at = 0; at < kFileBytes; at += kPieceBytes) {
    if (pwrite(made->fd_, made->block_, kPieceBytes, static_cast<off_t>(at)) != static_cast<ssize_t>(kPieceBytes)) {
      return failed("cannot be filled");
    }
  }
  if (fsync(made->fd_) != 0) return failed("cannot be synced");
  std::memset(made->block_, 0x5a, kBlockBytes);
  return made;
}

DiskYardstick::~DiskYardstick() {
  if (fd_ >= 0) ::close(fd_);
  std::free(block_);
}

std::expected<double, std::string> DiskYardstick::measure(std::uint64_t slice_ns) {
  std::vector<double> took_us;
  const std::uint64_t end = wall_ns() + slice_ns;
  for (std::uint64_t begin = wall_ns(); begin < end;) {
    const iovec piece{.iov_base = block_, .iov_len = kBlockBytes};
    const ssize_t written = pwritev2(fd_, &piece, 1, static_cast<off_t>(offset_), RWF_DSYNC);
    if (written != static_cast<ssize_t>(kBlockBytes)) {
      return std::unexpected(fmt::format("a durable write fails: {}", std::strerror(errno)));
    }
    offset_ = (offset_ + kBlockBytes) % kFileBytes;
    const std::uint64_t now = wall_ns();
    took_us.push_back(static_cast<double>(now - begin) / 1000.0);
    begin = now;
  }
  return median(std::move(took_us));
}

}  // namespace electra::bench
