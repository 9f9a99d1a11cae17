// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/disk/clone.hpp>

namespace vmkit::disk {

/// A named state of a disk.
struct Snapshot {
  std::string name;
  std::string parent;  ///< The snapshot that the disk was last saved to or restored from before.
  std::chrono::system_clock::time_point created;
  ByteSize size;  ///< Of the image. What it takes of the file system: usage() of its path.
  std::filesystem::path path;  ///< To be read only: clones and machines with read-only disks.
};

/// The named snapshots of one disk whose machine is stopped: clones of the image in the folder
/// DISK.snapshots beside it, with a table of names and parents (docs/formats/disks.md).
///
/// Each call is atomic: it has happened wholly or not at all, whatever fails or crashes; what a
/// killed process left is removed by the next call that changes something. Several threads and
/// processes may use the snapshots of one disk at once. A name is 1 to 64 letters, digits, '.',
/// '_' and '-', the first a letter or digit. Thread-safe.
///
/// Errors of all calls: data_corruption (the table is garbled), not_found (no such disk or
/// snapshot), unsupported (copy-on-write was required: clone()), resource_exhausted (no room for a
/// copy), timeout and cancelled, also while another process holds the folder.
class Snapshots {
 public:
  /// Of the disk image at `disk`. Touches nothing.
  explicit Snapshots(std::filesystem::path disk);

  /// Oldest first.
  std::vector<Snapshot> list(const CallOptions& options = {}) const;
  /// The one that the disk's present content stems from; empty if none.
  std::string current(const CallOptions& options = {}) const;

  /// Saves the disk's present content. Throws already_exists (the name), failed_precondition (the
  /// disk is being written).
  CloneMethod create(const std::string& name, const CloneOptions& clone_options = {},
                     const CallOptions& options = {}) const;

  /// Gives the disk the content it had; what it has now is lost unless there is a snapshot of it.
  /// The file at the disk's path becomes another one. Throws failed_precondition (the disk is in
  /// use).
  CloneMethod restore(const std::string& name, const CloneOptions& clone_options = {},
                      const CallOptions& options = {}) const;

  /// A new disk, independent of this one, with the content of the snapshot. Throws already_exists
  /// (the target).
  CloneMethod fork(const std::string& name, const std::filesystem::path& target,
                   const CloneOptions& clone_options = {}, const CallOptions& options = {}) const;

  /// Those that have it as parent get its parent. Throws failed_precondition (a machine or a clone
  /// uses the snapshot).
  void remove(const std::string& name, const CallOptions& options = {}) const;

 private:
  std::filesystem::path disk_;
  std::filesystem::path folder_;
};

}  // namespace vmkit::disk
