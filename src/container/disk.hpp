// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include <vmkit/base/call_options.hpp>
#include <vmkit/container/options.hpp>
#include <vmkit/rootfs/cache.hpp>

namespace vmkit::container {

/// The disks of the images in a store.
rootfs::Cache disk_cache(const oci::ImageStore& store);

/// Makes `disk` from the image: unpacked into the cache of the store if it is not there yet, then
/// cloned. Fills in what it took.
void prepare_disk(const ContainerOptions& options, const std::filesystem::path& disk,
                  Timeline& timeline, const CallOptions& call_options);

}  // namespace vmkit::container
