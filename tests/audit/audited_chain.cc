#include "tests/audit/audited_chain.h"

#include <gtest/gtest.h>

namespace electra::test {

LivedChain::LivedChain() : files_{directory_.path() / "chain"} {
  RunningGateway gateway(small_settings(files_.journal));
  EXPECT_EQ(gateway.error(), "");
  do_a_bit_of_everything(gateway.port());
  gateway.stop();
  // Without the lead of zeros, so that copies are cheap; the lead has tests of its own.
  store_records(files_.journal, load_records(files_.journal));
}

const LivedChain& LivedChain::get() {
  static const LivedChain chain;
  return chain;
}

ChainFiles LivedChain::copy_to(const std::filesystem::path& directory) const {
  std::filesystem::remove_all(directory);
  std::filesystem::copy(files_.journal, directory, std::filesystem::copy_options::recursive);
  return {directory};
}

pipeline::AuditReport audit_of(const ChainFiles& files, bool all, bool unfinished) {
  const state::Genesis genesis = small_genesis();
  auto source =
      pipeline::open_directory_source(files.journal, files.headers(), genesis.hash, {.unfinished = unfinished});
  EXPECT_TRUE(source) << source.error();
  pipeline::AuditOptions options;
  options.all = all;
  options.threads = 2;
  const auto report = pipeline::audit(genesis, **source, options);
  EXPECT_TRUE(report) << report.error();
  return *report;
}

std::string problems_of(const pipeline::AuditReport& report) {
  std::string out;
  for (const pipeline::SourceProblem& problem : report.problems) {
    out += problem.place.file.filename().string() + " at " + std::to_string(problem.place.offset) + ", batch " +
           std::to_string(problem.batch) + ", height " + std::to_string(problem.height) + ": " + problem.text + "\n";
  }
  return out;
}

}  // namespace electra::test
