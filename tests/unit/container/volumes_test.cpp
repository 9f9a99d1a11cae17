// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fstream>
#include <set>

#include "container/volume_lock.hpp"
#include "support/e2fsck.hpp"
#include "support/errors.hpp"
#include "support/temporary_directory.hpp"

#include <vmkit/container/volumes.hpp>
#include <vmkit/disk/image_file.hpp>
#include <vmkit/ext4/filesystem.hpp>
#include <vmkit/ext4/reader.hpp>

using namespace vmkit;
using namespace vmkit::container;
using test::check_error;
using Access = disk::ImageFile::Access;

namespace {

std::span<const std::byte> bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// A disk as of a container, with something at /srv/data.
void make_disk(const std::filesystem::path& path) {
  auto image = disk::ImageFile::create(path, 64_MiB);
  auto tree = ext4::Filesystem::format(image, {.size = 64_MiB, .hash_seed = {std::byte{1}}});
  const auto data =
      tree.make_directories("/srv/data", {.permissions = 0700, .uid = 999, .gid = 998});
  auto file = tree.make_file(data, "a", {.permissions = 0640, .uid = 7});
  file.write(bytes("content"));
  file.skip(1 << 20);
  file.write(bytes("end"));
  file.finish();
  tree.link(data, "b", file.inode());
  tree.set_xattrs(file.inode(), {{"user.note", "x"}});
  const auto deep = tree.make_directory(data, "deep", {.permissions = 0755});
  tree.make_symlink(deep, "link", "../a", {});
  tree.make_special(deep, "fifo", ext4::FileType::fifo, {}, {.permissions = 0600});
  tree.commit();
  image.publish();
}

}  // namespace

TEST_CASE("volumes: made, listed, in use, removed") {
  const auto folder = test::temporary_directory();
  Volumes volumes(folder.path() / "volumes");
  CHECK(volumes.list().empty());
  const VolumeInfo made = volumes.create("data", 256_MiB);
  CHECK(made.size == 256_MiB);
  CHECK(made.disk_used < 8_MiB);
  CHECK(test::e2fsck_complaints(volumes.image("data").string()) == "");
  volumes.create("another-1", 16_MiB);
  std::ofstream(volumes.folder() / "-bad.ext4") << "no volume";
  REQUIRE(volumes.list().size() == 2);
  CHECK(volumes.list()[0].name == "another-1");
  CHECK_FALSE(volumes.list()[1].in_use);
  check_error(Errc::already_exists, {"volume data"}, [&] { volumes.create("data"); });
  for (const char* name : {"", "a/b", "..", ".hidden", "a b", "x\n"}) {
    check_error(Errc::invalid_argument, {"1 to 64"}, [&] { volumes.create(name); });
  }
  {
    const auto lock = lock_volume(volumes, "data", false, {});
    CHECK(volumes.find("data")->in_use);
    check_error(Errc::failed_precondition, {"volume data is in use by"},
                [&] { lock_volume(volumes, "data", false, {}); });
    check_error(Errc::failed_precondition, {"in use"},
                [&] { lock_volume(volumes, "data", true, {}); });
    check_error(Errc::failed_precondition, {"in use"}, [&] { volumes.remove("data"); });
  }
  {
    const auto one = lock_volume(volumes, "data", true, {});
    const auto two = lock_volume(volumes, "data", true, {});
  }
  check_error(Errc::not_found, {"volume none"}, [&] { lock_volume(volumes, "none", true, {}); });
  volumes.remove("data");
  CHECK_FALSE(volumes.find("data"));
  check_error(Errc::not_found, {"volume data"}, [&] { volumes.remove("data"); });
}

TEST_CASE("volumes: an empty one is filled from the image, another is not") {
  const auto folder = test::temporary_directory();
  const auto disk = folder.path() / "disk.ext4";
  make_disk(disk);
  Volumes volumes(folder.path());
  volumes.create("v", 64_MiB);
  const auto image = volumes.image("v");
  fill_volume(image, disk, "/nothing/there", {});
  fill_volume(image, disk, "/srv/data", {});
  fill_volume(image, disk, "/srv", {});  // not empty any more: nothing happens
  CHECK(test::e2fsck_complaints(image.string()) == "");

  auto file = disk::ImageFile::open(image, Access::read_only);
  auto reader = ext4::Reader::open(file);
  const auto at = [&](const char* path) {
    const auto inode = reader.resolve(path, ext4::LastSymlink::keep);
    REQUIRE_MESSAGE(inode, path);
    return *inode;
  };
  std::set<std::string> names;
  reader.for_each_entry(at("/data"), [&](std::string_view name, auto) { names.emplace(name); });
  CHECK(names == std::set<std::string>{"a", "b", "deep"});
  CHECK(reader.stat(at("/data")).attributes.uid == 999);
  CHECK(reader.stat(at("/data")).attributes.permissions == 0700);
  const auto a = reader.stat(at("/data/a"));
  CHECK(a.size == 7 + (1 << 20) + 3);
  CHECK(a.links == 2);
  CHECK(a.attributes.uid == 7);
  CHECK(a.allocated < 64_KiB);
  CHECK(at("/data/a") == at("/data/b"));
  CHECK(reader.xattrs(at("/data/a")) == std::vector<ext4::Xattr>{{"user.note", "x"}});
  CHECK(reader.symlink_target(at("/data/deep/link")) == "../a");
  CHECK(reader.stat(at("/data/deep/fifo")).type == ext4::FileType::fifo);
  std::string start(7, ' ');
  reader.read(at("/data/a"), 0, std::as_writable_bytes(std::span(start)));
  CHECK(start == "content");
}
