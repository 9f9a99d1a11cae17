// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <vmkit/ext4/types.hpp>

namespace vmkit::ext4 {

inline constexpr std::uint32_t xattr_magic = 0xea020000;

/// What the number of a name's prefix stands for.
struct XattrPrefix {
  std::uint8_t number;
  std::string_view text;
  bool whole;  ///< The name has nothing after the prefix.
  bool acl;    ///< The value has its own encoding on disk.
};
std::optional<XattrPrefix> xattr_prefix(std::uint8_t number);

/// What an inode that holds a value says of it, and its entry too.
std::uint32_t xattr_value_hash(std::string_view value, std::uint32_t file_system_seed);

/// The extended attributes of one inode in ext4's form: the known prefix of a name is a number,
/// ACLs have their encoding on disk, and each attribute has its place: inode or block; its value
/// may have an inode of its own (the feature ea_inode).
class XattrSet {
 public:
  /// Throws invalid_argument (a bad name or ACL, or a name twice), unsupported (no such prefix),
  /// resource_exhausted (too many of them, or a value of more than 64 KiB).
  explicit XattrSet(std::vector<Xattr> xattrs);
  /// Those that an image has: where they stand they fit, and here they are only to be listed.
  static std::unique_ptr<XattrSet> listed(std::vector<Xattr> xattrs,
                                          std::vector<std::uint32_t> value_inodes,
                                          std::uint64_t value_blocks);

  std::vector<Xattr> to_xattrs() const;
  bool has_block() const { return !in_block_.empty(); }

  /// Values that fit neither into the inode nor into the block, in a fixed order. Each needs an
  /// inode of its own, which set_value_inodes() names before this is stored.
  std::vector<std::string_view> large_values() const;
  void set_value_inodes(std::span<const std::uint32_t> inodes, std::uint32_t file_system_seed);
  /// What those inodes count for in blocks of the one that has the attributes.
  std::uint64_t value_blocks() const { return value_blocks_; }
  /// Those inodes; of listed() ones as they were given.
  const std::vector<std::uint32_t>& value_inodes() const { return value_inodes_; }

  /// Fills the end of an inode, `area`, which is zero.
  void store_in_inode(std::span<std::byte> area) const;
  /// Fills `block` (zero; one block), which will be number `number`.
  void store_in_block(std::span<std::byte> block, std::uint64_t number,
                      std::uint32_t file_system_seed) const;

 private:
  XattrSet() = default;

  struct Entry {
    std::uint8_t prefix;
    std::string name;  ///< Without the prefix.
    std::string value;
    bool large = false;  ///< The value stands in an inode of its own…
    std::uint32_t value_inode = 0;
    std::uint32_t value_hash = 0;

    std::size_t head_size() const;
    std::size_t value_size() const;
    std::size_t size() const { return head_size() + value_size(); }
  };

  static Entry to_entry(Xattr xattr);
  /// Puts entries into inode and block; false if there are too many.
  bool place(std::vector<Entry>& entries);
  static void store(std::span<std::byte> area, std::size_t first, std::size_t base,
                    std::span<const Entry> entries, bool hashed);

  std::vector<Entry> in_inode_;  ///< Both in the order in which the kernel searches a block.
  std::vector<Entry> in_block_;
  std::vector<std::uint32_t> value_inodes_;
  std::uint64_t value_blocks_ = 0;
};

}  // namespace vmkit::ext4
