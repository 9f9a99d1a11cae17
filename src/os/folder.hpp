// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "os/descriptor.hpp"
#include "os/file.hpp"

namespace vmkit::os {

/// A folder that strangers may have filled, and may be changing now: what is opened through it lies
/// inside it, because no symlink is followed on the way. Move-only; thread-compatible.
class Folder {
 public:
  /// The path itself may be a symlink: whoever names it means it.
  static Folder open(const std::filesystem::path& path);

  const std::filesystem::path& path() const noexcept { return path_; }

  /// The regular file "a/b/c" for reading; nullopt if it, or a folder before it, does not exist.
  /// Throws data_corruption for a symlink, device or anything else in the place of one of them;
  /// none of these is ever opened. Throws invalid_argument for names with empty parts, "." or "..".
  std::optional<File> open_file(std::string_view name) const;

 private:
  Folder(std::filesystem::path path, Descriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  std::filesystem::path path_;
  Descriptor fd_;
};

}  // namespace vmkit::os
