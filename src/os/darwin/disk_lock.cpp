// SPDX-License-Identifier: Apache-2.0
#include "os/disk_lock.hpp"

namespace vmkit::os {

bool try_lock_disk(const File& file, FileLock::Kind kind) {
  return try_lock(file, kind);
}

std::string lock_holders(const std::filesystem::path&) {
  return {};  // the system tells the holder of an fcntl lock only
}

}  // namespace vmkit::os
