// SPDX-License-Identifier: Apache-2.0
#include "ext4/tree/state.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

void check_replaceable(const Node& node, const Node& by) {
  const bool directory = node.type == FileType::directory;
  if (directory != (by.type == FileType::directory)) {
    throw Error(Errc::failed_precondition,
                directory ? "rename: a directory stands where it shall go"
                          : "rename: what stands where the directory shall go is none");
  }
  if (directory && std::get<std::unique_ptr<Directory>>(node.content)->names.size() > 0) {
    throw Error(Errc::failed_precondition, "rename: the directory where it shall go is not empty");
  }
}

}  // namespace

void State::rename(Inode from, std::string_view name, Inode to, std::string_view new_name) {
  Directory& source = directory(from);
  Directory& target = directory(to);
  check_name(new_name);
  const NameIndex::Entry* const entry = source.names.find(name);
  if (entry == nullptr) throw_no_name(name);
  const std::uint32_t ino = entry->ino;
  const auto to_ino = static_cast<std::uint32_t>(to);
  const NameIndex::Entry* const replaced = target.names.find(new_name);
  const std::uint32_t replaced_ino = replaced != nullptr ? replaced->ino : 0;
  if (replaced_ino == ino) return;
  auto* const moved = std::get_if<std::unique_ptr<Directory>>(&nodes[ino].content);
  if (moved != nullptr) {
    for (std::uint32_t above = to_ino; above != root_ino; above = parent_of(above)) {
      if (above != ino) continue;
      throw Error(Errc::invalid_argument, "rename: a directory into itself");
    }
  }
  if (replaced != nullptr) check_replaceable(nodes[replaced_ino], nodes[ino]);

  change_content(static_cast<std::uint32_t>(from));
  change_content(to_ino);
  const bool new_parent = moved != nullptr && (*moved)->parent != to_ino;
  if (new_parent) change_content(ino);
  const std::string old_name(name);  // it may be a view into what changes
  if (replaced != nullptr) {
    target.names.set_ino(new_name, ino);
    release_name(to, replaced_ino);
  } else {
    add_name(target, new_name, ino);
  }
  erase_name(source, old_name);
  if (new_parent) {
    (*moved)->parent = to_ino;
    --nodes[static_cast<std::uint32_t>(from)].links;
    ++nodes[to_ino].links;
  }
}

}  // namespace vmkit::ext4
