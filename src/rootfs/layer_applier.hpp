// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "rootfs/member_name.hpp"
#include "rootfs/resolver.hpp"
#include "rootfs/upper.hpp"

#include <vmkit/archive/tar_reader.hpp>
#include <vmkit/ext4/filesystem.hpp>
#include <vmkit/rootfs/unpack.hpp>

namespace vmkit::rootfs {

/// Applies layers, the lowest first, to a tree. Confined. After an error the tree is good for
/// nothing.
class LayerApplier {
 public:
  /// `applied` layers are in the tree already. `tick` is called for each member and piece of data,
  /// and may throw.
  LayerApplier(ext4::Filesystem& tree, std::uint64_t applied, const UnpackLimits& limits,
               std::function<void()> tick);

  /// Reads the whole archive and does what it says.
  void apply(archive::TarReader& archive);

  /// After an error: whether it came from the tree, and neither from the archive nor from a limit.
  bool failed_in_tree() const { return !reading_; }

  std::uint64_t entries() const { return entries_; }
  std::uint64_t content_bytes() const { return content_bytes_; }
  std::uint64_t skipped_xattrs() const { return skipped_xattrs_; }
  /// The least that an image must hold for what was applied and for the member being applied.
  std::uint64_t least_size() const;

 private:
  const archive::TarEntry* next(archive::TarReader& archive);
  std::optional<archive::TarBlock> read_block(archive::TarReader& archive);
  void apply_member(const archive::TarEntry& entry, archive::TarReader& archive);
  void apply_root(const archive::TarEntry& entry);
  void apply_directory(ext4::Inode parent, std::string_view base, const archive::TarEntry& entry);
  void apply_file(ext4::Inode parent, std::string_view base, const archive::TarEntry& entry,
                  archive::TarReader& archive);
  void apply_special(ext4::Inode parent, std::string_view base, const archive::TarEntry& entry);
  void apply_symlink(ext4::Inode parent, std::string_view base, const archive::TarEntry& entry);

  bool try_link(const MemberName& name, const archive::TarEntry& entry);
  std::optional<ext4::Inode> find(const MemberName& name);
  void wait_for_target(const archive::TarEntry& entry);
  void apply_waiting_links();

  void hide(ext4::Inode folder, std::string_view name);
  void hide_below(ext4::Inode folder);
  void clear(ext4::Inode parent, std::string_view base);
  void set_xattrs(ext4::Inode inode, const archive::TarEntry& entry);

  ext4::Filesystem& tree_;
  UnpackLimits limits_;
  std::function<void()> tick_;
  Upper upper_;
  Resolver resolver_;
  std::optional<ext4::Inode> lost_and_found_;
  std::unordered_set<ext4::Inode> hidden_below_;  // folders without lower content left
  std::vector<archive::TarEntry> waiting_links_;
  std::uint64_t waiting_bytes_ = 0;
  std::uint64_t pending_bytes_ = 0;  // of the member being applied
  bool reading_ = false;
  std::uint64_t layers_;
  std::uint64_t entries_ = 0;
  std::uint64_t content_bytes_ = 0;
  std::uint64_t skipped_xattrs_ = 0;
};

}  // namespace vmkit::rootfs
