// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <span>

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/digest.hpp>
#include <vmkit/disk/image_folder.hpp>
#include <vmkit/rootfs/layer.hpp>
#include <vmkit/rootfs/unpack.hpp>

namespace vmkit::rootfs {

struct CachedDisk {
  std::filesystem::path path;
  /// How it was made, if this call made it.
  std::optional<UnpackResult> unpacked;
};

/// A folder of unpacked images, one disk for each chain ID, size and journal. Several threads and
/// processes may use one folder at once; a disk is unpacked once, however many want it.
///
/// The disks are read-only for their users: clone them (disk::clone) to write. Thread-safe.
/// File names: docs/formats/rootfs.md.
class Cache {
 public:
  /// Makes the folder if it is missing, and removes what killed processes left unfinished in it.
  explicit Cache(std::filesystem::path folder);

  /// The disk if there is one.
  std::optional<std::filesystem::path> find(const Digest& chain_id,
                                            const UnpackOptions& options = {}) const;

  /// The disk of these layers, unpacked now if it is not there; waits if another is at it. Fails
  /// as unpack() does, leaving nothing.
  CachedDisk get_or_unpack(std::span<const Layer> layers, const UnpackOptions& options = {},
                           const CallOptions& call_options = {}) const;

 private:
  disk::ImageFolder folder_;
};

}  // namespace vmkit::rootfs
