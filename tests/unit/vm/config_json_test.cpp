// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <vmkit/base/error.hpp>
#include <vmkit/vm/config_json.hpp>

using namespace vmkit;
using namespace vmkit::vm;

namespace {

std::string refusal(std::string_view json) {
  try {
    parse_machine_config(json);
  } catch (const Error& error) {
    return std::string(to_string(error.code())) + ": " + error.what();
  }
  return "";
}

MachineConfig full() {
  MachineConfig config;
  config.name = "web";
  config.architecture = Architecture::arm64;
  config.cpu_count = 4;
  config.memory = 2_GiB;
  config.boot = {.image = "/k/Image",
                 .initrd = std::filesystem::path("/k/initrd"),
                 .command_line = "loglevel=7"};
  config.disks = {{.path = "/d/ü.img", .identifier = "root"},
                  {.path = "/d/b.img",
                   .read_only = true,
                   .caching = DiskCaching::uncached,
                   .sync = DiskSync::none}};
  config.shares = {
      {.tag = "code", .path = "/src", .read_only = true, .transport = ShareTransport::plan9}};
  config.ports = {{"control"}, {"log"}};
  config.networks = {{},
                     {.mac = "02:00:00:00:00:01"},
                     {.kind = NetworkKind::bridged, .interface = "en0", .mtu = 9000},
                     {.kind = NetworkKind::host_only, .subnet = "10.0.0.0/24"},
                     {.addressing = Addressing::dhcp}};
  config.entropy = false;
  config.balloon = true;
  config.vsock = config.nested_virtualization = config.rosetta = true;
  config.firmware = Firmware{"/m/vars"};
  config.graphics = Graphics{.height = 600};
  config.keyboard = config.pointing_device = config.usb_controller = config.clipboard = true;
  config.sound = Sound();
  config.machine_identifier = "YWJj";
  config.console = {.file = "/var/log/web", .limit = 1_MiB};
  config.boot_watchdog = std::chrono::milliseconds(1500);
  return config;
}

constexpr const char* full_text = R"({
  "architecture": "arm64",
  "balloon": true,
  "boot": {
    "command_line": "loglevel=7",
    "image": "/k/Image",
    "initrd": "/k/initrd"
  },
  "boot_watchdog": 1500,
  "clipboard": true,
  "console": {
    "file": "/var/log/web",
    "limit": 1048576
  },
  "cpu_count": 4,
  "disks": [
    {
      "identifier": "root",
      "path": "/d/ü.img"
    },
    {
      "caching": "uncached",
      "path": "/d/b.img",
      "read_only": true,
      "sync": "none"
    }
  ],
  "entropy": false,
  "firmware": {
    "variable_store": "/m/vars"
  },
  "graphics": {
    "height": 600
  },
  "keyboard": true,
  "machine_identifier": "YWJj",
  "memory": 2147483648,
  "name": "web",
  "nested_virtualization": true,
  "networks": [
    {},
    {
      "mac": "02:00:00:00:00:01"
    },
    {
      "interface": "en0",
      "kind": "bridged",
      "mtu": 9000
    },
    {
      "kind": "host_only",
      "subnet": "10.0.0.0/24"
    },
    {
      "addressing": "dhcp"
    }
  ],
  "pointing_device": true,
  "ports": [
    {
      "name": "control"
    },
    {
      "name": "log"
    }
  ],
  "rosetta": true,
  "schema": 1,
  "shares": [
    {
      "path": "/src",
      "read_only": true,
      "tag": "code",
      "transport": "plan9"
    }
  ],
  "sound": {},
  "usb_controller": true,
  "vsock": true
}
)";

}  // namespace

TEST_CASE("config json: every member, and back") {
  CHECK(to_json(full()) == full_text);
  const MachineConfig read = parse_machine_config(full_text);
  CHECK(to_json(read) == full_text);
  CHECK(read.disks.at(1).sync == DiskSync::none);
  CHECK(std::get<std::filesystem::path>(read.boot.initrd) == "/k/initrd");
  CHECK(read.boot_watchdog == std::chrono::milliseconds(1500));
  CHECK(read.console.limit == 1_MiB);
  REQUIRE(read.sound);
  CHECK(read.sound->output);
  REQUIRE(read.graphics);
  CHECK(read.graphics->width == Graphics().width);
  CHECK(read.firmware->variable_store == "/m/vars");
}

