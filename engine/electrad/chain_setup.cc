#include "engine/electrad/chain_setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "crypto-offload/software_signer.h"
#include "engine/electrad/amount.h"
#include "engine/electrad/genesis.h"
#include "engine/electrad/output.h"
#include "engine/state/machine.h"
#include "io/directory_lock.h"
#include "meter-proto/address.h"

namespace electra::app {
namespace {

std::unexpected<Failure> failure(ExitCode code, std::string text) {
  return std::unexpected(Failure{code, std::move(text)});
}

// A key that is there already stays, if it is the same one.
std::expected<void, std::string> write_key(const Home& home, const std::string& name, const Bytes32& seed) {
  if (!home.has_key(name)) return home.store_key(name, seed);
  const auto present = home.load_key(name);
  if (!present) return std::unexpected(present.error());
  if (*present != seed) {
    return std::unexpected(fmt::format("{}: holds another key than the development seed gives for {}; move it away",
                                       home.key_file(name).string(), name));
  }
  return {};
}

}  // namespace

std::expected<ChainFiles, Failure> create_chain(const Home& home, std::string_view file,
                                                const std::string& config_text) {
  auto config = parse_config(file, config_text);
  if (!config) return failure(ExitCode::configuration, config.error());
  ChainFiles chain{.config = std::move(*config), .genesis = {}};
  chain.genesis = make_genesis(chain.config, static_cast<std::uint64_t>(std::time(nullptr)));
  const auto machine = state::Machine::create(chain.genesis);
  if (!machine) return failure(ExitCode::configuration, fmt::format("{}: {}", file, machine.error()));

  if (const auto made = home.create(); !made) return failure(ExitCode::home, made.error());
  const auto lock = io::DirectoryLock::acquire(home.root());
  if (!lock) return failure(ExitCode::home, lock.error());
  if (home.has_chain()) {
    return failure(
        ExitCode::home,
        fmt::format("{}: a chain is here already; `electrad start` runs it, and another --home makes another",
                    home.root().string()));
  }
  for (const HolderConfig& holder : genesis_holders(chain.config)) {
    const Bytes32 seed = crypto::derive_development_seed(chain.config.development_seed, holder.name);
    if (const auto stored = write_key(home, holder.name, seed); !stored) return failure(ExitCode::home, stored.error());
  }
  if (const auto written = write_file_durably(home.config_file(), config_text); !written) {
    return failure(ExitCode::home, written.error());
  }
  if (const auto written = write_file_durably(home.genesis_file(), genesis_text(chain.genesis)); !written) {
    return failure(ExitCode::home, written.error());
  }
  return chain;
}

std::expected<GenesisFile, Failure> load_genesis(const Home& home) {
  std::error_code error;
  if (!std::filesystem::exists(home.genesis_file(), error)) {
    return failure(ExitCode::home,
                   fmt::format("{}: there is no chain here; `electrad init` makes one", home.root().string()));
  }
  auto text = read_text_file(home.genesis_file());
  if (!text) return failure(ExitCode::configuration, text.error());
  auto genesis = parse_genesis(home.genesis_file().string(), *text);
  if (!genesis) return failure(ExitCode::configuration, genesis.error());
  return GenesisFile{std::move(*genesis), std::move(*text)};
}

std::optional<bool> gateway_signed(const Home& home, const proto::SignedHeader& block) {
  const auto file = load_genesis(home);
  const state::GenesisHolder* gateway = file ? gateway_of(file->genesis) : nullptr;
  if (gateway == nullptr) return std::nullopt;
  return proto::header_signature_valid(block, file->genesis.hash, gateway->public_key);
}

std::expected<ChainFiles, Failure> load_chain(const Home& home) {
  auto genesis = load_genesis(home);
  if (!genesis) return std::unexpected(genesis.error());
  const auto config_text = read_text_file(home.config_file());
  if (!config_text) return failure(ExitCode::configuration, config_text.error());
  auto config = parse_config(home.config_file().string(), *config_text);
  if (!config) return failure(ExitCode::configuration, config.error());
  return ChainFiles{std::move(*config), std::move(genesis->genesis)};
}

void print_chain(const Home& home, const ChainFiles& chain, bool json) {
  const state::Genesis& genesis = chain.genesis;
  Json holders = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < genesis.holders.size(); ++i) {
    const state::GenesisHolder& holder = genesis.holders[i];
    const std::string address = proto::address_text(proto::address_of(holder.public_key));
    const auto roles = role_names(holder.roles);
    holders.push_back({{"slot", i + 1},
                       {"name", holder.serial},
                       {"roles", roles},
                       {"address", address},
                       {"balance", std::to_string(holder.balance)}});
    rows.push_back({std::to_string(i + 1), holder.serial, fmt::format("{}", fmt::join(roles, ",")), address,
                    elc_text(holder.balance)});
  }
  if (json) {
    print_json({{"chainId", genesis.chain_id},
                {"genesisHash", to_hex(genesis.hash)},
                {"genesisTime", instant_text(genesis.time_ns / 1'000'000'000)},
                {"home", home.root().string()},
                {"developmentSeed", chain.config.development_seed},
                {"holders", holders}});
    return;
  }
  print_pairs({{"chain", genesis.chain_id},
               {"genesis hash", to_hex(genesis.hash)},
               {"genesis time", instant_text(genesis.time_ns / 1'000'000'000)},
               {"home", home.root().string()},
               {"development seed", fmt::format("\"{}\"", chain.config.development_seed)}});
  std::fflush(stdout);
  print_warning("whoever knows the development seed has every key below: for development, never for real meters");
  print_table({{"SLOT", Align::right}, {"NAME"}, {"ROLES"}, {"ADDRESS"}, {"BALANCE", Align::right}}, rows);
}

}  // namespace electra::app
