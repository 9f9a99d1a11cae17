// SPDX-License-Identifier: Apache-2.0
// Machines that are saved to a file, and others that go on from there.
#include <chrono>
#include <doctest/doctest.h>
#include <fstream>
#include <sys/stat.h>

#include "os/file.hpp"
#include "support/machine_fixture.hpp"

using namespace vmkit;
using namespace vmkit::test;
using namespace vmkit::vm;
using namespace std::chrono_literals;

namespace {

std::string ask(Stream& port, const std::string& line) {
  write_line(port, line);
  return read_line(port);
}

struct SavedMachineFixture : BackendFixture {
  std::filesystem::path file = folder.path() / "saved";
  std::filesystem::path disk = folder.path() / "disk";
  Machine machine = backend->create(with_disk("first"));

  /// The machine has counted three lines then.
  void run_and_pause() {
    machine.start();
    auto port = machine.open_port("vmkit.test");
    ask(*port, "one");
    ask(*port, "two");
    REQUIRE(ask(*port, "count") == "3");
    machine.pause();
  }

  MachineConfig with_disk(const std::string& name) const {
    if (!std::filesystem::exists(disk)) {
      std::ofstream(disk).close();
      std::filesystem::resize_file(disk, 1 << 20);
    }
    MachineConfig config = guest_config(name, "echo");
    config.disks = {{.path = disk, .identifier = "kept"}};
    config.networks = {{}};
    return config;
  }

  bool nothing_half_done() const {
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      if (entry.path().filename().string().find(".tmp-") != std::string::npos) return false;
    }
    return true;
  }

  std::string refusal(const MachineConfig& config) {
    Machine other = backend->create(config);
    Events events(other);
    const std::string message = error_of([&] { other.restore(file); });
    CHECK(other.state() == MachineState::failed);
    CHECK(events.text() == "starting/start_requested failed/failed");
    return message;
  }
};

}  // namespace

TEST_CASE_FIXTURE(SavedMachineFixture,
                  "machine: is saved, goes on, and others go on from the file") {
  VMKIT_REQUIRE_GUEST();
  run_and_pause();
  std::vector<Progress> reports;
  CallOptions call;
  call.progress = [&](const Progress& progress) { reports.push_back(progress); };
  machine.save(file, call);
  CHECK(machine.state() == MachineState::paused);
  REQUIRE_FALSE(reports.empty());
  CHECK(reports.back().done == reports.back().total);
  CHECK(reports.back().total >= machine.config().memory.bytes());
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  // Nobody used most of its 128 MiB.
  CHECK(status.st_size > 8 << 20);
  CHECK(status.st_size < 100 << 20);
  CHECK(error_of([&] { machine.save(file); }).find("already_exists") == 0);

  machine.resume();
  {
    auto port = machine.open_port("vmkit.test");
    CHECK(ask(*port, "count") == "4");
    CHECK(ask(*port, "count") == "5");
  }
  CHECK(error_of([&] { machine.save(folder.path() / "other"); }) ==
        "failed_precondition: machine first: save: expected it paused, found it running");
  machine.kill();

  // From the same moment, as often as wanted; the disk may be another file with the same content.
  std::filesystem::copy_file(disk, folder.path() / "copy");
  for (const char* name : {"second", "third"}) {
    MachineConfig config = with_disk(name);
    config.disks[0].path = folder.path() / "copy";
    config.disks[0].sync = DiskSync::none;
    config.boot.initrd = {};  // nobody reads it any more
    config.boot_watchdog = 1ms;
    Machine next = backend->create(config);
    Events events(next);
    next.restore(file);
    CHECK(next.state() == MachineState::paused);
    auto port = next.open_port("vmkit.test");
    next.resume();
    CHECK(ask(*port, "count") == "4");
    next.stop(20s);
    CHECK(events.text() ==
          "starting/start_requested paused/restored running/resumed stopping/stop_requested "
          "stopped/guest_stopped");
  }
}

