// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>

#include <vmkit/ext4/filesystem.hpp>
#include <vmkit/rootfs/unpack.hpp>

namespace vmkit::rootfs {

/// Called when so many layers are on the disk, which then is whole but not flushed.
using AfterLayer = std::function<void(std::size_t applied)>;

/// The empty file system that the lowest of the layers is applied to.
ext4::Filesystem format_for(std::span<const Layer> layers, BlockDevice& device,
                            const UnpackOptions& options);

/// What unpack() does with the layers from the one after `applied` on, which `tree`, the file
/// system on `device`, has already. After an error the device is good for nothing.
UnpackResult unpack_upon(std::span<const Layer> layers, std::size_t applied, ext4::Filesystem tree,
                         BlockDevice& device, const UnpackOptions& options,
                         const CallOptions& call_options, const AfterLayer& after_layer);

/// Throws resource_exhausted if there is no room for `target` even if its layers had no bytes more
/// than they have compressed.
void require_room(std::span<const Layer> layers, const std::filesystem::path& target);

}  // namespace vmkit::rootfs
