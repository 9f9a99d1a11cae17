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

/// The extended attributes of one inode in ext4's form: the known prefix of a name is a number,
/// ACLs have their encoding on disk, and each attribute has its place: inode or block.
class XattrSet {
 public:
  /// Throws invalid_argument (a bad name or ACL, or a name twice), unsupported (no such prefix),
  /// resource_exhausted (they do not fit).
  explicit XattrSet(std::vector<Xattr> xattrs);
  /// Those that an image has: where they stand they fit, and here they are only to be listed.
  static std::unique_ptr<XattrSet> listed(std::vector<Xattr> xattrs);

  std::vector<Xattr> to_xattrs() const;
  bool has_block() const { return !in_block_.empty(); }

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

    std::size_t head_size() const;
    std::size_t value_size() const;
    std::size_t size() const { return head_size() + value_size(); }
  };

  static Entry to_entry(Xattr xattr);
  static void store(std::span<std::byte> area, std::size_t first, std::size_t base,
                    std::span<const Entry> entries, bool hashed);

  std::vector<Entry> in_inode_;  ///< Both in the order in which the kernel searches a block.
  std::vector<Entry> in_block_;
};

}  // namespace vmkit::ext4
