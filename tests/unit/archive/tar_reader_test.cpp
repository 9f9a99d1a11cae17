// SPDX-License-Identifier: Apache-2.0
#include <archive.h>
#include <archive_entry.h>
#include <clocale>
#include <doctest/doctest.h>
#include <map>
#include <string>
#include <vector>

#include "support/memory_source.hpp"
#include "support/tar_text.hpp"

#include <vmkit/archive/tar_reader.hpp>
#include <vmkit/base/error.hpp>

using namespace vmkit;
using namespace vmkit::archive;
using namespace vmkit::test;

namespace {

struct Read {
  TarEntry entry;
  std::string data;  // holes as zeros
};

std::vector<Read> read_tar(const std::string& tar, std::size_t step = 65536) {
  MemorySource source(tar, step);
  TarReader reader(source);
  std::vector<Read> all;
  while (const TarEntry* entry = reader.next()) {
    all.push_back({*entry, {}});
    while (const auto block = reader.read_block()) {
      all.back().data.resize(block->offset, '\0');
      all.back().data.append(reinterpret_cast<const char*>(block->data.data()), block->data.size());
    }
    all.back().data.resize(all.back().entry.size, '\0');
  }
  return all;
}

/// Writes with libarchive what it can write; an entry is set up by `set`.
class TarMaker {
 public:
  explicit TarMaker(int format = ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE)
      : archive_(archive_write_new()) {
    archive_write_set_format(archive_, format);
    archive_write_set_bytes_per_block(archive_, 512);
    archive_write_open(archive_, this, nullptr, &TarMaker::on_write, nullptr);
  }

  template <class Set>
  void add(const std::string& path, unsigned type, Set set, const std::string& data = {}) {
    ::archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, path.c_str());
    archive_entry_set_mode(entry, type | 0644);
    archive_entry_set_size(entry, static_cast<la_int64_t>(data.size()));
    set(entry);
    // A warning tells of names that are not ASCII: they are written as they are.
    REQUIRE(archive_write_header(archive_, entry) >= ARCHIVE_WARN);
    if (!data.empty()) archive_write_data(archive_, data.data(), data.size());
    archive_entry_free(entry);
  }

  std::string finish() {
    archive_write_close(archive_);
    archive_write_free(archive_);
    return std::move(out_);
  }

 private:
  static la_ssize_t on_write(::archive*, void* self, const void* data, std::size_t length) {
    static_cast<TarMaker*>(self)->out_.append(static_cast<const char*>(data), length);
    return static_cast<la_ssize_t>(length);
  }
  ::archive* archive_;
  std::string out_;
};

}  // namespace

