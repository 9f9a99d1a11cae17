// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <doctest/doctest.h>

#include "unit/ext4/image.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

using namespace test;

TEST_CASE("data comes back however it was cut into writes") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(64_MiB));
  const std::string data = pattern(300'001);
  const std::vector<std::size_t> cuts = {1, 511, 512, 4095, 4096, 4097, 10'240, 65'536, 300'001};
  for (std::size_t cut : cuts) {
    FileWriter writer = fs.make_file(fs.root(), "cut" + std::to_string(cut), {.permissions = 0644});
    for (std::size_t at = 0; at < data.size(); at += cut) {
      writer.write(bytes_of(std::string_view(data).substr(at, cut)));
    }
    writer.finish();
  }
  add_file(fs, fs.root(), "empty", "");
  add_file(fs, fs.root(), "block", data.substr(0, 4096));
  {
    FileWriter writer = fs.make_file(fs.root(), "early", {.permissions = 0644});
    writer.write(bytes_of("not finished"));
  }
  fs.commit();
  CHECK(e2fsck_complaints(device.path()) == "");
  for (std::size_t cut : cuts) {
    CAPTURE(cut);
    CHECK((debugfs(device.path(), "cat cut" + std::to_string(cut)) == data));
  }
  CHECK(debugfs(device.path(), "cat empty") == "");
  CHECK((debugfs(device.path(), "cat block") == data.substr(0, 4096)));
  CHECK(debugfs(device.path(), "cat early") == "not finished");
  CHECK(contains(debugfs(device.path(), "stat cut512"), "EXTENTS:\n(0-73):"));  // one run
}

TEST_CASE("holes stay holes") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(64_MiB));
  struct Piece {
    std::uint64_t skip;
    std::string data;
  };
  const std::string some = pattern(5000);
  const std::vector<std::pair<std::string, std::vector<Piece>>> files = {
      {"start", {{100'000, some}}},
      {"end", {{0, some}, {100'000, ""}}},
      {"within", {{0, "a"}, {10, "b"}, {4095, "c"}, {4096, "d"}, {0, some}, {3192, "e"}}},
      {"edge", {{4096, "x"}, {4095, "y"}, {4095, "z"}}},
      {"only", {{1'000'000, ""}}},
      {"blocks", {{8192, pattern(8192)}, {8192, pattern(4096)}, {4096, ""}}}};
  for (const auto& [name, pieces] : files) {
    FileWriter writer = fs.make_file(fs.root(), name, {.permissions = 0644});
    for (const Piece& piece : pieces) {
      writer.skip(piece.skip);
      writer.write(bytes_of(piece.data));
    }
    writer.finish();
  }
  fs.commit();
  CHECK(e2fsck_complaints(device.path()) == "");
  for (const auto& file : files) {
    const std::string& name = file.first;
    CAPTURE(name);
    std::string expected;
    for (const Piece& piece : file.second) expected += std::string(piece.skip, '\0') + piece.data;
    CHECK((debugfs(device.path(), "cat " + name) == expected));
  }
  CHECK(contains(debugfs(device.path(), "stat only"), "Blockcount: 0"));
  CHECK(contains(debugfs(device.path(), "stat start"), "Blockcount: 16"));
  CHECK(contains(debugfs(device.path(), "stat blocks"), "Blockcount: 24"));
}

TEST_CASE("a file beyond 4 GiB, and the longest") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(64_MiB));
  FileWriter writer = fs.make_file(fs.root(), "big", {.permissions = 0644});
  writer.skip(std::uint64_t{5} << 30);
  writer.write(bytes_of("end"));
  writer.finish();
  writer = fs.make_file(fs.root(), "longest", {.permissions = 0644});
  const std::uint64_t longest = std::uint64_t{0xffffffff} * 4096;
  writer.skip(longest - 1);
  writer.write(bytes_of("x"));
  try {
    writer.write(bytes_of("y"));
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::unsupported);
    CHECK(contains(error.what(), "at most 17592186040320"));
  }
  CHECK_THROWS_AS(writer.skip(~std::uint64_t{0}), Error);
  writer.finish();
  fs.commit();
  CHECK(e2fsck_complaints(device.path()) == "");
  CHECK(contains(debugfs(device.path(), "stat big"), "Size: 5368709123"));
  CHECK(contains(debugfs(device.path(), "stat longest"), "Size: 17592186040320"));
}

TEST_CASE("a file of more than one extent's length") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(2_GiB));
  const std::string chunk = pattern(1 << 20);
  FileWriter writer = fs.make_file(fs.root(), "big", {.permissions = 0644});
  for (int i = 0; i < 300; ++i) writer.write(bytes_of(chunk));  // two block groups and a half
  writer.finish();
  fs.commit();
  CHECK(e2fsck_complaints(device.path()) == "");
  CHECK(contains(debugfs(device.path(), "stat big"), "Blockcount: 614400"));
}

