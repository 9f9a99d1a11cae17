// SPDX-License-Identifier: Apache-2.0
#include <mutex>
#include <optional>
#include <utility>

#include "container/disk.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/container/image_layers.hpp>
#include <vmkit/container/pull_and_unpack.hpp>

namespace vmkit::container {

UnpackedImage pull_and_unpack(oci::RegistryClient& client, oci::ImageStore& store,
                              const oci::Reference& reference, oci::PullOptions pull_options,
                              ByteSize disk_size, bool keep, const CallOptions& options) {
  if (pull_options.consume) {
    throw Error(Errc::invalid_argument,
                "pull_and_unpack: expected no consume in the pull's options: it unpacks itself; "
                "call oci::pull for something else");
  }
  CallOptions one_at_a_time = options;
  std::mutex mutex;
  if (options.progress) {
    one_at_a_time.progress = [&](const Progress& progress) {
      const std::lock_guard lock(mutex);
      options.progress(progress);
    };
  }
  const rootfs::Cache cache = disk_cache(store);
  std::optional<rootfs::CachedDisk> disk;
  pull_options.consume = [&](const oci::Image& image, oci::ArrivingLayers& arriving) {
    disk = cache.get_or_unpack(image_layers(image, arriving), unpack_options(disk_size, keep),
                               one_at_a_time);
  };
  oci::Image image = oci::pull(client, store, reference, pull_options, one_at_a_time);
  return {std::move(image), *std::move(disk)};
}

}  // namespace vmkit::container
