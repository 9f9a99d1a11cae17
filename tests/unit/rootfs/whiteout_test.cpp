// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "unit/rootfs/disk_listing.hpp"

using namespace vmkit;
using namespace vmkit::test;

namespace {

using Members = std::vector<TarMember>;

TarMember folder(const std::string& name) {
  return {.name = name, .type = '5', .mode = 0755};
}
TarMember file(const std::string& name, const std::string& data = "x") {
  return {.name = name, .data = data};
}

/// /a/{one,two}, /a/sub/{x,y}, /b
const Members base = {folder("a/"),    file("a/one"),   file("a/two"), folder("a/sub/"),
                      file("a/sub/x"), file("a/sub/y"), file("b")};

struct Case {
  const char* what;
  std::vector<Members> upper;
  const char* expected;
};

}  // namespace

TEST_CASE("whiteouts hide what lower layers made") {
  const std::vector<Case> cases = {
      {"a file", {{file("a/.wh.one")}}, "a/ a/sub/ a/sub/x a/sub/y a/two b"},
      {"a folder", {{file("a/.wh.sub")}}, "a/ a/one a/two b"},
      {"everything in a folder", {{file("a/.wh..wh..opq")}}, "a/ b"},
      {"everything", {{file(".wh..wh..opq")}}, ""},
      {"nothing there",
       {{file("a/.wh.nothing"), file("no/where/.wh.x"), file("no/.wh..wh..opq")}},
       "a/ a/one a/sub/ a/sub/x a/sub/y a/two b"},
      {"below a file",
       {{file("b/.wh.x"), file("b/.wh..wh..opq")}},
       "a/ a/one a/sub/ a/sub/x a/sub/y a/two b"},
      {"with a name of any type", {{folder("a/.wh.one/")}}, "a/ a/sub/ a/sub/x a/sub/y a/two b"},
      {"and later layers may bring it back",
       {{file("a/.wh.sub")}, {file("a/sub/z")}},
       "a/ a/one a/sub/ a/sub/z a/two b"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.what);
    std::vector<Members> layers = {base};
    layers.insert(layers.end(), one.upper.begin(), one.upper.end());
    CHECK(UnpackedDisk(layers).names() == one.expected);
  }
}

TEST_CASE("whiteouts spare what their own layer has, before and after them") {
  const std::vector<Case> cases = {
      {"after the file",
       {{file("a/one", "new"), file("a/.wh.one")}},
       "a/ a/one a/sub/ a/sub/x a/sub/y a/two b"},
      {"before the file",
       {{file("a/.wh.one"), file("a/one", "new")}},
       "a/ a/one a/sub/ a/sub/x a/sub/y a/two b"},
      {"a folder in which the layer has something, after it",
       {{file("a/sub/new"), file("a/.wh.sub")}},
       "a/ a/one a/sub/ a/sub/new a/two b"},
      {"a folder in which the layer has something, before it",
       {{file("a/.wh.sub"), file("a/sub/new")}},
       "a/ a/one a/sub/ a/sub/new a/two b"},
      {"opaque after",
       {{file("a/one", "new"), file("a/sub/new"), file("a/.wh..wh..opq")}},
       "a/ a/one a/sub/ a/sub/new b"},
      {"opaque before",
       {{file("a/.wh..wh..opq"), file("a/one", "new"), file("a/sub/new")}},
       "a/ a/one a/sub/ a/sub/new b"},
      {"opaque between",
       {{file("a/one", "new"), file("a/.wh..wh..opq"), file("a/sub/new")}},
       "a/ a/one a/sub/ a/sub/new b"},
      {"opaque twice", {{file("a/.wh..wh..opq"), file("a/n"), file("a/.wh..wh..opq")}}, "a/ a/n b"},
      {"opaque root", {{folder("c/"), file("c/x"), file(".wh..wh..opq")}}, "c/ c/x"},
      {"opaque in a folder made anew",
       {{file("a"), folder("a/"), file("a/mine"), file("a/.wh..wh..opq")}},
       "a/ a/mine b"},
      {"a folder named again keeps itself, not its content",
       {{folder("a/sub/"), file("a/.wh.sub")}},
       "a/ a/one a/sub/ a/two b"},
      {"nested opaque, from below",
       {{file("a/sub/.wh..wh..opq"), file("a/sub/z"), file("a/.wh..wh..opq")}},
       "a/ a/sub/ a/sub/z b"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.what);
    std::vector<Members> layers = {base};
    layers.insert(layers.end(), one.upper.begin(), one.upper.end());
    const UnpackedDisk disk(layers);
    CHECK(disk.names() == one.expected);
    if (disk.files().contains("a/one") && std::string(one.what).find("file") < 12) {
      CHECK(disk.content("a/one") == "new");
    }
  }
}

TEST_CASE("whiteouts in the lowest layer hide nothing") {
  CHECK(UnpackedDisk(std::vector<Members>{
                         {folder("a/"), file("a/x"), file("a/.wh.x"), file("a/.wh..wh..opq")}})
            .names() == "a/ a/x");
}

TEST_CASE("whiteouts: a name linked anew in this layer is spared, its lower name is not") {
  const UnpackedDisk disk(std::vector<Members>{
      base, {{.name = "kept", .type = '1', .link = "a/one"}, file("a/.wh.one"), file(".wh.b")}});
  CHECK(disk.names() == "a/ a/sub/ a/sub/x a/sub/y a/two kept");
  CHECK(disk.content("kept") == "x");
  CHECK(disk.links("kept") == 1);
}

TEST_CASE("whiteouts go through symlinks, inside of the disk") {
  const UnpackedDisk disk(std::vector<Members>{{folder("usr/"),
                                                folder("usr/lib/"),
                                                file("usr/lib/a"),
                                                file("usr/lib/b"),
                                                {.name = "lib", .type = '2', .link = "/usr/lib"}},
                                               {file("lib/.wh.a")}});
  CHECK(disk.names() == "lib@ usr/ usr/lib/ usr/lib/b");
}

TEST_CASE("bookkeeping of AUFS is skipped") {
  const UnpackedDisk disk(std::vector<Members>{
      {folder(".wh..wh.plnk/"), file(".wh..wh.plnk/1.2"), file(".wh..wh.aufs"), file("a")}});
  CHECK(disk.names() == "a");
}
