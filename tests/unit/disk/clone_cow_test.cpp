// SPDX-License-Identifier: Apache-2.0
// Needs root: mounts file systems that share blocks, from files, and clones on them.
#include <doctest/doctest.h>
#include <filesystem>
#include <string>

#include "os/clone_file.hpp"
#include "os/directory.hpp"
#include "os/file.hpp"
#include "support/mounted_file_system.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/disk/clone.hpp>
#include <vmkit/disk/image_file.hpp>

using namespace vmkit;
using namespace vmkit::disk;
namespace fs = std::filesystem;

namespace {

void check_cow(const std::string& type) {
  const test::MountedFileSystem mounted(type);
  if (!mounted.usable()) return;
  const fs::path source = mounted.path() / "source.img";
  {
    ImageFile image = ImageFile::create(source, 200_MiB);
    const std::string mib(1 << 20, 'a');
    for (std::uint64_t at = 0; at < 150; ++at) {
      image.write_at(at << 20, std::as_bytes(std::span(mib)));
    }
    image.publish();
  }
  const ByteSize before = os::free_space(mounted.path());
  // Three copies would not fit: they share their blocks.
  for (int i = 0; i < 3; ++i) {
    const fs::path target = mounted.path() / ("clone" + std::to_string(i));
    CHECK(clone(source, target, {.mode = CloneMode::require_cow}) == CloneMethod::cow);
    CHECK(fs::file_size(target) == 200 << 20);
  }
  CHECK(before.bytes() - os::free_space(mounted.path()).bytes() < (20 << 20));
  {
    ImageFile image = ImageFile::open(mounted.path() / "clone0", ImageFile::Access::read_write);
    image.write_at(0, std::as_bytes(std::span("changed")));
  }
  CHECK(os::read_file(source, 200_MiB).substr(0, 7) == "aaaaaaa");
  CHECK(os::read_file(mounted.path() / "clone0", 200_MiB).substr(0, 7) == "changed");

  // To another file system: a copy, or an error when none was wanted.
  const os::TemporaryDirectory elsewhere(fs::temp_directory_path(), "vmkit-cow");
  CHECK(clone(source, elsewhere.path() / "copy") == CloneMethod::sparse_copy);
  try {
    clone(source, elsewhere.path() / "copy2", {.mode = CloneMode::require_cow});
    FAIL("expected unsupported");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::unsupported);
  }
  CHECK_FALSE(fs::exists(elsewhere.path() / "copy2"));

  // No room for a copy: told before anything is written.
  try {
    clone(elsewhere.path() / "copy", mounted.path() / "a");
    clone(elsewhere.path() / "copy", mounted.path() / "b");
    FAIL("expected resource_exhausted");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::resource_exhausted);
    CHECK(std::string(error.what()).find("needs 150 MiB") != std::string::npos);
  }
}

}  // namespace

TEST_CASE("clone cow: btrfs") {
  check_cow("btrfs");
}
TEST_CASE("clone cow: xfs") {
  check_cow("xfs");
}
