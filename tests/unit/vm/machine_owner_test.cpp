// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <doctest/doctest.h>
#include <filesystem>
#include <signal.h>
#include <sstream>
#include <string>
#include <unistd.h>

#include "os/child_process.hpp"
#include "os/file.hpp"
#include "support/machine_fixture.hpp"

using namespace vmkit;
using namespace vmkit::test;
using namespace vmkit::vm;
using namespace std::chrono_literals;

namespace {

/// owner_main.cpp as a process, with its machine started.
struct Owner {
  explicit Owner(const std::vector<std::string>& arguments) {
    os::DescriptorPair pipe = os::make_pipe();
    os::SpawnOptions spawn;
    spawn.arguments = {VMKIT_TEST_OWNER};
    spawn.arguments.insert(spawn.arguments.end(), arguments.begin(), arguments.end());
    spawn.stdout_fd = pipe.second.get();
    process.emplace(os::ChildProcess::spawn(spawn));
    pipe.second.reset();
    std::string line;
    for (char c = 0; ::read(pipe.first.get(), &c, 1) == 1 && c != '\n';) line += c;
    std::istringstream(line) >> qemu >> folder;
    REQUIRE(qemu > 0);
    REQUIRE_FALSE(process_is_gone(qemu));
  }

  void kill() {
    process->kill(SIGKILL);
    process->wait();
  }

  std::optional<os::ChildProcess> process;
  std::int64_t qemu = 0;
  std::string folder;
};

struct OrphanFixture : BackendFixture {
  OrphanFixture() {
    os::File::open(disk, os::File::Mode::create).resize(1_MiB);
    std::filesystem::create_directory(run);
    options.runtime_directory = run;
    backend = make_qemu_backend(options);
  }
  /// Whatever fails above, no machine is left.
  ~OrphanFixture() {
    for (const auto& orphan : backend->orphans()) {
      error_of([&] { backend->adopt(orphan).kill(); });
    }
  }

  std::filesystem::path disk = folder.path() / "disk";
  std::filesystem::path run = folder.path() / "run";
};

}  // namespace

TEST_CASE_FIXTURE(BackendFixture,
                  "machine: killing its owner leaves no QEMU, and the next clears up") {
  VMKIT_REQUIRE_GUEST();
  Owner owner({folder.path().string()});
  owner.kill();
  CHECK(eventually([&] { return process_is_gone(owner.qemu); }));
  // A helper outlives its owner for as long as it takes to clear up.
  const bool in_helper = std::getenv("VMKIT_TEST_HELPER") != nullptr;
  CHECK((in_helper ? eventually([&] { return is_clean(); }) : !is_clean()));
  CHECK(backend->orphans().empty());
  Machine next = backend->create(guest_config("next", "echo"));
  next.start();
  next.kill();
  CHECK(is_clean());
}

TEST_CASE_FIXTURE(OrphanFixture, "machine: outlives its owner, and another one adopts it") {
  VMKIT_REQUIRE_GUEST();
  Owner owner({run.string(), disk.string()});
  CHECK(backend->orphans().empty());
  const std::string owned = error_of([&] { backend->adopt(owner.folder); });
  CHECK(owned.find("failed_precondition: " + owner.folder + ": the machine has an owner, process " +
                   std::to_string(owner.process->pid())) == 0);
  owner.kill();

  REQUIRE(backend->orphans() == std::vector<std::filesystem::path>{owner.folder});
  CHECK_FALSE(process_is_gone(owner.qemu));
  {
    // What looks for left-overs spares it, and its disk is locked.
    const auto other = make_qemu_backend(options);
    MachineConfig config = guest_config("rival", "echo");
    config.disks = {{.path = disk}};
    Machine rival = other->create(config);
    CHECK(error_of([&] { rival.start(); }).find("failed_precondition: machine rival: disks[0]") ==
          0);
  }
  Machine machine = backend->adopt(owner.folder);
  CHECK(machine.state() == MachineState::running);
  CHECK(machine.config().name == "owned");
  CHECK(machine.config().disks[0].identifier == "kept");
  CHECK(machine.diagnostics().process_id == owner.qemu);
  CHECK(machine.diagnostics().accelerator == backend->capabilities().accelerator);
  CHECK(machine.statistics().resident_memory > 32_MiB);
  CHECK(backend->orphans().empty());
  CHECK(error_of([&] { backend->adopt(owner.folder); }).find("an owner, this process") !=
        std::string::npos);

  auto port = machine.open_port("vmkit.test");
  write_line(*port, "again");
  CHECK(read_line(*port) == "echo again");
  Events events(machine);
  machine.pause();
  machine.resume();
  write_line(*port, "poweroff");
  CHECK(machine.wait().reason == MachineEventReason::guest_stopped);
  CHECK(events.text() == "paused/paused running/resumed stopped/guest_stopped");
  CHECK(eventually([&] { return process_is_gone(owner.qemu); }));
  CHECK(std::filesystem::is_empty(run));
}

TEST_CASE_FIXTURE(OrphanFixture, "machine: an adopted one that is killed, by us or by others") {
  VMKIT_REQUIRE_GUEST();
  {
    Owner owner({run.string(), disk.string()});
    owner.kill();
    backend->adopt(owner.folder).kill();
    CHECK(eventually([&] { return process_is_gone(owner.qemu); }));
    CHECK(std::filesystem::is_empty(run));
  }
  {
    Owner owner({run.string(), disk.string()});
    owner.kill();
    Machine machine = backend->adopt(owner.folder);
    ::kill(static_cast<pid_t>(owner.qemu), SIGKILL);
    const MachineEvent end = machine.wait();
    CHECK(end.state == MachineState::failed);
    REQUIRE(end.error);
    CHECK(std::string(end.error->what()).find("machine owned: qemu ended while") == 0);
    CHECK(std::filesystem::is_empty(run));
  }
}

TEST_CASE_FIXTURE(OrphanFixture, "machine: one that ended without an owner is told and removed") {
  VMKIT_REQUIRE_GUEST();
  Owner owner({run.string(), disk.string()});
  owner.kill();
  ::kill(static_cast<pid_t>(owner.qemu), SIGKILL);
  REQUIRE(eventually([&] { return backend->orphans().empty(); }));
  CHECK(error_of([&] { backend->adopt(owner.folder); }) ==
        "not_found: machine of " + owner.folder + ": it ended while it had no owner");
  CHECK(std::filesystem::is_empty(run));
  CHECK(error_of([&] { backend->adopt(owner.folder); }) ==
        "not_found: " + owner.folder + ": there is no machine's folder");
}

TEST_CASE_FIXTURE(OrphanFixture, "machine: one whose record is damaged is ended") {
  VMKIT_REQUIRE_GUEST();
  Owner owner({run.string(), disk.string()});
  owner.kill();
  os::write_file_atomically(owner.folder + "/machine.json", "{");
  CHECK(error_of([&] { backend->adopt(owner.folder); }).find("data_corruption") == 0);
  CHECK(eventually([&] { return process_is_gone(owner.qemu); }));
  CHECK(std::filesystem::is_empty(run));
}
