// The Verifier over a vector backend: what needs no vectors.
//
// A batch is cut into parts of 256, and each part into lists of items whose keys have tables of one size, or none: a call
// of the backend takes one list. In the usual case there is one. Everything of a call lies on the stack (about 30 KiB here
// and 120 KiB in the backend); nothing is allocated.
#pragma once

#include <memory>

#include "crypto-offload/lanes/backend.h"
#include "crypto-offload/lanes/base_table.h"
#include "crypto-offload/tables/key_tables.h"
#include "crypto-offload/verifier.h"

namespace electra::crypto {

class LaneVerifier final : public Verifier {
 public:
  // The processor has what `backend` needs. Makes the table of the base point, and no other.
  LaneVerifier(const LaneBackend& backend, const VerifierOptions& options);
  ~LaneVerifier() override;

  [[nodiscard]] std::string_view name() const noexcept override { return backend_.name; }
  [[nodiscard]] std::uint32_t part_size() const noexcept override { return kLaneItemsMax; }
  [[nodiscard]] bool check_key(const Bytes32& public_key) const override;
  void check_keys(std::span<const std::uint8_t* const> keys, std::span<std::uint8_t> passes) const override;
  void verify(std::span<const VerifyItem> items, std::span<VerifyOutcome> outcomes) const override;
  void verify_raw(std::span<const RawVerifyItem> items, std::span<VerifyOutcome> outcomes) const override;

  void learn(std::uint32_t key_number, const Bytes32& public_key) override;
  void forget(std::uint32_t key_number) override;
  void settle() override;
  [[nodiscard]] TableStatus tables() const override;

  // For tests that damage a table. Null: keys_max was 0.
  [[nodiscard]] KeyTables* tables_for_test() noexcept { return tables_.get(); }

 private:
  const LaneBackend& backend_;
  const AlignedWords base_;
  std::unique_ptr<KeyTables> tables_;
};

}  // namespace electra::crypto
