// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/call_options.hpp>

namespace vmkit::disk {

enum class CloneMode {
  prefer_cow,   ///< Share blocks where the file system can, copy otherwise.
  require_cow,  ///< Share blocks, or fail with unsupported.
};

/// How a disk is cloned.
struct CloneOptions {
  CloneMode mode = CloneMode::prefer_cow;
  /// Whether the target must outlive a crash of the host. If not, nothing is synced, so that nobody
  /// waits for the storage: for disks that go when their machine does.
  bool durable = true;
  /// The source rests though a machine has it, because its file system is frozen or its machine is
  /// paused: it is cloned all the same. Without that the target would be torn.
  bool source_rests = false;
};

/// What clone() did.
enum class CloneMethod {
  cow,          ///< Source and target share their blocks until one is written.
  sparse_copy,  ///< The data was copied; holes stayed holes.
};

/// "cow", "sparse_copy".
std::string_view to_string(CloneMethod method) noexcept;

/// Makes `target` a disk with the content of `source`: FICLONE (btrfs, XFS and others),
/// clonefile (APFS), or a copy of the data only. The target appears whole or not at all and is
/// readable by its owner alone; after a crash of the host that holds for durable clones only.
///
/// Errors: not_found; already_exists (the target); failed_precondition (the source is being
/// written); unsupported (require_cow, with the reason); resource_exhausted before a copy that has
/// no room, with what is needed and available; cancelled, timeout. Progress: phase "clone", the
/// target as subject, bytes of data.
CloneMethod clone(const std::filesystem::path& source, const std::filesystem::path& target,
                  const CloneOptions& clone_options = {}, const CallOptions& options = {});

/// Throws resource_exhausted, with what is needed and available, if an ordinary user cannot put
/// `needed` more on the file system of `path`, which exists.
void require_free_space(const std::filesystem::path& path, ByteSize needed);

}  // namespace vmkit::disk
