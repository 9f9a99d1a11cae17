// SPDX-License-Identifier: Apache-2.0
#include "container/disk.hpp"

#include <vmkit/container/commit.hpp>
#include <vmkit/container/image_layers.hpp>
#include <vmkit/disk/image_file.hpp>
#include <vmkit/ext4/reader.hpp>
#include <vmkit/oci/add_layer.hpp>
#include <vmkit/oci/lease.hpp>

namespace vmkit::container {

CommittedImage commit(oci::ImageStore& store, const oci::Image& base,
                      const std::filesystem::path& disk, const oci::Reference& name,
                      const CommitOptions& commit_options, const CallOptions& options) {
  using Access = disk::ImageFile::Access;
  disk::ImageFile upper_file = disk::ImageFile::open(disk, Access::read_only);
  ext4::Reader upper = ext4::Reader::open(upper_file);
  const oci::Lease lease = oci::Lease::of(store, base, options);
  const rootfs::CachedDisk cached = disk_cache(store).get_or_unpack(
      image_layers(base, store), {.size = upper_file.size()}, options);
  disk::ImageFile lower_file = disk::ImageFile::open(cached.path, Access::read_only);
  ext4::Reader lower = ext4::Reader::open(lower_file);
  rootfs::DiffResult changes;
  oci::NewLayer layer;
  layer.compression = commit_options.compression;
  layer.created = commit_options.created;
  layer.created_by = commit_options.created_by;
  layer.author = commit_options.author;
  layer.comment = commit_options.comment;
  layer.write = [&](Sink& tar) {
    changes = rootfs::diff(lower, upper, tar, commit_options.diff, options);
    return changes.written + changes.removed > 0;
  };
  oci::Image image = oci::add_layer(store, base, name, layer, options);
  return {std::move(image), changes};
}

}  // namespace vmkit::container