TEST_CASE("config json: what is missing has its default") {
  CHECK(to_json({.architecture = Architecture::arm64}) ==
        "{\n  \"architecture\": \"arm64\",\n  \"schema\": 1\n}\n");
  const MachineConfig read = parse_machine_config(R"({"schema": 1, "boot": {"image": "/k"}})");
  CHECK(read.boot.image == "/k");
  CHECK(read.memory == MachineConfig().memory);
  CHECK(std::holds_alternative<std::monostate>(read.boot.initrd));
  CHECK_FALSE(read.boot_watchdog);
}

TEST_CASE("config json: what cannot be saved") {
  const auto refused = [](const MachineConfig& config) {
    try {
      to_json(config);
    } catch (const Error& error) {
      CHECK(error.code() == Errc::invalid_argument);
      return std::string(error.what());
    }
    return std::string();
  };
  MachineConfig config;
  config.boot.initrd = std::vector<std::byte>(3);
  CHECK(refused(config).find("boot.initrd: expected the path of a file, found bytes") == 0);
  config = {};
  config.disks = {{}, {.path = "/\xff"}};
  CHECK(refused(config).find("disks[1].path: expected UTF-8") == 0);
  config = {};
  config.networks = {{.kind = NetworkKind::descriptor, .descriptor = 3}};
  CHECK(refused(config).find("networks[0].descriptor: expected none, found 3") == 0);
}

TEST_CASE("config json: bad definitions are refused by the member") {
  const struct {
    const char* json;
    const char* message;
  } rows[] = {
      {"", "a JSON object"},
      {"[]", "expected a JSON object, found []"},
      {"{}", "schema: expected its version"},
      {R"({"schema": "1"})", "schema: expected its version, a number, found \"1\""},
      {R"({"schema": 1, "memroy": 5})",
       R"(expected no member "memroy" in a machine's definition, found 5)"},
      {R"({"schema": 1, "disks": [{"schema": 1}]})", R"(disks[0]: expected no member "schema" in)"},
      {R"({"schema": 1, "name": 5})", "name: expected a string, found 5"},
      {R"({"schema": 1, "cpu_count": -1})", "cpu_count: expected a whole number"},
      {R"({"schema": 1, "cpu_count": 4294967296})", "0 to 4294967295, found 4294967296"},
      {R"({"schema": 1, "memory": "1GiB"})", "memory: expected a number of bytes"},
      {R"({"schema": 1, "boot": "k"})", "boot: expected an object, found \"k\""},
      {R"({"schema": 1, "boot": {"initrd": null}})", "boot.initrd: expected a string, found null"},
      {R"({"schema": 1, "disks": {}})", "disks: expected an array"},
      {R"({"schema": 1, "disks": [{"sync": "ful"}]})",
       "disks[0].sync: expected one of full, fsync, none, found \"ful\""},
      {R"({"schema": 1, "entropy": 1})", "entropy: expected true or false"},
      {R"({"schema": 1, "sound": null})", "sound: expected an object, found null"},
      {R"({"schema": 1, "networks": [{"kind": "lan"}]})",
       "one of nat, host_only, bridged, tap, descriptor, found \"lan\""},
      {R"({"schema": 1, "networks": [{"addressing": "static"}]})",
       "networks[0].addressing: expected one of automatic, dhcp, found \"static\""},
      {R"({"schema": 1, "networks": [{"descriptor": 3}]})",
       "networks[0].descriptor: expected none, for a descriptor is a process's own, found 3"},
      {R"({"schema": 1, "boot_watchdog": 99999999999999})", "at most a year"},
      {R"({"schema": 1, "x": [[[[[[[[[[]]]]]]]]]]})", "at most 8 deep"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.json);
    const std::string refused = refusal(row.json);
    CHECK(refused.find("data_corruption: a machine's definition: ") == 0);
    CHECK_MESSAGE(refused.find(row.message) != std::string::npos, refused);
  }
  CHECK(refusal(R"({"schema": 2, "later": true})") ==
        "unsupported: a machine's definition: expected version 1, found version 2");
}
