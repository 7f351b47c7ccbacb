#include "tests/golden/golden.h"

#include <gtest/gtest.h>

#include <sstream>

#include "engine/electrad/config.h"
#include "engine/electrad/genesis.h"
#include "engine/pipeline/packed_source.h"

namespace electra::test {
namespace {

pipeline::AuditReport audit_source(const std::string& name, const std::string& genesis_text,
                                   const std::function<std::unique_ptr<pipeline::ChainSource>(const Bytes32&)>& open) {
  const auto genesis = app::parse_genesis(name, genesis_text);
  EXPECT_TRUE(genesis) << genesis.error();
  const auto source = open(genesis->hash);
  const auto report = pipeline::audit(*genesis, *source, {});
  EXPECT_TRUE(report) << report.error();
  for (const pipeline::SourceProblem& problem : report->problems) ADD_FAILURE() << problem.text;
  return *report;
}

}  // namespace

pipeline::AuditReport audit_directory(const std::filesystem::path& directory) {
  const auto text = app::read_text_file(directory / "genesis.json");
  EXPECT_TRUE(text) << text.error();
  return audit_source("genesis.json", *text, [&](const Bytes32& genesis_hash) {
    auto source =
        pipeline::open_directory_source(directory / "journal", directory / "blocks" / "headers.bin", genesis_hash, {});
    EXPECT_TRUE(source) << source.error();
    return std::move(*source);
  });
}

pipeline::AuditReport audit_packed(const std::filesystem::path& directory) {
  auto source = pipeline::open_packed_source({directory / "chain.blocks"});
  EXPECT_TRUE(source) << source.error().text;
  const std::string text = (*source)->genesis_text();
  return audit_source("chain.blocks", text, [&](const Bytes32&) { return std::move(*source); });
}

std::string golden_text(const pipeline::AuditReport& report) {
  const proto::BlockHeader& header = report.last_header;
  std::ostringstream out;
  out << "height " << header.height << "\nepoch " << header.epoch << "\nrules_version " << header.rules_version
      << "\ntotal_messages " << header.total_messages << "\nheader_hash " << to_hex(proto::header_hash(header))
      << "\nbatch_hash " << to_hex(header.batch_hash) << "\ntransaction_root " << to_hex(header.transaction_root)
      << "\nstate_root " << to_hex(header.state_root) << "\nsettlement_digest " << to_hex(report.settlement_digest)
      << "\nconsumption_wh " << report.totals.consumption_wh << "\ngeneration_wh " << report.totals.generation_wh
      << "\nconsumers_pay " << report.totals.consumers_pay << "\nproducers_get " << report.totals.producers_get << "\n";
  return out.str();
}

}  // namespace electra::test