TEST_CASE("tar: every type with its attributes") {
  TarMaker maker;
  maker.add("dir/", AE_IFDIR, [](auto* e) {
    archive_entry_set_mode(e, AE_IFDIR | 01777);
    archive_entry_set_mtime(e, -5, 250'000'000);
  });
  maker.add(
      "dir/file", AE_IFREG,
      [](auto* e) {
        archive_entry_set_mode(e, AE_IFREG | 06755);
        archive_entry_set_uid(e, 3'000'000'000);
        archive_entry_set_gid(e, 2'097'152);
        archive_entry_set_mtime(e, 1'600'000'000, 123'456'789);
        archive_entry_set_atime(e, 1'700'000'000, 1);
        archive_entry_set_ctime(e, 1'800'000'000, 999'999'999);
        archive_entry_xattr_add_entry(e, "user.bytes", "\0\1\n=\xff", 5);
        archive_entry_xattr_add_entry(e, "security.capability", "\1\0\0\2", 4);
      },
      "hello");
  maker.add("link", AE_IFLNK, [](auto* e) { archive_entry_set_symlink(e, "../a b/\xc3\xa4"); });
  maker.add("hard", AE_IFREG, [](auto* e) { archive_entry_set_hardlink(e, "dir/file"); });
  maker.add("tty", AE_IFCHR, [](auto* e) {
    archive_entry_set_rdevmajor(e, 4);
    archive_entry_set_rdevminor(e, 300);
  });
  maker.add("disk", AE_IFBLK, [](auto* e) {
    archive_entry_set_rdevmajor(e, 259);
    archive_entry_set_rdevminor(e, 70'000);
  });
  maker.add("pipe", AE_IFIFO, [](auto*) {});
  const std::string tar = maker.finish();

  for (const std::size_t step : {1U, 511U, 65536U}) {
    const auto all = read_tar(tar, step);
    REQUIRE(all.size() == 7);
    CHECK(all[0].entry.path == "dir/");
    CHECK(all[0].entry.type == EntryType::directory);
    CHECK(all[0].entry.permissions == 01777);
    CHECK(all[0].entry.mtime.seconds == -5);
    CHECK(all[0].entry.mtime.nanoseconds == 250'000'000);
    CHECK_FALSE(all[0].entry.atime.has_value());

    const TarEntry& file = all[1].entry;
    CHECK(file.type == EntryType::regular);
    CHECK(file.permissions == 06755);
    CHECK(file.uid == 3'000'000'000);
    CHECK(file.gid == 2'097'152);
    CHECK(file.mtime.seconds == 1'600'000'000);
    CHECK(file.mtime.nanoseconds == 123'456'789);
    CHECK(file.atime.value().nanoseconds == 1);
    CHECK(file.ctime.value().seconds == 1'800'000'000);
    CHECK(file.size == 5);
    CHECK(all[1].data == "hello");
    std::map<std::string, std::string> xattrs;
    for (const Xattr& xattr : file.xattrs) xattrs[xattr.name] = xattr.value;
    CHECK(xattrs.size() == 2);
    CHECK(xattrs["user.bytes"] == std::string("\0\1\n=\xff", 5));
    CHECK(xattrs["security.capability"] == std::string("\1\0\0\2", 4));

    CHECK(all[2].entry.type == EntryType::symlink);
    CHECK(all[2].entry.link_target == "../a b/\xc3\xa4");
    CHECK(all[3].entry.type == EntryType::hardlink);
    CHECK(all[3].entry.link_target == "dir/file");
    CHECK(all[3].entry.size == 0);
    CHECK(all[4].entry.type == EntryType::character_device);
    CHECK(all[4].entry.device_minor == 300);
    CHECK(all[5].entry.type == EntryType::block_device);
    CHECK(all[5].entry.device_major == 259);
    CHECK(all[5].entry.device_minor == 70'000);
    CHECK(all[6].entry.type == EntryType::fifo);
  }
}

TEST_CASE("tar: GNU and ustar archives with long names") {
  const std::string deep = std::string(80, 'd') + "/" + std::string(90, 'f');
  const std::string name = std::string(250, 'n');
  TarMaker gnu(ARCHIVE_FORMAT_TAR_GNUTAR);
  gnu.add(
      name, AE_IFREG, [](auto*) {}, "1");
  gnu.add("l", AE_IFLNK, [&](auto* e) { archive_entry_set_symlink(e, name.c_str()); });
  TarMaker ustar(ARCHIVE_FORMAT_TAR_USTAR);
  ustar.add(
      deep, AE_IFREG, [](auto*) {}, "2");
  const auto from_gnu = read_tar(gnu.finish());
  REQUIRE(from_gnu.size() == 2);
  CHECK(from_gnu[0].entry.path == name);
  CHECK(from_gnu[1].entry.link_target == name);
  const auto from_ustar = read_tar(ustar.finish());
  REQUIRE(from_ustar.size() == 1);
  CHECK(from_ustar[0].entry.path == deep);
}

TEST_CASE("tar: names are bytes, whatever the locale and whether UTF-8 or not") {
  const std::string latin = "caf\xe9/\xff\xfe";
  const std::string utf8 = "caf\xc3\xa9/\xe2\x82\xac";
  const std::string decomposed = "cafe\xcc\x81";
  std::string tar;
  for (const std::string& name : {latin, utf8, decomposed}) {
    tar += tar_member({.name = name, .data = "ustar"});
    tar += pax_header({{"path", name}, {"linkpath", name}});
    tar += tar_member({.name = "x", .type = '2', .link = "y"});
  }
  tar += tar_end();
  const std::string before = std::setlocale(LC_ALL, nullptr);
  for (const char* locale : {"C", "C.UTF-8"}) {
    CAPTURE(locale);
    REQUIRE(std::setlocale(LC_ALL, locale) != nullptr);
    const auto all = read_tar(tar);
    REQUIRE(all.size() == 6);
    std::size_t at = 0;
    for (const std::string& name : {latin, utf8, decomposed}) {
      CHECK(all[at].entry.path == name);
      CHECK(all[at].data == "ustar");
      CHECK(all[at + 1].entry.path == name);
      CHECK(all[at + 1].entry.link_target == name);
      at += 2;
    }
  }
  std::setlocale(LC_ALL, before.c_str());
}

TEST_CASE("tar: names come unchanged: absolute, dots, slashes, macOS's dot-underscore") {
  std::string tar;
  const std::vector<std::string> names = {"/abs", "../up", "a/../b", "./",   ".",
                                          "//",   "f/",    "._meta", "a/._b"};
  for (const std::string& name : names) {
    tar += tar_member({.name = name, .type = name == "f/" ? '5' : '0', .data = {}});
  }
  const auto all = read_tar(tar + tar_end());
  REQUIRE(all.size() == names.size());
  for (std::size_t i = 0; i < names.size(); ++i) CHECK(all[i].entry.path == names[i]);
}

TEST_CASE("tar: sparse files come as pieces") {
  TarMaker maker;
  std::string data(3 << 20, '\0');
  data.replace(1 << 20, 4, "data");
  data.replace(2 << 20, 3, "end");
  maker.add(
      "sparse", AE_IFREG,
      [](auto* e) {
        archive_entry_sparse_add_entry(e, 1 << 20, 4096);
        archive_entry_sparse_add_entry(e, 2 << 20, 4096);
      },
      data);
  maker.add(
      "after", AE_IFREG, [](auto*) {}, "still in step");
  MemorySource source(maker.finish());
  TarReader reader(source);
  const TarEntry* entry = reader.next();
  REQUIRE(entry != nullptr);
  CHECK(entry->path == "sparse");
  CHECK(entry->size == data.size());
  std::uint64_t bytes = 0;
  std::string got;
  while (const auto block = reader.read_block()) {
    got.resize(block->offset, '\0');
    got.append(reinterpret_cast<const char*>(block->data.data()), block->data.size());
    bytes += block->data.size();
  }
  got.resize(entry->size, '\0');
  CHECK(got == data);
  CHECK(bytes == 8192);
  entry = reader.next();
  REQUIRE(entry != nullptr);
  CHECK(entry->path == "after");
}

TEST_CASE("tar: POSIX ACLs become their system call encoding") {
  const std::string tar =
      pax_header(
          {{"SCHILY.acl.access", "user::rw-,user:lisa:r--:1000,group::r--,mask::rw-,other::---"},
           {"SCHILY.acl.default",
            "user::rwx,group::r-x,group:staff:-w-:50,mask::rwx,other::r--"}}) +
      tar_member({.name = "d", .type = '5'}) +
      pax_header(
          {{"SCHILY.acl.access", "user::rw-,user:lisa:r--,group::r--,mask::rw-,other::---"}}) +
      tar_member({.name = "by name only"}) + tar_end();
  const auto all = read_tar(tar);
  REQUIRE(all.size() == 2);
  std::map<std::string, std::string> xattrs;
  for (const Xattr& xattr : all[0].entry.xattrs) xattrs[xattr.name] = xattr.value;
  using namespace std::string_literals;
  const std::string none = "\xff\xff\xff\xff";
  CHECK(xattrs["system.posix_acl_access"] == "\2\0\0\0"s + "\1\0\6\0"s + none +
                                                 "\2\0\4\0\xe8\3\0\0"s + "\4\0\4\0"s + none +
                                                 "\x10\0\6\0"s + none + "\x20\0\0\0"s + none);
  CHECK(xattrs["system.posix_acl_default"] == "\2\0\0\0"s + "\1\0\7\0"s + none + "\4\0\5\0"s +
                                                  none + "\x08\0\2\0\x32\0\0\0"s + "\x10\0\7\0"s +
                                                  none + "\x20\0\4\0"s + none);
  CHECK(all[1].entry.xattrs.empty());
}

TEST_CASE("tar: of an attribute given twice the last holds") {
  const auto all =
      read_tar(pax_header({{"SCHILY.xattr.user.a", "first"}, {"SCHILY.xattr.user.a", "last"}}) +
               tar_member({.name = "f"}) + tar_end());
  REQUIRE(all.size() == 1);
  REQUIRE(all[0].entry.xattrs.size() == 1);
  CHECK(all[0].entry.xattrs[0].value == "last");
}

TEST_CASE("tar: data that is not read is skipped, and the source is read to its end") {
  std::string tar;
  for (int i = 0; i < 5; ++i) {
    tar += tar_member({.name = "f" + std::to_string(i), .data = std::string(100'000, 'x')});
  }
  tar += tar_end() + std::string(20'000, '\0');
  ReadAhead source(std::make_unique<MemorySource>(tar), {.digest = DigestAlgorithm::sha256});
  TarReader reader(source);
  int count = 0;
  while (reader.next() != nullptr) {
    if (++count % 2 == 0) CHECK(reader.read_block().has_value());
  }
  CHECK(count == 5);
  CHECK(reader.next() == nullptr);
  CHECK(source.digest() == digest_of(tar));
}
