// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "os/file.hpp"

#include <vmkit/base/byte_size.hpp>

namespace vmkit::os {

/// Makes `target` (new) share all blocks of `source`, copy-on-write: FICLONE, clonefile. False if
/// the file system cannot, or the two are not on the same one; then there is no target.
bool try_clone_file(const File& source, const std::filesystem::path& target);

/// Copies length bytes at `offset` between files inside the kernel where that is possible.
void copy_range(const File& source, File& target, std::uint64_t offset, std::uint64_t length);

/// The same through a buffer of our own: what copy_range falls back to.
void copy_by_buffer(const File& source, File& target, std::uint64_t offset, std::uint64_t length);

struct DataRange {
  std::uint64_t offset;
  std::uint64_t length;
};

/// The first range at or after `offset` that holds data rather than a hole; nullopt if none does.
/// Where the file system cannot tell, all is data.
std::optional<DataRange> next_data(const File& file, std::uint64_t offset);

/// Room that an ordinary user may still fill on the file system of `path`.
ByteSize free_space(const std::filesystem::path& path);

}  // namespace vmkit::os
