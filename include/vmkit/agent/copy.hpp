// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include <vmkit/agent/tree.hpp>
#include <vmkit/base/byte_size.hpp>

namespace vmkit::agent {

/// Who owns what a copy makes.
struct Ownership {
  enum class Kind {
    receiver,  ///< Root in the guest; on the host the user that runs this program.
    keep,      ///< The numbers that the files have at their source.
    fixed,     ///< `uid` and `gid`.
  };
  Kind kind = Kind::receiver;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

/// How to copy. Without `keep`, extended attributes other than "user." are not taken along.
struct CopyOptions {
  Ownership owner = {};
  /// The source may be a symlink to what is meant. Symlinks within a tree are always copied as
  /// such.
  bool follow_source = false;
  /// Missing folders above the destination are made (0755).
  bool create_parents = false;
  /// Ends the copy with resource_exhausted when the data is more, or the files are.
  std::optional<ByteSize> max_bytes = {};
  std::optional<std::uint64_t> max_entries = {};
};

/// What a copy has moved, and what it could not do on the way.
struct CopyResult {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  ///< Of data, without holes.
  /// What could not be copied as it is: nothing is dropped in silence.
  CopyNotices notices = {};
};

}  // namespace vmkit::agent
