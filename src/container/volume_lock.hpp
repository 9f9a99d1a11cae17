// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "os/file_lock.hpp"

#include <vmkit/container/volumes.hpp>

namespace vmkit::container {

/// The folder of a volume's image that is its content: beside it stands lost+found.
inline constexpr const char* volume_content = "data";

/// Takes a volume for a container, alone or with others that only read; makes it if there is none
/// (not for reading only: not_found). Throws failed_precondition if another has it, naming who
/// where the system tells.
os::FileLock lock_volume(Volumes& volumes, const std::string& name, bool read_only,
                         const CallOptions& options);

/// Makes the image of a new, empty volume at `path`.
void make_volume_image(const std::filesystem::path& path, ByteSize size,
                       const CallOptions& options);

/// Copies what the image on `disk` has at `folder` into the volume on `image`, if that is empty,
/// with the folder's own owner, permissions and attributes. Nothing happens if `disk` has no such
/// folder.
void fill_volume(const std::filesystem::path& image, const std::filesystem::path& disk,
                 const std::string& folder, const CallOptions& options);

}  // namespace vmkit::container
