// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "os/directory.hpp"
#include "os/file_lock.hpp"

namespace vmkit::vm::detail {

/// A machine's private folder, "vmkit-vm-" and random characters. It is locked while it is in use,
/// so that what a killed process left can be told from what another uses now. Move-only.
class RuntimeFolder {
 public:
  explicit RuntimeFolder(const std::filesystem::path& parent);

  const std::filesystem::path& path() const noexcept { return folder_.path(); }

  /// Removes the folders that killed processes left below `parent`, as far as it may.
  static void remove_abandoned(const std::filesystem::path& parent) noexcept;

 private:
  os::TemporaryDirectory folder_;
  os::FileLock lock_;
};

}  // namespace vmkit::vm::detail
