// A small chain that lived a little, laid out for an auditor, and what the auditor says of it.
#pragma once

#include "engine/pipeline/audit.h"
#include "tests/audit/forge.h"

namespace electra::test {

// Lives once a process: making it takes a gateway.
class LivedChain {
 public:
  [[nodiscard]] static const LivedChain& get();
  // A copy of its data in this directory.
  [[nodiscard]] ChainFiles copy_to(const std::filesystem::path& directory) const;
  [[nodiscard]] const ChainFiles& files() const noexcept { return files_; }

 private:
  LivedChain();
  TempDirectory directory_;
  ChainFiles files_;
};

[[nodiscard]] pipeline::AuditReport audit_of(const ChainFiles& files, bool all = false, bool unfinished = false);

// The problems, one a line, for messages of tests.
[[nodiscard]] std::string problems_of(const pipeline::AuditReport& report);

}  // namespace electra::test
