// SPDX-License-Identifier: Apache-2.0
#include "ext4/tree/nodes.hpp"

#include <algorithm>

#include "ext4/format/directory_blocks.hpp"
#include "ext4/format/format.hpp"

namespace vmkit::ext4 {

std::uint64_t directory_promise(const Directory& directory, std::uint64_t record_bytes) {
  const std::uint64_t blocks = directory_blocks_bound(record_bytes) + directory.spare_blocks;
  return blocks + extent_index_blocks(blocks);
}

void Node::set(const Attributes& attributes) {
  permissions = attributes.permissions;
  uid = attributes.uid;
  gid = attributes.gid;
  mtime = encode_time(attributes.mtime);
  atime = encode_time(attributes.atime);
  ctime = encode_time(attributes.ctime);
}

Attributes Node::attributes() const {
  return {permissions, uid, gid, decode_time(mtime), decode_time(atime), decode_time(ctime)};
}

std::uint64_t Node::content_promise() const {
  if (const auto* file = std::get_if<RegularFile>(&content)) {
    return extent_index_blocks(disk_extents(file->extents));
  }
  if (const auto* directory = std::get_if<std::unique_ptr<Directory>>(&content)) {
    return directory_promise(**directory, (*directory)->record_bytes);
  }
  const auto* symlink = std::get_if<Symlink>(&content);
  return symlink != nullptr ? symlink->blocks() : 0;
}

std::uint64_t Node::promise() const {
  const std::uint64_t xattr_block = xattrs_changed && xattrs && xattrs->has_block() ? 1 : 0;
  return (content_changed ? content_promise() : 0) + xattr_block;
}

void Node::settle() {
  stored = used;
  same = used;
  changed = false;
  content_changed = false;
  xattrs_changed = false;
}

NodeTable::NodeTable() : last_(first_free_ino - 1) {
  constexpr std::uint64_t numbers = std::uint64_t{1} << 32;
  free_.insert({first_free_ino, numbers - first_free_ino});
}

void NodeTable::make_slot(std::uint32_t ino) {
  const std::size_t chunk = ino / chunk_size;
  if (chunk >= chunks_.size()) chunks_.resize(chunk + 1);
  if (!chunks_[chunk]) chunks_[chunk] = std::make_unique<Node[]>(chunk_size);
}

Node& NodeTable::claim(std::uint32_t ino) {
  make_slot(ino);
  Node& node = (*this)[ino];
  node.used = true;
  last_ = std::max(last_, ino);
  ++count_;
  return node;
}

std::uint32_t NodeTable::allocate() {
  const auto ino = static_cast<std::uint32_t>(next());
  make_slot(ino);
  free_.erase({ino, 1});
  Node& node = (*this)[ino];
  node.used = true;
  node.changed = true;
  node.content_changed = true;
  last_ = std::max(last_, ino);
  ++count_;
  return ino;
}

void NodeTable::release(std::uint32_t ino) {
  free_.insert({ino, 1});
  Node& node = (*this)[ino];
  const bool stored = node.stored;
  node = Node();
  node.stored = stored;
  node.changed = stored;
  --count_;
}

Node* NodeTable::slot(std::uint32_t ino) {
  const std::size_t chunk = ino / chunk_size;
  if (chunk >= chunks_.size() || !chunks_[chunk]) return nullptr;
  return &(*this)[ino];
}

Node* NodeTable::find(std::uint32_t ino) {
  Node* const node = slot(ino);
  return node != nullptr && node->used ? node : nullptr;
}

}  // namespace vmkit::ext4
