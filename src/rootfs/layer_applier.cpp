// SPDX-License-Identifier: Apache-2.0
#include "rootfs/layer_applier.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "rootfs/attributes.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::rootfs {
namespace {

constexpr std::uint64_t block_size = 4096;
constexpr std::uint64_t inode_size = 256;
constexpr ext4::Inode lost_and_found_inode{11};  // ext4's first that is not reserved
constexpr std::uint64_t most_waiting_bytes = 16 << 20;
constexpr unsigned deepest_link_chain = 40;
constexpr std::uint16_t symlink_permissions = 0777;

[[noreturn]] void refuse(const archive::TarEntry& entry, const std::string& why) {
  throw Error(Errc::data_corruption, "member " + printable(entry.path) + ": " + why);
}

ext4::FileType file_type(archive::EntryType type) {
  switch (type) {
    case archive::EntryType::character_device:
      return ext4::FileType::character_device;
    case archive::EntryType::block_device:
      return ext4::FileType::block_device;
    default:
      return ext4::FileType::fifo;
  }
}

/// The folder that every disk starts with, unless a layer has put something else in its place. It
/// is known by its number, so that a layer upon an opened disk finds what it would have found
/// without the disk's having been closed.
std::optional<ext4::Inode> find_lost_and_found(const ext4::Filesystem& tree) {
  const auto found = tree.lookup(tree.root(), "lost+found");
  if (!found || *found != lost_and_found_inode) return std::nullopt;
  if (tree.type(*found) != ext4::FileType::directory) return std::nullopt;
  return found;
}

}  // namespace

LayerApplier::LayerApplier(ext4::Filesystem& tree, std::uint64_t applied,
                           const UnpackLimits& limits, std::function<void()> tick)
    : tree_(tree),
      limits_(limits),
      tick_(std::move(tick)),
      resolver_(tree_, upper_),
      layers_(applied) {}

std::uint64_t LayerApplier::least_size() const {
  return content_bytes_ + pending_bytes_ + inode_size * tree_.inode_count();
}

void LayerApplier::apply(archive::TarReader& archive) {
  upper_.start_layer(layers_++ == 0);
  resolver_.forget();
  hidden_below_.clear();
  lost_and_found_ = find_lost_and_found(tree_);
  while (const archive::TarEntry* entry = next(archive)) {
    pending_bytes_ = entry->type == archive::EntryType::regular ? entry->size : 0;
    try {
      apply_member(*entry, archive);
    } catch (const Error& error) {
      // What the tree finds wrong in an argument came out of the archive.
      if (error.code() == Errc::invalid_argument) refuse(*entry, error.what());
      if (error.code() == Errc::unsupported && failed_in_tree()) {
        throw error.with_context("member " + printable(entry->path));
      }
      throw;
    }
    pending_bytes_ = 0;
  }
  apply_waiting_links();
}

const archive::TarEntry* LayerApplier::next(archive::TarReader& archive) {
  reading_ = true;
  tick_();
  const archive::TarEntry* entry = archive.next();
  if (entry != nullptr) ++entries_;
  if (limits_.entries && entries_ > *limits_.entries) {
    throw Error(Errc::resource_exhausted,
                "more members than the limit of " + std::to_string(*limits_.entries));
  }
  reading_ = false;
  return entry;
}

std::optional<archive::TarBlock> LayerApplier::read_block(archive::TarReader& archive) {
  reading_ = true;
  tick_();
  auto block = archive.read_block();
  reading_ = false;
  return block;
}

void LayerApplier::apply_member(const archive::TarEntry& entry, archive::TarReader& archive) {
  const MemberName name = parse_member_name(entry.path);
  if (name.kind == MemberKind::metadata) return;
  if (name.kind != MemberKind::plain) {
    // What is not there cannot be hidden, so that no folders are made for it.
    const auto folder = resolver_.find_folder(name.parent);
    if (!folder) return;
    if (name.kind == MemberKind::opaque) {
      hide_below(*folder);
    } else {
      hide(*folder, name.base);
    }
    return;
  }
  if (name.base.empty()) return apply_root(entry);
  if (entry.type == archive::EntryType::hardlink) {
    if (!try_link(name, entry)) wait_for_target(entry);
    return;
  }
  const ext4::Inode parent = resolver_.make_folder(name.parent);
  switch (entry.type) {
    case archive::EntryType::directory:
      apply_directory(parent, name.base, entry);
      break;
    case archive::EntryType::symlink:
      apply_symlink(parent, name.base, entry);
      break;
    case archive::EntryType::regular:
      apply_file(parent, name.base, entry, archive);
      break;
    default:
      apply_special(parent, name.base, entry);
  }
  upper_.add(parent, name.base);
}

