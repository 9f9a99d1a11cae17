// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/host.hpp"

#include <doctest/doctest.h>
#include <sched.h>

#include "os/directory.hpp"
#include "os/file.hpp"
#include "os/process_platform.hpp"
#include "vm/qemu/firmware.hpp"
#include "vm/qemu/share_daemon.hpp"

#include <vmkit/vm/host.hpp>

using namespace vmkit;
using namespace vmkit::vm;
using namespace vmkit::vm::qemu;

TEST_CASE("host: QEMU's version") {
  CHECK(parse_version("QEMU emulator version 7.2.22 (Debian 1:7.2)\nCopyright") == "7.2.22");
  CHECK(parse_version("QEMU emulator version 10.0.0\n") == "10.0.0");
  CHECK_FALSE(parse_version("QEMU emulator version "));
  CHECK_FALSE(parse_version("bash: no such command"));
  CHECK(is_new_enough("7.2.22"));
  CHECK(is_new_enough("10.0"));
  CHECK(is_new_enough("8"));
  CHECK_FALSE(is_new_enough("7.1.9"));
  CHECK_FALSE(is_new_enough("6.2.0"));
  CHECK_FALSE(is_new_enough("7"));
}

TEST_CASE("host: without a QEMU it says where it looked and what to install") {
  QemuOptions options;
  options.search_path = {"/nowhere", "/nor/here"};
  const Host host = probe_host(options, Architecture::arm64);
  CHECK(host.machines.limitation == Limitation::missing_program);
  CHECK(host.machines.reason == "there is no qemu-system-aarch64 in /nowhere, /nor/here");
  CHECK(host.machines.way_out.find("apt-get install qemu-system-arm") != std::string::npos);
}

