// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fstream>
#include <functional>
#include <sstream>

#include "vm/vz/kernel_image.hpp"
#include "vm/vz/plan.hpp"
#include "vm/vz/restart_watch.hpp"

using namespace vmkit;
using namespace vmkit::vm;
using namespace vmkit::vm::vz;

namespace {

struct Mac {
  const char* name;
  MacFacts facts;
};

MacFacts mac_facts(unsigned macos, Architecture architecture) {
  const bool arm = architecture == Architecture::arm64;
  MacFacts facts;
  facts.macos_major = macos;
  facts.architecture = architecture;
  facts.most_cpus = 8;
  facts.least_memory = 4_MiB;
  facts.most_memory = 16_GiB;
  facts.nested_virtualization = arm && macos >= 15;  // an M3
  facts.rosetta = arm ? Rosetta::installed : Rosetta::not_supported;
  return facts;
}

std::vector<Mac> macs() {
  std::vector<Mac> all = {
      {"arm64-13", mac_facts(13, Architecture::arm64)},
      {"arm64-14", mac_facts(14, Architecture::arm64)},
      {"arm64-15", mac_facts(15, Architecture::arm64)},
      {"arm64-26", mac_facts(26, Architecture::arm64)},
      {"x86_64-13", mac_facts(13, Architecture::x86_64)},
      {"x86_64-14", mac_facts(14, Architecture::x86_64)},
      {"x86_64-15", mac_facts(15, Architecture::x86_64)},
      {"x86_64-26", mac_facts(26, Architecture::x86_64)},
      {"entitled-26", mac_facts(26, Architecture::arm64)},
      {"m1-15", mac_facts(15, Architecture::arm64)},
      {"m1-13-without-rosetta", mac_facts(13, Architecture::arm64)},
  };
  all[8].facts.may_bridge = true;
  all[9].facts.nested_virtualization = false;
  all[10].facts.rosetta = Rosetta::not_installed;
  return all;
}

struct Case {
  const char* name;
  std::function<void(MachineConfig&)> change;
};

const std::vector<Case>& cases() {
  using C = MachineConfig;
  static const std::vector<Case> all = {
      {"the least that boots", [](C&) {}},
      {"four processors and 2 GiB", [](C& c) { c.cpu_count = 4, c.memory = 2_GiB; }},
      {"as much as the Mac allows", [](C& c) { c.cpu_count = 8, c.memory = 16_GiB; }},
      {"one processor too many", [](C& c) { c.cpu_count = 9; }},
      {"no processor", [](C& c) { c.cpu_count = 0; }},
      {"more processors than any machine has", [](C& c) { c.cpu_count = 256; }},
      {"more memory than the Mac allows", [](C& c) { c.memory = 17_GiB; }},
      {"too little memory", [](C& c) { c.memory = 16_MiB; }},
      {"memory that is no whole MiB", [](C& c) { c.memory = ByteSize((512ULL << 20) + 4096); }},
      {"a guest for arm64", [](C& c) { c.architecture = Architecture::arm64; }},
      {"a guest for x86_64", [](C& c) { c.architecture = Architecture::x86_64; }},
      {"a name that is none", [](C& c) { c.name = "a b"; }},
      {"no kernel", [](C& c) { c.boot.image.clear(); }},
      {"a kernel's path with a line end", [](C& c) { c.boot.image = "/k\nx"; }},
      {"an initrd in a file", [](C& c) { c.boot.initrd = std::filesystem::path("/i"); }},
      {"an initrd as bytes", [](C& c) { c.boot.initrd = std::vector<std::byte>(4, std::byte{1}); }},
      {"an initrd without a byte", [](C& c) { c.boot.initrd = std::vector<std::byte>(); }},
      {"a command line of one's own", [](C& c) { c.boot.command_line = "root=/dev/vda rw"; }},
      {"a command line of two lines", [](C& c) { c.boot.command_line = "a\nb"; }},
      {"a command line that is too long",
       [](C& c) { c.boot.command_line = std::string(1537, 'x'); }},
      {"a disk", [](C& c) { c.disks = {{.path = "/d"}}; }},
      {"a disk for reading", [](C& c) { c.disks = {{.path = "/d", .read_only = true}}; }},
      {"a disk past the page cache, flushed to the medium",
       [](C& c) {
         c.disks = {{.path = "/d", .caching = DiskCaching::uncached, .sync = DiskSync::full}};
       }},
      {"a disk through the page cache, never flushed",
       [](C& c) {
         c.disks = {{.path = "/d", .caching = DiskCaching::cached, .sync = DiskSync::none}};
       }},
      {"a disk with a serial number",
       [](C& c) { c.disks = {{.path = "/d", .identifier = "root"}}; }},
      {"a serial number that is too long",
       [](C& c) { c.disks = {{.path = "/d", .identifier = "123456789012345678901"}}; }},
      {"an NVMe and a USB disk",
       [](C& c) {
         c.disks = {{.path = "/a", .device = DiskDevice::nvme},
                    {.path = "/b", .device = DiskDevice::usb, .read_only = true}};
       }},
      {"a disk behind a server", [](C& c) { c.disks = {{.nbd = "nbd://host/disk"}}; }},
      {"a serial number of a USB disk",
       [](C& c) { c.disks = {{.path = "/a", .device = DiskDevice::usb, .identifier = "x"}}; }},
      {"three disks in their order",
       [](C& c) {
         c.disks = {{.path = "/a"}, {.path = "/b", .read_only = true}, {.path = "/c"}};
       }},
      {"one disk twice",
       [](C& c) {
         c.disks = {{.path = "/a"}, {.path = "/a"}};
       }},
      {"one disk twice, for reading",
       [](C& c) {
         c.disks = {{.path = "/a", .read_only = true}, {.path = "/a", .read_only = true}};
       }},
      {"a disk without a path", [](C& c) { c.disks = {Disk{}}; }},
      {"a share", [](C& c) { c.shares = {{.tag = "work", .path = "/w"}}; }},
      {"shares, by virtiofs and for reading",
       [](C& c) {
         c.shares = {{.tag = "a", .path = "/a", .transport = ShareTransport::virtiofs},
                     {.tag = "b", .path = "/b", .read_only = true}};
       }},
      {"a share over 9p",
       [](C& c) { c.shares = {{.tag = "a", .path = "/a", .transport = ShareTransport::plan9}}; }},
      {"one tag twice",
       [](C& c) {
         c.shares = {{.tag = "a", .path = "/a"}, {.tag = "a", .path = "/b"}};
       }},
      {"a tag that is too long",
       [](C& c) { c.shares = {{.tag = std::string(32, 't'), .path = "/a"}}; }},
      {"a port", [](C& c) { c.ports = {{"vmkit.agent"}}; }},
      {"ports in their order",
       [](C& c) {
         c.ports = {{"b"}, {"a"}, {"c"}};
       }},
      {"one port twice",
       [](C& c) {
         c.ports = {{"a"}, {"a"}};
       }},
      {"31 ports",
       [](C& c) {
         for (int i = 0; i < 31; ++i) c.ports.push_back({"p" + std::to_string(i)});
       }},
      {"a network", [](C& c) { c.networks = {{}}; }},
      {"a network with an address", [](C& c) { c.networks = {{.mac = "52:54:00:ab:cd:ef"}}; }},
      {"the address of a group", [](C& c) { c.networks = {{.mac = "53:54:00:ab:cd:ef"}}; }},
      {"two networks have two addresses",
       [](C& c) {
         c.networks = {{}, {}};
       }},
      {"another machine has another address", [](C& c) { c.name = "other", c.networks = {{}}; }},
      {"another disk makes another address",
       [](C& c) { c.disks = {{.path = "/d"}}, c.networks = {{}}; }},
      {"a network of one's own subnet", [](C& c) { c.networks = {{.subnet = "192.168.77.0/24"}}; }},
      {"a subnet with a host's bits", [](C& c) { c.networks = {{.subnet = "192.168.77.1/24"}}; }},
      {"NAT with large packets", [](C& c) { c.networks = {{.mtu = 9000}}; }},
      {"a network with the host only, in two ways",
       [](C& c) {
         c.networks = {{.kind = NetworkKind::host_only},
                       {.kind = NetworkKind::host_only, .subnet = "10.9.0.0/16", .mtu = 1400}};
       }},
      {"a bridge", [](C& c) { c.networks = {{.kind = NetworkKind::bridged, .interface = "en0"}}; }},
      {"a bridge with an MTU of its own",
       [](C& c) {
         c.networks = {{.kind = NetworkKind::bridged, .interface = "en0", .mtu = 9000}};
       }},
      {"a bridge to nothing", [](C& c) { c.networks = {{.kind = NetworkKind::bridged}}; }},
      {"a TAP device",
       [](C& c) { c.networks = {{.kind = NetworkKind::tap, .interface = "tap0"}}; }},
      {"frames over a descriptor",
       [](C& c) {
         c.networks = {{.kind = NetworkKind::descriptor, .descriptor = 7},
                       {.kind = NetworkKind::descriptor, .descriptor = 8, .mtu = 65535}};
       }},
      {"small frames over a descriptor",
       [](C& c) {
         c.networks = {{.kind = NetworkKind::descriptor, .descriptor = 7, .mtu = 1400}};
       }},
      {"firmware",
       [](C& c) {
         c.boot = {};
         c.firmware = Firmware{"/vars"};
         c.disks = {{.path = "/d"}};
       }},
      {"firmware and a kernel", [](C& c) { c.firmware = Firmware{"/vars"}; }},
      {"firmware without a file for its variables",
       [](C& c) {
         c.boot = {};
         c.firmware = Firmware();
       }},
      {"a machine that stays who it is", [](C& c) { c.machine_identifier = "YWJj"; }},
      {"an identifier that is no base64", [](C& c) { c.machine_identifier = "a b"; }},
      {"a screen", [](C& c) { c.graphics = Graphics(); }},
      {"a screen without a pixel", [](C& c) { c.graphics = Graphics{.width = 0}; }},
      {"a desktop",
       [](C& c) {
         c.graphics = Graphics{1920, 1080};
         c.keyboard = c.pointing_device = c.clipboard = true;
         c.sound = Sound{.input = true};
         c.ports = {{"vmkit.agent"}};
       }},
      {"sound that is neither heard nor made", [](C& c) { c.sound = Sound{.output = false}; }},
      {"a clipboard only", [](C& c) { c.clipboard = true; }},
      {"a clipboard and its port", [](C& c) { c.clipboard = true, c.ports = {{clipboard_port}}; }},
      {"a USB controller", [](C& c) { c.usb_controller = true; }},
      {"disks behind servers",
       [](C& c) {
         c.disks = {{.nbd = "nbd://host/a", .device = DiskDevice::nvme, .sync = DiskSync::none},
                    {.nbd = "nbd+unix:///b?socket=/s",
                     .device = DiskDevice::usb,
                     .read_only = true,
                     .sync = DiskSync::full}};
       }},
      {"no random numbers", [](C& c) { c.entropy = false; }},
      {"a balloon", [](C& c) { c.balloon = true; }},
      {"vsock", [](C& c) { c.vsock = true; }},
      {"nested virtualization", [](C& c) { c.nested_virtualization = true; }},
      {"Rosetta", [](C& c) { c.rosetta = true; }},
      {"Rosetta and a share of its tag",
       [](C& c) { c.rosetta = true, c.shares = {{.tag = "rosetta", .path = "/a"}}; }},
      {"a watchdog that looks back", [](C& c) { c.boot_watchdog = std::chrono::milliseconds(-1); }},
      {"everything",
       [](C& c) {
         c.boot.initrd = std::vector<std::byte>(4, std::byte{1});
         c.disks = {{.path = "/d", .identifier = "root"}, {.path = "/e", .read_only = true}};
         c.shares = {{.tag = "work", .path = "/w"}};
         c.ports = {{"vmkit.agent"}, {"log"}};
         c.networks = {{}};
         c.balloon = c.vsock = true;
       }},
      {"all problems at once",
       [](C& c) {
         c.cpu_count = 300, c.memory = 1_MiB;
         c.boot.image.clear();
         c.shares = {{.tag = "a", .path = "/a", .transport = ShareTransport::plan9}};
         c.nested_virtualization = c.rosetta = true;
       }},
  };
  return all;
}

std::string outcome(const Case& one, const Mac& mac) {
  MachineConfig config;
  config.architecture = mac.facts.architecture;
  config.boot.image = "/k";
  one.change(config);
  const PlanResult result = make_plan(config, mac.facts);
  if (result.problems.empty()) return to_string(result.plan);
  std::string text;
  for (const ConfigProblem& problem : result.problems) {
    text += "! " + problem.field + ": " + problem.message + "\n";
  }
  return text;
}

/// Macs with the same outcome stand together: what a version or a processor changes stands out.
template <class Outcome>
void write_block(std::string& text, const std::string& name, Outcome outcome) {
  text += "== " + name + "\n";
  std::vector<std::pair<std::string, std::string>> groups;
  for (const Mac& mac : macs()) {
    const std::string one = outcome(mac);
    const auto known = std::find_if(groups.begin(), groups.end(),
                                    [&](const auto& group) { return group.second == one; });
    if (known == groups.end()) {
      groups.emplace_back(mac.name, one);
    } else {
      known->first += std::string(" ") + mac.name;
    }
  }
  for (const auto& [names, one] : groups) {
    text += "[" + (groups.size() == 1 ? "all" : names) + "]\n" + one;
  }
  text += "\n";
}

std::string capabilities_text(const MacFacts& facts, Architecture architecture) {
  const Capabilities all = describe(facts, architecture);
  std::string text = all.backend + " " + all.version + " " + all.accelerator + "\n";
  for (const FeatureStatus& status : all.features) {
    text += std::string(to_string(status.feature)) + ": ";
    const bool first = &status == &all.features.front();
    if (!first && !status.available() && status.reason == all.features.front().reason) {
      text += "as machines\n";
      continue;
    }
    text += std::string(to_string(status.limitation));
    if (!status.reason.empty()) text += "; " + status.reason;
    if (!status.way_out.empty()) text += " -> " + status.way_out;
    text += "\n";
  }
  return text;
}

std::string all_capabilities() {
  std::string text;
  const auto add = [&](const char* name, const std::function<void(MacFacts&)>& change,
                       Architecture guest = Architecture::arm64) {
    MacFacts facts = mac_facts(15, Architecture::arm64);
    change(facts);
    text += "== capabilities: " + std::string(name) + "\n" + capabilities_text(facts, guest) + "\n";
  };
  add("a Mac", [](MacFacts&) {});
  add("macOS 13", [](MacFacts& facts) { facts.macos_major = 13; });
  add("macOS 26, with all entitlements",
      [](MacFacts& facts) { facts.macos_major = 26, facts.may_bridge = true; });
  add(
      "an Intel Mac", [](MacFacts& facts) { facts.architecture = Architecture::x86_64; },
      Architecture::x86_64);
  add("no Mac", [](MacFacts& facts) { facts.is_mac = false; });
  add(
      "a guest of the other architecture", [](MacFacts&) {}, Architecture::x86_64);
  add("macOS 12", [](MacFacts& facts) { facts.macos_major = 12, facts.macos_minor = 6; });
  add("inside of a virtual machine", [](MacFacts& facts) { facts.runs_machines = false; });
  add("not signed", [](MacFacts& facts) { facts.entitled = false; });
  return text;
}

/// The first lines that differ, with their numbers.
std::string difference(const std::string& expected, const std::string& found) {
  std::istringstream left(expected), right(found);
  std::string a, b, text;
  for (int number = 1, shown = 0; shown < 10; ++number) {
    const bool more_a = static_cast<bool>(std::getline(left, a));
    const bool more_b = static_cast<bool>(std::getline(right, b));
    if (!more_a && !more_b) break;
    if (more_a && more_b && a == b) continue;
    ++shown;
    if (more_a) text += "-" + std::to_string(number) + " " + a + "\n";
    if (more_b) text += "+" + std::to_string(number) + " " + b + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("vz plan: what each configuration becomes on each Mac") {
  CHECK(cases().size() >= 40);
  std::string found;
  for (const Case& one : cases()) {
    write_block(found, one.name, [&](const Mac& mac) { return outcome(one, mac); });
  }
  found += all_capabilities();
  std::ifstream file(VMKIT_GOLDEN_FILE);
  std::ostringstream expected;
  expected << file.rdbuf();
  const std::string changes = difference(expected.str(), found);
  if (!changes.empty()) {
    std::ofstream(VMKIT_GOLDEN_FOUND) << found;  // to look at, and to take over if it is meant
  }
  INFO("found, in whole: " VMKIT_GOLDEN_FOUND);
  CHECK(changes == "");
}

TEST_CASE("vz plan: a machine has the same address each time") {
  MachineConfig config;
  config.networks = {{}};
  const auto address = [&] {
    return make_plan(config, mac_facts(15, config.architecture)).plan.networks.at(0).mac;
  };
  const std::string first = address();
  CHECK(address() == first);
  config.cpu_count = 2;
  CHECK(address() == first);
  config.name = "b";
  CHECK(address() != first);
}

TEST_CASE("vz kernel image: what the framework's boot loader takes") {
  const auto with = [](std::size_t offset, std::string_view magic, std::string start = {}) {
    start.resize(std::max(start.size(), offset + magic.size()));
    return start.replace(offset, magic.size(), magic);
  };
  const auto arm = [](const std::string& start) {
    return kernel_image_problem(start, Architecture::arm64);
  };
  const auto x86 = [](const std::string& start) {
    return kernel_image_problem(start, Architecture::x86_64);
  };
  const std::string image = with(0x38, "ARM\x64");
  const std::string bzimage = with(0x202, "HdrS");
  CHECK(arm(image) == "");
  CHECK(x86(bzimage) == "");
  CHECK(x86("\x7f"
            "ELF") == "");
  const std::string zboot = with(4, "zimg", with(0, "MZ", image));
  struct Row {
    std::string problem;
    const char* found;
  };
  for (const Row& row :
       {Row{arm("\x1f\x8b\x08"), "found one compressed by gzip"},
        Row{arm("\x28\xb5\x2f\xfd"), "found one compressed by zstd"},
        Row{arm("\xfd"
                "7zXZ"),
            "found one compressed by xz"},
        Row{arm("\x02\x21\x4c\x18"), "found one compressed by lz4"},
        Row{arm(zboot), "found a compressed one (EFI zboot)"},
        Row{arm(bzimage), "expected an uncompressed arm64 Image, found one for x86"},
        Row{arm(""), "found no kernel that is known"},
        Row{arm(image.substr(0, 0x3b)), "found no kernel that is known"},
        Row{x86(image), "expected a bzImage, found one for arm64"},
        Row{x86("\x1f\x8b"), "found one compressed by gzip"}}) {
    CAPTURE(row.problem);
    CHECK(row.problem.find(row.found) != std::string::npos);
  }
}

TEST_CASE("vz restart watch: the kernel's words, whole and in pieces") {
  const std::string_view words =
      "[    9.1] Kernel panic - not syncing: Attempted to kill init!\r\n";
  for (std::size_t cut = 0; cut <= words.size(); ++cut) {
    RestartWatch watch;
    const bool first = watch.read(words.substr(0, cut));
    CHECK(watch.read(words.substr(cut)));
    CHECK(first == (words.substr(0, cut).find("not syncing") != std::string_view::npos));
  }
  RestartWatch watch;
  CHECK_FALSE(watch.read("reboot: Power down\n"));
  CHECK_FALSE(watch.read("Kernel panic\nreboot: "));
  CHECK_FALSE(watch.read("restarting\n"));
  CHECK(watch.read("x reboot: Restarting system\n"));
  CHECK(watch.read(""));
}
