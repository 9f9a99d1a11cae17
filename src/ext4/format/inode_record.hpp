// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "ext4/tree/nodes.hpp"

namespace vmkit::ext4 {

/// What an inode on disk has beyond its Node: where its data went.
struct InodePlacement {
  std::array<std::byte, 60> block{};  ///< i_block: extent tree, fast symlink or device number.
  std::uint64_t size = 0;             ///< Bytes.
  std::uint64_t blocks = 0;           ///< Of data, index and xattrs.
  std::uint64_t xattr_block = 0;      ///< 0: none.
  std::uint32_t flags = 0;
};

/// The seed of the checksums of everything that belongs to inode `ino`.
std::uint32_t inode_checksum_seed(std::uint32_t file_system_seed, std::uint32_t ino,
                                  std::uint32_t generation = 0);

/// Fills `record` (256 bytes). If the node is the `same` that stands there, what the node does not
/// tell stays: generation, creation time, flags, and its extended attributes if they did not
/// change.
void store_inode(std::span<std::byte> record, const Node& node, const InodePlacement& placement,
                 DiskTime created, std::uint32_t checksum_seed);

/// i_block of a device.
std::array<std::byte, 60> device_block(DeviceNumber device);

}  // namespace vmkit::ext4
