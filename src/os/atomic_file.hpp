// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "os/file.hpp"

namespace vmkit::os {

/// A new file that appears under its name whole or not at all: it is written under a temporary name
/// in the same folder, synced and renamed by commit(). Confined.
///
/// The temporary name is ".NAME.tmp-XXXXXX"; the file is locked while it is written, so that
/// remove_abandoned() can tell what a killed process left behind from what is being written now.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target, unsigned permissions = 0644);
  /// Without commit() nothing is left.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  File& file() noexcept { return file_; }

  /// Makes the new file share all blocks of `source`, copy-on-write. False where the file system
  /// cannot; then the new file is as it was.
  bool try_clone_from(const File& source);

  enum class Existing { replace, keep };
  enum class Durability {
    synced,     ///< After commit() the file is there, whole, whatever crashes.
    ephemeral,  ///< A crash of the host may leave the name with a part of the content.
  };

  /// Syncs the file, gives it its name and syncs the folder; syncs nothing if it is ephemeral. A
  /// file that has the name already is replaced, or with Existing::keep an error (already_exists),
  /// whoever made it and when.
  void commit(Existing existing = Existing::replace, Durability durability = Durability::synced);

  /// Removes temporary files that killed processes left in `folder`.
  static void remove_abandoned(const std::filesystem::path& folder);

 private:
  std::filesystem::path target_;
  File file_;
  bool committed_ = false;
};

}  // namespace vmkit::os
