// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include <vmkit/base/call_options.hpp>
#include <vmkit/oci/image.hpp>
#include <vmkit/oci/image_store.hpp>
#include <vmkit/rootfs/diff.hpp>

namespace vmkit::container {

/// What the new image says of itself, and how its layer is made.
struct CommitOptions {
  oci::LayerCompression compression = oci::LayerCompression::gzip;
  /// See oci::NewLayer; without a time the same changes give the same image.
  std::optional<std::chrono::system_clock::time_point> created = {};
  std::string created_by = {};
  std::string author = {};
  std::string comment = {};
  rootfs::DiffOptions diff = {};
};

/// The image that a commit made.
struct CommittedImage {
  oci::Image image;
  rootfs::DiffResult changes;
};

/// Makes an image out of `base` and what is different on `disk`, the disk of a container of it
/// whose machine does not run, and names it `name` in the store: as it is there it can be run,
/// exported and pushed. What a machine that was killed left in the disk's journal counts; without a
/// journal what it had synced is there, and the rest may be missing or be data_corruption
/// (ext4::ImageInfo::clean tells). The disk is not written. Compared is with the unpacked image in
/// the store's folder rootfs/, which is unpacked there again if it is missing. No change: the new
/// image has an entry in its history more, and no layer.
///
/// The container's configuration (command, environment, …) stays that of `base`. Failure guarantee,
/// errors and what is stored: oci::add_layer and rootfs::diff; failed_precondition if somebody has
/// the disk open for writing. Progress: the phases "unpack" and "diff".
CommittedImage commit(oci::ImageStore& store, const oci::Image& base,
                      const std::filesystem::path& disk, const oci::Reference& name,
                      const CommitOptions& commit_options = {}, const CallOptions& options = {});

}  // namespace vmkit::container
