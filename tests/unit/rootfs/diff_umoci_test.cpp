// SPDX-License-Identifier: Apache-2.0
// Needs root. What another tool makes of our differences and archives, seen by the kernel.
#include <ctime>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <vector>

#include "os/directory.hpp"
#include "os/file.hpp"
#include "unit/rootfs/nasty_layers.hpp"
#include "unit/rootfs/peers.hpp"
#include "unit/rootfs/test_layers.hpp"

#include <vmkit/disk/image_file.hpp>
#include <vmkit/rootfs/diff.hpp>
#include <vmkit/rootfs/export_tar.hpp>
#include <vmkit/rootfs/unpack.hpp>

using namespace vmkit;
using namespace vmkit::test;
namespace fs = std::filesystem;

namespace {

class TextSink final : public Sink {
 public:
  void write(std::span<const std::byte> data) override {
    text.append(reinterpret_cast<const char*>(data.data()), data.size());
  }
  std::string text;
};

void unpack_to(const fs::path& disk, const std::vector<std::string>& tars) {
  std::vector<rootfs::Layer> layers;
  for (const std::string& tar : tars) layers.push_back(layer_of(tar, tar));
  rootfs::unpack(layers, disk, {.size = 64_MiB});
}

}  // namespace

TEST_CASE("umoci applies our differences, and GNU tar our archives, to the same trees") {
  if (!have_peers()) return;
  for (unsigned seed = 300; seed < 306; ++seed) {
    CAPTURE(seed);
    const os::TemporaryDirectory work(fs::temp_directory_path(), "vmkit-diff");
    const fs::path lower = work.path() / "lower";
    const fs::path upper = work.path() / "upper";
    auto tars = random_image(seed);
    unpack_to(lower, tars);
    unpack_to(upper, random_image(seed + 100));
    TextSink layer;
    TextSink archive;
    {
      auto lower_file = disk::ImageFile::open(lower, disk::ImageFile::Access::read_only);
      auto upper_file = disk::ImageFile::open(upper, disk::ImageFile::Access::read_only);
      auto below = ext4::Reader::open(lower_file);
      auto above = ext4::Reader::open(upper_file);
      rootfs::diff(below, above, layer);
      rootfs::export_tar(above, archive);
    }
    tars.push_back(layer.text);
    const long long start = std::time(nullptr);
    const auto by_umoci = describe_tree(unpack_with_umoci(tars, work.path()));
    const fs::path by_tar = work.path() / "by tar";
    fs::create_directory(by_tar);
    os::write_file_atomically(work.path() / "archive.tar", archive.text);
    run_checked({"/bin/tar", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf",
                 (work.path() / "archive.tar").string(), "-C", by_tar.string()});
    const Mount mount({"-o", "loop,ro", upper.string()}, work.path() / "mnt");
    const auto expected = describe_tree(work.path() / "mnt");
    check_same_trees(by_umoci, expected, start);
    check_same_trees(expected, describe_tree(by_tar), start);
  }
}
