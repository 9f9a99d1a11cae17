// SPDX-License-Identifier: Apache-2.0
// Disks written as archives, and their differences as layers: applied again, they give the same.
#include <cstdlib>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <vector>

#include "support/e2fsck.hpp"
#include "support/errors.hpp"
#include "support/image_tree.hpp"
#include "support/memory_block_device.hpp"
#include "support/sparse_file_device.hpp"
#include "unit/rootfs/nasty_layers.hpp"
#include "unit/rootfs/test_layers.hpp"

#include <vmkit/archive/tar_reader.hpp>
#include <vmkit/ext4/filesystem.hpp>
#include <vmkit/rootfs/diff.hpp>
#include <vmkit/rootfs/export_tar.hpp>
#include <vmkit/rootfs/unpack.hpp>

using namespace vmkit;
using namespace vmkit::test;
using ext4::Filesystem;
using ext4::FileType;
using ext4::Inode;
using ext4::Reader;

namespace {

using Lines = std::vector<std::string>;

class TextSink final : public Sink {
 public:
  void write(std::span<const std::byte> data) override {
    text.append(reinterpret_cast<const char*>(data.data()), data.size());
  }
  std::string text;
};

/// A disk with these layers (tars), the lowest first.
class Disk {
 public:
  explicit Disk(const std::vector<std::string>& tars) {
    device_->resize(128_MiB);
    std::vector<rootfs::Layer> layers;
    for (const std::string& tar : tars) layers.push_back(layer_of(tar, tar));
    rootfs::unpack(layers, *device_);
  }

  Reader reader() const { return Reader::open(*device_); }
  Lines lines() const {
    Reader open = reader();
    return describe_image(open);
  }
  std::string path() const { return device_->path(); }

