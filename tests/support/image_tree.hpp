// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <vmkit/ext4/reader.hpp>

namespace vmkit::test {

/// All bytes of a regular file.
std::string content_of(ext4::Reader& reader, ext4::Inode file);

/// One line for each inode of an image, in the form of describe_tree() of tests/unit/rootfs: path,
/// type, mode, owner, mtime, size, links, first path of the same inode, device, extended
/// attributes, symlink target, SHA-256 of the content. Sorted; the root's lost+found is left out.
std::vector<std::string> describe_image(ext4::Reader& reader);
/// The same of what stands on a device.
std::vector<std::string> tree_of(BlockDevice& device);

}  // namespace vmkit::test
