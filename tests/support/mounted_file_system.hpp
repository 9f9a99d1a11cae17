// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "os/child_process.hpp"
#include "os/directory.hpp"
#include "os/file.hpp"

#include <vmkit/base/byte_size.hpp>

namespace vmkit::test {

/// A file system of its own for one test, in a file: "btrfs", "xfs". Needs root.
class MountedFileSystem {
 public:
  explicit MountedFileSystem(const std::string& type, ByteSize size = ByteSize(400 << 20))
      : folder_(std::filesystem::temp_directory_path(), "vmkit-mount"),
        path_(folder_.path() / "mnt") {
    const auto image = folder_.path() / "fs.img";
    os::File::open(image, os::File::Mode::create_new).resize(size);
    std::filesystem::create_directory(path_);
    mounted_ = ::geteuid() == 0 && std::filesystem::exists("/sbin/mkfs." + type) &&
               run({"/sbin/mkfs." + type, "-q", image.string()}) &&
               run({"/bin/mount", "-o", "loop", image.string(), path_.string()});
  }
  ~MountedFileSystem() {
    if (mounted_) run({"/bin/umount", path_.string()});
  }
  MountedFileSystem(const MountedFileSystem&) = delete;
  MountedFileSystem& operator=(const MountedFileSystem&) = delete;

  /// False, and said so, where there is no root, no mkfs or no kernel for it: in CI that fails.
  bool usable() const {
    if (mounted_) return true;
    if (std::getenv("CI") != nullptr) FAIL("missing: a file system to mount, and root");
    MESSAGE("skipped: missing a file system to mount, or root");
    return false;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  static bool run(std::vector<std::string> arguments) {
    const os::Output output = os::run({.arguments = std::move(arguments)}, ByteSize(1 << 20),
                                      CallOptions{}.with_timeout(std::chrono::seconds(60)));
    if (!output.status.success()) MESSAGE(output.err);
    return output.status.success();
  }

  os::TemporaryDirectory folder_;
  std::filesystem::path path_;
  bool mounted_ = false;
};

}  // namespace vmkit::test
