// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/container/options.hpp>
#include <vmkit/oci/pull.hpp>
#include <vmkit/rootfs/cache.hpp>

namespace vmkit::container {

/// An image that was pulled, and its disk.
struct UnpackedImage {
  oci::Image image;
  rootfs::CachedDisk disk;
};

/// oci::pull and rootfs::Cache::get_or_unpack at once: the layers are unpacked while they come, so
/// that both take little longer than the slower of them. Container::create then finds the disk, if
/// it is given the same `disk_size`, and `keep` for ContainerOptions::keep.
///
/// Throws what both throw, and invalid_argument if `pull_options.consume` is set: that is what this
/// function sets itself. On an error nothing has a name, in the store or among the disks, but what
/// was complete. Progress has the phases of both, one call at a time.
UnpackedImage pull_and_unpack(oci::RegistryClient& client, oci::ImageStore& store,
                              const oci::Reference& reference, oci::PullOptions pull_options = {},
                              ByteSize disk_size = default_disk_size, bool keep = false,
                              const CallOptions& options = {});

}  // namespace vmkit::container
