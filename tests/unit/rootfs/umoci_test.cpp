// SPDX-License-Identifier: Apache-2.0
// Needs root. The same layers through vmkit and through umoci: equal in all that can be seen of
// them. Where umoci departs from what containerd does, and the images here keep clear of it:
//   - attributes in the header of a hard link are not set (containerd sets them on the file);
//   - folders that no layer describes get the time of now and 0777 less the umask;
//   - hard links before their target fail;
//   - folders get the time of now when something is hidden in them from further up, or when a
//     folder that no layer describes is made in them: those times are not compared.
#include <cstdlib>
#include <ctime>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <vector>

#include "os/directory.hpp"
#include "support/e2fsck.hpp"
#include "unit/rootfs/nasty_layers.hpp"
#include "unit/rootfs/peers.hpp"
#include "unit/rootfs/test_layers.hpp"

#include <vmkit/rootfs/unpack.hpp>

using namespace vmkit;
using namespace vmkit::test;
namespace fs = std::filesystem;

namespace {

void check_same(const std::vector<std::string>& tars) {
  const long long start = std::time(nullptr);
  const os::TemporaryDirectory work(fs::temp_directory_path(), "vmkit-umoci");
  const auto expected = describe_tree(unpack_with_umoci(tars, work.path()));
  std::vector<rootfs::Layer> layers;
  for (const std::string& tar : tars) layers.push_back(gzip_layer(tar));
  const fs::path disk = work.path() / "disk.ext4";
  rootfs::unpack(layers, disk, {.size = 64_MiB});
  CHECK(e2fsck_complaints(disk.string()) == "");
  const Mount mount({"-o", "loop,ro", disk.string()}, work.path() / "mnt");
  const auto found = describe_tree(work.path() / "mnt");
  check_same_trees(expected, found, start);
}

}  // namespace

TEST_CASE("umoci: nasty images") {
  if (!have_peers()) return;
  for (const NastyImage& image : nasty_images()) {
    const std::string name = image.name;
    CAPTURE(name);
    check_same(image.tars);
  }
}

TEST_CASE("umoci: random images") {
  if (!have_peers()) return;
  // VMKIT_RANDOM_IMAGES=N compares N instead.
  const char* wanted = std::getenv("VMKIT_RANDOM_IMAGES");
  const unsigned count = wanted != nullptr ? static_cast<unsigned>(std::atoi(wanted)) : 30;
  for (unsigned seed = 1; seed <= count; ++seed) {
    CAPTURE(seed);
    check_same(random_image(seed));
  }
}
