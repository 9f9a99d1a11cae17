// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "ext4/read/block_source.hpp"
#include "ext4/read/inode.hpp"

namespace vmkit::ext4 {

/// What the index of a folder says about a name.
struct IndexAnswer {
  std::optional<std::uint32_t> ino;  ///< None: there is no such name.
};

/// Asks the index of `folder`: reads one block for each level of it and one with entries, or a few
/// where names have the same hash. None if it cannot be asked, so that the folder has to be
/// searched: there is no index, or not by half MD4. Throws data_corruption.
std::optional<IndexAnswer> look_up(BlockSource& source, const InodeRecord& folder,
                                   std::string_view name);

}  // namespace vmkit::ext4
