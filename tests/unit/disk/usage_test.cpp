// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>

#include "os/directory.hpp"
#include "support/errors.hpp"

#include <vmkit/disk/image_file.hpp>
#include <vmkit/disk/usage.hpp>

using namespace vmkit;
using namespace vmkit::disk;
namespace fs = std::filesystem;

// What is shared is seen in usage_cow_test.cpp, on file systems that share.
TEST_CASE("usage: holes take nothing; a file that is named twice shares all") {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-usage");
  const fs::path path = folder.path() / "disk.img";
  const fs::path other = folder.path() / "other.img";
  const std::string mib(1 << 20, 'a');
  for (const auto& one : {path, other}) {
    ImageFile image = ImageFile::create(one, 64_MiB);
    image.write_at(5 << 20, std::as_bytes(std::span(mib)));
    image.write_at(40 << 20, std::as_bytes(std::span(mib)));
    image.publish();
  }
  const std::array both{path, other};
  UsageReport report = usage(both);
  REQUIRE(report.disks.size() == 2);
  for (std::size_t i = 0; i < both.size(); ++i) {
    CHECK(report.disks[i].path == both[i]);
    CHECK(report.disks[i].size == 64_MiB);
    CHECK(report.disks[i].exclusive == 2_MiB);
    CHECK(report.disks[i].shared == 0_B);
  }
  CHECK(report.total == 4_MiB);

  fs::create_hard_link(path, folder.path() / "name.img");
  const std::array names{path, folder.path() / "name.img"};
  report = usage(names);
  CHECK(report.disks[0].exclusive == 0_B);
  CHECK(report.disks[1].shared == 2_MiB);
  CHECK(report.total == 2_MiB);

  CHECK(usage({}).total == 0_B);
  const std::array missing{folder.path() / "none"};
  test::check_error(Errc::not_found, {"none"}, [&] { usage(missing); });
  StopSource stop;
  stop.request_stop();
  test::check_error(Errc::cancelled, {"extents"}, [&] { usage(both, {.stop = stop.token()}); });
}
