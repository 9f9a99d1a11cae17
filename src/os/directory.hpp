// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <utility>

namespace vmkit::os {

/// Makes `path` and its missing parents, each with `permissions` less the umask.
void create_directories(const std::filesystem::path& path, unsigned permissions = 0755);

/// Returns when the folder's entries are on stable storage.
void sync_directory(const std::filesystem::path& path);

/// Gives the folder `from` the name `to`, where there may be an empty folder, which it replaces;
/// any other folder or file there is an error: already_exists. The folders around are not synced.
void rename_folder(const std::filesystem::path& from, const std::filesystem::path& to);

/// Twelve random characters that are safe in a file name.
std::string random_name();

/// A folder of its own (mode 0700) that goes with everything in it. Move-only.
class TemporaryDirectory {
 public:
  /// Below `parent`, which must exist, named "PREFIX-" and random characters.
  TemporaryDirectory(const std::filesystem::path& parent, const std::string& prefix);
  /// One that is there already, made by an object that did not live to remove it.
  explicit TemporaryDirectory(std::filesystem::path existing) : path_(std::move(existing)) {}
  TemporaryDirectory(TemporaryDirectory&& other) noexcept;
  TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;
  ~TemporaryDirectory();

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace vmkit::os
