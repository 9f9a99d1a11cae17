// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "os/file.hpp"

#include <vmkit/base/call_options.hpp>

namespace vmkit::os {

/// A lock between processes, and between FileLock objects of one process: flock(2) on a file of its
/// own, made if missing and never removed. Ends with the object, and with the process however it
/// ends. Move-only.
class FileLock {
 public:
  enum class Kind { shared, exclusive };

  /// Waits for the lock as long as the options allow.
  static FileLock acquire(const std::filesystem::path& path, Kind kind,
                          const CallOptions& options = {});
  /// The lock if it is free now.
  static std::optional<FileLock> try_acquire(const std::filesystem::path& path, Kind kind);

 private:
  explicit FileLock(File file) : file_(std::move(file)) {}

  File file_;
};

/// Locks `file` itself until it is closed; false if another holds a lock that excludes this one.
bool try_lock(const File& file, FileLock::Kind kind);

}  // namespace vmkit::os
