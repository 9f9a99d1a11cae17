// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <functional>

#include "vm/nbd_uri.hpp"
#include "vm/subnet.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/vm/qemu_backend.hpp>

using namespace vmkit;
using namespace vmkit::vm;

namespace {

MachineConfig good() {
  MachineConfig config;
  config.boot.image = "/boot/vmlinuz";
  config.disks = {{.path = "/a.img", .identifier = "a"}, {.path = "/b.img", .identifier = "b"}};
  config.shares = {{.tag = "code", .path = "/src"}};
  config.ports = {{"vmkit.control"}};
  return config;
}

struct Row {
  const char* what;
  std::function<void(MachineConfig&)> change;
  const char* field;
  const char* message;  // a part of it
};

}  // namespace

TEST_CASE("config: what is right has no problems") {
  CHECK(validate(good()).empty());
  MachineConfig shared = good();
  shared.disks[0].read_only = shared.disks[1].read_only = true;
  shared.disks[1].path = shared.disks[0].path;
  CHECK(validate(shared).empty());
  MachineConfig desktop = good();
  desktop.boot = {};
  desktop.firmware = Firmware{"/vars"};
  desktop.networks = {{.subnet = "10.1.0.0/16", .mtu = 9000},
                      {.kind = NetworkKind::bridged, .interface = "en0"},
                      {.kind = NetworkKind::descriptor, .descriptor = 0}};
  desktop.graphics = Graphics();
  desktop.sound = Sound();
  desktop.clipboard = true;
  for (const char* identifier : {"", "YQ==", "YWI=", "YWJj"}) {
    desktop.machine_identifier = identifier;
    CHECK(validate(desktop).empty());
  }
}

