// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <filesystem>
#include <functional>
#include <string>
#include <sys/stat.h>

#include "os/directory.hpp"
#include "os/file.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/disk/image_file.hpp>

using namespace vmkit;
using namespace vmkit::disk;
namespace fs = std::filesystem;

namespace {

Errc code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  FAIL("expected an error");
  return Errc::internal;
}

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string read(ImageFile& image, std::uint64_t offset, std::size_t length) {
  std::string text(length, '?');
  image.read_at(offset, std::as_writable_bytes(std::span(text)));
  return text;
}

std::uint64_t allocated(const fs::path& path) {
  struct stat status;
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

}  // namespace

TEST_CASE("image file: appears with publish, whole, and is sparse") {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-disk");
  const fs::path path = folder.path() / "disk.img";
  {
    ImageFile image = ImageFile::create(path, 1_GiB);
    CHECK(image.size() == 1_GiB);
    image.write_at(500 << 20, bytes("content"));
    CHECK(read(image, (500 << 20) - 1, 9) == std::string("\0content\0", 9));
    CHECK_FALSE(fs::exists(path));
    image.publish();
    CHECK(fs::file_size(path) == 1 << 30);
    CHECK(allocated(path) < (1 << 20));
    image.write_at(0, bytes("after"));
  }
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
  ImageFile again = ImageFile::open(path, ImageFile::Access::read_only);
  CHECK(read(again, 0, 5) == "after");
}

TEST_CASE("image file: without publish nothing is left") {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-disk");
  { ImageFile image = ImageFile::create(folder.path() / "disk.img", 1_MiB); }
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("image file: never replaces a file") {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-disk");
  const fs::path path = folder.path() / "disk.img";
  ImageFile image = ImageFile::create(path, 1_MiB);
  os::write_file_atomically(path, "another's");
  CHECK(code_of([&] { image.publish(); }) == Errc::already_exists);
  CHECK(code_of([&] { ImageFile::create(path, 1_MiB); }) == Errc::already_exists);
  CHECK(os::read_file(path, 1_KiB) == "another's");
}

TEST_CASE("image file: one writer or several readers") {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-disk");
  const fs::path path = folder.path() / "disk.img";
  using Access = ImageFile::Access;
  {
    ImageFile fresh = ImageFile::create(path, 1_MiB);
    fresh.publish();
    CHECK(code_of([&] { ImageFile::open(path, Access::read_only); }) == Errc::failed_precondition);
  }
  {
    ImageFile one = ImageFile::open(path, Access::read_only);
    ImageFile two = ImageFile::open(path, Access::read_only);
    CHECK(code_of([&] { ImageFile::open(path, Access::read_write); }) == Errc::failed_precondition);
  }
  ImageFile writer = ImageFile::open(path, Access::read_write);
  CHECK(code_of([&] { ImageFile::open(path, Access::read_write); }) == Errc::failed_precondition);
  CHECK(code_of([&] { writer.publish(); }) == Errc::failed_precondition);
}

TEST_CASE("image file: discard gives space back, resize grows with zeros") {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-disk");
  const fs::path path = folder.path() / "disk.img";
  ImageFile image = ImageFile::create(path, 8_MiB);
  image.publish();
  image.write_at(0, bytes(std::string(4 << 20, 'x')));
  image.flush();
  const std::uint64_t before = allocated(path);
  image.discard(1 << 20, 2 << 20);
  CHECK(allocated(path) <= before - (2 << 20));
  CHECK(read(image, (1 << 20) - 1, 2) == std::string("x\0", 2));
  CHECK(read(image, (3 << 20) - 1, 2) == std::string("\0x", 2));
  image.resize(16_MiB);
  CHECK(read(image, (16 << 20) - 3, 3) == std::string(3, '\0'));
  CHECK(code_of([&] { read(image, (16 << 20) - 2, 3); }) == Errc::invalid_argument);
  CHECK(code_of([&] { image.write_at(~0ULL, bytes("x")); }) == Errc::invalid_argument);
}

TEST_CASE("image file: errors name the path") {
  try {
    ImageFile::open("/nonexistent/disk.img", ImageFile::Access::read_only);
    FAIL("expected an error");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::not_found);
    CHECK(std::string(error.what()).find("/nonexistent/disk.img") != std::string::npos);
  }
}
