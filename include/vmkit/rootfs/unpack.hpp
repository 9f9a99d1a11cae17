// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>

#include <vmkit/base/block_device.hpp>
#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/base/digest.hpp>
#include <vmkit/rootfs/layer.hpp>

namespace vmkit::rootfs {

/// Bounds for images that are not trusted; more is resource_exhausted. What is written is bounded
/// by the size of the disk.
struct UnpackLimits {
  std::optional<ByteSize> layer_content = {};  ///< Of each uncompressed layer.
  /// In all layers that are read, together. Each takes some 200 bytes of memory; the images that
  /// people use have some hundred thousand.
  std::optional<std::uint64_t> entries = 4'000'000;
};

/// How layers become a disk.
struct UnpackOptions {
  /// Of the disk. Only what is used takes room, so that it may be generous.
  ByteSize size = ByteSize(std::uint64_t{64} << 30);
  /// A clean ext4 journal of this size; none without.
  std::optional<ByteSize> journal = {};
  UnpackLimits limits = {};
};

/// The disk that layers became.
struct UnpackResult {
  Digest chain_id;
  /// How many of the layers were on the disk it started from (Cache), and so were not read. What
  /// follows is about the others.
  std::size_t reused_layers = 0;
  std::uint64_t entries = 0;  ///< Tar members of all layers, whiteouts included.
  ByteSize compressed = {};   ///< Read from the layers.
  ByteSize content = {};      ///< Of the files written, holes not counted.
  /// Extended attributes that ext4 has no place for (such as com.apple.…) and that were left out.
  std::uint64_t skipped_xattrs = 0;
  std::chrono::nanoseconds layers_time{0};   ///< Reading, verifying and writing the layers.
  std::chrono::nanoseconds commit_time{0};   ///< Writing the metadata, after each layer.
  std::chrono::nanoseconds publish_time{0};  ///< Flushing to stable storage and renaming.
};

/// Makes an ext4 disk with the layers of an image, the lowest first, applied one upon another as
/// the OCI image-layer specification says. The same layers and options give the same bytes on
/// every host: UUID and hash seed derive from the lowest layer's diffID, times from the archives.
///
/// Whiteouts and opaque markers hide what lower layers made, wherever they stand in their layer.
/// Parents that are symlinks are followed inside the disk; missing ones are made (0755, root).
/// A hard link shares its target's inode, before or after it in the archive, in any lower layer,
/// and sets its attributes as containerd does. Members under a file, names that the specification
/// reserves, and everything else that makes no sense are data_corruption; nothing is ever written
/// but the disk. Details: docs/formats/rootfs.md.
///
/// The target appears whole or not at all: on any error nothing is left. Decompression and
/// hashing have threads of their own, for up to three layers at once; what these are read ahead is
/// bounded (82 MiB).
/// Errors: data_corruption with the layer's name (garbled archive, a diffID that does not fit:
/// expected and found); resource_exhausted (no room on the host's disk; a limit; `size` too small:
/// the size and the least that is needed); already_exists (the target); unsupported (more names
/// of one file, or a longer one, than ext4 can have); cancelled, timeout; what the layers' sources
/// throw. Where the layers' compressed sizes are known and the host has not even room for
/// these, that is told before anything is read. Progress: phase "unpack", each layer's name as
/// subject, compressed bytes; called in the caller's thread.
UnpackResult unpack(std::span<const Layer> layers, const std::filesystem::path& target,
                    const UnpackOptions& options = {}, const CallOptions& call_options = {});

/// The same onto a device that reads as zeros, which is used whole (options.size does not count).
/// After an error it holds no mountable file system.
UnpackResult unpack(std::span<const Layer> layers, BlockDevice& device,
                    const UnpackOptions& options = {}, const CallOptions& call_options = {});

}  // namespace vmkit::rootfs
