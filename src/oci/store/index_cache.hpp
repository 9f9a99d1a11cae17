// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "oci/store/layout_index.hpp"
#include "os/file.hpp"

namespace vmkit::oci {

/// What index.json says, read again only when somebody has changed it. Thread-safe.
///
/// Whether it has changed is told by inode, size and times. Those can stay the same for two changes
/// within one tick of the file system's clock; so a file that was changed shortly before it was
/// read is compared by content, until its times are old enough to tell.
class IndexCache {
 public:
  explicit IndexCache(const std::filesystem::path& store_root);

  /// What the file says now. Throws as LayoutIndex::read does.
  std::shared_ptr<const IndexEntries> entries();

 private:
  const std::filesystem::path path_;
  std::mutex mutex_;
  std::shared_ptr<const IndexEntries> entries_;
  os::FileStatus status_{};
  /// What entries_ were read from, as long as the status does not tell; otherwise nullopt.
  std::optional<std::string> text_;
};

}  // namespace vmkit::oci
