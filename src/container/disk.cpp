// SPDX-License-Identifier: Apache-2.0
#include "container/disk.hpp"

#include <chrono>
#include <system_error>

#include <vmkit/container/image_layers.hpp>
#include <vmkit/disk/clone.hpp>
#include <vmkit/oci/lease.hpp>

namespace vmkit::container {
namespace {

// As mke2fs has it for disks of this size. It takes no room before it is used.
constexpr ByteSize journal_size = 64_MiB;

}  // namespace

rootfs::UnpackOptions unpack_options(ByteSize disk_size, bool keep) {
  rootfs::UnpackOptions unpack;
  unpack.size = disk_size;
  if (keep) unpack.journal = journal_size;
  return unpack;
}

void prepare_disk(const ContainerOptions& options, const std::filesystem::path& disk,
                  Timeline& timeline, const CallOptions& call_options) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const rootfs::Cache cache = disk_cache(options.store);
  oci::Lease lease = oci::Lease::begin(options.store, call_options);
  lease.add(options.image, call_options);
  const auto cached =
      cache.get_or_unpack(image_layers(options.image, options.store),
                          unpack_options(options.disk_size, options.keep), call_options);
  const auto unpacked = Clock::now();
  if (cached.unpacked) timeline.unpack = unpacked - begin;
  std::error_code none;
  if (options.isolation.writable_layer) {
    // Nobody writes to it: the unpacked image itself will do, under a name that keeps it.
    std::filesystem::create_hard_link(cached.path, disk, none);
    timeline.clone_method = disk::CloneMethod::cow;
    if (!none) return;
  }
  timeline.clone_method = disk::clone(
      cached.path, disk, {.mode = options.clone_mode, .durable = options.keep}, call_options);
  timeline.clone = Clock::now() - unpacked;
}

}  // namespace vmkit::container
