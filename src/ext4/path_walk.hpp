// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmkit/ext4/types.hpp>

namespace vmkit::ext4 {

/// What following a path needs to know of a tree.
class PathTree {
 public:
  virtual ~PathTree() = default;

  virtual bool is_directory(Inode inode) = 0;
  /// Of a directory; "." and ".." are not asked for.
  virtual std::optional<Inode> find(Inode directory, const std::string& name) = 0;
  /// The target if it is a symlink, which is not empty.
  virtual std::optional<std::string> symlink_target(Inode inode) = 0;
};

/// Follows one path from `root`, symlinks inside the tree. Used once.
class PathWalk {
 public:
  PathWalk(PathTree& tree, Inode root) : tree_(tree), way_{root} {}

  std::optional<Inode> resolve(std::string_view path, LastSymlink last);

  /// Where the path leads when what is missing has been made by `make`. Throws failed_precondition
  /// if something on the way is no directory.
  Inode make_directories(std::string_view path,
                         const std::function<Inode(Inode parent, const std::string& name)>& make);

 private:
  /// Takes the next component of the path; none: it is at its end.
  std::optional<std::string> next();
  /// Goes to `name`, which is in the directory where we are; false: it is not there.
  bool step(const std::string& name, LastSymlink last);

  PathTree& tree_;
  std::string rest_;
  std::size_t at_ = 0;
  unsigned symlinks_ = 0;
  std::vector<Inode> way_;  ///< The directories that lead to where we are.
};

}  // namespace vmkit::ext4
