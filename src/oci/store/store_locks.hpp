// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "os/file_lock.hpp"

#include <vmkit/base/call_options.hpp>

// The locks of a store. Who needs both takes that of the collection first.
namespace vmkit::oci {

/// Held while index.json is read and replaced.
os::FileLock lock_index(const std::filesystem::path& store_root, const CallOptions& options);

/// Held shared, and briefly, by who makes blobs needed (a lease, a name): no blob is removed for
/// want of need meanwhile. Held exclusive by who finds out what is needed and removes the rest.
os::FileLock hold_off_collection(const std::filesystem::path& store_root,
                                 const CallOptions& options);
os::FileLock lock_collection(const std::filesystem::path& store_root, const CallOptions& options);

}  // namespace vmkit::oci
