// `electrad keys`: the private keys of the home.
#include <fmt/format.h>
#include <sodium.h>

#include <iostream>
#include <memory>

#include "crypto-offload/software_signer.h"
#include "engine/electrad/commands/commands.h"
#include "engine/electrad/config.h"
#include "meter-proto/address.h"

namespace electra::app {
namespace {

std::unexpected<Failure> failure(std::string text) { return std::unexpected(Failure{ExitCode::home, std::move(text)}); }

Json key_json(const KeyEntry& key) {
  return {{"name", key.name}, {"address", key.address}, {"publicKey", to_hex(key.public_key)}};
}

KeyEntry key_entry(const std::string& name, const Bytes32& seed) {
  const crypto::SoftwareSigner signer(seed);
  return {name, signer.public_key(), proto::address_text(proto::address_of(signer.public_key()))};
}

void print_key(const KeyEntry& key, bool json) {
  if (json) return print_json(key_json(key));
  print_pairs({{"name", key.name}, {"address", key.address}, {"public key", to_hex(key.public_key)}});
}

std::expected<void, Failure> store(const Home& home, const std::string& name, const Bytes32& seed, bool json) {
  if (const auto made = home.create(); !made) return failure(made.error());
  if (const auto stored = home.store_key(name, seed); !stored) return failure(stored.error());
  print_key(key_entry(name, seed), json);
  return {};
}

std::expected<void, Failure> add(const Home& home, const std::string& name, const std::string& phrase, bool json) {
  Bytes32 seed{};
  if (phrase.empty()) {
    randombytes_buf(seed.data(), seed.size());
  } else {
    seed = crypto::derive_development_seed(phrase, name);
    print_warning("whoever knows the phrase has this key: for development, never for a real meter");
  }
  return store(home, name, seed, json);
}

// From standard input, so that the key stands in no shell history and no process list.
std::expected<void, Failure> import(const Home& home, const std::string& name, bool json) {
  std::string line;
  std::getline(std::cin, line);
  Bytes32 seed{};
  if (!from_hex(line, seed)) return failure("expected the private key, 64 hexadecimal digits, on standard input");
  return store(home, name, seed, json);
}

std::expected<void, Failure> show(const Home& home, const std::string& name, bool json) {
  const auto seed = home.load_key(name);
  if (!seed) return failure(seed.error());
  print_key(key_entry(name, *seed), json);
  return {};
}

std::expected<void, Failure> list(const Home& home, bool json) {
  const auto keys = home.list_keys();
  if (!keys) return failure(keys.error());
  Json document = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (const KeyEntry& key : *keys) {
    document.push_back(key_json(key));
    rows.push_back({key.name, key.address});
  }
  if (json) {
    print_json(document);
  } else {
    print_table({{"NAME"}, {"ADDRESS"}}, rows);
  }
  return {};
}

// One line a key, without the private part: what an operator needs to register it.
std::expected<void, Failure> export_public(const Home& home, const std::vector<std::string>& names, bool json) {
  const auto keys = home.list_keys();
  if (!keys) return failure(keys.error());
  Json document = Json::array();
  for (const std::string& name : names) {
    if (!home.has_key(name)) return failure(home.load_key(name).error());
  }
  for (const KeyEntry& key : *keys) {
    if (!names.empty() && std::find(names.begin(), names.end(), key.name) == names.end()) continue;
    document.push_back(key_json(key));
    if (!json) fmt::print("{} {} {}\n", key.name, to_hex(key.public_key), key.address);
  }
  if (json) print_json(document);
  return {};
}

}  // namespace

void add_keys(Command app, Context& context) {
  Command keys = app.add_subcommand("keys", "Private keys of the home: add, list, show, import, export-public");
  keys.require_subcommand();
  keys.footer(
      "Examples:\n"
      "  electrad keys list\n"
      "  electrad keys add meter-17\n"
      "  electrad keys import meter-17 < seed.hex");
  auto name = std::make_shared<std::string>();
  auto names = std::make_shared<std::vector<std::string>>();
  auto phrase = std::make_shared<std::string>();

  Command command = keys.add_subcommand("add", "Make a key");
  command.add_option("name", *name, "Name of the key").required();
  command.add_option("--development-seed", *phrase, "Derive it from this phrase and its name instead of drawing it");
  command.footer(
      "Examples:\n  electrad keys add meter-17\n  electrad keys add H001 --development-seed \"some phrase\"");
  command.callback([&context, name, phrase] { context.finish(add(context.home(), *name, *phrase, context.json)); });

  command = keys.add_subcommand("list", "Names and addresses");
  command.footer("Example:\n  electrad keys list --json");
  command.callback([&context] { context.finish(list(context.home(), context.json)); });

  command = keys.add_subcommand("show", "Address and public key");
  command.add_option("name", *name, "Name of the key").required();
  command.footer("Example:\n  electrad keys show alice");
  command.callback([&context, name] { context.finish(show(context.home(), *name, context.json)); });

  command =
      keys.add_subcommand("import", "Store a private key that is read from standard input, 64 hexadecimal digits");
  command.add_option("name", *name, "Name of the key").required();
  command.footer("Example:\n  electrad keys import meter-17 < seed.hex");
  command.callback([&context, name] { context.finish(import(context.home(), *name, context.json)); });

  command = keys.add_subcommand("export-public", "Name, public key and address, one line a key");
  command.add_option("names", *names, "Names of keys (default: all)");
  command.footer("Example:\n  electrad keys export-public alice bob");
  command.callback([&context, names] { context.finish(export_public(context.home(), *names, context.json)); });
}

}  // namespace electra::app
