// SPDX-License-Identifier: Apache-2.0
// Needs root: mounts file systems that share blocks, from files.
#include <array>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <vector>

#include "os/file.hpp"
#include "support/e2fsck.hpp"
#include "support/mounted_file_system.hpp"
#include "unit/rootfs/nasty_layers.hpp"
#include "unit/rootfs/test_layers.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/rootfs/cache.hpp>

using namespace vmkit;
using namespace vmkit::test;
namespace fs = std::filesystem;

namespace {

Digest digest_of_file(const fs::path& path) {
  const os::File file = os::File::open(path, os::File::Mode::read);
  Hasher hasher;
  std::vector<std::byte> buffer(1 << 20);
  for (std::uint64_t at = 0;;) {
    const std::size_t count = file.read_at(at, buffer);
    if (count == 0) return hasher.finish();
    hasher.update(std::span(buffer).first(count));
    at += count;
  }
}

/// Layers that must not be opened.
std::vector<rootfs::Layer> unreadable(std::vector<rootfs::Layer> layers, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    layers[i].open = []() -> std::unique_ptr<Source> {
      throw Error(Errc::internal, "a layer was opened that is on a disk already");
    };
  }
  return layers;
}

void check_updated_image(const std::string& type) {
  const MountedFileSystem mounted(type);
  if (!mounted.usable()) return;
  const rootfs::Cache cache(mounted.path() / "rootfs");
  const rootfs::UnpackOptions options{.size = 64_MiB};
  const auto lower = layers_of({{{.name = "base", .data = std::string(20 << 20, 'b')}},
                                {{.name = "app/lib", .data = std::string(10 << 20, 'l')}}});
  const auto image = [&](const std::string& top) {
    auto layers = lower;
    layers.push_back(gzip_layer(tar_of({{.name = "app/main", .data = top}, {.name = ".wh.base"}})));
    return layers;
  };
  const auto first = cache.get_or_unpack(image("one"), options);
  CHECK(first.unpacked.value().reused_layers == 0);
  CHECK(cache.list().size() == 3);
  const auto second = cache.get_or_unpack(unreadable(image("two"), 2), options);
  CHECK(second.unpacked.value().reused_layers == 2);
  CHECK(e2fsck_complaints(second.path.string()) == "");
  const std::array paths{first.path, second.path};
  const disk::UsageReport usage = disk::usage(paths);
  CHECK(usage.disks[1].added < 1_MiB);

  const fs::path alone = mounted.path() / "alone.ext4";
  rootfs::unpack(image("two"), alone, options);
  CHECK(digest_of_file(second.path) == digest_of_file(alone));

  // The lower layers alone are an image too, and there.
  CHECK_FALSE(cache.get_or_unpack(unreadable(lower, 2), options).unpacked.has_value());
  // A lower disk that has been damaged since is not built upon, and made anew.
  const auto damaged = cache.find(rootfs::chain_id(lower), options).value().path;
  os::File::open(damaged, os::File::Mode::read_write)
      .write_at(4096, std::as_bytes(std::span("garbled")));
  const auto third = cache.get_or_unpack(unreadable(image("three"), 1), options);
  CHECK(third.unpacked.value().reused_layers == 1);
  CHECK(e2fsck_complaints(third.path.string()) == "");
  CHECK(e2fsck_complaints(damaged.string()) == "");

  // Of another size nothing can be used.
  CHECK(cache.get_or_unpack(image("one"), {.size = 32_MiB}).unpacked.value().reused_layers == 0);
}

}  // namespace

TEST_CASE("cache cow: an updated image starts from its lower layers, btrfs") {
  check_updated_image("btrfs");
}
TEST_CASE("cache cow: an updated image starts from its lower layers, xfs") {
  check_updated_image("xfs");
}

TEST_CASE("cache cow: random images have the same bytes with and without what is cached") {
  const MountedFileSystem mounted("xfs");
  if (!mounted.usable()) return;
  const rootfs::UnpackOptions options{.size = 16_MiB};
  // VMKIT_RANDOM_IMAGES=N makes N instead.
  const char* wanted = std::getenv("VMKIT_RANDOM_IMAGES");
  const unsigned count = wanted != nullptr ? static_cast<unsigned>(std::atoi(wanted)) : 8;
  for (unsigned seed = 1; seed <= count; ++seed) {
    CAPTURE(seed);
    const rootfs::Cache cache(mounted.path() / std::to_string(seed));
    std::vector<rootfs::Layer> layers;
    for (const std::string& tar : random_image(seed)) {
      layers.push_back(gzip_layer(tar));
      const auto cached = cache.get_or_unpack(unreadable(layers, layers.size() - 1), options);
      CHECK(cached.unpacked.value().reused_layers == layers.size() - 1);
      const fs::path alone = mounted.path() / "alone.ext4";
      rootfs::unpack(layers, alone, options);
      CHECK(digest_of_file(cached.path) == digest_of_file(alone));
      CHECK(e2fsck_complaints(cached.path.string()) == "");
      fs::remove(alone);
    }
    fs::remove_all(mounted.path() / std::to_string(seed));
  }
}
