// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <array>
#include <doctest/doctest.h>
#include <filesystem>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>

#include "os/descriptor.hpp"
#include "os/file.hpp"
#include "os/socket.hpp"
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
    backend = make_backend(options);
  }

  std::filesystem::path image(const std::string& name, std::string first_line) {
    first_line += '\n';
    first_line.resize(64 << 10);
    os::write_file_atomically(folder.path() / name, first_line);
    return folder.path() / name;
  }

  std::filesystem::path run = folder.path() / "run";
};

/// A floppy disk's file system (FAT12) with one file in its root.
std::string floppy(const std::string& name_8_3, const std::string& content) {
  std::string image(1440 << 10, '\0');
  const auto put = [&](std::size_t offset, const std::string& bytes) {
    image.replace(offset, bytes.size(), bytes);
  };
  const auto le16 = [](unsigned value) {
    return std::string{static_cast<char>(value & 255), static_cast<char>(value >> 8)};
  };
  // Boot sector: 512 bytes a sector and cluster, 1 sector before 2 tables of 9, 224 root entries.
  put(0, std::string("\xeb\x3c\x90TESTDISK", 11) + le16(512) + '\1' + le16(1) + '\2' + le16(224) +
             le16(2880) + '\xf0' + le16(9) + le16(18) + le16(2));
  put(38,
      "\x29"
      "1234NO NAME    FAT12   ");
  put(510, "\x55\xaa");
  for (const std::size_t table : {1, 10}) put(table * 512, "\xf0\xff\xff\xff\x0f");
  put(19 * 512, name_8_3 + '\x20');
  put(19 * 512 + 26, le16(2) + le16(static_cast<unsigned>(content.size())));
  put(33 * 512, content);
  return image;
}

