#include "tests/crash/grid.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "engine/electrad/chain_setup.h"
#include "engine/electrad/gateway_client.h"
#include "engine/pipeline/replay.h"
#include "meter-proto/base/assert.h"

namespace electra::test {
namespace {

constexpr std::chrono::seconds kStartMax{60};

std::filesystem::path make_directory() {
  std::string path = (std::filesystem::temp_directory_path() / "electra-crash-XXXXXX").string();
  ELECTRA_ASSERT(mkdtemp(path.data()) != nullptr);
  return path;
}

// Below the range that the system gives to outgoing connections, so that it stays free while the gateway is down.
std::uint16_t free_port() {
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const auto port = static_cast<std::uint16_t>(20'000 + (::getpid() * 7 + attempt * 13) % 12'000);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool free = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    if (free) return port;
  }
  ELECTRA_ASSERT(false && "no port is free");
  return 0;
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class Auditor final : public pipeline::RecordReplayer {
 public:
  Auditor(state::Machine& machine, crypto::KeyStore& keys, crypto::Verifier& verifier, Audit& audit)
      : RecordReplayer(machine, keys, verifier), machine_(machine), audit_(audit) {}

 protected:
  void after_record(const io::RecordView&, std::span<const state::VerifiedMessage> messages,
                    std::span<const state::Outcome> outcomes) override {
    audit_.digests.push_back(machine_.digest());
    for (std::size_t i = 0; i < messages.size(); ++i) {
      if (!consumes_sequence(outcomes[i].result)) continue;
      Audit::Message& message = audit_.messages[{messages[i].slot, messages[i].envelope.sequence}];
      if (outcomes[i].repeated) {
        ++message.repeated;
        continue;
      }
      ++message.applied;
      message.result = outcomes[i].result;
      message.batch = machine_.batch_number();
      message.id = messages[i].id;
    }
  }

 private:
  state::Machine& machine_;
  Audit& audit_;
};

}  // namespace

Grid::Grid(const ConfigChanges& config_changes, const std::string& sections)
    : root_(make_directory()), home_(root_ / "home"), port_(free_port()) {
  std::string text = read_text(std::filesystem::path(ELECTRA_DATA) / "config.yml");
  for (const auto& [key, value] : config_changes) {
    const std::size_t begin = text.find("\n  " + key + ":");
    if (begin == std::string::npos) {
      ADD_FAILURE() << "the configuration has no key " << key;
      continue;
    }
    text.replace(begin, text.find('\n', begin + 1) - begin, "\n  " + key + ": " + value);
  }
  std::ofstream(root_ / "config.yml") << text << "\n" << sections;
  EXPECT_EQ(run({ELECTRAD, "init", "--home", home_.root(), "--config", root_ / "config.yml"}, log(), kStartMax), 0)
      << log_tail();
}

Grid::~Grid() {
  gateway_.reset();
  std::error_code ignored;
  if (!testing::Test::HasFailure()) std::filesystem::remove_all(root_, ignored);
}

std::string Grid::log_tail(std::size_t bytes) const {
  const std::string text = read_text(log());
  return "... the end of " + log().string() + ":\n" + text.substr(text.size() > bytes ? text.size() - bytes : 0);
}

void Grid::launch(const std::vector<std::string>& more) {
  std::error_code ignored;
  std::filesystem::remove(home_.address_file(), ignored);
  std::vector<std::string> command = {ELECTRAD,     "start",    "--home",
                                      home_.root(), "--listen", "127.0.0.1:" + std::to_string(port_)};
  command.insert(command.end(), more.begin(), more.end());
  gateway_ = std::make_unique<Process>(command, log());
}

bool Grid::wait_ready() {
  const auto deadline = std::chrono::steady_clock::now() + kStartMax;
  while (!home_.read_address()) {
    if (!gateway_->running() || std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

void Grid::kill_gateway() { gateway_->kill(); }

std::optional<int> Grid::stop() {
  gateway_->signal(SIGTERM);
  return gateway_->wait(kStartMax);
}

std::pair<std::optional<int>, std::string> Grid::failing_start() {
  const auto own_log = root_ / "failing-start";
  std::filesystem::remove(own_log);
  const auto code = run({ELECTRAD, "start", "--home", home_.root(), "--listen", "127.0.0.1:" + std::to_string(port_)},
                        own_log, std::chrono::seconds(20));
  return {code, read_text(own_log)};
}

std::pair<std::optional<int>, std::string> Grid::verify() const {
  const auto own_log = root_ / "verify";
  std::filesystem::remove(own_log);
  const auto code = run({ELECTRAD, "verify", home_.root(), "--json"}, own_log, std::chrono::minutes(2));
  return {code, read_text(own_log)};
}

std::string Grid::headers() const { return read_text(home_.headers_file()); }

std::vector<std::string> Grid::meter_command(const std::string& what, const std::vector<std::string>& more) const {
  std::vector<std::string> command = {ELECTRA_METER, what,         "--gateway",   "127.0.0.1:" + std::to_string(port_),
                                      "--data",      ELECTRA_DATA, "--retry-for", "60",
                                      "--quiet"};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

bool Grid::play(const std::string& what, const std::vector<std::string>& more) {
  return run(meter_command(what, more), log(), std::chrono::minutes(5)) == 0;
}

LiveDigest Grid::live_digest() const {
  auto client = app::GatewayClient::connect(home_, {.node = "", .from = "operator", .timeout_s = 30});
  if (!client) {
    ADD_FAILURE() << client.error().text;
    return {};
  }
  // The status on both sides of the digest: an empty record with the watermark may come between.
  while (true) {
    wire::Query status;
    status.mutable_status();
    wire::Query digest;
    digest.mutable_digest();
    const auto before = client->ask(status);
    const auto answer = client->ask(digest);
    const auto after = client->ask(status);
    if (!before || !answer || !after) {
      ADD_FAILURE() << "the gateway does not answer";
      return {};
    }
    if (before->status().batch() != after->status().batch()) continue;
    return {.batch = before->status().batch(),
            .state = to_hex(bytes_of(answer->digest().state())),
            .settlement = to_hex(bytes_of(answer->digest().settlement()))};
  }
}

Audit Grid::audit() const {
  Audit audit;
  const auto chain = app::load_chain(home_);
  if (!chain) {
    audit.problem = chain.error().text;
    return audit;
  }
  const auto machine = state::Machine::create(chain->genesis);
  const auto verifier = crypto::make_verifier("sodium");
  ELECTRA_ASSERT(machine && verifier);
  crypto::KeyStore keys(chain->genesis.limits.holders_max, 0);
  pipeline::follow_key_changes(**machine, keys, **verifier);
  audit.digests.push_back((*machine)->digest());
  Auditor auditor(**machine, keys, **verifier, audit);
  const auto recovered = io::recover_journal(home_.journal_directory(), chain->genesis.hash, &auditor);
  if (!recovered) audit.problem = recovered.error().text() + " " + auditor.problem();
  audit.settlement = (*machine)->settlement_digest();
  return audit;
}

std::vector<Acknowledged> read_acknowledged(const std::filesystem::path& file) {
  std::vector<Acknowledged> lines;
  std::ifstream in(file);
  Acknowledged line;
  while (in >> line.name.first >> line.name.second >> line.result >> line.batch >> line.id) lines.push_back(line);
  return lines;
}

std::string settlement_of_summary(const std::filesystem::path& json_file) {
  const auto json = nlohmann::json::parse(read_text(json_file), nullptr, false);
  return json.is_object() ? json.value("settlement_digest", "") : "";
}

}  // namespace electra::test