TEST_CASE_FIXTURE(SavedMachineFixture,
                  "machine: what it cannot go on from is told, with all reasons") {
  VMKIT_REQUIRE_GUEST();
  run_and_pause();
  machine.save(file);
  os::File::open(disk, os::File::Mode::read_write).write_at(0, std::vector(4, std::byte{'x'}));
  CHECK(error_of([&] {
          machine.resume();
        }).find("failed_precondition: machine first: disk " + disk.string() + " was changed") == 0);
  machine.kill();

  MachineConfig other = with_disk("other");
  other.memory = 160_MiB;
  other.disks[0].identifier = "another";
  other.networks.clear();
  std::filesystem::resize_file(disk, 2 << 20);
  const std::string message = refusal(other);
  CHECK(message.find("invalid_argument: machine other: saved machine " + file.string()) == 0);
  for (const char* part :
       {"memory: expected 134217728, as it was saved, found 167772160",
        "disks[0].identifier: expected \"kept\", as it was saved, found \"another\"",
        "disk_sizes[0]: expected 1048576, as it was saved, found 2097152", "networks: expected "}) {
    CAPTURE(part);
    CHECK(message.find(part) != std::string::npos);
  }
  std::filesystem::resize_file(disk, 1 << 20);

  const std::string whole = os::read_file(file, 200_MiB);
  const auto refused = [&](const std::string& content) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
    return refusal(with_disk("damaged"));
  };
  CHECK(refused("hello").find("data_corruption: machine damaged: saved machine ") == 0);
  CHECK(refused(whole.substr(0, 30)).find("its head ends early") != std::string::npos);
  std::string edited = whole;
  edited.replace(edited.find("\"qemu\":\""), 9, "\"qemu\":\"0");
  CHECK(refused(edited).find("unsupported: machine damaged: saved machine ") == 0);
  edited = whole;
  edited.replace(edited.find("\"disks\""), 7, "\"d\\tks\"");
  const std::string odd = refused(edited);
  CHECK(odd.find("an unknown member: expected ") != std::string::npos);
  CHECK(odd.find('\t') == std::string::npos);
  edited = whole;
  edited[edited.find("{")] = '[';
  CHECK(refused(edited).find("no JSON object") != std::string::npos);
  CHECK(refused(whole.substr(0, whole.size() / 2))
            .find("data_corruption: machine damaged: qemu cannot take up the saved state") == 0);
  edited = whole;
  edited.replace(8192, 4096, 4096, 'x');
  CHECK(refused(edited).find("data_corruption: machine damaged: ") == 0);
  CHECK(refused(whole.substr(0, 4096)).find("data_corruption: machine damaged: ") == 0);
  std::filesystem::remove(file);
  CHECK(refusal(with_disk("none")).find("not_found: machine none: ") == 0);
}

TEST_CASE_FIXTURE(SavedMachineFixture, "machine: a save that fails or is stopped leaves nothing") {
  VMKIT_REQUIRE_GUEST();
  run_and_pause();
  StopSource stop;
  CallOptions call;
  call.stop = stop.token();
  call.progress = [&](const Progress&) { stop.request_stop(); };
  CHECK(error_of([&] { machine.save(file, call); }).find("cancelled: ") == 0);
  CHECK_FALSE(std::filesystem::exists(file));
  CHECK(error_of([&] { machine.save(folder.path() / "missing" / "file"); }).find("not_found: ") ==
        0);
  CHECK(nothing_half_done());

  // The machine is none the worse.
  machine.resume();
  {
    auto port = machine.open_port("vmkit.test");
    CHECK(ask(*port, "count") == "4");
  }
  machine.pause();
  machine.save(file);
  CHECK(nothing_half_done());

  MachineConfig sharing = guest_config("sharing", "echo");
  sharing.shares = {{.tag = "folder", .path = folder.path(), .transport = ShareTransport::plan9}};
  Machine shares = backend->create(sharing);
  shares.start();
  shares.pause();
  CHECK(error_of([&] { shares.save(folder.path() / "no"); }).find("unsupported: ") == 0);
}
