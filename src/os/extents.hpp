// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "os/file.hpp"

#include <vmkit/base/call_options.hpp>

namespace vmkit::os {

/// A run of a file's bytes that takes space on its file system.
struct FileExtent {
  std::uint64_t length = 0;
  /// Where on the file system, in bytes; nullopt where that is not a place that others could share.
  std::optional<std::uint64_t> physical = {};
  /// The file system says that another file, or another part of this one, has it too. Never set on
  /// macOS, where it does not say.
  bool shared = false;
};

/// Calls `visit` for each extent of the file, in order (FIEMAP, F_LOG2PHYS_EXT). Where the file
/// system cannot tell, the file's data ranges, at no place.
void for_each_extent(const File& file, const std::function<void(const FileExtent&)>& visit,
                     const CallOptions& options = {});

}  // namespace vmkit::os
