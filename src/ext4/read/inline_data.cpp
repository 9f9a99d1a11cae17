// SPDX-License-Identifier: Apache-2.0
#include "ext4/read/inline_data.hpp"

#include <algorithm>
#include <string>

#include "ext4/read/corrupt.hpp"
#include "ext4/read/xattr_area.hpp"

namespace vmkit::ext4 {

InlineData inline_data(const Volume& volume, const InodeRecord& inode) {
  InlineData data;
  data.block =
      std::span(inode.block).first(std::min<std::uint64_t>(inode.size, inode.block.size()));
  parse_inode_xattrs(volume, inode, [&](const XattrEntry& entry) {
    if (entry.is_inline_data()) data.tail = entry.value;
  });
  const std::uint64_t room = data.block.size() + data.tail.size();
  if (inode.size > room) {
    throw_corrupt({inode.ino, 0}, "a size of " + std::to_string(inode.size) + " with " +
                                      std::to_string(room) + " bytes of inline data");
  }
  data.tail = data.tail.first(static_cast<std::size_t>(inode.size - data.block.size()));
  return data;
}

}  // namespace vmkit::ext4
