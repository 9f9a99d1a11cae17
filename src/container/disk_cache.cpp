// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <vmkit/container/disk_cache.hpp>

namespace vmkit::container {

rootfs::Cache disk_cache(const oci::ImageStore& store, const rootfs::CacheOptions& options) {
  return rootfs::Cache(store.root() / "rootfs", options);
}

std::function<bool(const rootfs::CacheEntry&)> of_no_image(const oci::ImageStore& store) {
  std::set<std::string> needed;
  for (const oci::ImageRecord& record : store.list()) {
    const auto image = store.resolve(record.manifest.digest.to_string());
    if (!image) continue;
    std::vector<Digest> diff_ids;
    for (const oci::Layer& layer : oci::layers(*image)) {
      diff_ids.push_back(layer.diff_id);
      needed.insert(rootfs::chain_id(diff_ids).to_string());
    }
  }
  return [needed = std::move(needed)](const rootfs::CacheEntry& entry) {
    return !needed.contains(entry.chain_id.to_string());
  };
}

}  // namespace vmkit::container
