// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <vmkit/oci/image.hpp>
#include <vmkit/oci/image_store.hpp>

namespace cli {

/// What the commands that make or bring an image print of it with --json.
nlohmann::json to_json(const vmkit::oci::Image& image);

/// The image that a person means by `text`; throws not_found, saying what to do.
vmkit::oci::ImageRecord find_record(const vmkit::oci::ImageStore& store, const std::string& text);

}  // namespace cli
