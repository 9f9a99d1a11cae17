// SPDX-License-Identifier: Apache-2.0
#include "unit/rootfs/nasty_layers.hpp"

#include "unit/rootfs/test_layers.hpp"

namespace vmkit::test {
namespace {

TarMember folder(const std::string& name, unsigned mode = 0755, unsigned long long mtime = 1000) {
  return {.name = name, .type = '5', .mode = mode, .mtime = mtime};
}
TarMember file(const std::string& name, const std::string& data = "x") {
  return {.name = name, .data = data, .uid = 10, .gid = 20};
}
TarMember soft(const std::string& name, const std::string& target) {
  return {.name = name, .type = '2', .link = target, .mode = 0777, .uid = 10, .gid = 20};
}
/// With the attributes that file() gives: umoci does not set those of hard links.
TarMember hard(const std::string& name, const std::string& target) {
  return {.name = name, .type = '1', .link = target, .uid = 10, .gid = 20};
}

/// Every image starts with this: umoci gives folders that no layer describes the time of now.
const std::vector<TarMember> base = {
    folder("./", 0751, 77),  folder("a/"),       file("a/one"),
    file("a/two", "second"), folder("a/sub/"),   file("a/sub/x"),
    file("a/sub/y"),         file("b", "b-old"), soft("s", "a/sub")};

NastyImage image(const char* name, const std::vector<std::vector<TarMember>>& upper) {
  NastyImage result{name, {tar_of(base)}};
  for (const auto& members : upper) result.tars.push_back(tar_of(members));
  return result;
}

std::string attributes_layer() {
  return pax_header({{"mtime", "1600000000.123456789"},
                     {"SCHILY.xattr.user.note", std::string("a\0b\xff", 4)},
                     {"SCHILY.xattr.trusted.t", "root only"},
                     {"SCHILY.xattr.security.capability",
                      std::string("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20)}}) +
         tar_member({.name = "cap", .data = "x", .mode = 0755}) +
         pax_header({{"uid", "3000000000"}, {"gid", "2097152"}, {"mtime", "-5"}}) +
         tar_member({.name = "ids", .mode = 06711}) +
         pax_header({{"SCHILY.xattr.user.on-folder", "1"}}) + tar_member(folder("a/sub/", 01777)) +
         pax_header({{"path", "long/" + std::string(200, 'n')}, {"linkpath", "x"}}) +
         tar_member(soft("x", "x")) + tar_member(folder("long/")) +
         tar_member({.name = "null", .type = '3', .mode = 0666, .major = 1, .minor = 3}) +
         tar_member(
             {.name = "disk", .type = '4', .mode = 0660, .gid = 6, .major = 259, .minor = 300}) +
         tar_member({.name = "pipe", .type = '6', .mode = 0600}) + tar_end();
}

}  // namespace

std::vector<NastyImage> nasty_images() {
  std::vector<NastyImage> images = {
      image("nothing but a base", {}),
      image("an empty layer", {{}}),
      image("whiteouts", {{file("a/.wh.one"), file(".wh.b"), file(".wh.nothing")}}),
      image("a whiteout after what it spares", {{file("a/one", "new"), file("a/.wh.one")}}),
      image("a whiteout of a folder with something new in it",
            {{folder("a/sub/", 0700, 5), file("a/sub/new"), file("a/.wh.sub")}}),
      image("opaque before, between and after",
            {{file("a/.wh..wh..opq"), file("a/n1")},
             {file("a/n2"), file("a/.wh..wh..opq"), file("a/n3")},
             {folder("a/deep/"), file("a/deep/n4"), file("a/.wh..wh..opq")}}),
      image("opaque root", {{folder("kept/"), file("kept/x"), file(".wh..wh..opq")}}),
      image("whiteout and return", {{file(".wh.a")}, {folder("a/", 0711), file("a/again")}}),
      image("whiteouts through a symlink", {{file("s/.wh.x"), file("s/z")}}),
      image("types change",
            {{folder("b/"), file("b/in"), file("a", "was a folder"), folder("s/"), file("s/in")},
             {soft("b", "s"), folder("a/"), file("s", "again a file")},
             {{.name = "a", .type = '6'}}}),
      image("symlinks on the way",
            {{soft("abs", "/a"), soft("up", "../../../../a/sub"), soft("chain", "up"),
              file("abs/1"), file("up/2"), file("chain/3"), file("s/4")}}),
      image("names",
            {{file("/abs"), file("../up"), file("a/../dots"), file("./a//./b//c"), folder("a/b/"),
              folder("a/./trailing///"), file("sp ace\n"), file("caf\xe9"), file("-dash")}}),
      image("repeated paths", {{file("r", "1"), file("r", "22"), file("./r", "333"),
                                folder("r2/", 0700), folder("r2/", 0711, 9)}}),
      image("hard links", {{file("h1", "data"), hard("h2", "h1"), hard("./h3", "/h2"),
                            hard("a/h4", "a/../h1"), hard("s/h5", "s/x"), hard("b", "a/one")},
                           {hard("late", "h3"), file("h1", "changed")}}),
      image("a hard link to a symlink", {{hard("hs", "s")}, {hard("hs2", "hs")}}),
      image("a hard link to what the layer hides", {{hard("saved", "a/one"), file("a/.wh.one")}}),
      image("folder times", {{file("a/new"), file("a/.wh.one")},
                             {folder("a/", 0700, 123), file("a/newer"), file("a/sub/x", "22")}}),
  };
  images.push_back(image("attributes", {}));
  images.back().tars.push_back(attributes_layer());
  return images;
}

}  // namespace vmkit::test
