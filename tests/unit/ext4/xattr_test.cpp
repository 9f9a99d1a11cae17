// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <doctest/doctest.h>

#include "ext4/format/acl.hpp"
#include "unit/ext4/image.hpp"

namespace vmkit::ext4 {
namespace {

using namespace test;
using namespace std::string_literals;

/// user::rw-, user:1000:r--, group::r--, mask::rw-, other::--- as setxattr(2) takes it.
const std::string acl =
    "\2\0\0\0"
    "\1\0\6\0\xff\xff\xff\xff"
    "\2\0\4\0\xe8\3\0\0"
    "\4\0\4\0\xff\xff\xff\xff"
    "\x10\0\6\0\xff\xff\xff\xff"
    "\x20\0\0\0\xff\xff\xff\xff"s;
const std::string acl_on_disk =
    "\1\0\0\0"
    "\1\0\6\0"
    "\2\0\4\0\xe8\3\0\0"
    "\4\0\4\0"
    "\x10\0\6\0"
    "\x20\0\0\0"s;
const std::string capability = "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0"s;

/// The value of an attribute as debugfs stores it in a file.
std::string value_of(const SparseFileDevice& device, const std::string& file,
                     const std::string& name) {
  const std::string out = device.folder() + "/value";
  debugfs(device.path(), "ea_get -f " + out + " " + file + " " + name);
  const vmkit::test::ToolResult result = vmkit::test::run_tool({"/bin/cat", out});
  vmkit::test::run_tool({"/bin/rm", "-f", out});
  return result.status == 0 ? result.output : "none";
}

TEST_CASE("ACLs change their encoding and back") {
  CHECK(acl_to_disk(acl) == acl_on_disk);
  CHECK(acl_from_disk(acl_on_disk) == acl);
  CHECK(acl_to_disk("\2\0\0\0"s) == "\1\0\0\0"s);
  for (const std::string& bad :
       {""s, "\2\0\0"s, "\1\0\0\0"s, acl + "x", "\2\0\0\0\3\0\0\0\0\0\0\0"s, acl.substr(0, 10)}) {
    CHECK(!acl_to_disk(bad));
  }
  for (const std::string& bad : {""s, "\1\0\0"s, "\2\0\0\0"s, acl_on_disk + "x",
                                 "\1\0\0\0\3\0\0\0"s, "\1\0\0\0\2\0\4\0\0\0"s}) {
    CHECK(!acl_from_disk(bad));
  }
}

TEST_CASE("attributes in the inode, in a block and in both") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(16_MiB));
  std::string binary;
  for (int byte = 0; byte < 256; ++byte) binary += static_cast<char>(byte);
  const std::vector<std::pair<std::string, std::vector<Xattr>>> files = {
      {"inode", {{"user.small", "value"}, {"security.capability", capability}}},
      {"block", {{"user.binary", binary}}},
      {"both",
       {{"user.binary", binary},
        {"user.a", "1"},
        {"trusted.overlay.opaque", "y"},
        {"security.selinux", "system_u:object_r:unlabeled_t:s0"s + '\0'},
        {"user.empty", ""},
        {"system.posix_acl_access", acl},
        {"user.long " + std::string(200, 'n'), "named"}}},
      {"full", {{"user.b", std::string(4096 - 32 - 4 - 20, 'v')}}},
      {"bytes", {{"user.\xc3\xa4\xff", std::string(300, '\x80')}}},
      {"many", {}}};
  for (auto [name, xattrs] : files) {
    const Inode file = add_file(fs, fs.root(), name, "data");
    if (name == "many") {
      for (int i = 0; i < 100; ++i) xattrs.push_back({"user.n" + std::to_string(i), "v"});
    }
    fs.set_xattrs(file, {{"user.gone", std::string(1000, 'x')}});
    fs.set_xattrs(file, xattrs);
    std::sort(xattrs.begin(), xattrs.end());
    CHECK(fs.xattrs(file) == xattrs);
  }
  const Inode folder = fs.make_directory(fs.root(), "folder", {.permissions = 0755});
  fs.set_xattrs(folder, {{"system.posix_acl_default", acl}});
  const Inode link = fs.make_symlink(fs.root(), "link", "to", {.permissions = 0777});
  fs.set_xattrs(link, {{"trusted.x", binary}});
  const Inode cleared = add_file(fs, fs.root(), "cleared", "");
  fs.set_xattrs(cleared, {{"user.gone", std::string(1000, 'x')}});
  fs.set_xattrs(cleared, {});
  CHECK(fs.xattrs(cleared).empty());
  fs.commit();
  CHECK(e2fsck_complaints(device.path()) == "");
  for (const auto& written : files) {
    const std::string& file = written.first;
    for (const Xattr& xattr : written.second) {
      if (contains(xattr.name, "acl") || contains(xattr.name, " ")) continue;
      CAPTURE(file);
      CAPTURE(xattr.name);
      CHECK((value_of(device, file, xattr.name) == xattr.value));
    }
  }
  CHECK(value_of(device, "many", "user.n77") == "v");
  std::string shown = acl;  // debugfs shows 0 where there is no id
  std::replace(shown.begin(), shown.end(), '\xff', '\0');
  CHECK((value_of(device, "both", "system.posix_acl_access") == shown));
  CHECK((value_of(device, "folder", "system.posix_acl_default") == shown));
  CHECK((value_of(device, "link", "trusted.x") == binary));
  CHECK(contains(debugfs(device.path(), "stat inode"), "File ACL: 0\n"));
  CHECK(contains(debugfs(device.path(), "stat cleared"), "File ACL: 0\n"));
  CHECK(!contains(debugfs(device.path(), "stat both"), "File ACL: 0\n"));
}

TEST_CASE("attributes that cannot be stored change nothing") {
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(1_MiB));
  const Inode file = add_file(fs, fs.root(), "file", "data");
  const std::vector<Xattr> before = {{"user.kept", std::string(200, 'k')}};
  fs.set_xattrs(file, before);
  const auto try_with = [&](std::vector<Xattr> xattrs, std::string_view words) {
    const Errc code = error_code([&] { fs.set_xattrs(file, std::move(xattrs)); }, words);
    CHECK(fs.xattrs(file) == before);
    return code;
  };
  CHECK(try_with({{"user.b", std::string(65'537, 'v')}}, "room for 65536") ==
        Errc::resource_exhausted);
  std::vector<Xattr> names;
  for (int i = 0; i < 20; ++i) {
    names.push_back({"user." + std::to_string(i) + std::string(240, 'n'), "x"});
  }
  CHECK(try_with(names, "room for 4060") == Errc::resource_exhausted);
  CHECK(try_with({{"com.apple.quarantine", "x"}}, "\"com.apple.quarantine\"") == Errc::unsupported);
  CHECK(try_with({{"system.data", "x"}}, "\"system.data\"") == Errc::unsupported);
  CHECK(try_with({{"", "x"}}, "ext4 stores") == Errc::unsupported);
  CHECK(try_with({{"user.", "x"}}, "1 to 255") == Errc::invalid_argument);
  CHECK(try_with({{"user.a\0b"s, "x"}}, "without NUL") == Errc::invalid_argument);
  CHECK(try_with({{"user." + std::string(256, 'x'), "x"}}, "1 to 255") == Errc::invalid_argument);
  CHECK(try_with({{"user.a", "1"}, {"user.a", "2"}}, "twice") == Errc::invalid_argument);
  CHECK(try_with({{"system.posix_acl_access", "x"}}, "no POSIX ACL") == Errc::invalid_argument);
}

}  // namespace
}  // namespace vmkit::ext4
