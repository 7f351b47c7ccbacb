// The home directory of a chain: where configuration, genesis, keys, journal and the running gateway's address live.
//
//   config/config.yml    what the gateway reads at start
//   config/genesis.json  what names the chain
//   keys/NAME.key        private keys, mode 0600
//   keys/NAME.signed     the highest block height that the gateway's key has signed
//   journal/             the chain itself
//   blocks/headers.bin   the signed headers of its blocks
//   snapshots/           the state as of some of them
//   lock                 held by the one process that serves
//   address              host:port, while a gateway serves
//
// Errors are sentences that begin with the path.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meter-proto/base/bytes.h"

namespace electra::app {

struct KeyEntry {
  std::string name;
  Bytes32 public_key{};
  std::string address;
};

class Home {
 public:
  explicit Home(std::filesystem::path root) : root_(std::move(root)) {}

  // `option` if it is not empty, else $ELECTRA_HOME, else ~/.electra.
  [[nodiscard]] static Home choose(const std::string& option);

  [[nodiscard]] const std::filesystem::path& root() const noexcept { return root_; }
  [[nodiscard]] std::filesystem::path config_file() const { return root_ / "config" / "config.yml"; }
  [[nodiscard]] std::filesystem::path genesis_file() const { return root_ / "config" / "genesis.json"; }
  [[nodiscard]] std::filesystem::path keys_directory() const { return root_ / "keys"; }
  [[nodiscard]] std::filesystem::path key_file(std::string_view name) const;
  // Beside the key, not beside the journal: it must not go back when the journal is restored.
  [[nodiscard]] std::filesystem::path signed_height_file(std::string_view name) const;
  [[nodiscard]] std::filesystem::path journal_directory() const { return root_ / "journal"; }
  [[nodiscard]] std::filesystem::path snapshots_directory() const { return root_ / "snapshots"; }
  [[nodiscard]] std::filesystem::path headers_file() const { return root_ / "blocks" / "headers.bin"; }
  [[nodiscard]] std::filesystem::path address_file() const { return root_ / "address"; }

  // A genesis or a journal is there.
  [[nodiscard]] bool has_chain() const;

  // Makes root, config/, keys/ (0700) and journal/.
  [[nodiscard]] std::expected<void, std::string> create() const;

  // Seeds of private keys. Wiping is the caller's.
  [[nodiscard]] std::expected<Bytes32, std::string> load_key(std::string_view name) const;
  [[nodiscard]] std::expected<void, std::string> store_key(std::string_view name, const Bytes32& seed) const;
  [[nodiscard]] bool has_key(std::string_view name) const;
  // Sorted by name.
  [[nodiscard]] std::expected<std::vector<KeyEntry>, std::string> list_keys() const;

  [[nodiscard]] std::expected<void, std::string> write_address(std::string_view address) const;
  void remove_address() const noexcept;
  // Nothing: no gateway serves here.
  [[nodiscard]] std::optional<std::string> read_address() const;

 private:
  std::filesystem::path root_;
};

// Whole or not at all, and durable: written beside the place, synced, renamed.
[[nodiscard]] std::expected<void, std::string> write_file_durably(const std::filesystem::path& path,
                                                                  std::string_view text);

}  // namespace electra::app
