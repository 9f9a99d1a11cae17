// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <vector>

#include "unit/rootfs/disk_listing.hpp"

#include <vmkit/base/error.hpp>

using namespace vmkit;
using namespace vmkit::test;
namespace fs = std::filesystem;

namespace {

TarMember file(const std::string& name) {
  return {.name = name, .data = "x"};
}

/// Unpacking ends with data_corruption, these words, and nothing left.
void check_refused(const std::vector<rootfs::Layer>& layers, const std::string& words) {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-rootfs");
  try {
    rootfs::unpack(layers, folder.path() / "disk", {.size = 64_MiB});
    FAIL("expected data_corruption: " << words);
  } catch (const Error& error) {
    CHECK(error.code() == Errc::data_corruption);
    const std::string message = error.what();
    CAPTURE(message);
    CHECK(message.starts_with("layer sha256:"));
    CHECK(message.find(words) != std::string::npos);
  }
  CHECK(fs::is_empty(folder.path()));
}

void check_refused(const std::vector<std::vector<TarMember>>& layers, const std::string& words) {
  check_refused(layers_of(layers), words);
}

}  // namespace

TEST_CASE("hostile: members that make no sense") {
  using Layers = std::vector<std::vector<TarMember>>;
  check_refused(Layers{{file("f"), file("f/below")}}, "\"f\" on the way is not a folder");
  check_refused(Layers{{file("f")}, {file("f/below/deeper")}}, "is not a folder");
  check_refused(Layers{{{.name = "h", .type = '1', .link = "nowhere"}}},
                "target of the hard link, \"nowhere\", does not exist");
  check_refused(
      Layers{{{.name = "a", .type = '1', .link = "b"}, {.name = "b", .type = '1', .link = "a"}}},
      "does not exist");
  check_refused(Layers{{{.name = "d/", .type = '5'}, {.name = "h", .type = '1', .link = "d"}}},
                "a hard link to the folder \"d\"");
  check_refused(Layers{{{.name = "h", .type = '1', .link = "/"}}}, "a hard link to \"/\"");
  check_refused(Layers{{{.name = "s", .type = '2', .link = ""}}}, "a symlink to nothing");
  check_refused(Layers{{{.name = "./", .type = '2', .link = "x"}}},
                "the root can only be a folder");
  check_refused(Layers{{file("..")}}, "the root can only be a folder");
  check_refused(Layers{{file("a/.wh.")}}, "a whiteout of no name");
  check_refused(Layers{{file(".wh.a/b")}}, "a whiteout has nothing below it");
  check_refused(Layers{{{.name = "l1", .type = '2', .link = "l2"},
                        {.name = "l2", .type = '2', .link = "/l1"},
                        file("l1/x")}},
                "a loop of symlinks");
  check_refused(Layers{{{.name = "c", .type = '3', .major = 5000, .minor = 1}}},
                "device number 5000:1 is out of range");
}

TEST_CASE("hostile: names and targets too long") {
  const std::string name(300, 'n');
  check_refused({gzip_layer(pax_header({{"path", name}}) + tar_member(file("x")) + tar_end())},
                "longer than 255 bytes");
  check_refused({gzip_layer(pax_header({{"linkpath", std::string(4096, 't')}}) +
                            tar_member({.name = "s", .type = '2', .link = "x"}) + tar_end())},
                "a target longer than 4095 bytes");
  check_refused({gzip_layer(pax_header({{"SCHILY.xattr.user.big", std::string(70'000, 'v')}}) +
                            tar_member(file("x")) + tar_end())},
                "extended attributes do not fit");
}

TEST_CASE("hostile: symlinks that multiply the way are cut off") {
  // Each target leads 2,000 times down and up, and then to the next symlink.
  std::vector<TarMember> members = {{.name = "d/", .type = '5'}};
  std::string tar = tar_member(members[0]);
  for (int i = 0; i < 39; ++i) {
    std::string target;
    for (int k = 0; k < 600; ++k) target += "d/../";
    tar += pax_header({{"linkpath", target + "l" + std::to_string(i + 1)}}) +
           tar_member({.name = "l" + std::to_string(i), .type = '2', .link = "x"});
  }
  tar += tar_member({.name = "l39/", .type = '5'}) + tar_member(file("l0/x")) + tar_end();
  check_refused({gzip_layer(tar)}, "too many symlinks on the way");
}

TEST_CASE("hostile: very deep trees are unpacked and removed again") {
  std::string deep;
  for (int i = 0; i < 2000; ++i) deep += "d/";
  const std::string lower = pax_header({{"path", deep + "x"}}) + tar_member(file("x")) +
                            tar_member({.name = "again", .type = '2', .link = "/"}) + tar_end();
  const std::string upper = tar_member(file(".wh.d")) + tar_member(file("kept")) + tar_end();
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-rootfs");
  rootfs::unpack(std::vector{gzip_layer(lower)}, folder.path() / "deep", {.size = 64_MiB});
  const UnpackedDisk disk({gzip_layer(lower), gzip_layer(upper)});
  CHECK(disk.names() == "again@ kept");
}

TEST_CASE("hostile: a NUL in a name ends it, as in every C program") {
  const UnpackedDisk disk({gzip_layer(pax_header({{"path", std::string("a\0/../b", 7)}}) +
                                      tar_member(file("x")) + tar_end())});
  CHECK(disk.names() == "a");
}
