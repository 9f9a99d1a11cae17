// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace vmkit::disk {

/// Tells the system's backup (Time Machine on macOS: the extended attribute
/// com.apple.metadata:com_apple_backup_excludeItem) to leave out a file or a folder with all in it:
/// for what can be made anew. Returns false, having done nothing, where the system has no backup of
/// its own to be told, as Linux. Throws not_found, permission_denied, unsupported (the file system
/// has no extended attributes).
///
/// The folders of ImageFolder are left out without being asked for; snapshots and other disks are
/// not, unless the host application says so.
bool exclude_from_backup(const std::filesystem::path& path);

}  // namespace vmkit::disk
