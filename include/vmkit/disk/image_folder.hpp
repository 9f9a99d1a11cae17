// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <vmkit/base/call_options.hpp>

namespace vmkit::disk {

/// A folder of disk images that several processes share. Thread-safe.
class ImageFolder {
 public:
  /// Makes the folder if it is missing, and removes from it the images that killed processes left
  /// without having published them; those being made now stay. The system's backup is told to leave
  /// the folder out, where it has one and may be told (exclude_from_backup).
  explicit ImageFolder(std::filesystem::path path);

  const std::filesystem::path& path() const noexcept { return path_; }

  /// The right to make the image `name`, held by one at a time, in this process or another. Ends
  /// with the object, and with the process however it ends. Move-only.
  class Lock {
   public:
    Lock(Lock&&) noexcept;
    Lock& operator=(Lock&&) noexcept;
    ~Lock();

   private:
    friend class ImageFolder;
    struct Impl;
    explicit Lock(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
  };

  /// Waits for that right as long as the options allow. `name` is a file name, no path. The lock
  /// is a small file in the subfolder "locks", which stays.
  Lock lock(const std::string& name, const CallOptions& options = {}) const;

 private:
  std::filesystem::path path_;
};

}  // namespace vmkit::disk
