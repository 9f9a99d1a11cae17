// SPDX-License-Identifier: Apache-2.0
#include "os/extents.hpp"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <string>
#include <sys/ioctl.h>
#include <vector>

#include "os/clone_file.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::os {
namespace {

constexpr std::uint32_t extents_at_once = 4096;
constexpr std::uint32_t placeless = FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC |
                                    FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL;

FileExtent convert(const fiemap_extent& extent) {
  FileExtent result{extent.fe_length, extent.fe_physical,
                    (extent.fe_flags & FIEMAP_EXTENT_SHARED) != 0};
  if ((extent.fe_flags & placeless) != 0) result.physical.reset();
  return result;
}

}  // namespace

void for_each_extent(const File& file, const std::function<void(const FileExtent&)>& visit,
                     const CallOptions& options) {
  // The extents follow their header; the vector's elements keep both aligned.
  static_assert(sizeof(fiemap) % alignof(fiemap_extent) == 0);
  std::vector<std::uint64_t> storage((sizeof(fiemap) + extents_at_once * sizeof(fiemap_extent)) /
                                     sizeof(std::uint64_t));
  auto* map = reinterpret_cast<fiemap*>(storage.data());
  for (std::uint64_t start = 0;;) {
    options.check("look at the extents of " + file.path().string());
    std::memset(map, 0, sizeof *map);  // its last member, an array without length, forbids "= {}"
    map->fm_start = start;
    map->fm_length = FIEMAP_MAX_OFFSET - start;
    map->fm_flags = FIEMAP_FLAG_SYNC;  // else what was just written has no place yet
    map->fm_extent_count = extents_at_once;
    if (::ioctl(file.fd(), FS_IOC_FIEMAP, map) != 0) {
      const bool cannot = errno == EOPNOTSUPP || errno == ENOTTY || errno == EBADR;
      if (!cannot) throw Error::from_errno(errno, "extents of " + file.path().string());
      for (auto range = next_data(file, 0); range;
           range = next_data(file, range->offset + range->length)) {
        visit({.length = range->length});
      }
      return;
    }
    if (map->fm_mapped_extents == 0) return;
    const std::span<const fiemap_extent> found(map->fm_extents, map->fm_mapped_extents);
    for (const fiemap_extent& extent : found) visit(convert(extent));
    const fiemap_extent& last = found.back();
    if ((last.fe_flags & FIEMAP_EXTENT_LAST) != 0) return;
    if (last.fe_logical + last.fe_length <= start) {
      throw Error(Errc::io, "extents of " + file.path().string() + ": the file system goes round");
    }
    start = last.fe_logical + last.fe_length;
  }
}

}  // namespace vmkit::os
