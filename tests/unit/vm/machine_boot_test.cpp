// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <doctest/doctest.h>
#include <poll.h>

#include "os/file.hpp"
#include "support/machine_fixture.hpp"

using namespace vmkit;
using namespace vmkit::test;
using namespace vmkit::vm;
using namespace std::chrono_literals;

namespace {

bool contains(const std::vector<std::string>& lines, const std::string& text) {
  for (const std::string& line : lines) {
    if (line.find(text) != std::string::npos) return true;
  }
  return false;
}

double seconds_of(const std::function<void()>& call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

TEST_CASE_FIXTURE(BackendFixture, "machine: what it takes of the host, and a balloon") {
  VMKIT_REQUIRE_GUEST();
  MachineConfig config = guest_config("thrifty", "echo");
  config.balloon = true;
  Machine machine = backend->create(config);
  CHECK(error_of([&] { machine.statistics(); }).find("failed_precondition") == 0);
  CHECK(error_of([&] { machine.set_memory_target(96_MiB); }).find("failed_precondition") == 0);
  machine.start();
  auto port = machine.open_port("vmkit.test");
  write_line(*port, "up");
  CHECK(read_line(*port) == "echo up");
  const MachineStatistics before = machine.statistics();
  CHECK(before.guest_memory == config.memory);
  CHECK(before.cpu_time > 100ms);
  CHECK(before.resident_memory > 32_MiB);
  CHECK(before.resident_memory < 1_GiB);

  machine.set_memory_target(112_MiB);
  CHECK(eventually([&] { return machine.statistics().guest_memory == 112_MiB; }));
  CHECK(machine.statistics().cpu_time > before.cpu_time);
  machine.set_memory_target(config.memory);
  CHECK(eventually([&] { return machine.statistics().guest_memory == config.memory; }));
  write_line(*port, "still");
  CHECK(read_line(*port) == "echo still");

  const auto refused = [&](ByteSize target) {
    return error_of([&] { machine.set_memory_target(target); });
  };
  CHECK(refused(16_MiB) ==
        "invalid_argument: machine thrifty: memory target: expected whole MiB "
        "from 32 MiB to 128 MiB, found 16777216 bytes");
  CHECK(refused(129_MiB).find("invalid_argument") == 0);
  CHECK(refused(ByteSize((64 << 20) + 1)).find("invalid_argument") == 0);
  machine.kill();
  CHECK(error_of([&] { machine.statistics(); }).find("failed_precondition") == 0);
  Machine plain = backend->create(guest_config("plain", "echo"));
  CHECK(error_of([&] { plain.set_memory_target(64_MiB); }).find("has no balloon") !=
        std::string::npos);
}

TEST_CASE_FIXTURE(BackendFixture, "machine: boots, talks, pauses, minds the power button") {
  VMKIT_REQUIRE_GUEST();
  MachineConfig config = guest_config("life", "echo");
  config.console.file = folder.path() / "console.log";
  Machine machine = backend->create(config);
  Events events(machine);
  CHECK(machine.state() == MachineState::created);
  machine.start();
  CHECK(machine.state() == MachineState::running);
  const auto diagnostics = machine.diagnostics();
  REQUIRE(diagnostics.process_id);
  CHECK(diagnostics.boot_attempts == 1);
  CHECK(diagnostics.accelerator == backend->capabilities().accelerator);

  // Long before the guest is there.
  auto port = machine.open_port("vmkit.test");
  write_line(*port, "early");
  CHECK(read_line(*port) == "echo early");
  CHECK(error_of([&] { machine.open_port("vmkit.test"); }).find("failed_precondition") == 0);
  CHECK(error_of([&] { machine.open_port("other"); }).find("not_found") == 0);
  CHECK(error_of([&] { port->close_write(); }).find("unsupported") == 0);
  // The console has a way of its own to here, which may take longer than the port's.
  CHECK(eventually([&] { return contains(machine.console_tail(3), "test-init: port open"); }));
  CHECK(contains(machine.console_tail(100), "Linux version"));
  CHECK(os::read_file(config.console.file, 1_MiB).find("test-init: up") != std::string::npos);

  machine.pause();
  CHECK(machine.state() == MachineState::paused);
  machine.pause();
  write_line(*port, "asleep");
  std::this_thread::sleep_for(100ms);
  machine.resume();
  CHECK(machine.state() == MachineState::running);
  CHECK(read_line(*port) == "echo asleep");

  // A connection of its own after the first: the guest sees it come and go.
  port.reset();
  port = machine.open_port("vmkit.test");
  write_line(*port, "again");
  CHECK(read_line(*port) == "echo again");

  machine.stop(20s);
  CHECK(machine.state() == MachineState::stopped);
  CHECK(machine.wait().reason == MachineEventReason::guest_stopped);
  CHECK(contains(machine.console_tail(10), "test-init: power button"));
  CHECK(read_line(*port) == "");
  CHECK(process_is_gone(*diagnostics.process_id));
  CHECK_FALSE(machine.diagnostics().process_id);
  CHECK(events.text() ==
        "starting/start_requested running/started paused/paused running/resumed "
        "stopping/stop_requested stopped/guest_stopped");
  std::filesystem::remove(config.console.file);
  CHECK(is_clean());

  machine.stop(1s);
  machine.kill();
  CHECK(error_of([&] { machine.start(); }).find("expected it created, found it stopped") !=
        std::string::npos);
  CHECK(error_of([&] { machine.pause(); }).find("failed_precondition") == 0);
  CHECK(error_of([&] { machine.open_port("vmkit.test"); }).find("failed_precondition") == 0);
}

TEST_CASE_FIXTURE(BackendFixture, "machine: two at once, and each way in which a guest ends") {
  VMKIT_REQUIRE_GUEST();
  Machine off = backend->create(guest_config("off", "poweroff"));
  Machine panic = backend->create(guest_config("panic", "panic"));
  Events events(panic);
  off.start();
  panic.start();
  const MachineEvent off_end = off.wait();
  CHECK(off_end.state == MachineState::stopped);
  CHECK(off_end.reason == MachineEventReason::guest_stopped);
  CHECK_FALSE(off_end.error);
  const MachineEvent panic_end = panic.wait();
  CHECK(panic_end.state == MachineState::failed);
  CHECK(panic_end.reason == MachineEventReason::guest_crashed);
  REQUIRE(panic_end.error);
  const std::string message = panic_end.error->what();
  CHECK(message.find("machine panic: the guest reset itself") == 0);
  CHECK(message.find("Kernel panic - not syncing: Attempted to kill init!") != std::string::npos);
  CHECK(events.text() == "starting/start_requested running/started failed/guest_crashed");
  CHECK(is_clean());
}

TEST_CASE_FIXTURE(BackendFixture, "machine: a reboot ends it too") {
  VMKIT_REQUIRE_GUEST();
  Machine machine = backend->create(guest_config("reboot", "reboot"));
  machine.start();
  CHECK(machine.wait().reason == MachineEventReason::guest_crashed);
}

TEST_CASE_FIXTURE(BackendFixture,
                  "machine: a guest that ignores the button is killed after the grace") {
  VMKIT_REQUIRE_GUEST();
  Machine machine = backend->create(guest_config("deaf", "deaf"));
  machine.start();
  auto port = machine.open_port("vmkit.test");
  write_line(*port, "up?");
  CHECK(read_line(*port) == "echo up?");
  // A caller that gives up leaves it stopping.
  CHECK(error_of([&] { machine.stop(20s, CallOptions{}.with_timeout(50ms)); }).find("timeout") ==
        0);
  CHECK(machine.state() == MachineState::stopping);
  const double seconds = seconds_of([&] { machine.stop(300ms); });
  CHECK(seconds >= 0.3);
  CHECK(seconds < 2);
  CHECK(machine.wait().reason == MachineEventReason::killed);
  CHECK(is_clean());
}

TEST_CASE_FIXTURE(BackendFixture, "machine: kill is quick, and a paused guest can be stopped") {
  VMKIT_REQUIRE_GUEST();
  Machine machine = backend->create(guest_config("kill", "echo"));
  Events events(machine);
  machine.start();
  CHECK(seconds_of([&] { machine.kill(); }) < 0.5);
  CHECK(machine.state() == MachineState::stopped);
  CHECK(events.text() == "starting/start_requested running/started stopped/killed");

  Machine paused = backend->create(guest_config("paused", "echo"));
  paused.start();
  auto port = paused.open_port("vmkit.test");
  write_line(*port, "up?");
  CHECK(read_line(*port) == "echo up?");
  paused.pause();
  paused.stop(20s);
  CHECK(paused.wait().reason == MachineEventReason::guest_stopped);
  CHECK(is_clean());
}

TEST_CASE_FIXTURE(BackendFixture, "machine: the destructor kills, in any state") {
  VMKIT_REQUIRE_GUEST();
  { Machine created = backend->create(guest_config("created", "echo")); }
  std::int64_t pid = 0;
  {
    Machine running = backend->create(guest_config("running", "echo"));
    running.start();
    pid = running.diagnostics().process_id.value();
  }
  CHECK(process_is_gone(pid));
  {
    Machine paused = backend->create(guest_config("paused", "echo"));
    paused.start();
    paused.pause();
    pid = paused.diagnostics().process_id.value();
  }
  CHECK(process_is_gone(pid));
  CHECK(is_clean());
}

TEST_CASE_FIXTURE(BackendFixture, "machine: a flood on the console neither stalls nor grows") {
  VMKIT_REQUIRE_GUEST();
  MachineConfig config = guest_config("flood", "echo");
  config.console = {.file = folder.path() / "console.log", .limit = 100_KiB};
  Machine machine = backend->create(config);
  machine.start();
  auto port = machine.open_port("vmkit.test");
  write_line(*port, "flood");
  CHECK(read_line(*port) == "echo flood");
  CHECK(eventually([&] { return contains(machine.console_tail(5), "flood 19999"); }));
  CHECK(std::filesystem::file_size(config.console.file) < 101 * 1024);
  machine.kill();
}
