// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// The feature bits of the superblock, as ext4 calls them.
namespace vmkit::ext4 {

namespace compat {
inline constexpr std::uint32_t has_journal = 0x4;
inline constexpr std::uint32_t ext_attr = 0x8;
inline constexpr std::uint32_t resize_inode = 0x10;
inline constexpr std::uint32_t dir_index = 0x20;
inline constexpr std::uint32_t sparse_super2 = 0x200;
inline constexpr std::uint32_t orphan_file = 0x1000;
}  // namespace compat

namespace incompat {
inline constexpr std::uint32_t filetype = 0x2;
inline constexpr std::uint32_t needs_recovery = 0x4;
inline constexpr std::uint32_t meta_bg = 0x10;
inline constexpr std::uint32_t extents = 0x40;
inline constexpr std::uint32_t has_64bit = 0x80;
inline constexpr std::uint32_t mmp = 0x100;
inline constexpr std::uint32_t flex_bg = 0x200;
inline constexpr std::uint32_t ea_inode = 0x400;
inline constexpr std::uint32_t metadata_csum_seed = 0x2000;
inline constexpr std::uint32_t large_dir = 0x4000;
inline constexpr std::uint32_t inline_data = 0x8000;
}  // namespace incompat

namespace ro_compat {
inline constexpr std::uint32_t sparse_super = 0x1;
inline constexpr std::uint32_t large_file = 0x2;
inline constexpr std::uint32_t huge_file = 0x8;
inline constexpr std::uint32_t uninit_bg = 0x10;
inline constexpr std::uint32_t dir_nlink = 0x20;
inline constexpr std::uint32_t extra_isize_feature = 0x40;
inline constexpr std::uint32_t bigalloc = 0x200;
inline constexpr std::uint32_t metadata_csum = 0x400;
inline constexpr std::uint32_t orphan_present = 0x10000;
}  // namespace ro_compat

struct Features {
  std::uint32_t compat = 0;
  std::uint32_t incompat = 0;
  std::uint32_t ro_compat = 0;
};

/// As dumpe2fs spells them, in the order of their bits; bits without a name: "FEATURE_I31" (of
/// incompat; _C: compat, _R: ro_compat).
std::vector<std::string> feature_names(const Features& features);

}  // namespace vmkit::ext4
