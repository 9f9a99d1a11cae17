// SPDX-License-Identifier: Apache-2.0
// Images that mke2fs and debugfs made, and our own, read again.
#include <algorithm>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <sys/stat.h>
#include <unistd.h>

#include "support/errors.hpp"
#include "support/image_tree.hpp"
#include "support/temporary_directory.hpp"
#include "unit/ext4/image.hpp"
#include "unit/rootfs/peers.hpp"

#include <vmkit/ext4/reader.hpp>

namespace vmkit::ext4 {
namespace {

namespace files = std::filesystem;
using namespace test;
using vmkit::test::check_error;
using vmkit::test::content_of;
using vmkit::test::describe_image;
using vmkit::test::describe_tree;
using vmkit::test::e2fs_tool;
using vmkit::test::run_checked;
using vmkit::test::run_tool;

void put_file(const files::path& path, std::string_view data) {
  std::ofstream(path, std::ios::binary) << data;
}

void set_time(const files::path& path, std::int64_t seconds) {
  const timespec times[2] = {{seconds, 0}, {seconds, 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}

std::string name_in_many(int i) {
  return "a n\xc3\xa4me of some length " + std::to_string(i);  // signed characters hash differently
}

/// A tree with one of everything that needs no root.
void make_tree(const files::path& root) {
  files::create_directories(root / "folder/in/folder");
  unsigned seed = 1;
  for (const std::size_t size : {0, 1, 59, 60, 61, 100, 150, 1024, 5000, 60'000, 1'000'000}) {
    put_file(root / ("size " + std::to_string(size)), pattern(size, ++seed));
  }
  put_file(root / "sparse", "begin");
  std::fstream sparse(root / "sparse", std::ios::in | std::ios::out | std::ios::binary);
  for (const std::streamoff at : {70'000, 700'000, 7'000'000}) {
    sparse.seekp(at) << pattern(9000, ++seed);
  }
  sparse.close();
  files::resize_file(root / "sparse", 9'000'001);
  files::create_hard_link(root / "size 5000", root / "folder/in/same");
  for (const std::size_t length : {1, 59, 60, 61, 300}) {
    files::create_symlink(std::string(length, 't'),
                          root / "folder" / ("symlink " + std::to_string(length)));
  }
  REQUIRE(::mkfifo((root / "fifo").c_str(), 0640) == 0);
  put_file(root / "folder" / std::string(255, 'n'), "long name");
  put_file(root / "folder" / "not \xff\xfe utf-8", "bytes");
  files::create_directory(root / "many");
  for (int i = 0; i < 600; ++i) put_file(root / "many" / name_in_many(i), "x");
  std::int64_t time = 1'600'000'000;
  for (const auto& entry : files::recursive_directory_iterator(root))
    set_time(entry.path(), ++time);
}

class HostTree {
 public:
  HostTree() : folder_(vmkit::test::temporary_directory()) {
    make_tree(path());
    lines_ = describe_tree(path());
    lines_.erase(lines_.begin());  // mke2fs leaves the root's own attributes alone
  }
  files::path path() const { return folder_.path() / "tree"; }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  os::TemporaryDirectory folder_;
  std::vector<std::string> lines_;
};

const HostTree& host_tree() {
  static const HostTree tree;
  return tree;
}

void make_image(const SparseFileDevice& device, const std::vector<std::string>& options) {
  std::vector<std::string> command{e2fs_tool("mke2fs"), "-q", "-F", "-d", host_tree().path()};
  command.insert(command.end(), options.begin(), options.end());
  command.insert(command.end(), {device.path(), "24M"});
  run_checked(command);
}

void run_debugfs(const SparseFileDevice& device, const std::vector<std::string>& requests) {
  const files::path script = files::path(device.folder()) / "requests";
  std::ofstream file(script);
  for (const std::string& request : requests) file << request << '\n';
  file.close();
  run_checked({e2fs_tool("debugfs"), "-w", "-f", script.string(), device.path()});
}

void check_lines(const std::vector<std::string>& expected, const std::vector<std::string>& found) {
  CHECK(expected.size() == found.size());
  for (std::size_t i = 0; i < std::min(expected.size(), found.size()); ++i) {
    CHECK(expected[i] == found[i]);
  }
}

bool contains_feature(const Reader& reader, std::string_view name) {
  const auto& features = reader.info().features;
  return std::find(features.begin(), features.end(), name) != features.end();
}

void check_host_tree(BlockDevice& device) {
  Reader reader = Reader::open(device);
  auto lines = describe_image(reader);
  lines.erase(lines.begin());
  auto expected = host_tree().lines();
  if (contains_feature(reader, "inline_data")) {  // mke2fs gives sparse files a wrong size then
    for (auto* tree : {&lines, &expected}) {
      std::erase_if(*tree, [](const std::string& line) { return line.starts_with("sparse "); });
    }
  }
  check_lines(expected, lines);
  for (int i = 0; i < 600; ++i) {  // through the index, where there is one
    CHECK(reader.resolve("many/" + name_in_many(i)));
  }
  CHECK(!reader.resolve("many/" + name_in_many(600)));
}

TEST_CASE("images of mke2fs, whatever their features") {
  if (!have_e2fsprogs()) return;
  const std::vector<std::vector<std::string>> variants = {
      {"-t", "ext4", "-b", "4096"},
      {"-t", "ext4", "-b", "1024"},
      {"-t", "ext4", "-b", "2048"},
      {"-t", "ext4", "-b", "4096", "-O", "^extent,^64bit"},
      {"-t", "ext4", "-b", "1024", "-O", "^extent,^64bit,^metadata_csum,uninit_bg"},
      {"-t", "ext4", "-b", "4096", "-O", "^metadata_csum"},
      {"-t", "ext4", "-b", "4096", "-O", "^64bit"},
      {"-t", "ext4", "-b", "4096", "-O", "inline_data"},
      {"-t", "ext4", "-b", "1024", "-O", "inline_data,^metadata_csum", "-I", "512"},
      {"-t", "ext4", "-b", "4096", "-O", "ea_inode,metadata_csum_seed,large_dir,quota,project"},
      {"-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode,sparse_super2"},
      {"-t", "ext4", "-b", "4096", "-O", "bigalloc", "-C", "16384"},
      {"-t", "ext4", "-b", "1024", "-I", "128"},
      {"-t", "ext3"},
      {"-t", "ext2", "-b", "1024", "-O", "^filetype,^sparse_super,^resize_inode"},
  };
  for (const auto& options : variants) {
    std::string text;
    for (const std::string& option : options) text += option + ' ';
    CAPTURE(text);
    SparseFileDevice device;
    make_image(device, options);
    check_host_tree(device);
    // Folders that are indexed, and one without a file in it, come from e2fsck.
    const int status = run_tool({e2fs_tool("e2fsck"), "-fyD", device.path()}).status;
    CHECK(status <= 1);
    check_host_tree(device);
  }
}

TEST_CASE("what the superblock tells") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  make_image(device, {"-t", "ext4", "-b", "1024", "-L", "a label", "-U",
                      "00112233-4455-6677-8899-aabbccddeeff", "-O", "^resize_inode"});
  const Reader reader = Reader::open(device);
  const ImageInfo& info = reader.info();
  const std::string told = dumpe2fs(device.path());
  std::string features = "Filesystem features:     ";
  for (const std::string& feature : info.features) features += ' ' + feature;
  CHECK(contains(told, features + '\n'));
  CHECK(contains(told, "Free blocks:              " + std::to_string(info.free_blocks) + '\n'));
  CHECK(contains(told, "Free inodes:              " + std::to_string(info.free_inodes) + '\n'));
  CHECK(contains(told, "Inode count:              " + std::to_string(info.inodes) + '\n'));
  CHECK(info.size == 24_MiB);
  CHECK(info.block_size == 1_KiB);
  CHECK(info.label == "a label");
  CHECK(info.uuid[1] == std::byte{0x11});
  CHECK(!info.journal_replayed);
  CHECK(info.clean);
  run_debugfs(device, {"set_super_value state 0"});
  CHECK(!Reader::open(device).info().clean);
}

TEST_CASE("extent trees of two levels, holes and what is allocated but unwritten") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  make_image(device, {"-t", "ext4", "-b", "1024"});
  std::vector<std::string> requests;
  std::string expected = pattern(1'000'000, 12);  // "size 1000000"
  for (std::size_t block = 1; block < 976; block += 2) {
    requests.push_back("punch \"/size 1000000\" " + std::to_string(block) + ' ' +
                       std::to_string(block));
    expected.replace(block * 1024, 1024, 1024, '\0');
  }
  requests.insert(requests.end(), {"fallocate \"/size 60000\" 40 80",
                                   "sif \"/size 60000\" size 90000", "write /dev/null unwritten",
                                   "fallocate /unwritten 3 20", "sif /unwritten size 10000"});
  run_debugfs(device, requests);
  Reader reader = Reader::open(device);
  const Inode scattered = *reader.resolve("/size 1000000");
  CHECK((content_of(reader, scattered) == expected));
  CHECK(contains(debugfs(device.path(), "stat \"/size 1000000\""), "(ETB1)"));
  std::size_t data = 0;
  std::size_t holes = 0;
  std::uint64_t end = 0;
  reader.for_each_extent(scattered, [&](const FileExtent& extent) {
    CHECK(extent.offset == end);
    end = extent.offset + extent.length;
    (extent.kind == FileExtent::Kind::hole ? holes : data) += 1;
    return true;
  });
  CHECK(end == 1'000'000);
  CHECK(data == 489);
  CHECK(holes == 488);
  CHECK((content_of(reader, *reader.resolve("size 60000")) ==
         pattern(60'000, 11) + std::string(30'000, '\0')));
  const Inode unwritten = *reader.lookup(reader.root(), "unwritten");
  std::map<FileExtent::Kind, std::uint64_t> lengths;
  reader.for_each_extent(unwritten, [&](const FileExtent& extent) {
    lengths[extent.kind] += extent.length;
    return true;
  });
  CHECK(lengths[FileExtent::Kind::hole] == 3072);
  CHECK(lengths[FileExtent::Kind::unwritten] == 6928);
  CHECK(content_of(reader, unwritten) == std::string(10'000, '\0'));
}

TEST_CASE("extended attributes in inode, block and inodes of their own; devices") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  make_image(device, {"-t", "ext4", "-b", "1024", "-O", "ea_inode"});
  const files::path big = files::path(device.folder()) / "big value";
  const std::string value = pattern(1024, 3);  // as much as debugfs takes
  put_file(big, value);
  run_debugfs(
      device,
      {"ea_set /many user.small 17", "ea_set /many security.capability " + std::string(200, 'c'),
       "ea_set \"/size 1\" trusted.x y", "ea_set -f \"" + big.string() + "\" \"/size 1\" user.big",
       "mknod null c 1 3", "mknod disk b 200 100", "sif null mode 020666"});
  Reader reader = Reader::open(device);
  CHECK(reader.xattrs(*reader.resolve("many")) ==
        std::vector<Xattr>{{"security.capability", std::string(200, 'c')}, {"user.small", "17"}});
  CHECK((reader.xattrs(*reader.resolve("size 1")) ==
         std::vector<Xattr>{{"trusted.x", "y"}, {"user.big", value}}));
  CHECK(reader.xattrs(reader.root()).empty());
  const FileStatus null = reader.stat(*reader.resolve("null"));
  CHECK(null.type == FileType::character_device);
  CHECK(null.device == DeviceNumber{1, 3});
  CHECK(null.attributes.permissions == 0666);
  CHECK(reader.stat(*reader.resolve("disk")).device == DeviceNumber{200, 100});
}

TEST_CASE("our own images are read as they were made") {
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(256_MiB));
  const Attributes attributes{.permissions = 06751,
                              .uid = 70'000,
                              .gid = 80'000,
                              .mtime = {-5, 123'456'789},
                              .atime = {5'000'000'000, 1},
                              .ctime = {0, 999'999'999}};
  const Inode file = add_file(fs, fs.root(), "file", pattern(100'000), attributes);
  std::string acl("\2\0\0\0\1\0\6\0\xff\xff\xff\xff\2\0\7\0\xe8\3\0\0", 20);
  const std::vector<Xattr> xattrs{
      {"system.posix_acl_access", acl}, {"user.a", ""}, {"user.b", std::string(3000, 'b')}};
  fs.set_xattrs(file, xattrs);
  const Inode many = fs.make_directory(fs.root(), "many", {.permissions = 0755});
  const auto name_of_entry = [](int i) { return "an entry with a name " + std::to_string(i); };
  for (int i = 0; i < 60'000; ++i) {
    if (i == 0) {
      add_file(fs, many, name_of_entry(i), "x");
    } else {
      fs.make_special(many, name_of_entry(i), FileType::fifo, {}, {.permissions = 0600});
    }
  }
  fs.make_symlink(fs.root(), "loop", "./loop", {.permissions = 0777});
  fs.make_symlink(fs.root(), "absolute", "/many/../many/", {.permissions = 0777});
  fs.commit();
  Reader reader = Reader::open(device);
  CHECK(reader.stat(file).attributes == attributes);
  CHECK(reader.stat(file).created == Timestamp{1'700'000'000, 0});
  CHECK(reader.stat(file).allocated == ByteSize(26 * 4096));
  CHECK((content_of(reader, file) == pattern(100'000)));
  CHECK((reader.xattrs(file) == xattrs));
  std::size_t count = 0;
  reader.for_each_entry(many, [&](std::string_view, Inode) { ++count; });
  CHECK(count == 60'000);
  for (int i = 0; i < 60'000; i += 97)
    CHECK(reader.lookup(many, name_of_entry(i)) == fs.lookup(many, name_of_entry(i)));
  CHECK(!reader.lookup(many, "nothing"));
  CHECK(reader.resolve("absolute") == many);
  CHECK(reader.resolve("absolute", LastSymlink::keep) != many);
  CHECK(reader.resolve("//absolute/./../../absolute/" + name_of_entry(3)) ==
        fs.lookup(many, name_of_entry(3)));
  CHECK(!reader.resolve("absolute/nothing/else"));
  CHECK(!reader.resolve("file/below"));
  check_error(Errc::failed_precondition, {"40 symlinks"}, [&] { reader.resolve("loop"); });
  check_error(Errc::invalid_argument, {"is a folder", "expected a regular file"},
              [&] { reader.read(many, 0, {}); });
  check_error(Errc::invalid_argument, {"expected 1 to"}, [&] { reader.stat(Inode{0}); });
}

}  // namespace
}  // namespace vmkit::ext4
