// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "os/directory.hpp"
#include "unit/rootfs/test_layers.hpp"

#include <vmkit/rootfs/unpack.hpp>

namespace vmkit::test {

struct ListedFile {
  unsigned inode = 0;
  unsigned mode = 0;  ///< Type and permissions, as st_mode.
  unsigned uid = 0;
  unsigned gid = 0;
};

/// A disk in a folder of its own, unpacked and found clean by e2fsck, as debugfs sees it.
class UnpackedDisk {
 public:
  explicit UnpackedDisk(const std::vector<rootfs::Layer>& layers,
                        const rootfs::UnpackOptions& options = {.size = 64_MiB});
  explicit UnpackedDisk(const std::vector<std::vector<TarMember>>& layers)
      : UnpackedDisk(layers_of(layers)) {}

  /// All but "/" and lost+found, by path without a leading slash.
  const std::map<std::string, ListedFile>& files() const { return files_; }
  /// Their paths with a space between; folders end in '/', symlinks in "@", others than regular
  /// files in '!'.
  std::string names() const;
  /// Permissions and owner: "0644 7:8".
  std::string owner(const std::string& path) const;
  std::string content(const std::string& path) const;
  std::string symlink_target(const std::string& path) const;
  /// "SECONDS.NANOSECONDS" of the mtime.
  std::string mtime(const std::string& path) const;
  unsigned links(const std::string& path) const;
  std::string debugfs(const std::string& request) const;

  const std::filesystem::path& path() const { return path_; }
  const rootfs::UnpackResult& result() const { return result_; }

 private:
  std::string stat(const std::string& path) const;

  os::TemporaryDirectory folder_;
  std::filesystem::path path_;
  rootfs::UnpackResult result_;
  std::map<std::string, ListedFile> files_;
};

}  // namespace vmkit::test
