// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "rootfs/upper.hpp"

#include <vmkit/ext4/filesystem.hpp>

namespace vmkit::rootfs {

/// Finds folders in the tree that is being made, following symlinks as a process would whose root
/// it is: absolute targets start at the root and ".." stops there.
class Resolver {
 public:
  Resolver(ext4::Filesystem& tree, Upper& upper) : tree_(tree), upper_(upper) {}

  /// The folder at `path`. Missing folders are made, and all on the way count as passed through by
  /// the layer. Throws data_corruption where something else is in the way and for symlink loops.
  ext4::Inode make_folder(std::span<const std::string_view> path);

  /// The folder at `path`; nullopt if there is none. Throws for symlink loops.
  std::optional<ext4::Inode> find_folder(std::span<const std::string_view> path);

  /// What was found out may not hold any more: something was removed, or a layer begins.
  void forget() { cached_.reset(); }

 private:
  std::optional<ext4::Inode> walk(std::span<const std::string_view> path, bool make);

  ext4::Filesystem& tree_;
  Upper& upper_;
  // Members of one folder mostly follow one another: the last folder made or passed through.
  std::optional<ext4::Inode> cached_;
  std::string cached_path_;
};

/// Of folders that no layer describes.
ext4::Attributes default_folder_attributes();

}  // namespace vmkit::rootfs
