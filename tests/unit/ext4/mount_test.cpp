// SPDX-License-Identifier: Apache-2.0
// Needs root: the kernel itself reads what we wrote, changes it, and e2fsck looks again.
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "unit/ext4/image.hpp"

namespace vmkit::ext4 {
namespace {

namespace files = std::filesystem;
using namespace test;
using vmkit::test::run_tool;
using vmkit::test::ToolResult;

/// The image, mounted through a loop device as long as the object lives.
class Mount {
 public:
  Mount(const SparseFileDevice& device, const std::string& options)
      : folder_(device.folder() + "/mount") {
    files::create_directory(folder_);
    const ToolResult result =
        run_tool({"/bin/mount", "-t", "ext4", "-o", "loop," + options, device.path(), folder_});
    REQUIRE_MESSAGE(result.status == 0, result.output);
  }
  ~Mount() { run_tool({"/bin/umount", folder_}); }
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  files::path operator/(const std::string& name) const { return files::path(folder_) / name; }

 private:
  std::string folder_;
};

std::string content_of(const files::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t entries_in(const files::path& path) {
  return static_cast<std::size_t>(
      std::distance(files::directory_iterator(path), files::directory_iterator()));
}

std::string name_of(int i) {
  return "an entry " + std::to_string(i);
}

TEST_CASE("the kernel reads what was written") {
  if (!have_e2fsprogs()) return;
  REQUIRE(::geteuid() == 0);
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(256_MiB));
  const std::string data = pattern(1'000'000);
  const Inode file = add_file(fs, fs.root(), "file", data,
                              {.permissions = 04755,
                               .uid = 100'000,
                               .gid = 200'000,
                               .mtime = {-86'400, 500},
                               .atime = {8'000'000'000, 999'999'999},
                               .ctime = {}});
  const std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  const std::string acl(
      "\2\0\0\0"
      "\1\0\6\0\xff\xff\xff\xff"
      "\2\0\4\0\xe8\3\0\0"
      "\4\0\4\0\xff\xff\xff\xff"
      "\x10\0\6\0\xff\xff\xff\xff"
      "\x20\0\0\0\xff\xff\xff\xff",
      44);
  const std::string large(3000, 'x');
  fs.set_xattrs(file, {{"security.capability", capability},
                       {"system.posix_acl_access", acl},
                       {"user.large", large},
                       {"user.z", ""}});
  fs.make_symlink(fs.root(), "slow", std::string(200, 's'), {.permissions = 0777});
  fs.make_special(fs.root(), "disk", FileType::block_device, {259, 70'000}, {});
  fs.link(fs.root(), "hard", file);
  const Inode folder = fs.make_directory(fs.root(), "folder", {.permissions = 0755});
  constexpr int count = 50'000;
  for (int i = 0; i < count; ++i) fs.link(folder, name_of(i), *fs.lookup(fs.root(), "disk"));
  fs.commit();
  const Mount mount(device, "ro");
  CHECK((content_of(mount / "file") == data));
  struct stat status {};
  REQUIRE(::stat((mount / "hard").c_str(), &status) == 0);
  CHECK(status.st_mode == (S_IFREG | 04755));
  CHECK(status.st_uid == 100'000);
  CHECK(status.st_gid == 200'000);
  CHECK(status.st_nlink == 2);
  CHECK(status.st_mtim.tv_sec == -86'400);
  CHECK(status.st_mtim.tv_nsec == 500);
  CHECK(status.st_atim.tv_sec == 8'000'000'000);
  CHECK(status.st_atim.tv_nsec == 999'999'999);
  REQUIRE(::stat((mount / "disk").c_str(), &status) == 0);
  CHECK(S_ISBLK(status.st_mode));
  CHECK(major(status.st_rdev) == 259);
  CHECK(minor(status.st_rdev) == 70'000);
  CHECK(files::read_symlink(mount / "slow") == std::string(200, 's'));
  const auto xattr = [&](const char* name) {
    std::string value(4096, '\0');
    const ssize_t size = ::getxattr((mount / "file").c_str(), name, value.data(), value.size());
    return size < 0 ? "error " + std::to_string(errno)
                    : value.substr(0, static_cast<std::size_t>(size));
  };
  CHECK((xattr("security.capability") == capability));
  CHECK((xattr("system.posix_acl_access") == acl));
  CHECK((xattr("user.large") == large));
  CHECK(xattr("user.z") == "");
  CHECK(entries_in(mount / "folder") == count);
  int found = 0;
  for (int i = 0; i < count; ++i) {
    found += ::lstat((mount / "folder" / name_of(i)).c_str(), &status) == 0 ? 1 : 0;
  }
  CHECK(found == count);
}

TEST_CASE("the kernel goes on where we ended") {
  if (!have_e2fsprogs()) return;
  REQUIRE(::geteuid() == 0);
  SparseFileDevice device;
  FormatOptions options = options_of(512_MiB);
  SUBCASE("without a journal") {}
  SUBCASE("with a journal") {
    options.journal = 16_MiB;
  }
  Filesystem fs = Filesystem::format(device, options);
  for (const std::string& name : {std::string("small"), std::string("large")}) {
    const Inode folder = fs.make_directory(fs.root(), name, {.permissions = 0755});
    for (int i = 0; i < (name == "small" ? 10 : 60'000); ++i) {
      fs.make_special(folder, name_of(i), FileType::fifo, {}, {.permissions = 0600});
    }
  }
  add_file(fs, fs.root(), "grows", pattern(5'000));
  fs.commit();
  {
    const Mount mount(device, "rw");
    for (int i = 0; i < 60'000; i += 3) files::remove(mount / "large" / name_of(i));
    for (const std::string& name : {std::string("small"), std::string("large")}) {
      for (int i = 0; i < 5'000; ++i) {
        std::ofstream(mount / name / ("new " + std::to_string(i))) << "data " << i;
      }
    }
    std::ofstream(mount / "grows", std::ios::app) << pattern(3'000'000);
    files::create_directories(mount / "a" / "b" / "c");
    std::ofstream(mount / "a" / "b" / "c" / "big") << pattern(20 << 20);
    CHECK(entries_in(mount / "large") == 45'000);
    CHECK(entries_in(mount / "small") == 5'010);
  }
  CHECK(e2fsck_complaints(device.path()) == "");
  const Mount mount(device, "ro");
  CHECK((content_of(mount / "grows") == pattern(5'000) + pattern(3'000'000)));
  CHECK((content_of(mount / "a" / "b" / "c" / "big") == pattern(20 << 20)));
  CHECK(content_of(mount / "large" / "new 4999") == "data 4999");
}

}  // namespace
}  // namespace vmkit::ext4
