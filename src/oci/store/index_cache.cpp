// SPDX-License-Identifier: Apache-2.0
#include "oci/store/index_cache.hpp"

#include <algorithm>
#include <chrono>

#include "oci/store/store_layout.hpp"

namespace vmkit::oci {
namespace {

// The coarsest clock of a file system that is in use (FAT's).
constexpr std::chrono::seconds coarsest_tick{2};

bool times_tell(const os::FileStatus& status, std::chrono::system_clock::time_point read_at) {
  const auto last_change = std::max(status.modified, status.changed);
  return read_at.time_since_epoch() - last_change > coarsest_tick;
}

}  // namespace

IndexCache::IndexCache(const std::filesystem::path& store_root)
    : path_(store_root / layout::index) {}

std::shared_ptr<const IndexEntries> IndexCache::entries() {
  const std::lock_guard lock(mutex_);
  if (entries_ && !text_ && os::regular_file_status(path_) == status_) return entries_;

  const auto now = std::chrono::system_clock::now();
  IndexText text = read_index_text(path_);
  if (!entries_ || text.content != text_) {
    entries_ = std::make_shared<IndexEntries>(LayoutIndex::parse(text.content, path_).entries());
  }
  status_ = text.status;
  text_.reset();
  if (!times_tell(status_, now)) text_ = std::move(text.content);
  return entries_;
}

}  // namespace vmkit::oci