void LayerApplier::apply_root(const archive::TarEntry& entry) {
  if (entry.type != archive::EntryType::directory) refuse(entry, "the root can only be a folder");
  tree_.set_attributes(tree_.root(), attributes_of(entry));
  set_xattrs(tree_.root(), entry);
}

void LayerApplier::apply_directory(ext4::Inode parent, std::string_view base,
                                   const archive::TarEntry& entry) {
  const auto found = tree_.lookup(parent, base);
  if (found && tree_.type(*found) == ext4::FileType::directory) {
    tree_.set_attributes(*found, attributes_of(entry));
    set_xattrs(*found, entry);
    return;
  }
  if (found) clear(parent, base);
  const ext4::Inode made = tree_.make_directory(parent, base, attributes_of(entry));
  upper_.add_whole(made);
  if (!entry.xattrs.empty()) set_xattrs(made, entry);
}

void LayerApplier::apply_file(ext4::Inode parent, std::string_view base,
                              const archive::TarEntry& entry, archive::TarReader& archive) {
  clear(parent, base);
  ext4::FileWriter writer = tree_.make_file(parent, base, attributes_of(entry));
  if (!entry.xattrs.empty()) set_xattrs(writer.inode(), entry);
  std::uint64_t position = 0;
  while (const auto block = read_block(archive)) {
    if (block->offset > position) writer.skip(block->offset - position);
    writer.write(block->data);
    position = block->offset + block->data.size();
    content_bytes_ += block->data.size();
    pending_bytes_ -= std::min<std::uint64_t>(pending_bytes_, block->data.size());
  }
  if (entry.size > position) writer.skip(entry.size - position);
  writer.finish();
}

void LayerApplier::apply_special(ext4::Inode parent, std::string_view base,
                                 const archive::TarEntry& entry) {
  const bool device = entry.type != archive::EntryType::fifo;
  const ext4::DeviceNumber number = device ? device_of(entry) : ext4::DeviceNumber{};
  clear(parent, base);
  const ext4::Inode made =
      tree_.make_special(parent, base, file_type(entry.type), number, attributes_of(entry));
  if (!entry.xattrs.empty()) set_xattrs(made, entry);
}

void LayerApplier::apply_symlink(ext4::Inode parent, std::string_view base,
                                 const archive::TarEntry& entry) {
  if (entry.link_target.empty()) refuse(entry, "a symlink to nothing");
  if (entry.link_target.size() >= block_size) refuse(entry, "a target longer than 4095 bytes");
  clear(parent, base);
  ext4::Attributes attributes = attributes_of(entry);
  attributes.permissions = symlink_permissions;
  const ext4::Inode made = tree_.make_symlink(parent, base, entry.link_target, attributes);
  if (!entry.xattrs.empty()) set_xattrs(made, entry);
}

std::optional<ext4::Inode> LayerApplier::find(const MemberName& name) {
  const auto folder = resolver_.find_folder(name.parent);
  if (!folder) return std::nullopt;
  return tree_.lookup(*folder, name.base);
}

bool LayerApplier::try_link(const MemberName& name, const archive::TarEntry& entry) {
  const MemberName target_name = parse_member_name(entry.link_target);
  if (target_name.kind != MemberKind::plain || target_name.base.empty()) {
    refuse(entry, "a hard link to " + printable(entry.link_target));
  }
  const ext4::Inode parent = resolver_.make_folder(name.parent);
  auto target = find(target_name);
  const auto found = tree_.lookup(parent, name.base);
  if (found && found != target) {
    clear(parent, name.base);
    target = find(target_name);  // it may have gone with a folder that was in the way
  }
  if (!target) return false;
  if (tree_.type(*target) == ext4::FileType::directory) {
    refuse(entry, "a hard link to the folder " + printable(entry.link_target));
  }
  if (found != target) tree_.link(parent, name.base, *target);
  upper_.add(parent, name.base);
  ext4::Attributes attributes = attributes_of(entry);
  if (tree_.type(*target) == ext4::FileType::symlink) attributes.permissions = symlink_permissions;
  tree_.set_attributes(*target, attributes);
  // Archivers write the attributes with the first name only.
  if (!entry.xattrs.empty()) set_xattrs(*target, entry);
  return true;
}

