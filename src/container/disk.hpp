// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include <vmkit/base/call_options.hpp>
#include <vmkit/container/disk_cache.hpp>
#include <vmkit/container/options.hpp>

namespace vmkit::container {

/// How the image of a container is unpacked; a journal is for one that is kept.
rootfs::UnpackOptions unpack_options(ByteSize disk_size, bool keep);

/// Makes `disk` from the image: unpacked into the cache of the store if it is not there yet, then
/// cloned. Fills in what it took.
void prepare_disk(const ContainerOptions& options, const std::filesystem::path& disk,
                  Timeline& timeline, const CallOptions& call_options);

}  // namespace vmkit::container
