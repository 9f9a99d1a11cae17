// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <filesystem>
#include <string>

#include "os/file.hpp"
#include "support/machine_fixture.hpp"
#include "vm/qemu/disk_node.hpp"

#include <vmkit/disk/image_file.hpp>

using namespace vmkit;
using namespace vmkit::test;
using namespace vmkit::vm;

namespace {

struct DevicesFixture : BackendFixture {
  DevicesFixture() {
    std::filesystem::create_directory(run);
    options.runtime_directory = run;
    backend = make_qemu_backend(options);
  }

  std::filesystem::path image(const std::string& name, std::string first_line) {
    first_line += '\n';
    first_line.resize(64 << 10);
    os::write_file_atomically(folder.path() / name, first_line);
    return folder.path() / name;
  }

  std::filesystem::path run = folder.path() / "run";
};

bool console_has(const Machine& machine, const std::string& text) {
  for (const std::string& line : machine.console_tail(200)) {
    if (line.find(text) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("qemu: a disk as JSON is what it is on the command line") {
  Disk disk{.path = "/a,b", .read_only = true, .sync = DiskSync::none};
  CHECK(qemu::disk_node_option(disk, "n") ==
        "driver=raw,node-name=n,read-only=on,discard=unmap,cache.direct=off,cache.no-flush=on,"
        "file.driver=file,file.filename=/a,,b");
  CHECK(qemu::disk_node_json(disk, "n") == nlohmann::json::parse(R"({
    "driver": "raw", "node-name": "n", "read-only": true, "discard": "unmap",
    "cache": {"direct": false, "no-flush": true},
    "file": {"driver": "file", "filename": "/a,b"}})"));
  disk = {.nbd = "nbd://h:1/x"};
  CHECK(qemu::disk_node_json(disk, "n")["file"] == nlohmann::json::parse(R"({
    "driver": "nbd", "export": "x", "server": {"type": "inet", "host": "h", "port": "1"}})"));
}

TEST_CASE_FIXTURE(DevicesFixture, "machine: USB disks come and go while it runs") {
  VMKIT_REQUIRE_GUEST();
  MachineConfig config = usb_guest_config("plugged", "echo");
  config.usb_controller = true;
  Machine machine = backend->create(config);
  machine.start();
  auto port = machine.open_port("vmkit.test");
  write_line(*port, "up");
  REQUIRE(read_line(*port) == "echo up");

  const Disk disk{
      .path = image("a.img", "first"), .device = DiskDevice::usb, .identifier = "a/b,c"};
  machine.attach_disk(disk);
  write_line(*port, "usb");
  CHECK(read_line(*port) == "echo usb");
  CHECK(console_has(machine, "ro=0 'first'"));

  const auto attach = [&](const Disk& other) {
    return error_of([&] { machine.attach_disk(other); });
  };
  CHECK(attach(disk).find("failed_precondition: machine plugged: attach disk a/b,c: disk") == 0);
  Disk other = disk;
  other.path = image("b.img", "second");
  CHECK(attach(other) ==
        "already_exists: machine plugged: attach disk a/b,c: a disk of that identifier is plugged "
        "in");
  other.identifier = "b";
  other.path = folder.path() / "missing";
  CHECK(attach(other).find("not_found: machine plugged: attach disk b: disk") == 0);
  machine.pause();
  CHECK(error_of([&] { machine.save(folder.path() / "state"); }).find("detach the disks") !=
        std::string::npos);
  machine.resume();

  machine.detach_disk("a/b,c");
  CHECK(error_of([&] { machine.detach_disk("a/b,c"); }).find("not_found: machine plugged") == 0);
  CHECK_NOTHROW(disk::ImageFile::open(disk.path, disk::ImageFile::Access::read_write));
  other.path = image("b.img", "second");
  machine.attach_disk(other);
  write_line(*port, "usb");
  CHECK(read_line(*port) == "echo usb");
  CHECK(console_has(machine, "ro=0 'second'"));
  machine.kill();
  CHECK(error_of([&] { machine.detach_disk("b"); }).find("failed_precondition") == 0);

  Machine plain = backend->create(guest_config("plain", "echo"));
  plain.start();
  CHECK(error_of([&] { plain.attach_disk(disk); }).find("has no USB controller") !=
        std::string::npos);
}