void LayerApplier::wait_for_target(const archive::TarEntry& entry) {
  waiting_bytes_ += sizeof entry + entry.path.size() + entry.link_target.size();
  for (const archive::Xattr& xattr : entry.xattrs) {
    waiting_bytes_ += sizeof xattr + xattr.name.size() + xattr.value.size();
  }
  if (waiting_bytes_ > most_waiting_bytes) {
    refuse(entry, "too many hard links stand before their targets");
  }
  waiting_links_.push_back(entry);
}

void LayerApplier::apply_waiting_links() {
  // Backwards: of two links of one name the later holds.
  std::reverse(waiting_links_.begin(), waiting_links_.end());
  for (unsigned round = 0; !waiting_links_.empty(); ++round) {
    std::vector<archive::TarEntry> still_waiting;
    for (archive::TarEntry& entry : waiting_links_) {
      tick_();
      const MemberName name = parse_member_name(entry.path);
      // Its name was free when the link was met: what has it now stands later in the archive.
      if (!find(name) && !try_link(name, entry)) still_waiting.push_back(std::move(entry));
    }
    const bool stuck = still_waiting.size() == waiting_links_.size();
    if (stuck || (round == deepest_link_chain && !still_waiting.empty())) {
      const archive::TarEntry& entry = still_waiting.back();
      refuse(entry,
             "the target of the hard link, " + printable(entry.link_target) + ", does not exist");
    }
    waiting_links_ = std::move(still_waiting);
  }
  waiting_bytes_ = 0;
}

void LayerApplier::hide(ext4::Inode folder, std::string_view name) {
  const auto found = tree_.lookup(folder, name);
  if (!found) return;
  // The folder that every ext4 disk has is of no layer.
  if (!upper_.contains(folder, name) && found != lost_and_found_) {
    clear(folder, name);
  } else if (tree_.type(*found) == ext4::FileType::directory) {
    hide_below(*found);
  }
}

void LayerApplier::hide_below(ext4::Inode top) {
  std::vector<ext4::Inode> folders{top};
  while (!folders.empty()) {
    const ext4::Inode folder = folders.back();
    folders.pop_back();
    if (upper_.is_whole(folder) || !hidden_below_.insert(folder).second) continue;
    std::vector<std::pair<std::string, ext4::Inode>> entries;
    tree_.for_each_entry(folder, [&](std::string_view name, ext4::Inode inode) {
      entries.emplace_back(name, inode);
    });
    std::sort(entries.begin(), entries.end());  // the order decides which space is free first
    for (const auto& [name, inode] : entries) {
      if (!upper_.contains(folder, name) && inode != lost_and_found_) {
        clear(folder, name);
      } else if (tree_.type(inode) == ext4::FileType::directory) {
        folders.push_back(inode);
      }
    }
  }
}

void LayerApplier::clear(ext4::Inode parent, std::string_view base) {
  const auto found = tree_.lookup(parent, base);
  if (!found) return;
  if (found == lost_and_found_) lost_and_found_.reset();  // its inode may be used again
  tree_.remove(parent, base);
  resolver_.forget();
}

void LayerApplier::set_xattrs(ext4::Inode inode, const archive::TarEntry& entry) {
  std::size_t skipped = 0;
  auto xattrs = xattrs_of(entry, skipped);
  skipped_xattrs_ += skipped;
  try {
    tree_.set_xattrs(inode, std::move(xattrs));
  } catch (const Error& error) {
    if (error.code() != Errc::resource_exhausted) throw;
    refuse(entry, "its extended attributes do not fit into ext4");
  }
}

}  // namespace vmkit::rootfs
