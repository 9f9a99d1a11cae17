// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <utility>
#include <vector>

#include "os/directory.hpp"
#include "os/file.hpp"
#include "os/file_lock.hpp"

namespace vmkit::vm::detail {

/// A machine's private folder, "vmkit-vm-" and random characters. It is locked while it is in use,
/// so that what a killed process left can be told from what another uses now. Move-only.
class RuntimeFolder {
 public:
  explicit RuntimeFolder(const std::filesystem::path& parent);

  /// Takes over the one at `path`, whose user is gone. Throws not_found (there is none),
  /// failed_precondition (its user lives: the message says who it is).
  static RuntimeFolder take_over(const std::filesystem::path& path);

  const std::filesystem::path& path() const noexcept { return folder_.path(); }

  /// The lock of what may outlive the folder's user: made now, to be inherited by that process, and
  /// held as long as it lives.
  os::File make_life() const;
  /// Whether a process holds that lock.
  static bool has_life(const std::filesystem::path& path);

  /// The folders below `parent` of which only the user is gone.
  static std::vector<std::filesystem::path> orphans(const std::filesystem::path& parent);

  /// Removes the folders that killed processes left below `parent`, as far as it may, but for
  /// orphans.
  static void remove_abandoned(const std::filesystem::path& parent) noexcept;

 private:
  RuntimeFolder(os::TemporaryDirectory folder, os::FileLock lock)
      : folder_(std::move(folder)), lock_(std::move(lock)) {}

  os::TemporaryDirectory folder_;
  os::FileLock lock_;
};

}  // namespace vmkit::vm::detail
