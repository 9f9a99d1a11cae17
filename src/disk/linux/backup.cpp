// SPDX-License-Identifier: Apache-2.0
#include <vmkit/disk/backup.hpp>

namespace vmkit::disk {

bool exclude_from_backup(const std::filesystem::path&) {
  return false;
}

}  // namespace vmkit::disk
