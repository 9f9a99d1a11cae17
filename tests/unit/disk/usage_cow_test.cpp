// SPDX-License-Identifier: Apache-2.0
// Needs root: mounts file systems that share blocks, from files.
#include <array>
#include <chrono>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <thread>

#include "os/clone_file.hpp"
#include "support/mounted_file_system.hpp"

#include <vmkit/disk/clone.hpp>
#include <vmkit/disk/image_file.hpp>
#include <vmkit/disk/snapshots.hpp>
#include <vmkit/disk/usage.hpp>

using namespace vmkit;
using namespace vmkit::disk;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, std::uint64_t mib_at, std::uint64_t mib_count) {
  ImageFile image = ImageFile::open(path, ImageFile::Access::read_write);
  const std::string mib(1 << 20, 'b');
  for (std::uint64_t i = 0; i < mib_count; ++i) {
    image.write_at((mib_at + i) << 20, std::as_bytes(std::span(mib)));
  }
  image.flush();
}

void check_bytes(const DiskUsage& disk, ByteSize exclusive, ByteSize shared) {
  CAPTURE(disk.path);
  CHECK(disk.exclusive == exclusive);
  CHECK(disk.shared == shared);
}

void check_usage(const std::string& type) {
  const test::MountedFileSystem mounted(type);
  if (!mounted.usable()) return;
  const fs::path base = mounted.path() / "base.img";
  const fs::path one = mounted.path() / "one.img";
  const fs::path two = mounted.path() / "two.img";
  ImageFile::create(base, 64_MiB).publish();
  write(base, 0, 32);
  clone(base, one, {.mode = CloneMode::require_cow});
  clone(base, two, {.mode = CloneMode::require_cow});
  const std::array all{base, one, two};
  UsageReport report = usage(all);
  for (const DiskUsage& disk : report.disks) check_bytes(disk, 0_B, 32_MiB);
  CHECK(report.total == 32_MiB);

  write(one, 0, 8);   // of what all share: its own now
  write(two, 40, 4);  // new
  report = usage(all);
  check_bytes(report.disks[0], 0_B, 32_MiB);  // the first 8 MiB with `two`, the rest with both
  check_bytes(report.disks[1], 8_MiB, 24_MiB);
  check_bytes(report.disks[2], 4_MiB, 32_MiB);
  CHECK(report.total == 44_MiB);

  // The file system knows of the sharer that was not asked about.
  const std::array alone{two};
  check_bytes(usage(alone).disks[0], 4_MiB, 32_MiB);

  // What is exclusive is what removing gives back.
  ::sync();
  const ByteSize before = os::free_space(mounted.path());
  fs::remove(one);
  std::uint64_t freed = 0;
  for (int i = 0; i < 100 && freed < (7 << 20); ++i) {  // XFS frees it later
    ::sync();
    freed = os::free_space(mounted.path()).bytes() - before.bytes();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  CHECK(freed >= (7 << 20));
  CHECK(freed <= (9 << 20));

  const Snapshots snapshots(two);
  CHECK(snapshots.create("a", {.mode = CloneMode::require_cow}) == CloneMethod::cow);
  CHECK(snapshots.restore("a", {.mode = CloneMode::require_cow}) == CloneMethod::cow);
  const std::array with_snapshot{two, snapshots.list().front().path};
  CHECK(usage(with_snapshot).total == 36_MiB);
}

}  // namespace

TEST_CASE("usage: btrfs") {
  check_usage("btrfs");
}
TEST_CASE("usage: xfs") {
  check_usage("xfs");
}
