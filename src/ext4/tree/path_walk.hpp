// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ext4/tree/state.hpp"

#include <vmkit/ext4/types.hpp>

namespace vmkit::ext4 {

/// Follows one path from the root, symlinks inside the tree.
class PathWalk {
 public:
  explicit PathWalk(State& state) : state_(state) {}

  std::optional<Inode> resolve(std::string_view path, LastSymlink last);
  Inode make_directories(std::string_view path, const Attributes& attributes);

 private:
  /// Takes the next component of the path; none: it is at its end.
  std::optional<std::string> next();
  /// Goes to `name`, which is in the directory where we are; none: it is not there.
  bool step(const std::string& name, LastSymlink last);

  State& state_;
  std::string rest_;
  std::size_t at_ = 0;
  unsigned symlinks_ = 0;
  std::vector<Inode> way_ = {Inode{root_ino}};  ///< The directories that lead to where we are.
};

}  // namespace vmkit::ext4
