// SPDX-License-Identifier: Apache-2.0
#include "os/file.hpp"

#include <doctest/doctest.h>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "support/errors.hpp"
#include "support/temporary_directory.hpp"

using namespace vmkit;
using namespace vmkit::os;
using vmkit::test::check_error;

namespace {
std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}
}  // namespace

TEST_CASE("file: positioned writes and reads, short at the end") {
  const auto folder = test::temporary_directory();
  File file = File::open(folder.path() / "a", File::Mode::create_new);
  file.write_at(5, bytes("world"));
  file.write_at(0, bytes("hello"));
  CHECK(file.size() == 10_B);
  std::vector<std::byte> buffer(20);
  CHECK(file.read_at(3, buffer) == 7);
  CHECK(static_cast<char>(buffer[0]) == 'l');
  CHECK(file.read_at(100, buffer) == 0);
}

TEST_CASE("file: a punched hole reads as zeros and takes no space") {
  const auto folder = test::temporary_directory();
  File file = File::open(folder.path() / "a", File::Mode::create_new);
  file.write_at(0, bytes(std::string(1 << 20, 'x')));
  file.sync();
  struct stat before;
  struct stat after;
  REQUIRE(::fstat(file.fd(), &before) == 0);
  file.punch_hole(4096, (1 << 20) - 8192);
  REQUIRE(::fstat(file.fd(), &after) == 0);
  CHECK(file.size() == 1_MiB);
  CHECK(after.st_blocks < before.st_blocks / 4);
  std::vector<std::byte> buffer(2);
  file.read_at(4095, buffer);
  CHECK(buffer[0] == std::byte{'x'});
  CHECK(buffer[1] == std::byte{0});
}

TEST_CASE("file: errors name the path") {
  const auto folder = test::temporary_directory();
  check_error(Errc::not_found, {folder.path().string() + "/none"},
              [&] { File::open(folder.path() / "none", File::Mode::read); });
  check_error(Errc::invalid_argument, {"expected a regular file"},
              [&] { File::open(folder.path(), File::Mode::read); });
  File::open(folder.path() / "a", File::Mode::create_new);
  check_error(Errc::already_exists, {"/a"},
              [&] { File::open(folder.path() / "a", File::Mode::create_new); });
  std::filesystem::create_symlink("a", folder.path() / "link");
  check_error(Errc::invalid_argument, {"/link"},
              [&] { File::open(folder.path() / "link", File::Mode::read, 0, false); });
}

TEST_CASE("file: a fifo in the place of a file is refused, not waited for") {
  const auto folder = test::temporary_directory();
  REQUIRE(::mkfifo((folder.path() / "fifo").c_str(), 0600) == 0);
  check_error(Errc::invalid_argument, {"expected a regular file"},
              [&] { File::open(folder.path() / "fifo", File::Mode::read); });
}

TEST_CASE("file: whole files are read within their limit, also those that say size 0") {
  const auto folder = test::temporary_directory();
  const std::string content(10000, 'y');
  write_file_atomically(folder.path() / "a", content);
  CHECK(read_file(folder.path() / "a", 10000_B) == content);
  check_error(Errc::resource_exhausted, {"expected at most"},
              [&] { read_file(folder.path() / "a", 9999_B); });
  CHECK_FALSE(read_file_if_exists(folder.path() / "none", 1_KiB));
  CHECK(read_file("/proc/self/status", 1_MiB).find("Name:") == 0);
}
