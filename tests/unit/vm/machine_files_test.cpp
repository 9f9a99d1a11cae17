// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

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
  std::string console;
  for (const std::string& line : machine.console_tail(100)) console += line + "\n";
  CHECK(console.find("vda 'id,1' ro=0 'first'\n") != std::string::npos);
  CHECK(console.find("vdb '' ro=1 'second'\n") != std::string::npos);
  CHECK(console.find("vdc 'exactly-twenty-chars' ro=0 'third'\n") != std::string::npos);
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
