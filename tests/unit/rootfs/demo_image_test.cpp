// SPDX-License-Identifier: Apache-2.0
// Needs root. A whole Debian, unpacked and mounted, is what umoci makes of the same layout: every
// inode's mode, owner, time, attributes, links, device and content.
#include <ctime>
#include <doctest/doctest.h>
#include <filesystem>

#include "os/directory.hpp"
#include "support/demo.hpp"
#include "support/e2fsck.hpp"
#include "unit/rootfs/peers.hpp"

#include <vmkit/container/image_layers.hpp>
#include <vmkit/oci/image_store.hpp>
#include <vmkit/rootfs/unpack.hpp>

using namespace vmkit;
using namespace vmkit::test;
namespace fs = std::filesystem;

TEST_CASE("umoci: the demo image") {
  if (!have_peers()) return;
  const long long start = std::time(nullptr);
  const os::TemporaryDirectory work(fs::temp_directory_path(), "vmkit-umoci");
  const fs::path layout = work.path() / "layout";
  fs::copy(demo_layout(), layout, fs::copy_options::recursive);
  const fs::path bundle = work.path() / "bundle";
  run_checked({"/usr/bin/umoci", "unpack", "--image", layout.string() + ":demo", bundle.string()});

  const auto store = oci::ImageStore::open(layout);
  const auto records = store.list();
  REQUIRE(records.size() == 1);
  const oci::Image image = store.load(oci::Reference::parse("demo"), records[0].manifest);
  REQUIRE(image.manifest.layers.size() >= 2);
  const fs::path disk = work.path() / "disk.ext4";
  rootfs::unpack(container::image_layers(image, store), disk, {.size = 1_GiB});
  CHECK(e2fsck_complaints(disk.string()) == "");
  const Mount mount({"-o", "loop,ro", disk.string()}, work.path() / "mnt");

  const auto expected = describe_tree(bundle / "rootfs");
  CHECK(expected.size() > 1000);
  check_same_trees(expected, describe_tree(work.path() / "mnt"), start);
}