TEST_CASE("config: every wrong field is named with what was expected and found") {
  const Row rows[] = {
      {"a share without a tag", [](auto& c) { c.shares[0].tag = ""; }, "shares[0].tag", "1 to 31"},
      {"a long tag", [](auto& c) { c.shares[0].tag = std::string(32, 'a'); }, "shares[0].tag",
       "1 to 31"},
      {"a tag twice", [](auto& c) { c.shares.push_back(c.shares[0]); }, "shares[1].tag",
       "'code' is there already"},
      {"a share of nothing", [](auto& c) { c.shares[0].path = ""; }, "shares[0].path",
       "path of a folder"},
      {"a disk from two places", [](auto& c) { c.disks[0].nbd = "nbd://host/a"; }, "disks[0].path",
       "expected none beside"},
      {"a disk behind no server",
       [](auto& c) {
         c.disks[0].path = "";
         c.disks[0].nbd = "http://host/a";
       },
       "disks[0].nbd", "found 'http://host/a'"},
      {"no name", [](auto& c) { c.name = ""; }, "name", "1 to 63"},
      {"odd name", [](auto& c) { c.name = "a,b"; }, "name", "found 'a,b'"},
      {"no cpu", [](auto& c) { c.cpu_count = 0; }, "cpu_count", "1 to 255, found 0"},
      {"many cpus", [](auto& c) { c.cpu_count = 256; }, "cpu_count", "found 256"},
      {"little memory", [](auto& c) { c.memory = 1_MiB; }, "memory", "32 MiB to 4 TiB"},
      {"much memory", [](auto& c) { c.memory = 5_TiB; }, "memory", "found 5 TiB"},
      {"odd memory", [](auto& c) { c.memory = ByteSize((64 << 20) + 1); }, "memory",
       "multiple of 1 MiB, found 67108865 bytes"},
      {"no kernel", [](auto& c) { c.boot.image = ""; }, "boot.image", "expected the path"},
      {"line end in path", [](auto& c) { c.boot.image = "/a\nb"; }, "boot.image", "control"},
      {"empty initrd path", [](auto& c) { c.boot.initrd = std::filesystem::path(); }, "boot.initrd",
       "expected the path"},
      {"empty initrd", [](auto& c) { c.boot.initrd = std::vector<std::byte>(); }, "boot.initrd",
       "found none"},
      {"two lines", [](auto& c) { c.boot.command_line = "a\nb"; }, "boot.command_line", "one line"},
      {"long line", [](auto& c) { c.boot.command_line = std::string(1537, 'x'); },
       "boot.command_line", "at most 1536 bytes, found 1537"},
      {"no disk path", [](auto& c) { c.disks[1].path = ""; }, "disks[1].path", "expected the path"},
      {"long identifier", [](auto& c) { c.disks[1].identifier = std::string(21, 'x'); },
       "disks[1].identifier", "at most 20 printable ASCII characters, found 21"},
      {"same identifier", [](auto& c) { c.disks[1].identifier = "a"; }, "disks[1].identifier",
       "'a' is that of disks[0]"},
      {"same disk", [](auto& c) { c.disks[1].path = "/a.img"; }, "disks[1].path",
       "/a.img is disks[0] already"},
      {"port name", [](auto& c) { c.ports = {{"a b"}}; }, "ports[0].name", "found 'a b'"},
      {"same port",
       [](auto& c) {
         c.ports = {{"a"}, {"a"}};
       },
       "ports[1].name", "'a' is there"},
      {"a group's address", [](auto& c) { c.networks = {{.mac = "53:54:00:12:34:56"}}; },
       "networks[0].mac", "one station in lower case, as 52:54:00:12:34:56, found '53:54"},
      {"capitals", [](auto& c) { c.networks = {{.mac = "52:54:00:AB:34:56"}}; }, "networks[0].mac",
       "lower case"},
      {"a short address", [](auto& c) { c.networks = {{.mac = "52:54:00:12:34"}}; },
       "networks[0].mac", "one station"},
      {"one address twice",
       [](auto& c) {
         c.networks = {{.mac = "52:54:00:12:34:56"}, {.mac = "52:54:00:12:34:56"}};
       },
       "networks[1].mac", "is there already"},
      {"a kernel beside firmware", [](auto& c) { c.firmware = Firmware{"/vars"}; }, "boot",
       "nothing beside \"firmware\""},
      {"firmware without a file",
       [](auto& c) {
         c.boot = {};
         c.firmware = Firmware();
       },
       "firmware.variable_store", "expected the path"},
      {"a bridge to nothing", [](auto& c) { c.networks = {{.kind = NetworkKind::bridged}}; },
       "networks[0].interface", "name of the host's interface"},
      {"an interface with a long name",
       [](auto& c) { c.networks = {{.kind = NetworkKind::tap, .interface = "sixteen-letters-"}}; },
       "networks[0].interface", "found 'sixteen-letters-'"},
      {"NAT by an interface", [](auto& c) { c.networks = {{.interface = "en0"}}; },
       "networks[0].interface", "expected none but with bridged and tap, found 'en0'"},
      {"no descriptor", [](auto& c) { c.networks = {{.kind = NetworkKind::descriptor}}; },
       "networks[0].descriptor", "expected an open one, found -1"},
      {"NAT by a descriptor", [](auto& c) { c.networks = {{.descriptor = 3}}; },
       "networks[0].descriptor", "expected none but with descriptor, found 3"},
      {"a bridge's subnet",
       [](auto& c) {
         c.networks = {{.kind = NetworkKind::bridged, .interface = "en0", .subnet = "10.0.0.0/24"}};
       },
       "networks[0].subnet", "expected none but with nat and host_only"},
      {"a subnet that is none", [](auto& c) { c.networks = {{.subnet = "10.0.0.1/24"}}; },
       "networks[0].subnet", "without bits of a host, found '10.0.0.1/24'"},
      {"small packets", [](auto& c) { c.networks = {{.mtu = 1279}}; }, "networks[0].mtu",
       "1280 to 65535, found 1279"},
      {"large packets", [](auto& c) { c.networks = {{.mtu = 65536}}; }, "networks[0].mtu",
       "found 65536"},
      {"a screen without height", [](auto& c) { c.graphics = Graphics{.height = 0}; },
       "graphics.height", "1 to 16384 pixels, found 0"},
      {"a wide screen", [](auto& c) { c.graphics = Graphics{.width = 16385}; }, "graphics.width",
       "found 16385"},
      {"silence", [](auto& c) { c.sound = Sound{.output = false}; }, "sound", "found neither"},
      {"the clipboard's port",
       [](auto& c) {
         c.clipboard = true;
         c.ports = {{"com.redhat.spice.0"}};
       },
       "ports[0].name", "is there already"},
      {"30 ports and the clipboard",
       [](auto& c) {
         c.clipboard = true;
         c.ports.clear();
         for (int i = 0; i < 30; ++i) c.ports.push_back({"p" + std::to_string(i)});
       },
       "ports", "at most 30, that of the clipboard included, found 31"},
      {"an odd identifier", [](auto& c) { c.machine_identifier = "YQ="; }, "machine_identifier",
       "expected base64, found 'YQ='"},
      {"console", [](auto& c) { c.console.file = "/a\tb"; }, "console.file", "control"},
      {"watchdog", [](auto& c) { c.boot_watchdog = std::chrono::milliseconds(-1); },
       "boot_watchdog", "found -1 ms"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    MachineConfig config = good();
    row.change(config);
    const auto problems = validate(config);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].field == row.field);
    CHECK(problems[0].message.find(row.message) != std::string::npos);
  }
}

