// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

#include "os/file_lock.hpp"

#include <vmkit/container/record.hpp>

namespace vmkit::container {

/// A container's folder: made with mode 0700, held by a lock while the object lives, and removed
/// with it unless it is kept.
class Folder {
 public:
  enum class How {
    make,  ///< Throws already_exists if there is anything at the path.
    open,  ///< not_found if there is no container's folder, unavailable if another one holds it.
  };
  explicit Folder(std::filesystem::path path, How how = How::make);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::filesystem::path disk() const { return container_disk(path_); }
  std::filesystem::path console_log() const { return path_ / "console.log"; }

  const std::filesystem::path& path() const { return path_; }
  /// Removes the folder now, as far as that is possible.
  void remove() noexcept;
  /// Whether the folder outlives the object.
  void keep(bool kept) { kept_ = kept; }

  /// Whether a Folder has it now, in this process or another; nullopt if it is no container's.
  static std::optional<bool> is_held(const std::filesystem::path& path);
  /// Container::remove, of a folder.
  static void remove(const std::filesystem::path& path);
  /// Container::remove_abandoned.
  static std::size_t remove_abandoned(const std::filesystem::path& parent);

 private:
  std::filesystem::path path_;
  os::FileLock lock_;
  bool kept_ = false;
};

}  // namespace vmkit::container
