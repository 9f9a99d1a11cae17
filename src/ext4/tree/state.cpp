// SPDX-License-Identifier: Apache-2.0
#include "ext4/tree/state.hpp"

#include <algorithm>
#include <string>

#include "ext4/format/directory_blocks.hpp"
#include "ext4/format/group_descriptor.hpp"
#include "ext4/format/journal.hpp"
#include "ext4/tree/open_file.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

/// Names come from layers and may hold anything: for messages.
std::string in_quotes(std::string_view name) {
  std::string text = "\"";
  for (char c : name.substr(0, 64)) text += c >= ' ' && c <= '~' ? c : '?';
  return text + (name.size() > 64 ? "…\"" : "\"");
}

void check_options(const FormatOptions& options) {
  constexpr std::size_t label_size = 16;
  if (options.label.size() > label_size || options.label.find('\0') != std::string::npos) {
    throw Error(Errc::invalid_argument, "ext4 label " + in_quotes(options.label) +
                                            ": expected at most 16 bytes without NUL");
  }
  if (options.hash_seed == std::array<std::byte, 16>{}) {
    throw Error(Errc::invalid_argument, "ext4 hash seed: expected one that is not all zero");
  }
}

}  // namespace

void check_name(std::string_view name) {
  const std::string_view forbidden("/\0", 2);
  if (name.empty() || name.size() > 255 || name == "." || name == ".." ||
      name.find_first_of(forbidden) != std::string_view::npos) {
    throw Error(Errc::invalid_argument,
                "file name " + in_quotes(name) + " of " + std::to_string(name.size()) +
                    " bytes: expected 1 to 255 bytes without '/' and NUL, not \".\" or \"..\"");
  }
}

void throw_no_name(std::string_view name) {
  throw Error(Errc::not_found,
              "no such file name of " + std::to_string(name.size()) + " bytes in its directory");
}

void check_new_name(const Directory& parent, std::string_view name) {
  check_name(name);
  if (parent.names.find(name) != nullptr) {
    throw Error(Errc::already_exists, "file name " + in_quotes(name) + " exists in its directory");
  }
}

void check_permissions(const Attributes& attributes) {
  constexpr std::uint16_t all_permissions = 07777;
  if (attributes.permissions > all_permissions) {
    throw Error(Errc::invalid_argument, "permissions: expected the low 12 bits of a mode, found " +
                                            std::to_string(attributes.permissions));
  }
}

State::State(BlockDevice& device_in, const FormatOptions& options_in)
    : device(device_in),
      options(options_in),
      geometry(options.size),
      seed(file_system_checksum_seed(options.uuid)),
      hasher{htree_seed(options), true},
      created(encode_time(options.created)),
      space(*geometry),
      output(device) {
  check_options(options);
  Node& root = nodes.claim(root_ino);
  root.changed = true;
  root.content_changed = true;
  root.type = FileType::directory;
  root.links = 2;
  root.set({0755, 0, 0, options.created, options.created, options.created});
  auto directory = std::make_unique<Directory>();
  directory->parent = root_ino;
  space.promise(directory_promise(*directory, 0), "the root directory");
  root.content = std::move(directory);
  // e2fsck moves what it finds into blocks that are there already.
  constexpr std::uint32_t spare_blocks = 3;
  const Inode found =
      add(Inode{root_ino}, "lost+found", FileType::directory,
          {0700, 0, 0, options.created, options.created, options.created}, 1 + spare_blocks);
  std::get<std::unique_ptr<Directory>>(node(found).content)->spare_blocks = spare_blocks;
  if (options.journal) make_journal(*options.journal);

  const std::uint64_t old_size = device.size().bytes();
  if (old_size > 0) device.discard(0, std::min(old_size, options.size.bytes()));
  if (old_size != options.size.bytes()) device.resize(options.size);
}

void State::make_journal(ByteSize size) {
  std::uint64_t left = journal_blocks(size, *geometry);
  RegularFile file;
  file.size = left * block_size;
  std::uint32_t logical = 0;
  while (left > 0) {
    const BlockRange run = space.allocate(left, 0, "the journal");
    const auto length = static_cast<std::uint32_t>(run.length);
    file.extents.push_back({logical, static_cast<std::uint32_t>(run.start), length});
    logical += length;
    left -= length;
  }
  space.promise(extent_index_blocks(disk_extents(file.extents)), "the journal");
  Node& node = nodes.claim(journal_ino);
  node.changed = true;
  node.content_changed = true;
  node.set({0600, 0, 0, options.created, options.created, options.created});
  node.links = 1;
  node.content = std::move(file);
}

void State::check_open() const {
  if (closed) {
    throw Error(Errc::failed_precondition, "ext4 file system: a commit() has failed before");
  }
}

BlockRanges State::settle(Image committed) {
  image = std::move(committed);
  renumbered.clear();
  nodes.for_each_slot([](std::uint32_t, Node& node) {
    if (node.changed) node.settle();
  });
  created = encode_time(superblock_created(image->superblock));
  return space.end_commit(image->volume.inodes);
}