TEST_CASE("host: the clock is measured to within a thousandth") {
  const Host first = probe_host({}, Architecture::x86_64);
  const Host second = probe_host({}, Architecture::x86_64);
  if (host_architecture() != Architecture::x86_64) {
    CHECK_FALSE(first.tsc_khz);
    return;
  }
  REQUIRE(first.tsc_khz);
  CHECK(*first.tsc_khz > 100'000);
  CHECK(*first.tsc_khz < 10'000'000);
  CHECK(static_cast<double>(*first.tsc_khz) ==
        doctest::Approx(static_cast<double>(*second.tsc_khz)).epsilon(0.001));
}

TEST_CASE("host: capabilities say each feature once, with reasons") {
  Host host{.binary = "/q"};
  host.acceleration = {QemuAccelerator::tcg,
                       {Feature::hardware_acceleration, Limitation::missing_device, "no", "way"}};
  QemuOptions options;
  const auto limitation = [&](const Program& program, Feature feature) {
    const Capabilities all = describe(options, Architecture::x86_64, host, program,
                                      {Feature::virtiofs}, {Feature::firmware});
    CHECK(all.features.size() == 18);
    CHECK(all.accelerator == "tcg");
    const FeatureStatus& status = all.status(feature);
    CHECK(status.reason.empty() == status.available());
    return status.limitation;
  };
  const Program fine{"7.2.0", true, true, ""};
  CHECK(limitation(fine, Feature::machines) == Limitation::none);
  CHECK(limitation(fine, Feature::hardware_acceleration) == Limitation::missing_device);
  CHECK(limitation({"6.2.0", true, true, ""}, Feature::machines) == Limitation::too_old);
  CHECK(limitation({"", false, true, "exited with status 1: what?"}, Feature::machines) ==
        Limitation::missing_program);
  CHECK(limitation(fine, Feature::virtiofs) == Limitation::none);
  CHECK(limitation(fine, Feature::plan9) == Limitation::none);
  CHECK(limitation({"7.2.0", true, false, ""}, Feature::plan9) == Limitation::not_built_in);
  if (!host_can_filter_system_calls) return;
  CHECK(limitation(fine, Feature::sandbox) == Limitation::none);
  CHECK(limitation({"7.2.0", false, true, ""}, Feature::sandbox) == Limitation::not_built_in);
  options.sandbox = false;
  CHECK(limitation(fine, Feature::sandbox) == Limitation::disabled_by_option);
}

TEST_CASE("host: why there is no virtiofs, and what starts its daemon") {
  QemuOptions options;
  options.virtiofsd_search = {"/nonexistent/a", "/nonexistent/b"};
  const ShareDaemon none = probe_share_daemon(options, {});
  CHECK_FALSE(none.status.available());
  CHECK(none.status.reason != "");
  if (!os::can_have_private_mounts) return;
  CHECK(none.status.limitation == Limitation::missing_program);
  CHECK(none.status.reason.find("/nonexistent/a, /nonexistent/b") != std::string::npos);
  options.virtiofsd = "/bin/false";
  CHECK(probe_share_daemon(options, {}).status.limitation != Limitation::none);

  CHECK(
      is_c_version("virtiofsd version 7.2.22 (Debian 1:7.2)\nusing FUSE kernel interface version "
                   "7.36\n"));
  CHECK_FALSE(is_c_version("virtiofsd 1.13.0\n"));
  const auto words = [](const ShareDaemon& daemon, const Share& share) {
    std::string text;
    for (const std::string& word : share_daemon_command(daemon, share, 9).arguments) {
      text += (text.empty() ? "" : " ") + word;
    }
    return text;
  };
  const os::TemporaryDirectory folder("/tmp", "vmkit,test");
  const Share share{.tag = "s", .path = folder.path(), .read_only = true};
  std::string escaped = folder.path().string();
  escaped.insert(escaped.find(','), "\\");
  CHECK(words({"/v", true}, share) ==
        "/v --fd=9 -o cache=auto -o sandbox=namespace -o log_level=warn -o source=" + escaped);
  CHECK(words({"/v", false}, share) ==
        "/v --fd=9 --cache=auto --sandbox=namespace --log-level=warn --shared-dir=" +
            folder.path().string());
  CHECK(share_daemon_command({"/v", true}, share, 9).private_mounts->read_only == folder.path());
  CHECK(share_transport(share, {"/v", true}) == ShareTransport::virtiofs);
  CHECK(share_transport(share, none) == ShareTransport::plan9);
}

TEST_CASE("host: its resources, and a size of machine that leaves it room") {
  const HostResources found = host_resources();
  CHECK(found.processors >= 1);
  CHECK(found.memory > 256_MiB);
  CHECK(found.available_memory > ByteSize(0));
  CHECK(found.available_memory < found.memory);
  // On fewer processors there are fewer.
  cpu_set_t before;
  REQUIRE(::sched_getaffinity(0, sizeof before, &before) == 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(::sched_getcpu(), &one);
  REQUIRE(::sched_setaffinity(0, sizeof one, &one) == 0);
  CHECK(host_resources().processors == 1);
  REQUIRE(::sched_setaffinity(0, sizeof before, &before) == 0);

  const auto size = [](unsigned processors, ByteSize memory, ByteSize available) {
    const MachineSize recommended = recommended_size({processors, memory, available});
    return std::to_string(recommended.cpu_count) + " " +
           std::to_string(recommended.memory.bytes() >> 20);
  };
  CHECK(size(1, 1_GiB, 900_MiB) == "1 256");
  CHECK(size(8, 16_GiB, 12_GiB) == "4 4096");
  CHECK(size(8, 16_GiB, 3_GiB) == "4 1536");
  CHECK(size(128, 512_GiB, 500_GiB) == "8 8192");
  CHECK(size(2, 256_MiB, 64_MiB) == "1 128");

  CHECK(memory_status(128_MiB).available());
  const FeatureStatus little = memory_status(100_MiB);
  CHECK(little.limitation == Limitation::too_little_memory);
  CHECK(little.reason == "expected at least 128 MiB of available memory, found 100 MiB");
}

TEST_CASE("host: what only the other backend has is refused by name") {
  MachineConfig config;
  config.boot.image = "/k";
  config.vsock = config.nested_virtualization = config.rosetta = true;
  const auto problems = make_qemu_backend()->validate(config);
  REQUIRE(problems.size() == 3);
  CHECK(problems[0].field == "vsock");
  CHECK(problems[0].message.find("a port (MachineConfig::ports)") != std::string::npos);
  CHECK(problems[1].field == "nested_virtualization");
  CHECK(problems[2].field == "rosetta");
}

TEST_CASE("host: the firmware that distributions describe for QEMU") {
  const os::TemporaryDirectory folder("/tmp", "vmkit-test");
  const auto write = [&](const std::string& name, const std::string& text) {
    os::write_file_atomically(folder.path() / name, text);
  };
  const auto describe_firmware = [&](const std::string& name, const std::string& machines,
                                     const std::string& features, const std::string& code) {
    write(name, R"({"interface-types": ["uefi"], "features": [)" + features +
                    R"(], "mapping": {"device": "flash", "executable": {"format": "raw",
        "filename": ")" +
                    (folder.path() / code).string() + R"("}, "nvram-template": {
        "format": "raw", "filename": ")" +
                    (folder.path() / "vars").string() + R"("}},
        "targets": [{"architecture": "x86_64", "machines": [)" +
                    machines + "]}]}");
  };
  for (const char* file : {"vars", "good", "secure", "pc"}) write(file, "x");
  write("00-text.json", "no JSON");
  write("01-list.json", "[]");
  write("02-strange.json", R"({"interface-types": 7, "mapping": [], "targets": {"a": 1}})");
  write("03-deep.json", std::string(1000, '['));
  describe_firmware("10-secure.json", R"("pc-q35-*")", R"("secure-boot", "requires-smm")",
                    "secure");
  describe_firmware("20-old-pc.json", R"("pc-i440fx-*", 5)", "", "pc");
  describe_firmware("30-gone.json", R"("pc-q35-*")", "", "not-there");
  const auto find = [&](Architecture architecture) {
    return find_firmware({"/nowhere", folder.path()}, architecture);
  };
  CHECK_FALSE(find(Architecture::x86_64));
  describe_firmware("60-good.json", R"("pc-i440fx-*", "pc-q35-*")", R"("acpi-s3")", "good");
  describe_firmware("70-later.json", R"("pc-q35-*")", "", "secure");
  const auto found = find(Architecture::x86_64);
  REQUIRE(found);
  CHECK(found->code == folder.path() / "good");
  CHECK(found->variables == folder.path() / "vars");
  CHECK_FALSE(find(Architecture::arm64));
  CHECK(firmware_status(found, Architecture::x86_64).available());
  CHECK(firmware_status({}, Architecture::arm64).way_out == "apt-get install qemu-efi-aarch64");
}
