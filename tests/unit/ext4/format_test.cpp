// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <vector>

#include "unit/ext4/image.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

using namespace test;

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

/// Keeps the first block and counts the rest.
class CountingDevice : public BlockDevice {
 public:
  std::vector<std::byte> first_block = std::vector<std::byte>(4096);
  std::uint64_t written = 0;

  ByteSize size() const override { return size_; }
  void read_at(std::uint64_t, std::span<std::byte>) override { FAIL("nothing is read"); }
  void write_at(std::uint64_t offset, std::span<const std::byte> data) override {
    REQUIRE(offset + data.size() <= size_.bytes());
    if (offset == 0) first_block.assign(data.begin(), data.begin() + 4096);
    written += data.size();
  }
  void discard(std::uint64_t, std::uint64_t) override {}
  void resize(ByteSize size) override { size_ = size; }
  void flush() override {}

 private:
  ByteSize size_;
};

TEST_CASE("the largest image") {
  CountingDevice device;
  Filesystem fs = Filesystem::format(device, options_of(16_TiB));
  add_file(fs, fs.root(), "file", "data");
  fs.commit();
  CHECK(load_le<std::uint32_t>(&device.first_block[1024 + 0x4]) == 0);     // blocks, low half
  CHECK(load_le<std::uint32_t>(&device.first_block[1024 + 0x150]) == 1);   // and high half
  CHECK(load_le<std::uint32_t>(&device.first_block[1024]) == (1U << 28));  // inodes
  CHECK(ByteSize(device.written) < 300_MiB);  // copies of 8 MiB of descriptors
}

TEST_CASE("the time of making may be the epoch, or before") {
  if (!have_e2fsprogs()) return;
  for (const std::int64_t seconds : {0, -1'000'000}) {
    SparseFileDevice device;
    FormatOptions options = options_of(8_MiB);
    options.created = {seconds, 0};
    Filesystem fs = Filesystem::format(device, options);
    add_file(fs, fs.root(), "file", "data", {});
    fs.commit();
    CHECK(e2fsck_complaints(device.path()) == "");
  }
}

TEST_CASE("resize2fs grows and shrinks what was written") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(200_MiB));
  const std::string data = pattern(100'000);
  add_file(fs, fs.root(), "data", data);
  fs.commit();
  for (const std::string size : {"20G", "300M", "64M"}) {
    const auto result =
        vmkit::test::run_tool({vmkit::test::e2fs_tool("resize2fs"), "-f", device.path(), size});
    CHECK_MESSAGE(result.status == 0, result.output);
    CHECK(e2fsck_complaints(device.path()) == "");
    CHECK((debugfs(device.path(), "cat data") == data));
  }
}

TEST_CASE("a clean journal") {
  if (!have_e2fsprogs()) return;
  for (const auto& sizes :
       {std::pair(8_MiB, 4_MiB), std::pair(1_GiB, 64_MiB), std::pair(4_GiB, 1500_MiB)}) {
    const auto [size, journal] = sizes;
    CAPTURE(sizes.first.bytes());
    SparseFileDevice device;
    FormatOptions options = options_of(size);
    options.journal = journal;
    Filesystem fs = Filesystem::format(device, options);
    add_file(fs, fs.root(), "data", "hello");
    fs.commit();
    CHECK(e2fsck_complaints(device.path()) == "");
    const std::string text = dumpe2fs(device.path());
    CHECK(contains(text, "has_journal"));
    CHECK(contains(text, "Journal backup:           inode blocks"));
    CHECK(contains(text, "Journal features:         journal_64bit journal_checksum_v3"));
    CHECK(contains(text, "Total journal blocks:     " + std::to_string(journal.bytes() / 4096)));
    CHECK(device.allocated() < 300_KiB);
  }
  SparseFileDevice device;
  for (const ByteSize journal : {0_B, ByteSize((4 << 20) - 1), 9_MiB, 16_TiB}) {
    FormatOptions options = options_of(16_MiB);
    options.journal = journal;
    CHECK(error_code([&] { Filesystem::format(device, options); }, "half the image") ==
          Errc::invalid_argument);
  }
}

}  // namespace
}  // namespace vmkit::ext4