Node& State::node(Inode inode) {
  const auto ino = static_cast<std::uint32_t>(inode);
  if (Node* found = nodes.find(ino)) return *found;
  throw Error(Errc::invalid_argument, "inode " + std::to_string(ino) + " is not in use");
}

Directory& State::directory(Inode inode) {
  auto* found = std::get_if<std::unique_ptr<Directory>>(&node(inode).content);
  if (found != nullptr) return **found;
  throw Error(Errc::invalid_argument,
              "inode " + std::to_string(static_cast<std::uint32_t>(inode)) + " is no directory");
}

Inode State::add(Inode parent, std::string_view name, FileType type, const Attributes& attributes,
                 std::uint64_t content_blocks) {
  check_open();
  Directory& into = directory(parent);
  check_new_name(into, name);
  check_permissions(attributes);
  change_content(static_cast<std::uint32_t>(parent));
  space.admit_inode(nodes.next());
  space.promise(content_blocks, "one more inode");
  std::uint32_t ino = 0;
  try {
    std::unique_ptr<Directory> directory;
    if (type == FileType::directory) directory = std::make_unique<Directory>();
    ino = nodes.allocate();
    add_name(into, name, ino);
    Node& node = nodes[ino];
    node.type = type;
    node.set(attributes);
    node.links = 1;
    if (directory) {
      directory->parent = static_cast<std::uint32_t>(parent);
      node.content = std::move(directory);
      node.links = 2;
      ++this->node(parent).links;
    }
  } catch (...) {
    if (ino != 0) nodes.release(ino);
    space.take_back_promise(content_blocks);
    throw;
  }
  return Inode{ino};
}

void State::add_name(Directory& parent, std::string_view name, std::uint32_t ino) {
  const std::uint64_t bytes = parent.record_bytes + dirent_size(name.size());
  if (bytes > max_directory_record_bytes()) {
    throw Error(Errc::unsupported, "directory of " + std::to_string(parent.names.size()) +
                                       " entries: ext4 has no room for another in one directory");
  }
  const std::uint64_t growth =
      directory_promise(parent, bytes) - directory_promise(parent, parent.record_bytes);
  space.promise(growth, "one more name");
  try {
    parent.names.insert(names, name, ino);
  } catch (...) {
    space.take_back_promise(growth);
    throw;
  }
  parent.record_bytes = bytes;
}

void State::erase_name(Directory& parent, std::string_view name) {
  const std::uint64_t bytes = parent.record_bytes - dirent_size(name.size());
  space.take_back_promise(directory_promise(parent, parent.record_bytes) -
                          directory_promise(parent, bytes));
  parent.record_bytes = bytes;
  parent.names.erase(names, name);
}

void State::change_content(std::uint32_t ino) {
  Node& node = nodes[ino];
  if (node.content_changed) return;
  space.promise(node.content_promise(), "a change");
  node.content_changed = true;
  node.changed = true;
}

void State::change_xattrs(std::uint32_t ino) {
  Node& node = nodes[ino];
  if (node.xattrs_changed || !node.xattrs) return;
  // From where they are to where we would put them.
  auto set = std::make_unique<XattrSet>(node.xattrs->to_xattrs());
  if (set->has_block()) space.promise(1, "extended attributes");
  node.xattrs = std::move(set);
  node.xattrs_changed = true;
  node.changed = true;
}

std::uint32_t State::renumber(std::uint32_t ino) {
  change_content(ino);
  change_xattrs(ino);
  const std::uint32_t number = nodes.allocate();
  Node& node = nodes[number];
  const bool stored = node.stored;
  node = std::move(nodes[ino]);
  node.stored = stored;
  node.same = false;
  nodes.release(ino);
  renumbered[number] = ino;
  return number;
}

void State::release_name(Inode parent, std::uint32_t ino) {
  Node& node = nodes[ino];
  if (node.type == FileType::directory) {
    --this->node(parent).links;
    free_tree(ino);
  } else if (--node.links == 0) {
    free_inode(ino);
  } else {
    node.changed = true;
  }
}

void State::free_tree(std::uint32_t ino) {
  std::vector<std::uint32_t> doomed = {ino};
  while (!doomed.empty()) {
    const std::uint32_t next = doomed.back();
    doomed.pop_back();
    if (auto* directory = std::get_if<std::unique_ptr<Directory>>(&nodes[next].content)) {
      (*directory)->names.for_each([&](const NameIndex::Entry& entry) {
        Node& child = nodes[entry.ino];
        child.changed = true;
        if (child.type == FileType::directory || --child.links == 0) doomed.push_back(entry.ino);
      });
    }
    free_inode(next);
  }
}

void State::free_inode(std::uint32_t ino) {
  Node& node = nodes[ino];
  space.take_back_promise(node.promise());
  if (auto* file = std::get_if<RegularFile>(&node.content)) {
    for (const Extent& extent : file->extents) space.release({extent.physical, extent.length});
  } else if (auto* directory = std::get_if<std::unique_ptr<Directory>>(&node.content)) {
    (*directory)->names.clear(names);
  }
  if (writer != nullptr && static_cast<std::uint32_t>(writer->inode) == ino) {
    writer->state = nullptr;
    writer = nullptr;
  }
  nodes.release(ino);
}

}  // namespace vmkit::ext4
