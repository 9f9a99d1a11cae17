// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <vmkit/ext4/filesystem.hpp>

namespace vmkit::ext4::test {

/// Edits by chance, the same for the same seed: they depend on the names in the tree only, not on
/// inode numbers or places, so that they make the same tree of any image with the same names.
class RandomEdits {
 public:
  explicit RandomEdits(unsigned seed) : random_(seed) {}

  void apply(Filesystem& fs, int steps);

 private:
  void step(Filesystem& fs);
  unsigned below(unsigned end) { return static_cast<unsigned>(random_() % end); }
  std::string new_name();
  Attributes some_attributes();
  std::vector<Xattr> some_xattrs();

  struct Place {
    Inode folder;
    std::string name;
    Inode inode;
  };
  std::vector<Place> all_places(Filesystem& fs);

  std::mt19937 random_;  // the same sequence everywhere
  unsigned names_ = 0;
};

}  // namespace vmkit::ext4::test