/// Waits for it: the console is not in step with the ports.
bool console_has(const Machine& machine, const std::string& text) {
  return eventually([&] {
    for (const std::string& line : machine.console_tail(200)) {
      if (line.find(text) != std::string::npos) return true;
    }
    return false;
  });
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

TEST_CASE_FIXTURE(DevicesFixture, "machine: UEFI firmware runs what is on a disk") {
  VMKIT_REQUIRE_GUEST();
  const auto disk = folder.path() / "floppy.img";
  os::write_file_atomically(
      disk,
      floppy(
          "STARTUP NSH",
          "@echo -off\r\nsetvar vmkit -guid 11223344-5566-7788-99aa-bbccddeeff00 -bs -nv =0x01\r\n"
          "echo it-runs\r\nreset -s\r\n"));
  MachineConfig config;
  config.name = "efi";
  config.memory = 256_MiB;
  config.firmware = Firmware{folder.path() / "variables"};
  config.disks = {{.path = disk, .read_only = true}};
  Machine machine = backend->create(config);
  machine.start();
  {
    Machine rival = backend->create(config);
    CHECK(error_of([&] { rival.start(); })
              .find("failed_precondition: machine efi: firmware.variable_store " +
                    (folder.path() / "variables").string() + " is in use by process ") == 0);
  }
  const MachineEvent end = machine.wait(CallOptions{}.with_timeout(std::chrono::seconds(60)));
  CHECK(end.reason == MachineEventReason::guest_stopped);
  CHECK(console_has(machine, "it-runs"));
  // What the guest wrote is kept for the next run.
  const std::string store = os::read_file(config.firmware->variable_store, 128_MiB);
  CHECK(store.find(std::string("v\0m\0k\0i\0t\0", 10)) != std::string::npos);
  CHECK(std::filesystem::is_empty(run));

  os::write_file_atomically(config.firmware->variable_store, std::string(1024, 'x'));
  Machine other = backend->create(config);
  CHECK(error_of([&] { other.start(); }).find("invalid_argument: machine efi: firmware") == 0);
}

TEST_CASE_FIXTURE(DevicesFixture, "machine: UEFI firmware of the other architecture") {
  VMKIT_REQUIRE_GUEST();
  MachineConfig config;
  config.name = "efi-arm";
  config.architecture = Architecture::arm64;
  config.memory = 256_MiB;
  config.firmware = Firmware{folder.path() / "variables"};
  config.boot_watchdog = std::chrono::seconds(60);
  Machine machine = backend->create(config);
  machine.start();
  CHECK(console_has(machine, "UEFI firmware"));
  machine.kill();
}

TEST_CASE_FIXTURE(DevicesFixture, "machine: a screen with keyboard, tablet and clipboard") {
  VMKIT_REQUIRE_GUEST();
  MachineConfig config = guest_config("desk", "echo");
  config.graphics = Graphics{1024, 768};
  config.keyboard = config.pointing_device = config.clipboard = true;
  Machine machine = backend->create(config);
  machine.start();
  const auto screen = machine.diagnostics().screen;
  CHECK(screen.parent_path() == machine.diagnostics().folder);
  auto viewer = os::make_socket_stream(os::connect_unix(screen));
  CHECK(read_line(*viewer).starts_with("RFB 003."));
  auto port = machine.open_port("vmkit.test");
  write_line(*port, "seen");
  CHECK(read_line(*port) == "echo seen");
  machine.pause();
  CHECK(error_of([&] { machine.save(folder.path() / "state"); }).find("a clipboard") !=
        std::string::npos);
  machine.kill();
  CHECK(machine.diagnostics().screen.empty());
}

TEST_CASE_FIXTURE(DevicesFixture, "machine: Ethernet frames over a descriptor") {
  VMKIT_REQUIRE_GUEST();
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
  const os::Descriptor here(ends[0]);
  os::Descriptor there(ends[1]);
  MachineConfig config = network_guest_config("framed");
  config.networks = {
      {.kind = NetworkKind::descriptor, .mac = "02:00:00:00:00:07", .descriptor = there.get()}};
  Machine machine = backend->create(config);
  machine.start();
  there.reset();  // it was borrowed
  auto port = machine.open_port("vmkit.test");
  write_line(*port, "net 10.9.0.7");
  REQUIRE(read_line(*port) == "echo net 10.9.0.7");
  REQUIRE(console_has(machine, "network: done"));

  // Who has 10.9.0.7? Tell 10.9.0.1 (RFC 826).
  const std::string ask(
      "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\1\x08\x06\0\1\x08\0\6\4\0\1"
      "\x02\0\0\0\0\1\x0a\x09\0\1\0\0\0\0\0\0\x0a\x09\0\7",
      42);
  REQUIRE(::send(here.get(), ask.data(), ask.size(), 0) == 42);
  const std::string answer(
      "\x02\0\0\0\0\1\x02\0\0\0\0\7\x08\x06\0\1\x08\0\6\4\0\2"
      "\x02\0\0\0\0\7\x0a\x09\0\7",
      32);
  bool answered = false;
  CHECK(eventually([&] {
    std::array<char, 2048> frame;
    const ssize_t size = ::recv(here.get(), frame.data(), frame.size(), MSG_DONTWAIT);
    answered = size >= 42 && std::string(frame.data(), answer.size()) == answer;
    return answered;
  }));

  config.networks[0].descriptor = 987;
  Machine closed = backend->create(config);
  CHECK(error_of([&] { closed.start(); })
            .find("not_found: machine framed: networks[0]: expected "
                  "an open socket, found descriptor 987") == 0);
  const os::DescriptorPair streams = os::make_socket_pair();
  config.networks[0].descriptor = streams.first.get();
  Machine stream = backend->create(config);
  CHECK(error_of([&] { stream.start(); }).find("invalid_argument: machine framed: networks[0]") ==
        0);
}

TEST_CASE_FIXTURE(DevicesFixture, "machine: a network of its own that has another subnet") {
  VMKIT_REQUIRE_GUEST();
  const os::Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);

  MachineConfig config = network_guest_config("subnet");
  config.networks = {{.subnet = "192.168.77.0/24"}};
  const auto addresses = backend->network_addresses(config)[0];
  Machine machine = backend->create(config);
  machine.start();
  auto port = machine.open_port("vmkit.test");
  write_line(*port, "net " + addresses->address + " " + addresses->gateway + " " +
                        std::to_string(ntohs(address.sin_port)));
  CHECK(read_line(*port).starts_with("echo net"));
  CHECK(console_has(machine, "network: done"));
  const auto limit = CallOptions{}.with_timeout(std::chrono::seconds(10));
  auto guest = os::make_socket_stream(os::accept_connection(listener.get(), limit));
  CHECK(read_line(*guest) == "hello");
}

TEST_CASE_FIXTURE(DevicesFixture, "machine: a TAP device that is not there, or none") {
  VMKIT_REQUIRE_GUEST();
  MachineConfig config = guest_config("tapped", "echo");
  config.networks = {{.kind = NetworkKind::tap, .interface = "vmkit-none0"}};
  Machine machine = backend->create(config);
  CHECK(error_of([&] {
          machine.start();
        }).find("not_found: machine tapped: networks[0]: TAP device vmkit-none0: there is none") ==
        0);
}
