// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "os/child_process.hpp"
#include "os/file.hpp"
#include "support/machine_fixture.hpp"

#include <vmkit/disk/clone.hpp>
#include <vmkit/disk/image_file.hpp>

using namespace vmkit;
using namespace vmkit::test;
using namespace vmkit::vm;
using namespace std::chrono_literals;

namespace {

struct FilesFixture : BackendFixture {
  os::TemporaryDirectory files{"/tmp", "vmkit-test"};

  /// An image of a mebibyte that begins with `text` and a line end.
  std::filesystem::path image(const std::string& name, const std::string& text) {
    const auto path = files.path() / name;
    std::string content = text + "\n";
    content.resize(1 << 20);
    os::write_file_atomically(path, content);
    return path;
  }

  /// The error of a start with `change` made to a configuration that is right.
  std::string start_error(const std::function<void(MachineConfig&)>& change) {
    MachineConfig config = guest_config("wrong", "echo");
    change(config);
    Machine machine = backend->create(config);
    const std::string error = error_of([&] { machine.start(); });
    CHECK(machine.state() == MachineState::failed);
    CHECK(machine.wait().reason == MachineEventReason::failed);
    CHECK(is_clean());
    return error;
  }
};

std::string console_of(const Machine& machine) {
  std::string console;
  for (const std::string& line : machine.console_tail(100)) console += line + "\n";
  return console;
}

bool begins_and_names(const std::string& error, const std::string& start, const std::string& part) {
  CAPTURE(error);
  CHECK(error.rfind(start, 0) == 0);
  CHECK(error.find(part) != std::string::npos);
  return error.rfind(start, 0) == 0;
}

}  // namespace

TEST_CASE_FIXTURE(FilesFixture, "machine: the guest sees the disks in order, as configured") {
  VMKIT_REQUIRE_GUEST();
  MachineConfig config = guest_config("disks", "disks");
  config.disks = {
      {.path = image("a,comma.img", "first"), .identifier = "id,1"},
      {.path = image("b.img", "second"), .read_only = true, .caching = DiskCaching::uncached},
      {.path = image("c.img", "third"),
       .identifier = "exactly-twenty-chars",
       .sync = DiskSync::none},
  };
  config.networks = {{NetworkKind::nat}};
  Machine machine = backend->create(config);
  machine.start();
  REQUIRE(machine.wait().reason == MachineEventReason::guest_stopped);
  const std::string console = console_of(machine);
  CHECK(console.find("vda 'id,1' ro=0 'first'\n") != std::string::npos);
  CHECK(console.find("vdb '' ro=1 'second'\n") != std::string::npos);
  CHECK(console.find("vdc 'exactly-twenty-chars' ro=0 'third'\n") != std::string::npos);
}

TEST_CASE_FIXTURE(FilesFixture, "machine: disks of other kinds make it a PC, with all the rest") {
  VMKIT_REQUIRE_GUEST();
  MachineConfig config = guest_config("pc", "disks");
  config.disks = {
      {.path = image("n.img", "express"), .device = DiskDevice::nvme, .identifier = "n"},
      {.path = image("v.img", "virtio"), .read_only = true, .identifier = "v"}};
  config.networks = {{}};
  config.balloon = true;
  Machine machine = backend->create(config);
  machine.start();
  REQUIRE(machine.wait().reason == MachineEventReason::guest_stopped);
  const std::string console = console_of(machine);
  CHECK(console.find("vda 'v' ro=1 'virtio'\n") != std::string::npos);
  CHECK(console.find("nvme0n1 'n") != std::string::npos);
  CHECK(console.find("ro=0 'express'\n") != std::string::npos);

  MachineConfig usb = usb_guest_config("usb", "usb");
  usb.disks = {{.path = image("u.img", "serial bus"), .device = DiskDevice::usb}};
  Machine with_usb = backend->create(usb);
  with_usb.start();
  REQUIRE(with_usb.wait().reason == MachineEventReason::guest_stopped);
  CHECK(console_of(with_usb).find("sda 'QEMU HARDDISK") != std::string::npos);
  CHECK(console_of(with_usb).find("ro=0 'serial bus'\n") != std::string::npos);

  // It talks and minds the button as the small one does, and can be saved.
  MachineConfig talking = guest_config("talks", "echo");
  talking.disks = {{.path = files.path() / "u.img", .device = DiskDevice::usb, .identifier = "u"}};
  Machine talks = backend->create(talking);
  talks.start();
  auto port = talks.open_port("vmkit.test");
  write_line(*port, "hello");
  CHECK(read_line(*port) == "echo hello");
  talks.pause();
  talks.save(files.path() / "saved");
  talks.kill();
  Machine again = backend->create(talking);
  again.restore(files.path() / "saved");
  again.resume();
  port = again.open_port("vmkit.test");
  write_line(*port, "count");
  CHECK(read_line(*port) == "2");
  again.stop(20s);
  CHECK(again.wait().reason == MachineEventReason::guest_stopped);

  talking.disks[0].device = DiskDevice::nvme;
  Machine express = backend->create(talking);
  express.start();
  express.pause();
  CHECK(error_of([&] { express.save(files.path() / "other"); }).find("unsupported: ") == 0);
  express.kill();

  config.disks = {};
  for (int i = 0; i < 16; ++i) {
    config.disks.push_back({.path = "/d" + std::to_string(i), .device = DiskDevice::usb});
  }
  const auto problems = backend->validate(config);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].message == "expected at most 15 USB disks, found 16");
}

