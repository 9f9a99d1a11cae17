// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include <vmkit/ext4/types.hpp>

namespace vmkit::rootfs {

/// Which names of the tree the current layer has made or passed through, so that its whiteouts
/// spare them.
///
/// Names are kept with the inode of their folder. Inodes of folders that are removed may be used
/// again, but only for folders that this layer makes, whose names are all its own: a stale name
/// does no harm.
class Upper {
 public:
  /// Forgets all. In the lowest layer everything is upper, and nothing needs to be remembered.
  void start_layer(bool lowest) {
    lowest_ = lowest;
    names_.clear();
    whole_.clear();
  }

  bool contains(ext4::Inode folder, std::string_view name) const {
    if (is_whole(folder)) return true;
    const auto at = names_.find(folder);
    return at != names_.end() && at->second.contains(std::string(name));
  }
  void add(ext4::Inode folder, std::string_view name) {
    if (!is_whole(folder)) names_[folder].emplace(name);
  }

  /// True if nothing in the folder and below is from a lower layer.
  bool is_whole(ext4::Inode folder) const { return lowest_ || whole_.contains(folder); }
  void add_whole(ext4::Inode folder) {
    if (!lowest_) whole_.insert(folder);
  }

 private:
  bool lowest_ = true;
  std::unordered_map<ext4::Inode, std::unordered_set<std::string>> names_;
  std::unordered_set<ext4::Inode> whole_;
};

}  // namespace vmkit::rootfs
