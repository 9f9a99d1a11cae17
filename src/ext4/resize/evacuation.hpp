// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ext4/read/block_source.hpp"
#include "ext4/read/inode.hpp"
#include "ext4/tree/state.hpp"

namespace vmkit::ext4 {

/// Moves what stands in certain blocks of a committed image elsewhere: the data of files is copied
/// at once, all else is marked as changed, for the next commit to write it anew.
class Evacuation {
 public:
  /// Space must not give blocks of `zones`. `check` is called now and then, and may throw.
  Evacuation(State& state, const BlockRanges& zones, std::function<void()> check);

  /// What belongs to inodes. Throws resource_exhausted; unsupported for an orphan file that is in
  /// the way.
  void move_content();
  /// Bitmaps and inode tables of the groups below `groups`, as `after` shall have them. Throws
  /// resource_exhausted if there is no room in one piece.
  void move_group_metadata(Image& after, std::uint32_t groups);

 private:
  void look_at(const InodeRecord& inode, Node& node);
  void move_data(Node& node);
  void move_extent(const Extent& extent, std::vector<Extent>& moved);
  void copy(std::uint64_t from, std::uint64_t to, std::uint64_t blocks);
  std::uint64_t move_run(std::uint64_t start, std::uint64_t blocks);
  bool hit(std::uint64_t start, std::uint64_t length) const {
    return zones_.count({start, length}) > 0;
  }

  State& state_;
  const BlockRanges& zones_;
  std::function<void()> check_;
  BlockSource source_;
  std::vector<std::byte> buffer_;
};

}  // namespace vmkit::ext4