TEST_CASE("config: all problems are found at once, and create() names them all") {
  MachineConfig config = good();
  config.cpu_count = 0;
  config.memory = ByteSize(0);
  config.ports = {{""}};
  const auto problems = validate(config);
  REQUIRE(problems.size() == 3);
  try {
    make_qemu_backend()->create(config);
    FAIL("expected an error");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::invalid_argument);
    for (const ConfigProblem& problem : problems) {
      CHECK(std::string(error.what()).find(problem.field + ": " + problem.message) !=
            std::string::npos);
    }
  }
}

TEST_CASE("config: the QEMU backend knows its machine's slots and the host's memory") {
  MachineConfig config = good();
  config.disks.clear();
  for (int i = 0; i < 40; ++i) config.disks.push_back({.path = "/" + std::to_string(i)});
  config.memory = 4_TiB;
  const auto problems = make_qemu_backend()->validate(config);
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].field == "disks");
  CHECK(problems[0].message.find("are 43 devices") != std::string::npos);
  CHECK(problems[1].field == "memory");
  CHECK(problems[1].message.find("at most what the host has") != std::string::npos);
}

TEST_CASE("config: the QEMU backend names what it does not offer") {
  MachineConfig config = good();
  config.networks = {{.kind = NetworkKind::host_only}};
  config.networks.push_back({.kind = NetworkKind::bridged, .interface = "eth0"});
  config.networks.push_back({.mtu = 9000});
  config.networks.push_back({.kind = NetworkKind::tap, .interface = "tap0", .mtu = 9000});
  config.sound = Sound();
  config.clipboard = true;
  config.machine_identifier = "AAAA";
  std::string fields;
  for (const ConfigProblem& problem : make_qemu_backend()->validate(config)) {
    fields += problem.field + " ";
  }
  CHECK(fields ==
        "networks[0].kind networks[1].kind networks[2].mtu sound clipboard machine_identifier ");
  config.graphics = Graphics();  // whoever looks at it has the clipboard
  for (const ConfigProblem& problem : make_qemu_backend()->validate(config)) {
    CHECK(problem.field != "clipboard");
  }
  config = good();
  config.boot = {};
  config.firmware = Firmware{"/store"};
  const auto problems = make_qemu_backend({.firmware_search = {"/nowhere"}})->validate(config);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].field == "firmware");
  CHECK(problems[0].message.find("apt-get install ") != std::string::npos);
}

