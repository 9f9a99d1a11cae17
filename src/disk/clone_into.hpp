// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "os/atomic_file.hpp"

#include <vmkit/disk/clone.hpp>

namespace vmkit::disk {

/// What clone() does, but for the new file's getting its name: `fresh`, which is to become
/// `target`, gets the content of `source`.
CloneMethod clone_into(os::AtomicFile& fresh, const std::filesystem::path& source,
                       const std::filesystem::path& target, const CloneOptions& clone_options,
                       const CallOptions& options);

}  // namespace vmkit::disk
