// SPDX-License-Identifier: Apache-2.0
#include "agent/module_index.hpp"

#include <cstdlib>
#include <cstring>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <sys/stat.h>

#include "unit/agent/temp_dir.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace {

using namespace vmkit;
using namespace vmkit::agent;
using Paths = std::vector<std::string>;

void expect(Errc code, const char* words, const std::function<void()>& action) {
  try {
    action();
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == code);
    CHECK_MESSAGE(std::string(error.what()).find(words) != std::string::npos, error.what());
  }
}

TEST_CASE("dependencies come first, each once, built-in modules not at all") {
  const test::TempDir dir;
  dir.write("modules.dep",
            "kernel/net/net_failover.ko: kernel/failover.ko\n"
            "kernel/net/virtio_net.ko: kernel/virtio.ko kernel/net/net_failover.ko "
            "kernel/failover.ko kernel/virtio_ring.ko\n"
            "kernel/virtio.ko: kernel/virtio_ring.ko\n"
            "kernel/virtio_ring.ko:\nkernel/failover.ko:\n"
            "kernel/virtio-rng.ko.xz: kernel/virtio.ko\n");
  dir.write("modules.builtin", "kernel/fs/ext4/ext4.ko\n");
  const ModuleIndex index(dir.path());
  CHECK(index.load_order("virtio_net") == Paths{"kernel/virtio_ring.ko", "kernel/virtio.ko",
                                                "kernel/failover.ko", "kernel/net/net_failover.ko",
                                                "kernel/net/virtio_net.ko"});
  CHECK(index.load_order("virtio_rng") ==
        Paths{"kernel/virtio_ring.ko", "kernel/virtio.ko", "kernel/virtio-rng.ko.xz"});
  CHECK(index.load_order("ext4").empty());
  CHECK(index.is_builtin("ext4"));
  CHECK_FALSE(index.has_file("ext4"));
  expect(Errc::not_found, "kernel module nosuch", [&] { index.load_order("nosuch"); });
}

TEST_CASE("what a module would like to have beside it is loaded with it, if it is there") {
  const test::TempDir dir;
  dir.write("modules.dep",
            "kernel/ext4.ko: kernel/jbd2.ko\nkernel/jbd2.ko:\nkernel/crc32c-intel.ko:\n"
            "kernel/crc32c_generic.ko:\nkernel/late.ko:\nkernel/a.ko:\nkernel/b.ko: kernel/a.ko\n");
  dir.write("modules.softdep",
            "# Soft dependencies extracted from modules themselves.\n"
            "softdep ext4 pre: crc32c nosuch post: late\n"
            "softdep a pre: b\nsoftdep jbd2\n");
  dir.write("modules.alias",
            "alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci\n"
            "alias crc32c crc32c_intel\nalias crc32c crc32c_generic\nalias crc32 other\n");
  const ModuleIndex index(dir.path());
  CHECK(index.load_order("ext4") == Paths{"kernel/crc32c-intel.ko", "kernel/crc32c_generic.ko",
                                          "kernel/jbd2.ko", "kernel/ext4.ko", "kernel/late.ko"});
  CHECK(index.load_order("a") == Paths{"kernel/a.ko", "kernel/b.ko"});  // b needs a, a likes b
}

TEST_CASE("a hostile modules.dep is refused") {
  for (const char* text :
       {"../../etc/shadow:\n", "/etc/shadow:\n", "a/../../b.ko:\n", "good.ko: ../bad.ko\n",
        "no colon here\n", ": a.ko\n", "a\x1b[2J.ko:\n", "a.ko: b\x7f.ko\n"}) {
    CAPTURE(text);
    const test::TempDir dir;
    dir.write("modules.dep", text);
    expect(Errc::data_corruption, "modules.dep", [&] { ModuleIndex index(dir.path()); });
  }
  {
    const test::TempDir dir;
    dir.write("modules.dep", "a.ko: b.ko\nb.ko: a.ko\nc.ko: missing.ko\n");
    const ModuleIndex index(dir.path());
    expect(Errc::data_corruption, "circle", [&] { index.load_order("a"); });
    expect(Errc::data_corruption, "missing.ko", [&] { index.load_order("c"); });
  }
  {
    const test::TempDir dir;
    dir.write("modules.dep", std::string(1025, 'x') + ":\n");
    expect(Errc::data_corruption, "is no path", [&] { ModuleIndex index(dir.path()); });
    dir.write("modules.dep", "\x1b]0;title\x07");
    expect(Errc::data_corruption, "found \"?]0;title?\"", [&] { ModuleIndex index(dir.path()); });
  }
  {
    const test::TempDir dir;
    dir.write("modules.order", ".\npipe.ko\n");
    REQUIRE(::mkfifo((dir.path() / "pipe.ko").c_str(), 0600) == 0);
    const ModuleIndex index(dir.path());
    expect(Errc::data_corruption, "expected a file", [&] { index.load_order("."); });
    expect(Errc::data_corruption, "expected a file", [&] { index.read_module("pipe.ko"); });
  }
  {
    const test::TempDir dir;
    dir.write("modules.dep", std::string((16 << 20) + 1, '\n'));
    expect(Errc::data_corruption, "expected at most", [&] { ModuleIndex index(dir.path()); });
  }
}

