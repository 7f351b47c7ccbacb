#include "meter-proto/chain/leaves.h"

#include <concepts>
#include <type_traits>

#include "meter-proto/base/assert.h"

namespace electra::proto {
namespace {

// Two archives of equal shape: one stores, one loads. A leaf is described once, as a walk over its fields, so that
// encoder and decoder cannot disagree.
class Store {
 public:
  explicit Store(std::uint8_t* out) noexcept : at_(out) {}
  template <typename T>
  void field(const T& value) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  void flag(bool value) noexcept { *at_++ = value ? 1 : 0; }
  void zero() noexcept { *at_++ = 0; }
  [[nodiscard]] const std::uint8_t* at() const noexcept { return at_; }

 private:
  std::uint8_t* at_;
};

class Load {
 public:
  explicit Load(const std::uint8_t* from) noexcept : at_(from) {}
  template <typename T>
  void field(T& value) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
  }
  void flag(bool& value) noexcept {
    good_ &= *at_ <= 1;
    value = *at_++ == 1;
  }
  void zero() noexcept { good_ &= *at_++ == 0; }
  [[nodiscard]] bool good() const noexcept { return good_; }
  [[nodiscard]] const std::uint8_t* at() const noexcept { return at_; }

 private:
  const std::uint8_t* at_;
  bool good_ = true;
};

template <typename Archive, typename Leaf>
  requires std::same_as<std::remove_const_t<Leaf>, AccountLeaf>
void walk(Archive& archive, Leaf& leaf) noexcept {
  archive.field(leaf.debits_posted);
  archive.field(leaf.credits_posted);
  archive.field(leaf.debits_pending);
  archive.field(leaf.credits_pending);
  archive.field(leaf.owner_slot);
  archive.field(leaf.asset);
  archive.field(leaf.flags);
}

template <typename Archive, typename Leaf>
  requires std::same_as<std::remove_const_t<Leaf>, MeterLeaf>
void walk(Archive& archive, Leaf& leaf) noexcept {
  archive.field(leaf.slot);
  archive.field(leaf.phases);
  archive.flag(leaf.own_limit);
  archive.flag(leaf.has_base);
  archive.zero();
  archive.field(leaf.register_modulus);
  archive.field(leaf.wh_per_interval_max);
  archive.field(leaf.base_boundary);
  archive.field(leaf.base_time_s);
  archive.field(leaf.base.in);
  archive.field(leaf.base.out);
  archive.field(leaf.newest_time_s);
  archive.field(leaf.newest_boundary);
  archive.field(leaf.newest.in);
  archive.field(leaf.newest.out);
  archive.field(leaf.consumed_wh);
  archive.field(leaf.generated_wh);
  archive.field(leaf.paid);
  archive.field(leaf.received);
  archive.field(leaf.intervals_missing);
  archive.field(leaf.intervals_estimated);
  archive.field(leaf.intervals_faulty);
  archive.field(leaf.billed_cycle);
  archive.field(leaf.bill_hash);
  archive.field(leaf.correction_hash);
}

template <typename Archive, typename Leaf>
  requires std::same_as<std::remove_const_t<Leaf>, HolderLeaf>
void walk(Archive& archive, Leaf& leaf) noexcept {
  archive.field(leaf.public_key);
  archive.field(leaf.registration_id);
  archive.field(leaf.address);
  archive.field(leaf.serial_text);
  archive.field(leaf.serial_length);
  archive.field(leaf.status);
  archive.field(leaf.phases);
  archive.field(leaf.roles);
  archive.field(leaf.key_generation);
  archive.field(leaf.owner_slot);
  archive.field(leaf.meter);
  archive.field(leaf.wallet_account);
  archive.field(leaf.energy_account);
  archive.field(leaf.debt_account);
  archive.field(leaf.register_modulus);
  archive.field(leaf.max_wh_per_interval);
}

template <typename Leaf>
std::array<std::uint8_t, Leaf::kBytes> encoded(const Leaf& leaf) noexcept {
  std::array<std::uint8_t, Leaf::kBytes> out;
  Store store(out.data());
  walk(store, leaf);
  ELECTRA_ASSERT_EQ(store.at() - out.data(), static_cast<std::ptrdiff_t>(Leaf::kBytes));
  return out;
}

template <typename Leaf>
std::optional<Leaf> decoded(ByteSpan bytes) noexcept {
  if (bytes.size() != Leaf::kBytes) return std::nullopt;
  Leaf leaf;
  Load load(bytes.data());
  walk(load, leaf);
  if (!load.good()) return std::nullopt;
  return leaf;
}

}  // namespace

std::array<std::uint8_t, AccountLeaf::kBytes> AccountLeaf::encode() const noexcept { return encoded(*this); }
std::array<std::uint8_t, MeterLeaf::kBytes> MeterLeaf::encode() const noexcept { return encoded(*this); }
std::array<std::uint8_t, HolderLeaf::kBytes> HolderLeaf::encode() const noexcept { return encoded(*this); }

std::optional<AccountLeaf> AccountLeaf::decode(ByteSpan bytes) noexcept { return decoded<AccountLeaf>(bytes); }
std::optional<MeterLeaf> MeterLeaf::decode(ByteSpan bytes) noexcept { return decoded<MeterLeaf>(bytes); }
std::optional<HolderLeaf> HolderLeaf::decode(ByteSpan bytes) noexcept {
  std::optional<HolderLeaf> leaf = decoded<HolderLeaf>(bytes);
  if (!leaf || leaf->serial_length > leaf->serial_text.size()) return std::nullopt;
  for (std::size_t at = leaf->serial_length; at < leaf->serial_text.size(); ++at)
    if (leaf->serial_text[at] != 0) return std::nullopt;
  return leaf;
}

}  // namespace electra::proto