 private:
  std::unique_ptr<SparseFileDevice> device_ = std::make_unique<SparseFileDevice>();
};

std::string exported(Reader reader, rootfs::ExportResult* result = nullptr) {
  TextSink sink;
  const auto told = rootfs::export_tar(reader, sink);
  if (result != nullptr) *result = told;
  return sink.text;
}

std::string difference(Reader lower, Reader upper, rootfs::DiffResult* result = nullptr,
                       const rootfs::DiffOptions& options = {}) {
  TextSink sink;
  const auto told = rootfs::diff(lower, upper, sink, options);
  if (result != nullptr) *result = told;
  return sink.text;
}

void check_equal(const Lines& expected, const Lines& found) {
  CHECK(expected.size() == found.size());
  for (std::size_t i = 0; i < std::min(expected.size(), found.size()); ++i) {
    CHECK(expected[i] == found[i]);
  }
}

std::vector<std::string> with(std::vector<std::string> tars, std::string tar) {
  tars.push_back(std::move(tar));
  return tars;
}

/// Applied to `lower`, the difference gives `upper`; between that and `upper` there is none.
void check_difference(const std::vector<std::string>& lower,
                      const std::vector<std::string>& upper) {
  const Disk below(lower);
  const Disk above(upper);
  const std::string layer = difference(below.reader(), above.reader());
  const Disk again(with(lower, layer));
  check_equal(above.lines(), again.lines());
  rootfs::DiffResult nothing;
  CHECK(difference(again.reader(), above.reader(), &nothing).size() == 1024);
  CHECK(nothing.written + nothing.removed == 0);
  if (have_e2fsprogs()) CHECK(e2fsck_complaints(again.path()) == "");
}

std::string names_in(const std::string& tar) {
  MemorySource source(tar);
  archive::TarReader reader(source);
  std::string names;
  while (const archive::TarEntry* entry = reader.next()) {
    names += entry->path + (entry->type == archive::EntryType::hardlink ? "= " : " ");
  }
  return names;
}

ext4::FormatOptions small_format() {
  ext4::FormatOptions options;
  options.size = 32_MiB;
  options.hash_seed[0] = std::byte{1};
  return options;
}

void put(Filesystem& fs, Inode folder, std::string_view name, std::string_view data,
         const ext4::Attributes& attributes = {.permissions = 0644}) {
  auto writer = fs.make_file(folder, name, attributes);
  writer.write(std::as_bytes(std::span(data)));
  writer.finish();
}

/// What no layer of the generators has: ACLs, sockets, holes, deep folders, odd names and times.
void fill(Filesystem& fs) {
  const ext4::Attributes odd{.permissions = 07777,
                             .uid = 4'000'000'000,
                             .gid = 3'000'000,
                             .mtime = {2'000'000'000, 123'456'789},
                             .atime = {1, 2},
                             .ctime = {6'000'000'000, 999'999'999}};
  fs.set_attributes(fs.root(), {.permissions = 0711, .uid = 5, .mtime = {77, 88}});
  Inode folder = fs.make_directory(fs.root(), "new\nline \xff", odd);
  fs.set_xattrs(folder, {{"system.posix_acl_default",
                          std::string("\2\0\0\0\1\0\6\0\xff\xff\xff\xff\2\0\7\0\xe8\3\0\0", 20)},
                         {"security.capability", std::string("\0\1\2\n=", 5)}});
  for (int i = 0; i < 200; ++i) folder = fs.make_directory(folder, "0123456789abcdef", odd);
  put(fs, folder, "deep", "deep", odd);
  fs.make_special(fs.root(), "socket", FileType::socket, {}, odd);
  fs.make_special(fs.root(), "disk", FileType::block_device, {300, 70'000}, odd);
  ext4::Attributes open_to_all = odd;
  open_to_all.permissions = 0777;  // as every symlink of a layer
  fs.make_symlink(fs.root(), "symlink", std::string(4000, 's'), open_to_all);
  auto writer = fs.make_file(fs.root(), "sparse", odd);
  writer.skip(50'000'000);
  writer.write(std::as_bytes(std::span(std::string_view("middle"))));
  writer.skip(1'000'000);
  writer.finish();
  auto hole = fs.make_file(fs.root(), "hole", odd);
  hole.skip(123'456'789);
  hole.finish();
  // More pieces than a sparse file's map can have.
  auto scattered = fs.make_file(fs.root(), "scattered", odd);
  for (int i = 0; i < 4200; ++i) {
    scattered.skip(4096);
    scattered.write(std::as_bytes(std::span(std::string_view("x"))));
    scattered.skip(4095);
  }
  scattered.finish();
}

}  // namespace

TEST_CASE("export: unpacked again, the archive gives the same tree and the same archive") {
  std::vector<std::vector<std::string>> images;
  for (const NastyImage& image : nasty_images()) images.push_back(image.tars);
  for (unsigned seed = 100; seed < 108; ++seed) images.push_back(random_image(seed));
  for (const auto& tars : images) {
    const Disk disk(tars);
    const std::string tar = exported(disk.reader());
    const Disk again({tar});
    check_equal(disk.lines(), again.lines());
    CHECK((exported(again.reader()) == tar));
  }
}

TEST_CASE("export: what only an ext4 image can have") {
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, small_format());
  fill(fs);
  fs.commit();
  rootfs::ExportResult result;
  const std::string tar = exported(Reader::open(device), &result);
  CHECK(result.entries == 208);  // the root, but neither the socket nor lost+found
  CHECK(result.skipped_sockets == 1);
  CHECK(tar.size() < 36 << 20);  // the scattered file without its small holes
  Reader reader = Reader::open(device);
  Lines expected = describe_image(reader);
  std::erase_if(expected, [](const std::string& line) { return line.starts_with("socket "); });
  const Disk again({tar});
  check_equal(expected, again.lines());
  Reader reopened = again.reader();
  const ext4::Attributes odd = reopened.stat(*reopened.resolve("disk")).attributes;
  CHECK(odd.atime == ext4::Timestamp{1, 2});
  CHECK(odd.ctime == ext4::Timestamp{6'000'000'000, 999'999'999});
  CHECK(reopened.stat(*reopened.resolve("hole")).allocated == 0_B);
}

TEST_CASE("diff: of images by chance, layer upon layer and unrelated ones") {
  // VMKIT_RANDOM_IMAGES=N takes N instead.
  const char* wanted = std::getenv("VMKIT_RANDOM_IMAGES");
  const unsigned count = wanted != nullptr ? static_cast<unsigned>(std::atoi(wanted)) : 12;
  for (unsigned seed = 200; seed < 200 + count; ++seed) {
    CAPTURE(seed);
    const auto tars = random_image(seed);
    check_difference({tars.begin(), tars.end() - 1}, tars);
    check_difference(tars, random_image(seed + 100'000));
  }
}

TEST_CASE("diff: says only what is different") {
  const std::vector<std::string> lower{tar_of({{.name = "./", .type = '5', .mode = 0755},
                                               {.name = "bin/", .type = '5', .mode = 0755},
                                               {.name = "bin/a", .data = "a"},
                                               {.name = "bin/b", .type = '1', .link = "bin/a"},
                                               {.name = "bin/c", .type = '1', .link = "bin/a"},
                                               {.name = "etc/", .type = '5', .mode = 0755},
                                               {.name = "etc/same", .data = "same"},
                                               {.name = "etc/gone/", .type = '5', .mode = 0755},
                                               {.name = "etc/gone/file", .data = "x"},
                                               {.name = "etc/was file", .data = "y"},
                                               {.name = "var/", .type = '5', .mode = 0755},
                                               {.name = "var/link", .type = '2', .link = "x"}})};
  const Disk below(lower);
  const auto layer_for = [&](const std::vector<TarMember>& members) {
    const Disk above(with(lower, tar_of(members)));
    return names_in(difference(below.reader(), above.reader()));
  };
  CHECK(layer_for({}) == "");
  CHECK(layer_for({{.name = "etc/.wh.gone"}}) == "./ etc/ etc/.wh.gone ");
  CHECK(layer_for({{.name = "etc/was file", .type = '5', .mode = 0700},
                   {.name = "etc/was file/now", .data = "z"}}) ==
        "./ etc/ etc/was file/ etc/was file/now ");
  CHECK(layer_for({{.name = "etc/gone", .data = "a file"}}) == "./ etc/ etc/gone ");
  CHECK(layer_for({{.name = "etc/same", .data = "Same"}}) == "./ etc/ etc/same ");
  CHECK(layer_for({{.name = "etc/same", .data = "same", .mode = 0600}}) == "./ etc/ etc/same ");
  CHECK(layer_for({{.name = "var/", .type = '5', .mode = 0700}}) == "./ var/ ");
  CHECK(layer_for({{.name = "var/link", .type = '2', .link = "y"}}) == "./ var/ var/link ");
  // One name less: the two that stay are still one file, and no longer the three's.
  CHECK(layer_for({{.name = "bin/.wh.b"}}) == "./ bin/ bin/a bin/.wh.b bin/c= ");
  CHECK(layer_for({{.name = "bin/b", .data = "a"}}) == "./ bin/ bin/a bin/b bin/c= ");
  CHECK(layer_for({{.name = "bin/d", .type = '1', .link = "bin/a"}}) ==
        "./ bin/ bin/a bin/b= bin/c= bin/d= ");
}

TEST_CASE("diff: a clone's unchanged files are not read") {
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, small_format());
  put(fs, fs.root(), "file", std::string(100'000, 'x'));
  fs.commit();
  SparseFileDevice clone;
  clone.resize(device.size());
  std::vector<std::byte> bytes(device.size().bytes());
  device.read_at(0, bytes);
  clone.write_at(0, bytes);
  Reader lower = Reader::open(device);
  std::uint64_t place = 0;
  lower.for_each_extent(*lower.resolve("file"), [&](const ext4::FileExtent& extent) {
    place = extent.physical;
    return false;
  });
  const std::byte other{'y'};
  clone.write_at(place, {&other, 1});  // as nobody but a test would
  CHECK(names_in(difference(Reader::open(device), Reader::open(clone))) == "./ file ");
  CHECK(names_in(difference(Reader::open(device), Reader::open(clone), nullptr,
                            {.upper_is_clone = true})) == "");
}

TEST_CASE(
    "diff and export: what a layer cannot hold, disks that are wrong, calls that are stopped") {
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, small_format());
  const Inode folder = fs.make_directory(fs.root(), "folder", {.permissions = 0755});
  put(fs, folder, ".wh.name", "x");
  fs.make_special(fs.root(), "socket", FileType::socket, {}, {});
  fs.commit();
  const Disk empty({tar_of({{.name = "socket", .data = "x"}})});
  check_error(Errc::unsupported, {"folder/.wh.name", "whiteouts"},
              [&] { difference(empty.reader(), Reader::open(device)); });
  rootfs::DiffResult result;
  CHECK(names_in(difference(Reader::open(device), empty.reader(), &result)) ==
        "./ .wh.folder socket ");
  // Two folders that lead into one another, and have no checksums to give them away.
  if (have_e2fsprogs()) {
    SparseFileDevice circle;
    circle.resize(2_MiB);
    run_tool({e2fs_tool("mke2fs"), "-q", "-F", "-O", "^metadata_csum", circle.path()});
    for (const char* request : {"mkdir a", "mkdir a/b", "link a a/b/c"}) {
      run_tool({e2fs_tool("debugfs"), "-w", "-R", request, circle.path()});
    }
    check_error(Errc::data_corruption, {"two names lead to this folder"},
                [&] { exported(Reader::open(circle)); });
    check_error(Errc::data_corruption, {"two names lead to this folder"},
                [&] { difference(empty.reader(), Reader::open(circle)); });
  }
  StopSource stop;
  stop.request_stop();
  TextSink sink;
  Reader reader = Reader::open(device);
  check_error(Errc::cancelled, {"export"},
              [&] { rootfs::export_tar(reader, sink, {}, {.stop = stop.token()}); });
  CHECK(sink.text.empty());
}
