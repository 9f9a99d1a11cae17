// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "os/file.hpp"

#include <vmkit/base/call_options.hpp>

namespace vmkit::os {

/// A file that one holder at a time, of all threads and processes that open it this way, may write,
/// rename and remove. The lock is a flock(2) on the file itself, so that nothing but the file is
/// left behind, and ends with the object, and with the process however it ends. Confined;
/// move-only.
class ExclusiveFile {
 public:
  /// Opens `path`, made if missing; waits as long as the options allow until nobody else has it. A
  /// file that its holder renames or removes meanwhile is not it any more: then a new one is made.
  static ExclusiveFile open(const std::filesystem::path& path, const CallOptions& options = {});
  /// The same, nullopt if somebody else has it now.
  static std::optional<ExclusiveFile> try_open(const std::filesystem::path& path);

  File& file() noexcept { return file_; }
  const File& file() const noexcept { return file_; }

  /// Gives it the name `target`, replacing a file that has it. The folders are not synced.
  void rename_to(const std::filesystem::path& target);
  void remove();

 private:
  explicit ExclusiveFile(File file) : file_(std::move(file)) {}

  File file_;
};

}  // namespace vmkit::os
