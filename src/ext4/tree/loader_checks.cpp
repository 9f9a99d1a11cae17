// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>

#include "ext4/format/features.hpp"
#include "ext4/read/corrupt.hpp"
#include "ext4/read/file_map.hpp"
#include "ext4/tree/file_content.hpp"
#include "ext4/tree/loader.hpp"
#include "ext4/tree/open_checks.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {

/// Each inode with a value belongs to as many attributes as it says.
void Loader::check_xattr_values() {
  state_.xattr_values = value_owners_.size();
  for (const auto& [ino, owners] : value_owners_) {
    const auto users = value_users_.find(ino);
    if (users == value_users_.end() || users->second != owners) {
      throw_corrupt({ino, 0}, "a value of " + std::to_string(owners) +
                                  " extended attributes by its own count");
    }
    state_.nodes[ino].links = owners;
  }
  if (value_users_.size() != value_owners_.size()) {
    throw_corrupt({}, "extended attributes with values in inodes that are none");
  }
}

void Loader::count_names() {
  if (directories_.empty() || directories_.front() != root_ino ||
      std::get<std::unique_ptr<Directory>>(state_.nodes[root_ino].content)->parent != root_ino) {
    throw_corrupt({root_ino, 0}, "the root is no folder");
  }
  state_.nodes[root_ino].links = 2;
  for (const std::uint32_t ino : directories_) {
    std::get<std::unique_ptr<Directory>>(state_.nodes[ino].content)
        ->names.for_each([&](const NameIndex::Entry& entry) {
          Node* const child = state_.nodes.find(entry.ino);
          if (child == nullptr || entry.ino < first_free_ino || child->xattr_value) {
            throw_corrupt({ino, 0},
                          "names inode " + std::to_string(entry.ino) + ", which is not in use");
          }
          if (child->type != FileType::directory) {
            ++child->links;
            return;
          }
          auto& directory = *std::get<std::unique_ptr<Directory>>(child->content);
          if (child->links != 0 || directory.parent != ino) {
            throw_corrupt({entry.ino, 0}, "a folder with two names or another parent");
          }
          child->links = 2;
        });
  }
  for (const std::uint32_t ino : directories_) {
    if (ino == root_ino) continue;
    const auto& directory = *std::get<std::unique_ptr<Directory>>(state_.nodes[ino].content);
    Node* const parent = state_.nodes.find(directory.parent);
    if (parent != nullptr && state_.nodes[ino].links != 0) ++parent->links;
  }
}

/// What mounting does: inodes without a name go, others lose what is behind their end.
void Loader::end_orphans() {
  std::uint32_t ino = load_le<std::uint32_t>(&state_.image->superblock[0xe8]);
  std::vector<std::uint32_t> listed;
  while (ino != 0) {
    Node* const node = state_.nodes.find(ino);
    if (node == nullptr || ino < first_free_ino || listed.size() > state_.nodes.count()) {
      throw_corrupt({ino, 0}, "in the list of orphans, but not in use");
    }
    listed.push_back(ino);
    node->changed = true;
    if (auto* file = std::get_if<RegularFile>(&node->content); file && node->links > 0) {
      state_.change_content(ino);
      cut_behind_end(state_, *file);
    }
    const auto next = deletion_times_.find(ino);
    ino = next == deletion_times_.end() ? 0 : next->second;
  }
  std::sort(listed.begin(), listed.end());
  for (const std::uint32_t orphan : orphans_) {
    if (!std::binary_search(listed.begin(), listed.end(), orphan)) {
      throw_corrupt({orphan, 0}, "in use, but without a name");
    }
    const auto* directory = std::get_if<std::unique_ptr<Directory>>(&state_.nodes[orphan].content);
    if (directory != nullptr && (*directory)->names.size() > 0) {
      throw_corrupt({orphan, 0}, "a folder without a name that is not empty");
    }
    state_.free_inode(orphan);
  }
}

/// Folders with one parent each may still make a circle, apart from the root.
void Loader::check_reachable() {
  std::vector<std::uint32_t> found = {root_ino};
  for (std::size_t i = 0; i < found.size(); ++i) {
    std::get<std::unique_ptr<Directory>>(state_.nodes[found[i]].content)
        ->names.for_each([&](const NameIndex::Entry& entry) {
          if (state_.nodes[entry.ino].type == FileType::directory) found.push_back(entry.ino);
        });
  }
  const auto orphans = static_cast<std::size_t>(std::count_if(
      orphans_.begin(), orphans_.end(),
      [&](std::uint32_t ino) { return state_.nodes[ino].type == FileType::directory; }));
  if (found.size() + orphans != directories_.size()) {
    throw_corrupt({}, std::to_string(directories_.size() - orphans - found.size()) +
                          " folders cannot be reached from its root");
  }
}

void Loader::check_links() {
  const Volume& volume = state_.image->volume;
  const auto orphan_file = orphan_file_of(*state_.image);
  const Node* const journal = state_.nodes.find(journal_ino);
  if (volume.has_compat(compat::has_journal) &&
      (journal == nullptr || journal->type != FileType::regular)) {
    throw_corrupt({journal_ino, 0}, "the journal is no file");
  }
  state_.nodes.for_each_slot([&](std::uint32_t ino, Node& node) {
    if (!node.used) return;
    const auto recorded = recorded_links_.find(ino);
    const std::uint32_t says = recorded == recorded_links_.end() ? 1 : recorded->second;
    const bool nameless = node.type == FileType::regular && node.links == 0;
    if (nameless && (ino == volume.journal_ino || ino == orphan_file)) {
      node.links = says;
      return;
    }
    if (node.xattr_value || (says == 0 && node.links == 0)) return;
    const bool many = node.type == FileType::directory && says == 1;
    if (node.links == 0 || (node.links != says && !many)) {
      throw_corrupt({ino, 0}, "has " + std::to_string(node.links) + " names or subfolders, but " +
                                  std::to_string(says) + " by its own count");
    }
  });
}

void Loader::claim_group_metadata() {
  const Image& image = *state_.image;
  for (std::uint32_t group = 0; group < image.volume.groups; ++group) {
    const GroupDescriptor facts =
        decode_descriptor(image.volume, group, state_.image->descriptor(group));
    claims_.add(0, facts.block_bitmap, 1);
    claims_.add(0, facts.inode_bitmap, 1);
    claims_.add(0, facts.inode_table, image.volume.inodes_per_group / inodes_per_block);
    const std::uint32_t base = group_base_blocks(image.volume, image.superblock, group);
    if (base > 0) claims_.add(0, image.volume.group_first_block(group), base);
  }
  if (image.volume.has_compat(compat::resize_inode)) claim_resize_inode();
}

/// It has the blocks behind the descriptors, which are claimed already, and others that map them.
void Loader::claim_resize_inode() {
  const Image& image = *state_.image;
  const Volume& volume = image.volume;
  std::array<std::byte, largest_block> record;
  const InodeRecord inode = read_inode(source_, resize_ino, record);
  const auto claim = [&](std::uint64_t block) {
    const auto group = static_cast<std::uint32_t>(block / blocks_per_group);
    const std::uint32_t base = group_base_blocks(volume, image.superblock, group);
    if (block - volume.group_first_block(group) >= base) claims_.add(resize_ino, block, 1);
  };
  walk_file(
      source_, inode, 0,
      [&](const MappedBlocks& mapped) {
        for (std::uint32_t i = 0; i < mapped.length; ++i) claim(mapped.physical + i);
        return true;
      },
      claim);
}

}  // namespace vmkit::ext4
