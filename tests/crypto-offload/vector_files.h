// The files of tests/vectors, read into one shape.
#pragma once

#include <string>
#include <vector>

#include "meter-proto/base/bytes.h"

namespace electra::crypto {

struct Vector {
  std::string name;
  std::vector<std::uint8_t> public_key;
  std::vector<std::uint8_t> message;
  std::vector<std::uint8_t> signature;
  std::string expectation;         // the file's own word, "" where it has none
  std::vector<std::uint8_t> seed;  // RFC 8032 only
};

// Throw on a file that is missing or has another shape.
[[nodiscard]] std::vector<Vector> wycheproof_vectors();
[[nodiscard]] std::vector<Vector> speccheck_vectors();
[[nodiscard]] std::vector<Vector> rfc8032_vectors();

}  // namespace electra::crypto
