// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/digest.hpp>
#include <vmkit/disk/image_file.hpp>
#include <vmkit/disk/image_folder.hpp>
#include <vmkit/disk/usage.hpp>
#include <vmkit/rootfs/layer.hpp>
#include <vmkit/rootfs/unpack.hpp>

namespace vmkit::rootfs {

/// An unpacked disk in the cache.
struct CachedDisk {
  std::filesystem::path path;
  /// How it was made, if this call made it.
  std::optional<UnpackResult> unpacked;
  /// As long as a copy of it lives, prune() leaves the disk alone, in any process. Ends with the
  /// process however that ends. Keep it until the disk is cloned, or while a machine has it.
  std::shared_ptr<const disk::ImageFile> lease;
};

/// How much a cache may hold.
struct CacheOptions {
  /// When a disk is added, the least recently used ones go that exceed it; see Cache::prune().
  std::optional<ByteSize> limit = {};
};

/// A disk of a Cache.
struct CacheEntry {
  std::filesystem::path path;
  Digest chain_id;
  std::filesystem::file_time_type last_used;
};

/// Which disks leave the cache.
struct PruneOptions {
  /// What the disks may take together, what they share counted once.
  std::optional<ByteSize> limit = {};
  /// Disks that go whatever the limit; without it, those only that no version of now would use.
  std::function<bool(const CacheEntry&)> unwanted = {};
  bool dry_run = false;  ///< Removes nothing, tells what would be.
};

/// What left the cache.
struct PruneReport {
  std::vector<CacheEntry> removed;
  ByteSize freed;
};

/// A folder of unpacked images, one disk for each chain ID, size and journal. Several threads and
/// processes may use one folder at once; a disk is unpacked once, however many want it.
///
/// On a file system that clones (btrfs, XFS, APFS) the disks of an image's lower layers are kept
/// too, as clones, and an image starts from the highest of its layers that there is a disk of: what
/// an updated image takes, in time and space, is what has changed. The disk has the same bytes
/// either way.
///
/// The disks are read-only for their users: clone them (disk::clone) to write. Thread-safe.
/// File names: docs/formats/rootfs.md.
class Cache {
 public:
  /// Makes the folder if it is missing, and removes what killed processes left unfinished in it.
  explicit Cache(std::filesystem::path folder, const CacheOptions& options = {});

  /// The disk if there is one.
  std::optional<CachedDisk> find(const Digest& chain_id, const UnpackOptions& options = {}) const;

  /// The disk of these layers, unpacked now if it is not there; waits if another is at it. Layers
  /// that need not be read are not opened. Fails as unpack() does, leaving nothing but disks of
  /// lower layers.
  CachedDisk get_or_unpack(std::span<const Layer> layers, const UnpackOptions& options = {},
                           const CallOptions& call_options = {}) const;

  /// All disks, the most recently used first.
  std::vector<CacheEntry> list() const;

  /// What the disks take, in the order of list().
  disk::UsageReport usage(const CallOptions& options = {}) const;

  /// Removes disks that are unwanted, and then, from the least recently used on, those that exceed
  /// the limit. A disk that has a lease, or that a machine uses, stays.
  PruneReport prune(const PruneOptions& prune_options, const CallOptions& options = {}) const;

 private:
  std::shared_ptr<const disk::ImageFile> lease(const std::filesystem::path& path) const;
  std::shared_ptr<const disk::ImageFile> lease_patiently(const std::filesystem::path& path,
                                                         const CallOptions& options) const;
  bool remove(const std::filesystem::path& path, bool dry_run, const CallOptions& options) const;
  struct Start;
  /// With the layers that the disk `lower` has; nullopt if there is none, or it cannot be cloned.
  std::optional<Start> start_upon(const std::filesystem::path& lower,
                                  const std::filesystem::path& target,
                                  const CallOptions& options) const;
  UnpackResult make(std::span<const Layer> layers, const UnpackOptions& options,
                    const CallOptions& call_options) const;

  disk::ImageFolder folder_;
  CacheOptions options_;
};

}  // namespace vmkit::rootfs
