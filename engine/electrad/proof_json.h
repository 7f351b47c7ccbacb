// Proofs as text for people, and back.
//
// The text is canonical: a proof has exactly one, and reading writes it again and compares, so that also the words that
// only repeat what the bytes say ("facts") cannot say anything else. docs/proof-format.md describes it.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "engine/electrad/output.h"
#include "meter-proto/chain/proof.h"

namespace electra::app {

inline constexpr std::size_t kProofTextBytesMax = 65536;

// What the proof says if it is true: numbers, names, balance, registers, result. Checks nothing.
[[nodiscard]] Json proof_facts_json(const proto::Proof& proof);

// The same as one sentence: "at height 7 (2016-01-04T00:00:07Z) account 2 of slot 2 has a balance of 999751 uelectra".
[[nodiscard]] std::string proof_sentence(const proto::Proof& proof);

// The canonical text, with a line feed at its end.
[[nodiscard]] std::string proof_text(const proto::Proof& proof);

// The error is one sentence for people.
[[nodiscard]] std::expected<proto::Proof, std::string> parse_proof_text(std::string_view text);

// A file in either form: binary if it begins with the magic, else text.
[[nodiscard]] std::expected<proto::Proof, std::string> read_proof(std::string_view file_bytes);

}  // namespace electra::app