TEST_CASE("config: the addresses that QEMU's own network gives") {
  MachineConfig config = good();
  config.networks = {{},
                     {.kind = NetworkKind::tap, .interface = "tap0"},
                     {.mac = "02:00:00:00:00:01", .subnet = "192.168.77.0/24"},
                     {.subnet = "172.16.0.16/28"},
                     {.addressing = Addressing::dhcp}};
  const auto all = make_qemu_backend()->network_addresses(config);
  REQUIRE(all.size() == 5);
  CHECK(all[0]->address == "10.0.2.15");
  CHECK(all[0]->mac == "52:54:00:12:34:56");
  CHECK_FALSE(all[1]);
  CHECK(all[2]->address == "192.168.77.15");
  CHECK(all[2]->gateway == "192.168.77.2");
  CHECK(all[2]->mac == "02:00:00:00:00:01");
  CHECK(all[3]->address == "172.16.0.20");
  CHECK(all[3]->prefix_length == 28);
  CHECK_FALSE(all[4]);
}

TEST_CASE("config: subnets and their hosts") {
  const auto host = [](const char* text, std::uint32_t number) {
    const auto parsed = parse_subnet(text);
    const auto* subnet = std::get_if<Subnet>(&parsed);
    return subnet == nullptr ? "none" : subnet->host(number);
  };
  CHECK(host("192.168.77.0/24", 1) == "192.168.77.1");
  CHECK(host("10.0.0.0/8", 258) == "10.0.1.2");
  CHECK(host("10.1.2.240/28", 15) == "10.1.2.255");
  CHECK(std::get<Subnet>(parse_subnet("10.1.0.0/20")).mask() == 0xfffff000);
  for (const char* wrong :
       {"", "10.0.0.0", "10.0.0.0/", "10.0.0/24", "10.0.0.0/7", "10.0.0.0/29", "10.0.0.0/33",
        "256.0.0.0/8", "10.0.0.0/024", "010.0.0.0/8", "10.0.0.0/24 ", "10.0.0.0.0/24",
        "-10.0.0.0/8", "10.0.0.128/24", "fd00::/8"}) {
    CAPTURE(wrong);
    CHECK(host(wrong, 0) == "none");
  }
}

TEST_CASE("config: NBD URIs") {
  const auto parts = [](const char* text) {
    const auto parsed = parse_nbd_uri(text);
    const auto* uri = std::get_if<NbdUri>(&parsed);
    if (uri == nullptr) return std::string("none");
    return uri->host + "|" + uri->port + "|" + uri->socket + "|" + uri->export_name;
  };
  CHECK(parts("nbd://example.org/disk") == "example.org|10809||disk");
  CHECK(parts("nbd://192.0.2.1:2000") == "192.0.2.1|2000||");
  CHECK(parts("nbd://[2001:db8::1]:2000/a/b%20c") == "2001:db8::1|2000||a/b c");
  CHECK(parts("nbd+unix:///disk?socket=/run/a%3db") == "||/run/a=b|disk");
  CHECK(parts("nbd+unix://?socket=/run/nbd") == "||/run/nbd|");
  for (const char* wrong :
       {"", "nbd:", "nbd://", "nbd:///disk", "nbds://host/disk", "nbd://host:0", "nbd://host:70000",
        "nbd://host:x", "nbd://ho,st/", "nbd://host/%0a", "nbd://host/%2", "nbd://host/a?socket=/x",
        "nbd://host/a#b", "nbd://[::1", "nbd+unix:///disk", "nbd+unix://host/?socket=/x",
        "nbd+unix:///a?socket=", "nbd+unix:///a?socket=relative", "nbd+unix:///a?other=/x"}) {
    CAPTURE(wrong);
    CHECK(parts(wrong) == "none");
  }
}
