// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <vmkit/oci/image.hpp>
#include <vmkit/oci/image_store.hpp>
#include <vmkit/oci/pull.hpp>
#include <vmkit/rootfs/layer.hpp>

namespace vmkit::container {

/// The layers of an image in a store, as rootfs::unpack and rootfs::Cache take them. Opening one
/// reads its blob from the store, verified; the result keeps what it needs of both.
std::vector<rootfs::Layer> image_layers(const oci::Image& image, const oci::ImageStore& store);

/// The same for an image that is being pulled. `arriving` must outlive the result.
std::vector<rootfs::Layer> image_layers(const oci::Image& image, oci::ArrivingLayers& arriving);

}  // namespace vmkit::container
