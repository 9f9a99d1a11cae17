// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

#include "support/machine_fixture.hpp"

using namespace vmkit;
using namespace vmkit::test;
using namespace vmkit::vm;
using namespace std::chrono_literals;

namespace {

/// Machines whose QEMU is tests/support/fake_qemu.cpp.
struct FakeFixture : BackendFixture {
  FakeFixture() {
    options.binary = VMKIT_FAKE_QEMU;
    options.response_limit = 500ms;
    backend = make_backend(options);
  }

  Machine machine(const std::string& mode) {
    MachineConfig config;
    config.name = mode;
    config.boot = {.image = VMKIT_FAKE_QEMU, .command_line = "fake=" + mode};
    return backend->create(config);
  }
};

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

/// While it lives this process can open so many more files.
class DescriptorsLeft {
 public:
  explicit DescriptorsLeft(unsigned count) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest_free = ::dup(0);
    ::close(lowest_free);
    const rlimit few{static_cast<rlim_t>(lowest_free) + count, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~DescriptorsLeft() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

pid_t parent_of(std::int64_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string number, name, state;
  pid_t parent = 0;
  file >> number >> name >> state >> parent;
  return parent;
}

bool has(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE_FIXTURE(BackendFixture, "machine failure: no QEMU") {
  options.search_path = {"/nowhere"};
  Machine machine = make_backend(options)->create({.boot = {.image = "/vmlinuz"}});
  const std::string error = error_of([&] { machine.start(); });
  has(error, "not_found: machine machine: there is no qemu-system-");
  has(error, "apt-get install qemu-system-");
  CHECK(machine.state() == MachineState::failed);
}

TEST_CASE_FIXTURE(FakeFixture, "machine failure: a runtime folder that is missing or too long") {
  options.runtime_directory = folder.path() / "missing";
  Machine nowhere = make_backend(options)->create(machine("silent").config());
  has(error_of([&] { nowhere.start(); }), "not_found: machine silent: create folder");
  options.runtime_directory = folder.path() / std::string(90, 'x');
  std::filesystem::create_directory(options.runtime_directory);
  Machine deep = make_backend(options)->create(machine("silent").config());
  const std::string error = error_of([&] { deep.start(); });
  has(error, "invalid_argument: machine silent: socket path");
  has(error, "use a shorter folder");
  CHECK(std::filesystem::is_empty(options.runtime_directory));
}

TEST_CASE_FIXTURE(FakeFixture, "machine failure: QEMU refuses at once, in its own words") {
  Machine refused = machine("refuse");
  Events events(refused);
  const std::string error = error_of([&] { refused.start(); });
  has(error, "unsupported: machine refuse: qemu exited with status 1");
  has(error, "it said: fake: -machine microvm: unsupported machine type");
  CHECK(events.text() == "starting/start_requested failed/failed");
  CHECK(is_clean());
}

TEST_CASE_FIXTURE(FakeFixture, "machine failure: no answer, or garbage, on the control socket") {
  struct Row {
    const char* mode;
    const char* error;
  };
  const Row rows[] = {
      {"silent", "timeout: machine silent: qemu hangs: no answer on its control socket within 500"},
      {"mute", "timeout: machine mute: qemu hangs"},
      {"garbage",
       "data_corruption: machine garbage: qemu's control socket: expected a JSON object "
       "on each line, found '220 ready for mail'"},
      {"endless",
       "data_corruption: machine endless: qemu's control socket: expected a line of at "
       "most 262144 bytes"},
      {"stranger", "data_corruption: machine stranger: qemu answered a command that nobody gave"},
      {"unwilling", "data_corruption: machine unwilling: qemu refused to talk: not you"},
  };
  for (const Row& row : rows) {
    Machine bad = machine(row.mode);
    has(error_of([&] { bad.start(); }), row.error);
    CHECK(bad.state() == MachineState::failed);
    CHECK(is_clean());
  }
}

TEST_CASE_FIXTURE(FakeFixture, "machine failure: the control socket breaks while it runs") {
  Machine deserter = machine("deserter");
  deserter.start();
  const MachineEvent end = deserter.wait();
  REQUIRE(end.error);
  has(end.error->what(), "machine deserter: qemu hangs");

  Machine late = machine("late-garbage");
  late.start();
  has(error_of([&] { late.pause(); }), "unavailable: machine late-garbage: it ended before");
  CHECK(late.wait().error->code() == Errc::data_corruption);
  CHECK(is_clean());
}

TEST_CASE_FIXTURE(FakeFixture, "machine failure: out of descriptors, wherever in the start") {
  machine("late-garbage").start();  // what is asked only once
  // UBSan checks the type of what it sees for the first time with the help of a pipe.
  static_cast<void>(Error::from_errno(EMFILE, "seen"));
  const std::size_t before = open_descriptors();
  unsigned failures = 0;
  for (;; ++failures) {
    REQUIRE(failures < 100);
    std::string error;
    {
      Machine starved = machine("late-garbage");
      const DescriptorsLeft left(failures);
      error = error_of([&] { starved.start(); });
    }
    CHECK(is_clean());
    CHECK(open_descriptors() == before);
    if (error.empty()) break;
    has(error, "resource_exhausted: machine late-garbage: ");
    has(error, "Too many open files");
  }
  CHECK(failures > 5);
}

TEST_CASE_FIXTURE(FakeFixture, "machine failure: a start that is given up leaves nothing") {
  options.response_limit = 30s;
  backend = make_backend(options);
  Machine late = machine("silent");
  has(error_of([&] { late.start(CallOptions{}.with_timeout(50ms)); }), "timeout: ");
  CHECK(late.state() == MachineState::failed);

  StopSource source;
  Machine stopped = machine("silent");
  std::thread stopper([&] {
    std::this_thread::sleep_for(50ms);
    source.request_stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  has(error_of([&] { stopped.start({.stop = source.token()}); }), "cancelled: ");
  CHECK(std::chrono::steady_clock::now() - begin < 1s);
  stopper.join();
  CHECK(stopped.state() == MachineState::failed);

  Machine killed = machine("silent");
  std::thread killer([&] {
    while (killed.diagnostics().boot_attempts == 0) std::this_thread::sleep_for(1ms);
    killed.kill();
  });
  has(error_of([&] { killed.start(); }),
      "cancelled: machine silent: it was killed by another call");
  killer.join();
  CHECK(killed.wait().reason == MachineEventReason::killed);
  CHECK(is_clean());
}

TEST_CASE_FIXTURE(FakeFixture, "machine failure: calls before the start") {
  Machine idle = machine("silent");
  has(error_of([&] { idle.wait(); }), "failed_precondition: machine silent: wait");
  has(error_of([&] { idle.pause(); }), "failed_precondition: machine silent: pause");
  has(error_of([&] { idle.resume(); }), "failed_precondition: machine silent: resume");
  CHECK(idle.console_tail(5).empty());
  idle.stop(1s);
  CHECK(idle.state() == MachineState::stopped);
  has(error_of([&] { idle.start(); }), "expected it created, found it stopped (killed)");
}

TEST_CASE_FIXTURE(BackendFixture, "machine failure: QEMU is killed from outside, or stopped") {
  VMKIT_REQUIRE_GUEST();
  Machine shot = backend->create(guest_config("shot", "echo"));
  Events events(shot);
  shot.start();
  auto port = shot.open_port("vmkit.test");
  const auto begin = std::chrono::steady_clock::now();
  ::kill(static_cast<pid_t>(*shot.diagnostics().process_id), SIGKILL);
  const MachineEvent end = shot.wait();
  CHECK(std::chrono::steady_clock::now() - begin < 500ms);
  CHECK(end.state == MachineState::failed);
  has(end.error->what(), "machine shot: qemu was ended by signal 9 (Killed) while the machine ran");
  CHECK(read_line(*port) == "");
  has(error_of([&] { shot.open_port("vmkit.test"); }), "found it failed (machine shot: qemu was");

  options.response_limit = 500ms;
  Machine frozen = make_backend(options)->create(guest_config("frozen", "echo"));
  frozen.start();
  ::kill(static_cast<pid_t>(*frozen.diagnostics().process_id), SIGSTOP);
  has(error_of([&] { frozen.pause(); }), "timeout: wait for qemu's answer to 'stop'");
  frozen.stop(100ms);
  CHECK(frozen.wait().reason == MachineEventReason::killed);
  CHECK(is_clean());
}

TEST_CASE_FIXTURE(BackendFixture, "machine failure: its helper is killed") {
  VMKIT_REQUIRE_GUEST();
  backend = make_helper_backend({.program = VMKIT_VZ_HOST, .qemu = options});
  Machine bereft = backend->create(guest_config("bereft", "echo"));
  Machine other = backend->create(guest_config("other", "echo"));
  bereft.start();
  other.start();
  auto port = bereft.open_port("vmkit.test");
  write_line(*port, "hello");
  CHECK(read_line(*port) == "echo hello");
  const auto qemu = *bereft.diagnostics().process_id;
  const auto begin = std::chrono::steady_clock::now();
  ::kill(parent_of(qemu), SIGKILL);
  const MachineEvent end = bereft.wait();
  CHECK(std::chrono::steady_clock::now() - begin < 500ms);
  CHECK(end.state == MachineState::failed);
  CHECK(end.error->code() == Errc::unavailable);
  has(end.error->what(), "machine bereft: helper ");
  has(end.error->what(), "it was ended by signal 9 (Killed)");
  CHECK(read_line(*port) == "");
  CHECK(eventually([&] { return process_is_gone(qemu); }));
  has(error_of([&] { bereft.open_port("vmkit.test"); }), "found it failed");
  // Nobody else notices.
  auto other_port = other.open_port("vmkit.test");
  write_line(*other_port, "hello");
  CHECK(read_line(*other_port) == "echo hello");  // its guest minds the power button by now
  CHECK(other.statistics().resident_memory.bytes() > 0);
  other.stop(10s);
  CHECK(other.wait().reason == MachineEventReason::guest_stopped);
}

TEST_CASE_FIXTURE(BackendFixture, "machine failure: a QEMU that freezes before it is up") {
  VMKIT_REQUIRE_GUEST();
  options.response_limit = 300ms;
  Machine frozen = make_backend(options)->create(guest_config("frozen", "echo"));
  std::thread freezer([&] {
    for (;;) {
      if (const auto pid = frozen.diagnostics().process_id) {
        ::kill(static_cast<pid_t>(*pid), SIGSTOP);
        return;
      }
      std::this_thread::yield();
    }
  });
  has(error_of([&] { frozen.start(); }), "timeout: machine frozen: qemu hangs");
  freezer.join();
  CHECK(is_clean());
}
