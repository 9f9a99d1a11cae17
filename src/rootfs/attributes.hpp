// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include <vmkit/archive/tar_reader.hpp>
#include <vmkit/ext4/types.hpp>

namespace vmkit::rootfs {

/// The attributes of a member as ext4 keeps them: times that the archive does not tell are the
/// mtime, times that ext4 cannot tell are the nearest it can.
ext4::Attributes attributes_of(const archive::TarEntry& entry);

/// Throws data_corruption for numbers that Linux does not have.
ext4::DeviceNumber device_of(const archive::TarEntry& entry);

/// The extended attributes that ext4 has a place for; how many others there are goes to `skipped`.
std::vector<ext4::Xattr> xattrs_of(const archive::TarEntry& entry, std::size_t& skipped);

}  // namespace vmkit::rootfs
