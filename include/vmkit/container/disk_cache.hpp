// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include <vmkit/oci/image_store.hpp>
#include <vmkit/rootfs/cache.hpp>

namespace vmkit::container {

/// The disks that containers and pull_and_unpack() make of the images in a store: its folder
/// rootfs/. oci::collect_garbage does not look at them.
rootfs::Cache disk_cache(const oci::ImageStore& store, const rootfs::CacheOptions& options = {});

/// True for the disks that are neither of an image that the store has now nor of its lower layers,
/// from which an update of the image would start: what a host that unpacks what it has pulled gives
/// as `unwanted` in rootfs::PruneOptions. Of an index, the image for this host's platform counts.
/// Throws as ImageStore::resolve() does.
std::function<bool(const rootfs::CacheEntry&)> of_no_image(const oci::ImageStore& store);

}  // namespace vmkit::container
