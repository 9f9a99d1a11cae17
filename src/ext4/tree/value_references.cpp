// SPDX-License-Identifier: Apache-2.0
#include "ext4/tree/value_references.hpp"

#include <array>

#include "ext4/format/format.hpp"
#include "ext4/read/xattr_area.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {

ValueReferences read_value_references(BlockSource& source, const InodeRecord& inode) {
  ValueReferences references;
  const Volume& volume = source.volume();
  if (!volume.has_incompat(incompat::ea_inode)) return references;
  const XattrVisitor add = [&](const XattrEntry& entry) {
    if (entry.value_ino == 0) return;
    references.inodes.push_back(entry.value_ino);
    references.blocks += ceil_div(entry.value_size, block_size);
  };
  parse_inode_xattrs(volume, inode, add);
  if (inode.xattr_block == 0) return references;
  const std::size_t in_inode = references.inodes.size();
  std::array<std::byte, largest_block> block;
  source.read(inode.xattr_block, block);
  parse_xattr_block(volume, inode, inode.xattr_block, block, add);
  constexpr std::size_t count_at = 4;
  references.shared =
      references.inodes.size() > in_inode && load_le<std::uint32_t>(&block[count_at]) != 1;
  return references;
}

}  // namespace vmkit::ext4
