// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <vmkit/ext4/filesystem.hpp>

namespace vmkit::ext4::test {

/// Edits by chance, the same for the same seed: they depend on the names in the tree only, not on
/// inode numbers or places. Keeps a model of what the image must have: the inode of each path, and
/// the content of each file.
class RandomEdits {
 public:
  explicit RandomEdits(unsigned seed) : random_(seed) {}

  /// The model is what the image has.
  void adopt(Filesystem& fs);
  void apply(Filesystem& fs, int steps);
  /// Compares names and contents with the model.
  void check(Filesystem& fs) const;

 private:
  using Paths = std::map<std::string, Inode>;

  static Paths paths_in(Filesystem& fs);
  void step(Filesystem& fs);
  void add_something(Filesystem& fs, Inode folder, const std::string& path);
  void write_something(Filesystem& fs, Inode file);
  void rename_something(Filesystem& fs);
  void forget(const std::string& path);

  unsigned below(std::size_t end) { return static_cast<unsigned>(random_() % end); }
  std::string new_name();
  Attributes some_attributes();
  std::vector<Xattr> some_xattrs();
  /// A path of that type, or any; empty if there is none.
  std::string pick(Filesystem& fs, bool (*fits)(FileType));
  Inode at(const std::string& path) const { return paths_.at(path); }

  std::mt19937 random_;  // the same sequence everywhere
  unsigned names_ = 0;
  Paths paths_;
  std::map<Inode, std::string> contents_;
};

}  // namespace vmkit::ext4::test