TEST_CASE("a long chain of modules neither recurses without end nor passes") {
  const test::TempDir dir;
  std::string text;
  for (int i = 0; i < 100'000; ++i) {
    text += "m" + std::to_string(i) + ".ko: m" + std::to_string(i + 1) + ".ko\n";
  }
  dir.write("modules.dep", text);
  const ModuleIndex index(dir.path());
  expect(Errc::data_corruption, "circle", [&] { index.load_order("m0"); });
}

TEST_CASE("a module that is a link to outside is not read") {
  const test::TempDir dir;
  dir.write("secret", "secret");
  std::filesystem::create_directory(dir.path() / "modules");
  std::filesystem::create_symlink(dir.path() / "secret", dir.path() / "modules" / "a.ko");
  std::ofstream(dir.path() / "modules" / "modules.dep") << "a.ko:\n";
  const ModuleIndex index(dir.path() / "modules");
  expect(Errc::data_corruption, "leads out of the modules directory",
         [&] { index.read_module("a.ko"); });
  expect(Errc::not_found, "b.ko", [&] { index.read_module("b.ko"); });
}

TEST_CASE("a directory without an index says what is expected") {
  const test::TempDir dir;
  expect(Errc::failed_precondition, "neither modules.dep nor modules.order",
         [&] { ModuleIndex index(dir.path()); });
}

// A relocatable ELF file with the one section that matters.
std::string elf_module(const std::string& info) {
  const std::string names = std::string("\0.modinfo\0", 10);
  std::string file(64, '\0');
  std::memcpy(file.data(),
              "\x7f"
              "ELF\x02\x01\x01",
              7);
  const std::size_t info_at = file.size();
  file += info;
  const std::size_t names_at = file.size();
  file += names;
  const std::size_t headers_at = file.size();
  file.resize(file.size() + 3 * 64, '\0');
  const auto at = [&](std::size_t offset) { return reinterpret_cast<std::byte*>(&file[offset]); };
  store_le<std::uint64_t>(at(0x28), headers_at);
  store_le<std::uint16_t>(at(0x3a), 64);
  store_le<std::uint16_t>(at(0x3c), 3);
  store_le<std::uint16_t>(at(0x3e), 2);
  store_le<std::uint32_t>(at(headers_at + 64), 1);
  store_le<std::uint64_t>(at(headers_at + 64 + 0x18), info_at);
  store_le<std::uint64_t>(at(headers_at + 64 + 0x20), info.size());
  store_le<std::uint32_t>(at(headers_at + 128), 9);
  store_le<std::uint64_t>(at(headers_at + 128 + 0x18), names_at);
  store_le<std::uint64_t>(at(headers_at + 128 + 0x20), names.size());
  return file;
}

TEST_CASE("without modules.dep the modules themselves tell their dependencies") {
  const test::TempDir dir;
  dir.write("modules.order", "a/virtio_blk.ko\na/virtio.ko\na/virtio-ring.ko\nbad.ko\n");
  dir.write("modules.builtin", "kernel/core.ko\n");
  dir.write("a/virtio_blk.ko",
            elf_module(std::string("license=GPL\0depends=virtio,core\0x=y\0", 35)));
  dir.write("a/virtio.ko", elf_module(std::string("depends=virtio_ring\0", 20)));
  dir.write("a/virtio-ring.ko", elf_module(std::string("depends=\0", 9)));
  dir.write("bad.ko",
            "\xfd"
            "7zXZ compressed");
  const ModuleIndex index(dir.path());
  CHECK(index.load_order("virtio_blk") ==
        Paths{"a/virtio-ring.ko", "a/virtio.ko", "a/virtio_blk.ko"});
  expect(Errc::data_corruption, "run depmod", [&] { index.load_order("bad"); });
}

TEST_CASE("a damaged ELF file is refused wherever it is damaged") {
  const std::string good = elf_module(std::string("depends=a,b\0", 12));
  CHECK(module_dependencies(std::as_bytes(std::span(good))) == Paths{"a", "b"});
  constexpr std::size_t never_read = 24;  // the last fields of the last section header
  for (std::size_t size = 0; size < good.size() - never_read; ++size) {
    const std::string cut = good.substr(0, size);
    CHECK_THROWS_AS(module_dependencies(std::as_bytes(std::span(cut))), Error);
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char value : {'\xff', '\x7f', '\x01'}) {
      std::string changed = good;
      changed[at] = value;
      try {
        module_dependencies(std::as_bytes(std::span(changed)));
      } catch (const Error& error) {
        CHECK(error.code() == Errc::data_corruption);
      }
    }
  }
}

}  // namespace
