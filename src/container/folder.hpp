// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>

#include "os/file_lock.hpp"

namespace vmkit::container {

/// A container's folder: made with mode 0700, held by a lock while the object lives, removed with
/// it.
class Folder {
 public:
  /// Throws already_exists if there is anything at `path`.
  explicit Folder(std::filesystem::path path);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::filesystem::path disk() const { return path_ / "disk.ext4"; }
  std::filesystem::path console_log() const { return path_ / "console.log"; }

  /// Container::remove_abandoned.
  static std::size_t remove_abandoned(const std::filesystem::path& parent);

 private:
  std::filesystem::path path_;
  os::FileLock lock_;
};

}  // namespace vmkit::container
