// SPDX-License-Identifier: Apache-2.0
#include "ext4/tree/open_checks.hpp"

#include <string>

#include "ext4/format/features.hpp"
#include "ext4/format/format.hpp"
#include "ext4/read/group.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

constexpr Features required = {
    compat::ext_attr | compat::dir_index, incompat::filetype | incompat::extents,
    ro_compat::sparse_super | ro_compat::large_file | ro_compat::huge_file | ro_compat::dir_nlink |
        ro_compat::extra_isize_feature | ro_compat::metadata_csum};
constexpr Features known = {~std::uint32_t{0} & ~compat::sparse_super2,
                            required.incompat | incompat::needs_recovery | incompat::meta_bg |
                                incompat::has_64bit | incompat::flex_bg | incompat::ea_inode |
                                incompat::metadata_csum_seed | incompat::large_dir,
                            required.ro_compat | ro_compat::orphan_present};

std::string names_of(const Features& features) {
  std::string names;
  for (const std::string& name : feature_names(features)) {
    names += (names.empty() ? "" : ", ") + name;
  }
  return names;
}

[[noreturn]] void unsupported(const std::string& what) {
  throw Error(Errc::unsupported, "ext4 image cannot be edited: " + what + "; it can be read");
}

}  // namespace

void check_editable(const Volume& volume) {
  const Features& has = volume.features;
  const std::string missing =
      names_of({required.compat & ~has.compat, required.incompat & ~has.incompat,
                required.ro_compat & ~has.ro_compat});
  if (!missing.empty()) unsupported("without the features " + missing);
  const std::string unknown = names_of({has.compat & ~known.compat, has.incompat & ~known.incompat,
                                        has.ro_compat & ~known.ro_compat});
  if (!unknown.empty()) unsupported("features " + unknown);
  if (volume.block_size != block_size) {
    unsupported("blocks of " + std::to_string(volume.block_size) + " bytes, expected 4096");
  }
  if (volume.inode_size != inode_size) {
    unsupported("inodes of " + std::to_string(volume.inode_size) + " bytes, expected 256");
  }
  if (volume.blocks_per_group != blocks_per_group || volume.first_inode != first_free_ino ||
      volume.inodes_per_group % inodes_per_block != 0) {
    unsupported("groups of " + std::to_string(volume.blocks_per_group) + " blocks and " +
                std::to_string(volume.inodes_per_group) + " inodes, the first ordinary one " +
                std::to_string(volume.first_inode));
  }
  if (volume.has_compat(compat::has_journal) && volume.journal_ino != journal_ino) {
    unsupported(volume.journal_ino == 0
                    ? std::string("its journal is on another device")
                    : "its journal is inode " + std::to_string(volume.journal_ino) +
                          ", expected 8");
  }
  if (volume.blocks > std::uint64_t{1} << 32) unsupported("larger than 16 TiB");
}

void check_clean(std::span<const std::byte, superblock_size> superblock) {
  constexpr std::uint16_t clean = 1;
  constexpr std::uint16_t has_errors = 2;
  const auto state = load_le<std::uint16_t>(&superblock[0x3a]);
  if ((state & has_errors) != 0 || (state & clean) == 0) {
    throw Error(Errc::failed_precondition,
                (state & has_errors) != 0
                    ? "ext4 image in which errors were found: run e2fsck on it first"
                    : "ext4 image without a journal that was in use when its machine ended: run "
                      "e2fsck on it first");
  }
  if ((load_le<std::uint32_t>(&superblock[0x64]) & ro_compat::orphan_present) != 0) {
    throw Error(
        Errc::failed_precondition,
        "ext4 image whose orphan file has entries, of files that were open when its machine "
        "ended: mount it once or run e2fsck on it first");
  }
}

std::uint32_t orphan_file_of(const Image& image) {
  if (!image.volume.has_compat(compat::orphan_file)) return 0;
  return load_le<std::uint32_t>(&image.superblock[0x280]);
}

std::uint32_t group_base_blocks(const Volume& volume,
                                std::span<const std::byte, superblock_size> superblock,
                                std::uint32_t group) {
  const std::uint32_t in_block = block_size / volume.descriptor_size;
  const std::uint32_t copy = has_superblock(volume, group) ? 1 : 0;
  const bool meta = volume.has_incompat(incompat::meta_bg);
  if (meta && group / in_block >= volume.first_meta_group) {
    const std::uint32_t index = group % in_block;
    return copy + (index <= 1 || index + 1 == in_block ? 1 : 0);
  }
  const std::uint32_t descriptor_blocks =
      meta ? volume.first_meta_group
           : static_cast<std::uint32_t>(ceil_div(volume.groups, in_block));
  const std::uint32_t reserved = load_le<std::uint16_t>(&superblock[0xce]);
  return copy * (1 + descriptor_blocks + reserved);
}

}  // namespace vmkit::ext4
