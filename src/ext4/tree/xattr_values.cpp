// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "ext4/tree/state.hpp"

namespace vmkit::ext4 {

void State::set_xattrs(Node& node, std::vector<Xattr> xattrs) {
  std::unique_ptr<XattrSet> set;
  if (!xattrs.empty()) set = std::make_unique<XattrSet>(std::move(xattrs));
  const bool had_promise = node.xattrs_changed && node.xattrs && node.xattrs->has_block();
  const bool needs_promise = set && set->has_block();
  if (needs_promise && !had_promise) space.promise(1, "extended attributes");
  std::vector<std::uint32_t> values;
  try {
    if (set) {
      for (const std::string_view value : set->large_values()) {
        values.push_back(add_xattr_value(value));
      }
      set->set_value_inodes(values, seed);
    }
  } catch (...) {
    for (const std::uint32_t ino : values) free_inode(ino);
    if (needs_promise && !had_promise) space.take_back_promise(1);
    throw;
  }
  if (had_promise && !needs_promise) space.take_back_promise(1);
  release_xattr_values(node.xattrs.get());
  node.xattrs = std::move(set);
  node.xattrs_changed = true;
  node.changed = true;
}

std::uint32_t State::add_xattr_value(std::string_view value) {
  RegularFile file;
  file.size = value.size();
  space.admit_inode(nodes.next());
  try {
    std::string padded(value);
    padded.resize(ceil_div(value.size(), block_size) * block_size);
    auto data = std::as_bytes(std::span(padded.data(), padded.size()));
    while (!data.empty()) {
      const std::uint64_t goal = file.extents.empty() ? 0 : file.extents.back().physical_end();
      const BlockRange run = space.allocate(data.size() / block_size, goal, "extended attributes");
      const std::uint32_t logical = file.extents.empty() ? 0 : file.extents.back().logical_end();
      if (!file.extents.empty() && run.start == goal) {
        file.extents.back().length += static_cast<std::uint32_t>(run.length);
      } else {
        file.extents.push_back({logical, static_cast<std::uint32_t>(run.start),
                                static_cast<std::uint32_t>(run.length)});
      }
      output.write(run.start * block_size, data.first(run.length * block_size));
      data = data.subspan(run.length * block_size);
    }
    space.promise(extent_index_blocks(disk_extents(file.extents)), "extended attributes");
  } catch (...) {
    for (const Extent& extent : file.extents) space.release({extent.physical, extent.length});
    throw;
  }
  const std::uint32_t ino = nodes.allocate();
  Node& node = nodes[ino];
  node.xattr_value = true;
  node.links = 1;
  node.set({.permissions = 0600});
  node.atime.seconds = xattr_value_hash(value, seed);
  node.content = std::move(file);
  ++xattr_values;
  return ino;
}

void State::release_xattr_values(const XattrSet* set) {
  if (set == nullptr) return;
  for (const std::uint32_t ino : set->value_inodes()) {
    Node& value = nodes[ino];
    value.changed = true;
    if (--value.links == 0) free_inode(ino);
  }
}

}  // namespace vmkit::ext4
