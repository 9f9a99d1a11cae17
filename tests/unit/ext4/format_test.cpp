// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "unit/ext4/image.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

using namespace test;
using vmkit::test::debugfs;
using vmkit::test::dumpe2fs;
using vmkit::test::e2fsck_complaints;
using vmkit::test::have_e2fsprogs;
using vmkit::test::SparseFileDevice;

TEST_CASE("an empty file system of any size is clean") {
  if (!have_e2fsprogs()) return;
  for (const ByteSize size :
       {1_MiB, ByteSize((1 << 20) + 1), ByteSize((1 << 20) + 4096 * 3 + 77), 8_MiB, 127_MiB,
        128_MiB, 128_MiB + 4_KiB, 128_MiB + 200_KiB, 128_MiB + 204_KiB, 128_MiB + 208_KiB,
        128_MiB + 1_MiB, 256_MiB + 200_KiB, 256_MiB + 196_KiB, 511_MiB, 1_GiB, 1_GiB + 340_KiB,
        64_GiB, 2_TiB}) {
    CAPTURE(size.bytes());
    SparseFileDevice device;
    Filesystem fs = Filesystem::format(device, options_of(size));
    fs.commit();
    CHECK(device.size() == size);
    CHECK(e2fsck_complaints(device.path()) == "");
  }
}

TEST_CASE("a file") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(64_MiB));
  const std::string data = pattern(100'000);
  add_file(fs, fs.root(), "data", data);
  fs.commit();
  CHECK(e2fsck_complaints(device.path()) == "");
  CHECK(debugfs(device.path(), "cat data") == data);
}

}  // namespace
}  // namespace vmkit::ext4
