// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <doctest/doctest.h>

#include "support/machine_fixture.hpp"

using namespace vmkit;
using namespace vmkit::test;
using namespace vmkit::vm;
using namespace std::chrono_literals;

namespace {

MachineConfig mute_config(std::chrono::milliseconds watchdog) {
  MachineConfig config = guest_config("mute", "echo");
  config.boot = {.image = VMKIT_TEST_MUTE_KERNEL};
  config.boot_watchdog = watchdog;
  return config;
}

}  // namespace

TEST_CASE_FIXTURE(BackendFixture,
                  "watchdog: a kernel that never speaks is started twice, then fails") {
  VMKIT_REQUIRE_GUEST();
  Machine machine = backend->create(mute_config(400ms));
  Events events(machine);
  machine.start();
  // start() has succeeded: what comes is told by events and by wait().
  auto port = machine.open_port("vmkit.test");
  const auto first = machine.diagnostics().process_id;
  CHECK(read_line(*port) == "");  // the retry breaks the connection
  port.reset();
  REQUIRE(eventually([&] { return machine.diagnostics().boot_attempts == 2; }));
  CHECK(machine.state() == MachineState::running);
  CHECK_NOTHROW(port = machine.open_port("vmkit.test"));
  const MachineEvent end = machine.wait();
  CHECK(process_is_gone(*first));
  CHECK(machine.diagnostics().boot_attempts == 2);
  CHECK(events.text() ==
        "starting/start_requested running/started running/boot_retried failed/failed");
  REQUIRE(end.error);
  CHECK(end.error->code() == Errc::timeout);
  const std::string message = end.error->what();
  CHECK(message.find("machine mute: no sign of life from the guest's kernel within 400 ms") == 0);
  CHECK(events.all()[2].error->code() == Errc::timeout);
  CHECK(is_clean());
}

TEST_CASE_FIXTURE(BackendFixture,
                  "watchdog: it sleeps while the machine is paused, and can be off") {
  VMKIT_REQUIRE_GUEST();
  Machine paused = backend->create(mute_config(600ms));
  Machine unwatched = backend->create(mute_config(0ms));
  paused.start();
  paused.pause();
  unwatched.start();
  std::this_thread::sleep_for(1s);
  CHECK(paused.diagnostics().boot_attempts == 1);
  CHECK(unwatched.diagnostics().boot_attempts == 1);
  CHECK(unwatched.state() == MachineState::running);
  paused.resume();
  CHECK(eventually([&] { return paused.diagnostics().boot_attempts == 2; }));
  paused.kill();
  unwatched.kill();
  CHECK(paused.wait().reason == MachineEventReason::killed);
}

TEST_CASE_FIXTURE(BackendFixture, "watchdog: a guest that speaks is left alone") {
  VMKIT_REQUIRE_GUEST();
  MachineConfig config = guest_config("speaks", "silent");
  config.boot_watchdog = 8s;  // its kernel speaks well before; its init never does
  Machine machine = backend->create(config);
  machine.start();
  REQUIRE(eventually([&] { return !machine.console_tail(1).empty(); }));
  std::this_thread::sleep_for(8500ms);
  CHECK(machine.diagnostics().boot_attempts == 1);
  CHECK(machine.state() == MachineState::running);
  machine.kill();
}
