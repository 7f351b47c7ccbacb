#include "bench/e2e/serve.h"

#include <fmt/core.h>
#include <sys/prctl.h>

#include <atomic>
#include <csignal>
#include <cstdio>

#include "bench/e2e/accept_all.h"
#include "bench/e2e/interrupt.h"
#include "bench/e2e/settings.h"
#include "bench/e2e/slow_device.h"
#include "engine/pipeline/gateway.h"
#include "meter-proto/base/bytes.h"

namespace electra::bench {
namespace {

std::atomic<pipeline::Gateway*> serving{nullptr};

void on_term(int) {
  if (pipeline::Gateway* const gateway = serving.load()) {
    gateway->request_stop();
  } else {
    std::_Exit(1);  // nothing was begun yet
  }
}

// One write a line: the parent reads a pipe, and two threads tell it things.
void tell(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

int fail(const std::string& text) {
  fmt::print(stderr, "electra-bench serve: {}\n", text);
  return 1;
}

pipeline::GatewaySettings gateway_settings(const ServeSettings& settings, const std::vector<Bytes32>& keys) {
  pipeline::GatewaySettings out;
  out.genesis = Scenario::genesis_of(settings.scenario, keys);
  out.journal_directory = settings.journal();
  out.blocks = {.signer = Scenario::gateway_signer(),
                .headers_file = settings.headers_file(),
                .signed_height_file = settings.signed_height_file()};
  out.snapshots.directory = settings.snapshots();
  if (settings.snapshot_every) out.snapshots.every_bytes = *settings.snapshot_every;
  out.snapshots.on_event = [](const pipeline::SnapshotEvent& event) {
    if (event.kind == pipeline::SnapshotEvent::Kind::failed) {
      fmt::print(stderr, "electra-bench serve: a snapshot failed: {}\n", event.text);
    }
  };
  out.listen_port = 0;
  out.listen_udp = settings.udp;
  out.replay_clock = true;
  out.verifier.backend = settings.verifier;
  out.verifier.table_kib = settings.table_kib;
  out.verifier.on_tables = [](const crypto::TableStatus& status) {
    tell(fmt::format("tables {} {} {}", status.keys, status.tables, status.without + status.faulty));
  };
  out.verify_threads = settings.verify_threads;
  out.connections_max = settings.connections_max;
  out.refusals_max = settings.refusals_max;
  out.version = "bench";
  if (settings.accept_all) {
    out.other_verifier = [](const crypto::VerifierOptions&) { return accept_all_verifier(); };
  }
  if (settings.flush_delay_us > 0) {
    out.other_device = [delay_ns = settings.flush_delay_us * 1000](io::Loop& loop) {
      return slow_device(loop, {.delay_ns = delay_ns});
    };
  }
  return out;
}

Model balances_of(const state::Machine& machine) {
  Model model;
  model.messages = machine.messages_executed();
  for (state::AccountNumber number = 1; number <= machine.account_count(); ++number) {
    const auto account = machine.account(number);
    model.accounts.push_back({.debits = account->debits_posted, .credits = account->credits_posted});
  }
  for (state::Slot slot = 1; slot <= machine.holder_count(); ++slot) {
    model.registers.push_back(machine.holder(slot)->registers[0].whin);
  }
  return model;
}

ServeReport report_of(const pipeline::Gateway& gateway) {
  const pipeline::GatewayCounters counters = gateway.counters();
  const pipeline::GatewayStart facts = gateway.facts();
  return {.batches = counters.batches,
          .messages = counters.messages,
          .refused = counters.refused,
          .largest_batch = counters.largest_batch,
          .record_bytes = counters.journal_bytes,
          .zero_bytes = counters.zero_bytes,
          .snapshot_bytes = counters.snapshots.bytes,
          .snapshots = counters.snapshots.sealed,
          .snapshot_ns = counters.snapshots.cpu_ns,
          .restored_leaves = facts.restored_leaves,
          .restored_ns = facts.restored_ns,
          .replayed_messages = facts.messages,
          .replayed_ns = facts.replayed_ns,
          .decode_ns = counters.decode_ns,
          .verify_ns = counters.verify_ns,
          .execute_ns = counters.execute_ns,
          .journal_wait_ns = counters.journal_wait_ns,
          .height = counters.height,
          .state_bytes = facts.state_bytes,
          .keys_bytes = facts.keys_bytes,
          .batches_bytes = facts.batches_bytes,
          .sessions_bytes = facts.sessions_bytes,
          .datagrams = counters.datagrams.port.received,
          .datagrams_lost = counters.datagrams.port.lost,
          .datagrams_dropped = counters.datagrams.dropped(),
          .datagrams_sent = counters.datagrams.port.sent,
          .datagrams_unsent = counters.datagrams.port.output_full + counters.datagrams.port.output_failed,
          .verifier = facts.verifier,
          .settlement_digest = to_hex(gateway.machine().settlement_digest())};
}

}  // namespace

int serve(const std::filesystem::path& settings_file) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::signal(SIGTERM, on_term);
  take_signals_again();
  std::signal(SIGINT, SIG_IGN);  // the parent's business
  const auto settings = read_settings(settings_file);
  if (!settings) return fail(settings.error());
  const auto keys = read_keys(settings->keys_file());
  if (!keys) return fail(keys.error());
  auto gateway = pipeline::Gateway::open(gateway_settings(*settings, *keys));
  if (!gateway) return fail(gateway.error());
  serving = gateway->get();
  tell(fmt::format("tables_wanted {}", (*gateway)->facts().tables.table_bytes));
  tell(fmt::format("listening {}", (*gateway)->port()));
  if ((*gateway)->run() == pipeline::StopReason::journal_failed) return fail((*gateway)->failure());
  if (std::string error = write_model(balances_of((*gateway)->machine()), settings->balances_file()); !error.empty()) {
    return fail(error);
  }
  if (std::string error = write_report(report_of(**gateway), settings->report_file()); !error.empty()) {
    return fail(error);
  }
  serving = nullptr;
  return 0;
}

}  // namespace electra::bench
