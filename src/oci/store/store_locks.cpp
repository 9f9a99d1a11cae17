// SPDX-License-Identifier: Apache-2.0
#include "oci/store/store_locks.hpp"

#include "oci/store/store_layout.hpp"

namespace vmkit::oci {

using os::FileLock;

FileLock lock_index(const std::filesystem::path& store_root, const CallOptions& options) {
  return FileLock::acquire(store_root / layout::lock, FileLock::Kind::exclusive, options);
}

FileLock hold_off_collection(const std::filesystem::path& store_root, const CallOptions& options) {
  return FileLock::acquire(store_root / layout::collection_lock, FileLock::Kind::shared, options);
}

FileLock lock_collection(const std::filesystem::path& store_root, const CallOptions& options) {
  return FileLock::acquire(store_root / layout::collection_lock, FileLock::Kind::exclusive,
                           options);
}

}  // namespace vmkit::oci
