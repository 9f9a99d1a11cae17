// SPDX-License-Identifier: Apache-2.0
#include "os/extents.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

#include "os/clone_file.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::os {

void for_each_extent(const File& file, const std::function<void(const FileExtent&)>& visit,
                     const CallOptions& options) {
  for (auto range = next_data(file, 0); range;
       range = next_data(file, range->offset + range->length)) {
    for (std::uint64_t done = 0; done < range->length;) {
      options.check("look at the extents of " + file.path().string());
      // In: the place in the file, and how much is asked about. Out: the place on the device, and
      // how much of it lies there in one run.
      log2phys map{};
      map.l2p_devoffset = static_cast<off_t>(range->offset + done);
      map.l2p_contigbytes = static_cast<off_t>(range->length - done);
      FileExtent extent{.length = range->length - done};
      if (::fcntl(file.fd(), F_LOG2PHYS_EXT, &map) == 0) {
        if (map.l2p_contigbytes > 0) {
          extent.length = std::min(extent.length, static_cast<std::uint64_t>(map.l2p_contigbytes));
        }
        if (map.l2p_devoffset >= 0) {
          extent.physical = static_cast<std::uint64_t>(map.l2p_devoffset);
        }
      } else if (errno != ENOTSUP && errno != ERANGE) {
        throw Error::from_errno(errno, "extents of " + file.path().string());
      }
      visit(extent);
      done += extent.length;
    }
  }
}

}  // namespace vmkit::os
