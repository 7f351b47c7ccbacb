#include "tests/crypto-offload/vector_files.h"

#include <nlohmann/json.hpp>

#include <fstream>
#include <stdexcept>

namespace electra::crypto {
namespace {

nlohmann::json read_json(const std::string& file) {
  std::ifstream in(std::string(ELECTRA_VECTORS_DIR) + "/" + file);
  if (!in) throw std::runtime_error("cannot read " + file);
  return nlohmann::json::parse(in);
}

std::vector<std::uint8_t> hex_field(const nlohmann::json& object, const char* field) {
  const auto bytes = from_hex(object.at(field).get<std::string>());
  if (!bytes) throw std::runtime_error(std::string(field) + " is not hex");
  return *bytes;
}

}  // namespace

std::vector<Vector> wycheproof_vectors() {
  std::vector<Vector> vectors;
  const auto file = read_json("wycheproof_ed25519_test.json");
  for (const auto& group : file.at("testGroups")) {
    for (const auto& test : group.at("tests")) {
      vectors.push_back({.name = "tcId " + std::to_string(test.at("tcId").get<int>()) + " " +
                                 test.at("flags").at(0).get<std::string>() + " " +
                                 test.at("comment").get<std::string>(),
                         .public_key = hex_field(group.at("publicKey"), "pk"),
                         .message = hex_field(test, "msg"),
                         .signature = hex_field(test, "sig"),
                         .expectation = test.at("result").get<std::string>(),
                         .seed = {}});
    }
  }
  return vectors;
}

std::vector<Vector> speccheck_vectors() {
  std::vector<Vector> vectors;
  const auto file = read_json("ed25519_speccheck_cases.json");
  for (const auto& test : file) {
    vectors.push_back({.name = "case " + std::to_string(vectors.size()),
                       .public_key = hex_field(test, "pub_key"),
                       .message = hex_field(test, "message"),
                       .signature = hex_field(test, "signature"),
                       .expectation = "",
                       .seed = {}});
  }
  return vectors;
}

std::vector<Vector> rfc8032_vectors() {
  std::vector<Vector> vectors;
  const auto file = read_json("rfc8032_ed25519.json");
  for (const auto& test : file) {
    vectors.push_back({.name = test.at("name").get<std::string>(),
                       .public_key = hex_field(test, "public_key"),
                       .message = hex_field(test, "message"),
                       .signature = hex_field(test, "signature"),
                       .expectation = "valid",
                       .seed = hex_field(test, "secret_key")});
  }
  return vectors;
}

}  // namespace electra::crypto
