// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "agent/agent_binary.hpp"
#include "unit/agent/temp_dir.hpp"

#include <vmkit/agent/initramfs.hpp>
#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace {

using namespace vmkit;
using namespace vmkit::agent;

void expect(Errc code, const char* words, const std::function<void()>& action) {
  try {
    action();
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == code);
    CHECK_MESSAGE(std::string(error.what()).find(words) != std::string::npos, error.what());
  }
}

std::string run(const std::string& command) {
  std::string output;
  FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> buffer;
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), count);
  }
  CHECK_MESSAGE(::pclose(pipe) == 0, command);
  return output;
}

bool have_cpio() {
  if (std::system("cpio --version >/dev/null 2>&1") == 0) return true;
  const char* ci = std::getenv("CI");
  if (ci != nullptr && std::string(ci) == "true") FAIL("cpio is missing");
  MESSAGE("skipped: cpio is missing");
  return false;
}

void save(const std::filesystem::path& path, const std::vector<std::byte>& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

// Modules with the dependencies of a Debian kernel.
void write_modules(const test::TempDir& dir, const std::string& without = "") {
  std::string dep;
  const auto module = [&](const std::string& name, const std::string& needs) {
    if (name == without) return;
    dep += "kernel/" + name + ".ko:" + needs + "\n";
    dir.write("m/kernel/" + name + ".ko", "contents of " + name);
  };
  module("virtio_ring", "");
  module("virtio", " kernel/virtio_ring.ko");
  module("virtio_mmio", " kernel/virtio.ko kernel/virtio_ring.ko");
  module("virtio_blk", " kernel/virtio.ko kernel/virtio_ring.ko");
  module("virtio_console", " kernel/virtio.ko kernel/virtio_ring.ko");
  module("virtio-rng", " kernel/virtio.ko kernel/virtio_ring.ko");
  module("overlay", "");
  module("nf_tables", "");
  module("unrelated", "");
  dir.write("m/modules.dep", dep);
  dir.write("m/modules.builtin", without == "ext4" ? "" : "kernel/fs/ext4/ext4.ko\n");
}

TEST_CASE("cpio reads the archive, and finds the agent and the modules in it") {
  if (!have_cpio()) return;
  const test::TempDir dir;
  write_modules(dir);
  save(dir.path() / "initrd",
       build_initramfs({.modules_directory = dir.path() / "m", .extra_modules = {"nf_tables"}}));
  const std::string base = "cd '" + dir.path().string() + "' && ";
  CHECK(run(base + "cpio -itv --quiet < initrd | awk '{print $1, $NF}'") ==
        "drwxr-xr-x dev\ndrwxr-xr-x etc\ndrwxr-xr-x lib\ndrwxr-xr-x newroot\n"
        "drwxr-xr-x proc\ndrwxr-xr-x sys\ncrw------- dev/console\n-rwxr-xr-x init\n"
        "-rw-r--r-- etc/modules.list\ndrwxr-xr-x lib/modules\ndrwxr-xr-x lib/modules/kernel\n"
        "-rw-r--r-- lib/modules/kernel/virtio_ring.ko\n-rw-r--r-- lib/modules/kernel/virtio.ko\n"
        "-rw-r--r-- lib/modules/kernel/virtio_mmio.ko\n"
        "-rw-r--r-- lib/modules/kernel/virtio_console.ko\n"
        "-rw-r--r-- lib/modules/kernel/virtio_blk.ko\n"
        "-rw-r--r-- lib/modules/kernel/nf_tables.ko\n"
        "-rw-r--r-- lib/modules/kernel/virtio-rng.ko\n-rw-r--r-- lib/modules/kernel/overlay.ko\n");
  run(base +
      "mkdir x && cd x && cpio -idm --quiet --no-absolute-filenames 'i*' 'etc/*' 'lib/*' "
      "< ../initrd 2>/dev/null");
  CHECK(run(base + "cat x/etc/modules.list") ==
        "boot mmio /lib/modules/kernel/virtio_ring.ko\n"
        "boot mmio /lib/modules/kernel/virtio.ko\n"
        "boot mmio /lib/modules/kernel/virtio_mmio.ko\n"
        "boot virtio:3 /lib/modules/kernel/virtio_ring.ko\n"
        "boot virtio:3 /lib/modules/kernel/virtio.ko\n"
        "boot virtio:3 /lib/modules/kernel/virtio_console.ko\n"
        "root virtio:2 /lib/modules/kernel/virtio_ring.ko\n"
        "root virtio:2 /lib/modules/kernel/virtio.ko\n"
        "root virtio:2 /lib/modules/kernel/virtio_blk.ko\n"
        "boot always /lib/modules/kernel/nf_tables.ko\n"
        "late virtio:4 /lib/modules/kernel/virtio_ring.ko\n"
        "late virtio:4 /lib/modules/kernel/virtio.ko\n"
        "late virtio:4 /lib/modules/kernel/virtio-rng.ko\n"
        "overlay always /lib/modules/kernel/overlay.ko\n");
  CHECK(run(base + "cat x/lib/modules/kernel/virtio_blk.ko") == "contents of virtio_blk");
  std::ifstream init(dir.path() / "x" / "init", std::ios::binary);
  const std::string found{std::istreambuf_iterator<char>(init), {}};
  const auto agent = agent_binary(host_architecture());
  CHECK(found == std::string(reinterpret_cast<const char*>(agent.data()), agent.size()));
}

TEST_CASE("the agent is small, static and stripped") {
  const auto agent = agent_binary(host_architecture());
  CHECK(agent.size() > 100'000);
  CHECK(agent.size() < 2 * 1024 * 1024);
  const std::string text(reinterpret_cast<const char*>(agent.data()), agent.size());
  CHECK(
      text.starts_with("\x7f"
                       "ELF"));
  const auto entries = load_le<std::uint16_t>(&agent[0x38]);
  for (std::size_t i = 0; i < entries; ++i) {
    const auto type = load_le<std::uint32_t>(&agent[load_le<std::uint64_t>(&agent[0x20]) + i * 56]);
    CHECK(type != 3);  // PT_INTERP: a dynamic loader
  }
  CHECK(text.find(".symtab") == std::string::npos);
  CHECK(text.find("__asan_") == std::string::npos);
}

TEST_CASE("the same input gives the same bytes") {
  const test::TempDir a;
  const test::TempDir b;
  write_modules(a);
  write_modules(b);
  CHECK(build_initramfs({.modules_directory = a.path() / "m"}) ==
        build_initramfs({.modules_directory = b.path() / "m"}));
}

TEST_CASE("a kernel without a driver that is needed is named, and what to do") {
  for (const char* name : {"virtio_blk", "virtio_console", "ext4"}) {
    const test::TempDir dir;
    write_modules(dir, name);
    expect(Errc::failed_precondition, (std::string("has no ") + name).c_str(),
           [&] { build_initramfs({.modules_directory = dir.path() / "m"}); });
  }
  const test::TempDir dir;
  write_modules(dir, "virtio_mmio");
  expect(Errc::failed_precondition, "CONFIG_VIRTIO_MMIO",
         [&] { build_initramfs({.modules_directory = dir.path() / "m"}); });
}

TEST_CASE("wrong options are refused") {
  const test::TempDir dir;
  write_modules(dir);
  expect(Errc::not_found, "kernel module nosuch", [&] {
    build_initramfs({.modules_directory = dir.path() / "m", .extra_modules = {"nosuch"}});
  });
  expect(Errc::invalid_argument, "modules directory",
         [&] { build_initramfs({.extra_modules = {"overlay"}}); });
  expect(Errc::failed_precondition, "modules.dep",
         [&] { build_initramfs({.modules_directory = dir.path() / "nowhere"}); });
  const Architecture other =
      host_architecture() == Architecture::arm64 ? Architecture::x86_64 : Architecture::arm64;
  try {
    build_initramfs({.architecture = other});  // fine where a binary for it was given
  } catch (const Error& error) {
    CHECK(error.code() == Errc::unsupported);
    CHECK(std::string(error.what()).find("VMKIT_GUEST_AGENT_") != std::string::npos);
  }
}

}  // namespace
