// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include <vmkit/base/byte_size.hpp>
#include <vmkit/ext4/types.hpp>

namespace vmkit::ext4 {

/// How a new file system is made. The same options and the same calls give the same bytes.
struct FormatOptions {
  /// Of the whole image: 1 MiB to 16 TiB. It also bounds the inodes, to one for each 4 KiB.
  ByteSize size;
  std::array<std::byte, 16> uuid = {};       ///< Of the file system.
  std::array<std::byte, 16> hash_seed = {};  ///< Of the htree directories; not all zero.
  std::string label = {};                    ///< At most 16 bytes.
  Timestamp created = {};                    ///< Of the superblock, "/" and lost+found.
  /// The size of a clean journal, 4 MiB to half the image; none without.
  std::optional<ByteSize> journal = {};
};

/// How commit() changes an image.
enum class CommitMode {
  /// Whatever fails, the image is as it was or as it became: for images that others may open.
  atomic,
  /// Without a journal and without flushing the device: for an image that nobody else can see yet,
  /// which is lost if the commit fails.
  in_place,
};

}  // namespace vmkit::ext4