TEST_CASE("files of many extents get index blocks") {
  if (!have_e2fsprogs()) return;
  // Fill the image with small files, remove every other one, and write into the gaps.
  for (const std::uint64_t megabytes : {4, 14}) {
    CAPTURE(megabytes);
    SparseFileDevice device;
    Filesystem fs = Filesystem::format(device, options_of(ByteSize(megabytes << 20)));
    const Inode folder = fs.make_directory(fs.root(), "folder", {.permissions = 0755});
    std::size_t count = 0;
    try {
      for (;; ++count) add_file(fs, folder, std::to_string(count), std::string(4096, 'x'));
    } catch (const Error& error) {
      REQUIRE(error.code() == Errc::resource_exhausted);
    }
    if (fs.lookup(folder, std::to_string(count))) fs.remove(folder, std::to_string(count));
    for (std::size_t i = 0; i < count; i += 2) fs.remove(folder, std::to_string(i));
    const std::string data = pattern(4096 * (count / 2 - 20));
    add_file(fs, fs.root(), "scattered", data);
    fs.commit();
    CHECK(e2fsck_complaints(device.path()) == "");
    CHECK((debugfs(device.path(), "cat scattered") == data));
    const std::string stat = debugfs(device.path(), "stat scattered");
    CHECK(contains(stat, "(ETB0)"));
    CHECK(contains(stat, "(ETB1)") == (count / 2 > 1400));
    CHECK(debugfs(device.path(), "cat folder/1") == std::string(4096, 'x'));
  }
}

TEST_CASE("removed data is not on the device, and its space is used again") {
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(8_MiB));
  const std::string secret = "the secret that nobody may find";
  const auto find_secret = [&] {
    std::string bytes(device.size().bytes(), '\0');
    device.read_at(0, std::as_writable_bytes(std::span(bytes)));
    return contains(bytes, secret);
  };
  std::string data;
  while (data.size() < (3 << 20)) data += secret;
  for (int round = 0; round < 10; ++round) {
    add_file(fs, fs.root(), "secret", data);
    CHECK(find_secret());
    fs.remove(fs.root(), "secret");
  }
  add_file(fs, fs.root(), "public", "public");
  fs.commit();
  CHECK(!find_secret());
  CHECK(device.allocated() < 400_KiB);
  if (have_e2fsprogs()) CHECK(e2fsck_complaints(device.path()) == "");
}

TEST_CASE("a large image takes little space") {
  SparseFileDevice device;
  Filesystem::format(device, options_of(64_GiB)).commit();
  CHECK(device.allocated() < 700_KiB);
}

TEST_CASE("what was on the device before is gone") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  device.resize(20_MiB);
  const std::string noise = pattern(20 << 20);
  device.write_at(0, bytes_of(noise));
  Filesystem fs = Filesystem::format(device, options_of(16_MiB));
  CHECK(device.size() == 16_MiB);
  CHECK(device.allocated() < 100_KiB);
  fs.commit();
  CHECK(e2fsck_complaints(device.path()) == "");
}

}  // namespace
}  // namespace vmkit::ext4
