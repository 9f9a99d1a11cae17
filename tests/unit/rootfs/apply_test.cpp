// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "unit/rootfs/disk_listing.hpp"

using namespace vmkit;
using namespace vmkit::test;

namespace {

using Members = std::vector<TarMember>;

TarMember file(const std::string& name, const std::string& data = "x") {
  return {.name = name, .data = data};
}

}  // namespace

TEST_CASE("apply: every type with its attributes") {
  const UnpackedDisk disk(std::vector<Members>{{
      {.name = "d", .type = '5', .mode = 01777, .uid = 1, .gid = 2, .mtime = 1'000'000'000},
      {.name = "d/f", .data = "content", .mode = 06711, .uid = 100'000, .gid = 200'000},
      {.name = "s", .type = '2', .link = "d/f", .mode = 0600, .uid = 3, .mtime = 5},
      {.name = "c", .type = '3', .mode = 0666, .major = 1, .minor = 300},
      {.name = "b", .type = '4', .mode = 0660, .gid = 6, .major = 259, .minor = 7},
      {.name = "p", .type = '6', .mode = 0600},
      {.name = "empty"},
  }});
  CHECK(disk.names() == "b! c! d/ d/f empty p! s@");
  CHECK(disk.owner("d") == "01777 1:2");
  CHECK(disk.mtime("d") == "1000000000.0");
  CHECK(disk.owner("d/f") == "06711 100000:200000");
  CHECK(disk.content("d/f") == "content");
  CHECK(disk.owner("s") == "0777 3:0");
  CHECK(disk.symlink_target("s") == "d/f");
  CHECK(disk.mtime("s") == "5.0");
  CHECK(disk.debugfs("stat c").find("major/minor number: 01:300") != std::string::npos);
  CHECK(disk.debugfs("stat b").find("major/minor number: 259:07") != std::string::npos);
  CHECK(disk.content("empty") == "");
  CHECK(disk.result().entries == 7);
  CHECK(disk.result().content == 7_B);
}

TEST_CASE("apply: nanoseconds, access and change times, extended attributes") {
  const std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  const std::string tar =
      pax_header({{"mtime", "1600000000.123456789"},
                  {"atime", "1700000000.000000001"},
                  {"ctime", "1650000000.5"},
                  {"SCHILY.xattr.security.capability", capability},
                  {"SCHILY.xattr.user.note", std::string("a\0b", 3)},
                  {"SCHILY.xattr.com.apple.provenance", "not for Linux"}}) +
      tar_member({.name = "f", .data = "x"}) +
      pax_header({{"SCHILY.acl.default", "user::rwx,group::r-x,mask::r-x,other::---"}}) +
      tar_member({.name = "d", .type = '5'}) + tar_end();
  const UnpackedDisk disk({gzip_layer(tar)});
  CHECK(disk.mtime("f") == "1600000000.123456789");
  const std::string status = disk.debugfs("stat f");
  CHECK(status.find("atime: 0x6553f100:00000004") != std::string::npos);
  CHECK(status.find("ctime: 0x62590080:") != std::string::npos);
  CHECK(disk.debugfs("ea_get -x f security.capability").find("01 00 00 02 00 04 00 00") !=
        std::string::npos);
  CHECK(disk.debugfs("ea_get -x f user.note").find("61 00 62") != std::string::npos);
  CHECK(disk.debugfs("ea_list d").find("system.posix_acl_default") != std::string::npos);
  CHECK(disk.result().skipped_xattrs == 1);
}

TEST_CASE("apply: a folder keeps the time of the archive when it gets children later") {
  const UnpackedDisk disk(
      std::vector<Members>{{{.name = "d", .type = '5', .mtime = 1000}, file("d/early")},
                           {file("d/late"), file("d/.wh.early")}});
  CHECK(disk.mtime("d") == "1000.0");
  CHECK(disk.names() == "d/ d/late");
}

TEST_CASE("apply: the root's own attributes, from any layer") {
  const UnpackedDisk disk(std::vector<Members>{
      {{.name = "./", .type = '5', .mode = 0700, .uid = 5, .mtime = 42}, file("./a")},
      {{.name = ".", .type = '5', .mode = 0750, .uid = 6, .mtime = 43}}});
  CHECK(disk.mtime("") == "43.0");
  CHECK(disk.debugfs("stat <2>").find("Mode:  0750") != std::string::npos);
  CHECK(disk.debugfs("stat <2>").find("User:     6") != std::string::npos);
}

TEST_CASE("apply: a folder over a folder merges, with the new attributes only") {
  const std::string lower = pax_header({{"SCHILY.xattr.user.old", "1"}}) +
                            tar_member({.name = "d", .type = '5', .mode = 0700}) +
                            tar_member({.name = "d/a"}) + tar_end();
  const std::string upper = pax_header({{"SCHILY.xattr.user.new", "2"}}) +
                            tar_member({.name = "d", .type = '5', .mode = 0755, .uid = 9}) +
                            tar_member({.name = "d/b"}) + tar_end();
  const UnpackedDisk disk({gzip_layer(lower), gzip_layer(upper)});
  CHECK(disk.names() == "d/ d/a d/b");
  CHECK(disk.owner("d") == "0755 9:0");
  const std::string xattrs = disk.debugfs("ea_list d");
  CHECK(xattrs.find("user.new") != std::string::npos);
  CHECK(xattrs.find("user.old") == std::string::npos);
}

TEST_CASE("apply: a later layer changes the type of a path") {
  const Members lower = {file("f2d"),         {.name = "d2f/", .type = '5'},
                         file("d2f/in/side"), {.name = "d2s/", .type = '5'},
                         file("d2s/x"),       {.name = "s2d", .type = '2', .link = "d2s"},
                         file("f2p")};
  const Members upper = {{.name = "f2d/", .type = '5'},
                         file("f2d/child"),
                         file("d2f", "now"),
                         {.name = "d2s", .type = '2', .link = "f2d"},
                         {.name = "s2d/", .type = '5'},
                         {.name = "f2p", .type = '6'}};
  const UnpackedDisk disk(std::vector<Members>{lower, upper});
  CHECK(disk.names() == "d2f d2s@ f2d/ f2d/child f2p! s2d/");
  CHECK(disk.content("d2f") == "now");
}

TEST_CASE("apply: of members with one path the last holds") {
  const UnpackedDisk disk(std::vector<Members>{
      {file("a", "1"), file("a", "2"), {.name = "./a/../a", .data = "3", .mode = 0600}}});
  CHECK(disk.names() == "a");
  CHECK(disk.content("a") == "3");
  CHECK(disk.owner("a") == "0600 0:0");
}

TEST_CASE("apply: missing folders are made, 0755 and root's, without a time of their own") {
  const UnpackedDisk disk(std::vector<Members>{{file("x/y/z")}});
  CHECK(disk.names() == "x/ x/y/ x/y/z");
  CHECK(disk.owner("x/y") == "0755 0:0");
  CHECK(disk.mtime("x/y") == "0.0");
}

TEST_CASE("apply: names cannot leave the disk") {
  const UnpackedDisk disk(
      std::vector<Members>{{file("/abs"),
                            file("../../up"),
                            file("a/../../b"),
                            file("//c//d"),
                            {.name = "out", .type = '2', .link = "../../../../tmp"},
                            file("out/e"),
                            {.name = "slash", .type = '2', .link = "/"},
                            file("slash/f")}});
  CHECK(disk.names() == "abs b c/ c/d f out@ slash@ tmp/ tmp/e up");
}

TEST_CASE("apply: lost+found of an image is merged with that of the disk, and survives whiteouts") {
  const UnpackedDisk disk(std::vector<Members>{
      {{.name = "lost+found/", .type = '5', .mode = 0711}, file("lost+found/x")},
      {file(".wh.lost+found"), file("a")}});
  CHECK(disk.names() == "a");
  CHECK(disk.debugfs("ls -p lost+found").find("/x/") == std::string::npos);
}

TEST_CASE("apply: a lost+found that a layer replaced is a file like others") {
  const UnpackedDisk disk(std::vector<Members>{
      {file("lost+found"), file("next"), {.name = "d", .type = '5'}, file("d/x")},
      {file(".wh.lost+found"), file(".wh.next"), file(".wh.d")},
      {file("last")}});
  CHECK(disk.names() == "last");
  CHECK(disk.debugfs("ls -p").find("lost+found") == std::string::npos);
}

TEST_CASE("apply: sparse files stay sparse, large ones come whole") {
  std::string big;
  for (int i = 0; big.size() < (9 << 20); ++i) big += std::to_string(i) + "\n";
  const std::string tar =
      pax_header({{"GNU.sparse.major", "1"},
                  {"GNU.sparse.minor", "0"},
                  {"GNU.sparse.name", "sparse"},
                  {"GNU.sparse.realsize", "50000000"}}) +
      tar_member({.name = "x", .data = padded("1\n40001536\n4096\n") + std::string(4096, 's')}) +
      tar_member({.name = "big", .data = big}) + tar_end();
  const UnpackedDisk disk({gzip_layer(tar)});
  CHECK(disk.content("big") == big);
  const std::string sparse = disk.content("sparse");
  CHECK(sparse.size() == 50'000'000);
  CHECK(sparse.substr(40'001'535, 4098) == '\0' + std::string(4096, 's') + '\0');
  CHECK(disk.debugfs("stat sparse").find("Blockcount: 8\n") != std::string::npos);
}

TEST_CASE("apply: names are bytes") {
  const UnpackedDisk disk(std::vector<Members>{{file("caf\xe9"), file("caf\xc3\xa9")}});
  CHECK(disk.files().size() == 2);
  CHECK(disk.result().entries == 2);
}
