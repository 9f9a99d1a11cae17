// SPDX-License-Identifier: Apache-2.0
#include "ext4/tree/nodes.hpp"

#include "ext4/format/format.hpp"

namespace vmkit::ext4 {

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

NodeTable::NodeTable() : last_(first_free_ino - 1) {
  chunks_.push_back(std::make_unique<Node[]>(chunk_size));
}

Node& NodeTable::claim(std::uint32_t ino) {
  Node& node = (*this)[ino];
  node.used = true;
  ++count_;
  return node;
}

std::uint32_t NodeTable::allocate() {
  const std::uint32_t ino = next();
  if (!free_.empty()) {
    free_.pop_back();
  } else {
    if (ino / chunk_size == chunks_.size()) {
      chunks_.push_back(std::make_unique<Node[]>(chunk_size));
    }
    // So that release() never needs memory.
    if (free_.capacity() < ino) free_.reserve(std::size_t{2} * ino);
    last_ = ino;
  }
  (*this)[ino].used = true;
  ++count_;
  return ino;
}

void NodeTable::release(std::uint32_t ino) noexcept {
  (*this)[ino] = Node();
  free_.push_back(ino);
  --count_;
}

Node* NodeTable::find(std::uint32_t ino) {
  if (ino > last_) return nullptr;
  Node& node = (*this)[ino];
  return node.used ? &node : nullptr;
}

}  // namespace vmkit::ext4
