#include "bench/e2e/frames.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "meter-proto/base/assert.h"
#include "meter-proto/client/message.h"

namespace electra::bench {
namespace {

// Room for the longest frames there are; what is not needed stays untouched.
constexpr std::size_t kChunkBytes = FrameStore::kChunkMessages * proto::kClientBufferBytes;
// Signatures made together.
constexpr std::uint64_t kSignTogether = 256;
constexpr auto kProgressEvery = std::chrono::milliseconds(100);

}  // namespace

FrameStore::FrameStore(FrameStore&& other) noexcept { *this = std::move(other); }

FrameStore& FrameStore::operator=(FrameStore&& other) noexcept {
  std::swap(streams_, other.streams_);
  std::swap(sizes_, other.sizes_);
  std::swap(bytes_, other.bytes_);
  std::swap(mapping_, other.mapping_);
  std::swap(mapping_bytes_, other.mapping_bytes_);
  return *this;
}

FrameStore::~FrameStore() {
  if (mapping_ != nullptr) munmap(mapping_, mapping_bytes_);
}

std::uint8_t* FrameStore::chunk(std::uint64_t number) const noexcept { return mapping_ + number * kChunkBytes; }

std::expected<FrameStore, std::string> FrameStore::sign(const Bytes16& tag, std::span<const std::uint64_t> lengths,
                                                        const Describe& describe, const Progress& progress) {
  FrameStore store;
  struct Task {
    std::uint32_t stream = 0;
    std::uint64_t chunk = 0;
  };
  std::vector<Task> tasks;
  std::uint64_t messages = 0;
  for (const std::uint64_t length : lengths) {
    const auto stream = static_cast<std::uint32_t>(store.streams_.size());
    store.streams_.push_back({.length = length, .first = messages, .first_chunk = tasks.size()});
    messages += length;
    for (std::uint64_t i = 0; i * kChunkMessages < length; ++i) tasks.push_back({stream, i});
  }
  store.sizes_.resize(messages);
  if (messages == 0) return store;
  store.mapping_bytes_ = tasks.size() * kChunkBytes;
  void* const mapping =
      mmap(nullptr, store.mapping_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) {
    return std::unexpected(std::string("no memory for the messages: ") + std::strerror(errno));
  }
  store.mapping_ = static_cast<std::uint8_t*>(mapping);

  std::atomic<std::size_t> next{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> done{0};
  std::mutex mutex;
  std::string error;
  const auto work = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < tasks.size();) {
      const auto signed_bytes = store.sign_chunk(tag, describe, tasks[i].stream, tasks[i].chunk);
      if (!signed_bytes) {
        const std::lock_guard lock(mutex);
        error = signed_bytes.error();
        next = tasks.size();
        return;
      }
      bytes += *signed_bytes;
      done += std::min(kChunkMessages, lengths[tasks[i].stream] - tasks[i].chunk * kChunkMessages);
    }
  };
  {
    std::vector<std::jthread> workers;
    for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) workers.emplace_back(work);
    while (progress && done < messages && next < tasks.size()) {
      progress(done, messages);
      std::this_thread::sleep_for(kProgressEvery);
    }
  }
  if (!error.empty()) return std::unexpected(error);
  store.bytes_ = bytes;
  return store;
}

std::expected<std::uint64_t, std::string> FrameStore::sign_chunk(const Bytes16& tag, const Describe& describe,
                                                                 std::uint32_t stream, std::uint64_t chunk_index) {
  const Stream& place = streams_[stream];
  const std::uint64_t begin = chunk_index * kChunkMessages;
  const std::uint64_t end = std::min(place.length, begin + kChunkMessages);
  std::uint8_t* out = chunk(place.first_chunk + chunk_index);
  const std::uint8_t* const out_begin = out;
  std::array<std::uint8_t, proto::kClientBufferBytes> buffer;
  crypto::SignBatch batch;
  Draft draft;
  std::array<std::uint32_t, kSignTogether> slots;
  for (std::uint64_t from = begin; from < end; from += kSignTogether) {
    const std::uint64_t count = std::min(kSignTogether, end - from);
    batch.begin(tag);
    for (std::uint64_t i = 0; i < count; ++i) {
      describe(stream, from + i, draft);
      const std::size_t payload_bytes = proto::encode_payload(draft.payload, buffer);
      if (payload_bytes == 0) return std::unexpected("a payload is longer than a frame may be");
      batch.add(*draft.key, draft.sequence, ByteSpan(buffer).first(payload_bytes));
      slots[i] = draft.slot;
    }
    batch.sign();
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto size = client::write_signed_frame({.slot = slots[i]}, batch.sequence(i), batch.payload(i),
                                                   batch.signature(i), {out, proto::kClientBufferBytes});
      if (!size) return std::unexpected(size.error());
      sizes_[place.first + from + i] = static_cast<std::uint16_t>(*size);
      out += *size;
    }
  }
  return static_cast<std::uint64_t>(out - out_begin);
}

FrameStore::Cursor FrameStore::seek(std::uint32_t stream, std::uint64_t position) const noexcept {
  const std::uint64_t first = streams_[stream].first;
  Cursor cursor{.position = position, .offset = 0};
  for (std::uint64_t i = position / kChunkMessages * kChunkMessages; i < position; ++i) {
    cursor.offset += sizes_[first + i];
  }
  return cursor;
}

std::size_t FrameStore::take(std::uint32_t stream, Cursor& cursor, std::uint64_t count,
                             std::span<iovec, kPiecesMax> pieces) const noexcept {
  const Stream& place = streams_[stream];
  ELECTRA_ASSERT_LE(count, kChunkMessages);
  ELECTRA_ASSERT_LE(cursor.position + count, place.length);
  std::size_t used = 0;
  while (count > 0) {
    const std::uint64_t chunk_index = cursor.position / kChunkMessages;
    const std::uint64_t here = std::min(count, (chunk_index + 1) * kChunkMessages - cursor.position);
    std::uint64_t bytes = 0;
    for (std::uint64_t i = 0; i < here; ++i) bytes += sizes_[place.first + cursor.position + i];
    pieces[used++] = {.iov_base = chunk(place.first_chunk + chunk_index) + cursor.offset, .iov_len = bytes};
    count -= here;
    cursor.position += here;
    cursor.offset = cursor.position % kChunkMessages == 0 ? 0 : cursor.offset + bytes;
  }
  return used;
}

}  // namespace electra::bench
