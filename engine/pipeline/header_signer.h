// Signs block headers beside the io thread: a slow key delays headers, never a receipt.
//
// Headers come in height order after their block is durable, and leave signed into the file of headers. Before a header
// goes to the signer its height and hash are durable beside the key (io/signed_height.h), so that no crash and no restored
// copy can make the key sign two headers of one height. One thread of its own; what it shares with the io thread is a
// queue under a mutex that is taken once a block. A signer that refuses is asked again every second; meanwhile the queue
// grows, and the gateway stops taking messages at `max_unsigned_blocks`.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "crypto-offload/signer.h"
#include "io/header_file.h"
#include "io/signed_height.h"
#include "meter-proto/chain/block_header.h"

namespace electra::pipeline {

class HeaderSigner {
 public:
  // All outlive the signer. Called from the signer's thread: `wake` when headers were signed or could not be, `report`
  // (may be empty) when the problem has changed; an empty text says that it is over.
  HeaderSigner(const Bytes32& genesis_hash, const crypto::Signer& signer, io::HeaderFile& file,
               io::SignedHeightFile& highest, std::function<void()> wake,
               std::function<void(const std::string&)> report = {});
  // Signs what is queued as long as that works, then ends.
  ~HeaderSigner();
  HeaderSigner(const HeaderSigner&) = delete;
  HeaderSigner& operator=(const HeaderSigner&) = delete;

  // io thread; heights without a gap from file.count() + 1 on.
  void submit(const proto::BlockHeader& header);

  [[nodiscard]] std::uint32_t waiting() const noexcept { return waiting_.load(std::memory_order_relaxed); }
  // Why nothing is signed now; empty while all is well.
  [[nodiscard]] std::string problem() const;

 private:
  void run();
  // Everything in `headers`, or as much as works; the number that was signed and written.
  [[nodiscard]] std::size_t sign(const std::deque<proto::BlockHeader>& headers, std::string& problem);

  const Bytes32 genesis_hash_;
  const crypto::Signer& signer_;
  io::HeaderFile& file_;
  io::SignedHeightFile& highest_;
  const std::function<void()> wake_;
  const std::function<void(const std::string&)> report_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<proto::BlockHeader> queue_;
  std::string problem_;
  bool ending_ = false;
  std::atomic<std::uint32_t> waiting_{0};  // queue_.size() and what is being signed
  std::thread thread_;
};

}  // namespace electra::pipeline
