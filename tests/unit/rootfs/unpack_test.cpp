// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "os/file.hpp"
#include "unit/rootfs/disk_listing.hpp"

#include <vmkit/disk/image_file.hpp>

using namespace vmkit;
using namespace vmkit::test;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> sample_tars() {
  std::vector<TarMember> lower = {{.name = "bin/", .type = '5'}};
  for (int i = 0; i < 500; ++i) {
    lower.push_back({.name = "bin/tool" + std::to_string(i),
                     .data = std::string(static_cast<std::size_t>(i) * 37, 'x'),
                     .mode = 0755});
  }
  return {tar_of(lower), tar_of({{.name = "bin/.wh.tool7"}, {.name = "etc/new", .data = "new"}}),
          tar_of({})};
}

}  // namespace

TEST_CASE("unpack: the same layers give the same bytes, however they are packed") {
  const auto tars = sample_tars();
  std::vector<rootfs::Layer> gzipped;
  std::vector<rootfs::Layer> mixed;
  for (std::size_t i = 0; i < tars.size(); ++i) {
    gzipped.push_back(gzip_layer(tars[i]));
    const std::string half = tars[i].substr(0, tars[i].size() / 2);
    const std::string rest = tars[i].substr(tars[i].size() / 2);
    mixed.push_back(layer_of(tars[i], i == 0   ? zstd(half) + zstd(rest)
                                      : i == 1 ? tars[i]
                                               : gzip(half, 9) + gzip(rest, 1)));
  }
  for (const auto journal : {std::optional<ByteSize>(), std::optional<ByteSize>(4_MiB)}) {
    const rootfs::UnpackOptions options{.size = 64_MiB, .journal = journal};
    const UnpackedDisk one(gzipped, options);
    const UnpackedDisk two(mixed, options);
    CHECK(one.result().chain_id == two.result().chain_id);
    CHECK(os::read_file(one.path(), 64_MiB) == os::read_file(two.path(), 64_MiB));
    CHECK(one.files().size() == 502);
    CHECK((one.debugfs("features").find("has_journal") != std::string::npos) ==
          journal.has_value());
  }
}

TEST_CASE("unpack: another lowest layer gives another UUID") {
  const auto tars = sample_tars();
  const auto uuid = [](const UnpackedDisk& disk) {
    const std::string text = disk.debugfs("show_super_stats -h");
    return text.substr(text.find("Filesystem UUID:"), 60);
  };
  const UnpackedDisk one({gzip_layer(tars[0])});
  const UnpackedDisk two({gzip_layer(tars[0]), gzip_layer(tars[2])});
  const UnpackedDisk three({gzip_layer(tars[2])});
  CHECK(uuid(one) == uuid(two));
  CHECK(uuid(one) != uuid(three));
}

TEST_CASE("unpack: onto a device of the caller") {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-rootfs");
  const auto tars = sample_tars();
  const std::vector<rootfs::Layer> layers = {gzip_layer(tars[0])};
  {
    disk::ImageFile image = disk::ImageFile::create(folder.path() / "disk", 64_MiB);
    rootfs::unpack(layers, image);
    image.publish();
  }
  const UnpackedDisk same(layers);
  CHECK(os::read_file(same.path(), 64_MiB) == os::read_file(folder.path() / "disk", 64_MiB));
}

TEST_CASE("unpack: progress is told by layer, in compressed bytes, to the end") {
  const auto tars = sample_tars();
  std::vector<rootfs::Layer> layers;
  for (std::size_t i = 0; i < tars.size(); ++i) {
    layers.push_back(layer_of(tars[i], gzip(tars[i]), "layer-" + std::to_string(i)));
  }
  std::map<std::string, Progress> last;
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-rootfs");
  const auto result = rootfs::unpack(layers, folder.path() / "disk", {.size = 64_MiB},
                                     {.progress = [&](const Progress& progress) {
                                       CHECK(progress.phase == "unpack");
                                       CHECK(progress.done <= progress.total);
                                       last[std::string(progress.subject)] = progress;
                                     }});
  REQUIRE(last.size() == 3);
  std::uint64_t compressed = 0;
  for (const rootfs::Layer& layer : layers) {
    CHECK(last.at(layer.name).done == layer.compressed_size.bytes());
    CHECK(last.at(layer.name).total == layer.compressed_size.bytes());
    compressed += layer.compressed_size.bytes();
  }
  CHECK(result.compressed.bytes() == compressed);
  CHECK(result.chain_id == rootfs::chain_id(layers));
}

TEST_CASE("unpack: a 64 GiB disk takes little room") {
  const UnpackedDisk disk({gzip_layer(tar_of({{.name = "a", .data = "x"}}))}, {});
  CHECK(fs::file_size(disk.path()) == std::uintmax_t{64} << 30);
  CHECK(disk.names() == "a");
}