TEST_CASE_FIXTURE(FilesFixture,
                  "machine: a disk whose server is not there, or has no such export") {
  VMKIT_REQUIRE_GUEST();
  const std::string socket = (files.path() / "nbd").string();
  const auto far = [&](MachineConfig& config) {
    config.disks = {{.nbd = "nbd+unix:///disk?socket=" + socket}};
  };
  begins_and_names(start_error(far), "unavailable: machine wrong: nobody serves a disk", socket);
  const os::ChildProcess server = os::ChildProcess::spawn(
      {.arguments = {"qemu-storage-daemon", "--blockdev",
                     "driver=file,node-name=a,filename=" + image("a.img", "a").string(),
                     "--nbd-server", "addr.type=unix,addr.path=" + socket, "--export",
                     "type=nbd,id=a,node-name=a,name=other"}});
  REQUIRE(eventually([&] { return std::filesystem::exists(socket); }));
  begins_and_names(start_error(far), "not_found: machine wrong: the server of a disk has no",
                   "disk");
}

TEST_CASE_FIXTURE(FilesFixture, "machine: a disk has one writer, and any number of readers") {
  VMKIT_REQUIRE_GUEST();
  const auto disk_path = image("d.img", "data");
  MachineConfig config = guest_config("first", "echo");
  config.disks = {{.path = disk_path}};
  Machine first = backend->create(config);
  first.start();
  config.name = "second";
  Machine second = backend->create(config);
  begins_and_names(error_of([&] { second.start(); }),
                   "failed_precondition: machine second: disks[0] " + disk_path.string() +
                       " is in use by process ",
                   "(qemu-system-");
  // Nor does anybody edit or copy it under the machine.
  for (const auto access :
       {disk::ImageFile::Access::read_only, disk::ImageFile::Access::read_write}) {
    begins_and_names(error_of([&] { disk::ImageFile::open(disk_path, access); }),
                     "failed_precondition: disk image", "(qemu-system-");
  }
  begins_and_names(error_of([&] { disk::clone(disk_path, files.path() / "clone.img"); }),
                   "failed_precondition: clone", "(qemu-system-");
  first.kill();
  {
    const auto editor = disk::ImageFile::open(disk_path, disk::ImageFile::Access::read_write);
    Machine third = backend->create(config);
    begins_and_names(error_of([&] { third.start(); }), "failed_precondition: machine second",
                     "in use by this process");
  }
  config.disks[0].read_only = true;
  config.name = "reader";
  Machine reader = backend->create(config);
  Machine other_reader = backend->create(config);
  reader.start();
  CHECK_NOTHROW(other_reader.start());
  other_reader.kill();
  reader.kill();
  CHECK(is_clean());
}

TEST_CASE_FIXTURE(FilesFixture, "machine: a kernel that is none") {
  VMKIT_REQUIRE_GUEST();
  const auto text = image("not-a-kernel", "text");
  begins_and_names(start_error([&](auto& c) { c.boot.image = text; }),
                   "invalid_argument: machine wrong: the kernel is not one", "it said: ");
}

TEST_CASE_FIXTURE(FilesFixture, "machine: files that are missing or of a wrong format") {
  VMKIT_REQUIRE_GUEST();
  const auto missing = files.path() / "missing";
  begins_and_names(start_error([&](auto& c) { c.boot.image = missing; }),
                   "not_found: machine wrong: kernel", missing.string());
  begins_and_names(start_error([&](auto& c) { c.boot.initrd = missing; }),
                   "not_found: machine wrong: initrd", missing.string());
  begins_and_names(start_error([&](auto& c) { c.disks = {{.path = missing}}; }),
                   "not_found: machine wrong: disks[0]", missing.string());
  begins_and_names(start_error([&](auto& c) { c.console.file = missing / "log"; }),
                   "not_found: machine wrong: ", (missing / "log").string());
  const auto odd = files.path() / "odd.img";
  os::write_file_atomically(odd, std::string(1000, 'x'));
  begins_and_names(start_error([&](auto& c) { c.disks = {{.path = odd}}; }),
                   "invalid_argument: machine wrong: disks[0]",
                   "multiple of 512 bytes, found 1000 bytes");
  const auto qcow = image("q.img", "QFI\xfb");
  begins_and_names(start_error([&](auto& c) { c.disks = {{.path = qcow}}; }),
                   "invalid_argument: machine wrong: disks[0]", "found a qcow2 one");
  const auto empty = files.path() / "empty";
  os::write_file_atomically(empty, "");
  begins_and_names(start_error([&](auto& c) { c.boot.image = empty; }),
                   "invalid_argument: machine wrong: kernel", "the file is empty");
}
