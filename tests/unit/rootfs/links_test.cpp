// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "unit/rootfs/disk_listing.hpp"

using namespace vmkit;
using namespace vmkit::test;

namespace {

using Members = std::vector<TarMember>;

TarMember hard(const std::string& name, const std::string& target) {
  return {.name = name, .type = '1', .link = target};
}
TarMember soft(const std::string& name, const std::string& target) {
  return {.name = name, .type = '2', .link = target};
}
TarMember file(const std::string& name, const std::string& data = "x") {
  return {.name = name, .data = data};
}

unsigned inode(const UnpackedDisk& disk, const std::string& path) {
  return disk.files().at(path).inode;
}

}  // namespace

TEST_CASE("hard links: to an earlier member, to a later one, and across layers") {
  const UnpackedDisk disk(
      std::vector<Members>{{file("a", "first"), hard("b", "a"), hard("early", "late"),
                            hard("chain", "early"), file("late", "second")},
                           {hard("./c", "/b"), hard("d", "c")}});
  CHECK(disk.names() == "a b c chain d early late");
  CHECK(inode(disk, "a") == inode(disk, "b"));
  CHECK(inode(disk, "a") == inode(disk, "c"));
  CHECK(inode(disk, "a") == inode(disk, "d"));
  CHECK(disk.links("a") == 4);
  CHECK(disk.content("d") == "first");
  CHECK(inode(disk, "early") == inode(disk, "late"));
  CHECK(inode(disk, "chain") == inode(disk, "late"));
  CHECK(disk.links("late") == 3);
  CHECK(disk.content("chain") == "second");
}

TEST_CASE("hard links: set the attributes of the file, as containerd does") {
  const UnpackedDisk disk(std::vector<Members>{{file("a"),
                                                {.name = "b",
                                                 .type = '1',
                                                 .link = "a",
                                                 .mode = 04755,
                                                 .uid = 7,
                                                 .gid = 8,
                                                 .mtime = 1'500'000'000}}});
  CHECK(disk.owner("a") == "04755 7:8");
  CHECK(disk.mtime("a") == "1500000000.0");
}

TEST_CASE("hard links: to a symlink links the symlink") {
  const UnpackedDisk disk(
      std::vector<Members>{{file("a"),
                            soft("s", "a"),
                            hard("h", "s"),
                            {.name = "h2", .type = '1', .link = "s", .mode = 0600}}});
  CHECK(disk.names() == "a h@ h2@ s@");
  CHECK(inode(disk, "h") == inode(disk, "s"));
  CHECK(disk.symlink_target("h") == "a");
  CHECK(disk.owner("s") == "0777 0:0");
}

TEST_CASE("hard links: the target's folder may be a symlink") {
  const UnpackedDisk disk(std::vector<Members>{{{.name = "usr/bin/", .type = '5'},
                                                soft("bin", "usr/bin"),
                                                file("bin/x"),
                                                hard("bin/y", "bin/x")}});
  CHECK(disk.names() == "bin@ usr/ usr/bin/ usr/bin/x usr/bin/y");
  CHECK(disk.links("usr/bin/x") == 2);
}

TEST_CASE("hard links: to itself is nothing new, and over another file replaces it") {
  const UnpackedDisk disk(std::vector<Members>{{file("a", "1"), file("b", "2"), hard("a", "a")},
                                               {hard("b", "a"), hard("b", "a")}});
  CHECK(disk.links("a") == 2);
  CHECK(disk.content("b") == "1");
}

TEST_CASE("hard links: a later member of the same name wins over a link that waits") {
  const UnpackedDisk disk(
      std::vector<Members>{{file("old")},
                           {hard("n", "late"), file("n", "wins"), file("late", "target"),
                            hard("m", "later"), hard("m", "late"), file("later")}});
  CHECK(disk.content("n") == "wins");
  CHECK(disk.content("m") == "target");
  CHECK(disk.links("late") == 2);
}

TEST_CASE("hard links: changing a file in a later layer leaves its other names alone") {
  const UnpackedDisk disk(
      std::vector<Members>{{file("a", "old"), hard("b", "a")}, {file("a", "new")}});
  CHECK(disk.content("a") == "new");
  CHECK(disk.content("b") == "old");
  CHECK(disk.links("b") == 1);
}

TEST_CASE("symlinks on the way: relative, absolute, above the root, dangling") {
  const UnpackedDisk disk(std::vector<Members>{{{.name = "real/deep/", .type = '5'},
                                                soft("abs", "/real"),
                                                soft("rel", "real/deep"),
                                                soft("real/deep/up", "../../../../../../real"),
                                                soft("dangling", "made/here"),
                                                soft("chain", "abs"),
                                                file("abs/1"),
                                                file("rel/2"),
                                                file("rel/up/3"),
                                                file("dangling/4"),
                                                file("chain/deep/5")}});
  CHECK(disk.names() ==
        "abs@ chain@ dangling@ made/ made/here/ made/here/4 real/ real/1 real/3 real/deep/ "
        "real/deep/2 real/deep/5 real/deep/up@ rel@");
}

TEST_CASE("symlinks: a folder in a later layer replaces a symlink to a folder") {
  const UnpackedDisk disk(
      std::vector<Members>{{{.name = "d/", .type = '5'}, file("d/x"), soft("s", "d")},
                           {{.name = "s/", .type = '5'}, file("s/y")}});
  CHECK(disk.names() == "d/ d/x s/ s/y");
}
