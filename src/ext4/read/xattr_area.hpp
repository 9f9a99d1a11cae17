// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "ext4/read/block_source.hpp"
#include "ext4/read/inode.hpp"
#include "ext4/read/volume.hpp"

#include <vmkit/ext4/types.hpp>

namespace vmkit::ext4 {

/// One extended attribute where it stands.
struct XattrEntry {
  std::uint8_t prefix = 0;
  std::string_view name;  ///< Without the prefix.
  std::span<const std::byte> value;
  /// If not 0: the inode whose content of `value_size` bytes is the value (ea_inode).
  std::uint32_t value_ino = 0;
  std::uint32_t value_size = 0;

  /// Whether it is the rest of an inline file and no attribute.
  bool is_inline_data() const;
};

using XattrVisitor = std::function<void(const XattrEntry&)>;

/// The attributes in the inode itself. Throws data_corruption.
void parse_inode_xattrs(const Volume& volume, const InodeRecord& inode, const XattrVisitor& visit);

/// Those in its block: `number`, whose bytes `block` are. Verifies the checksum.
void parse_xattr_block(const Volume& volume, const InodeRecord& inode, std::uint64_t number,
                       std::span<const std::byte> block, const XattrVisitor& visit);

/// All of them, ordered by name, ACLs in the encoding of the system calls, values in inodes of
/// their own (at most 64 KiB each) read and verified.
std::vector<Xattr> read_xattrs(BlockSource& source, const InodeRecord& inode);

}  // namespace vmkit::ext4
