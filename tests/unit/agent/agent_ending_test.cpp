// SPDX-License-Identifier: Apache-2.0
#include "unit/agent/agent_program.hpp"

namespace {

using namespace vmkit;
using namespace vmkit::agent;
using namespace vmkit::agent::test;

constexpr int term = 15;

/// How long the agent goes on after power_off, until its client reads the end.
std::chrono::nanoseconds time_to_end(Client& client, const PowerOff& how) {
  const auto start = Clock::now();
  client.power_off(how, soon());
  while (!client.failure()) {
    REQUIRE(Clock::now() - start < 20s);
    std::this_thread::sleep_for(1ms);
  }
  return Clock::now() - start;
}

/// Starts the script and waits until it has written a line.
Process started(Client& client, const std::string& script) {
  auto process = client.spawn(shell(script), soon());
  std::byte first;
  REQUIRE(process.stdout_source().read({&first, 1}, soon()) == 1);
  return process;
}

}  // namespace

TEST_CASE("power off: without a signal nobody is waited for") {
  Session session;
  auto process = started(session.client, "echo; exec sleep 10");
  CHECK(time_to_end(session.client, {}) < 5s);
  ::kill(static_cast<pid_t>(process.pid()), SIGKILL);
}

TEST_CASE("power off: processes have their time after the signal, and no more is waited") {
  Session session;
  auto first =
      started(session.client,
              "trap 'sleep 0.2; echo end; exit 3' TERM; echo; while :; do sleep 0.05; done");
  auto second =
      started(session.client, "trap 'sleep 0.1; exit 4' TERM; echo; while :; do sleep 0.05; done");
  const auto taken = time_to_end(session.client, {term, 20s});
  CHECK(taken >= 200ms);
  CHECK(taken < 10s);
  CHECK(first.wait(soon()) == ExitStatus{3, 0});
  CHECK(second.wait(soon()) == ExitStatus{4, 0});
}

TEST_CASE("power off: a process that does not end holds nobody up for longer than the grace time") {
  Session session;
  auto process = started(session.client, "trap '' TERM; echo; exec sleep 10");
  const auto taken = time_to_end(session.client, {term, 300ms});
  CHECK(taken >= 300ms);
  CHECK(taken < 5s);
  ::kill(static_cast<pid_t>(process.pid()), SIGKILL);
}

TEST_CASE("power off: no such signal is an error, and the machine goes on") {
  Session session;
  expect(Errc::invalid_argument, 0, "signal 99", [&] {
    session.client.power_off({99, 1s}, soon());
  });
  CHECK(session.client.spawn(shell("exit 5"), soon()).wait(soon()) == ExitStatus{5, 0});
}
