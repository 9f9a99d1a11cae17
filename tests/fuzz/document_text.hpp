// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <vmkit/oci/image_config.hpp>
#include <vmkit/oci/manifest.hpp>

namespace vmkit::fuzz {

/// The documents as JSON, which parse() must read as the same.
std::string text_of(const oci::Manifest& manifest);
std::string text_of(const oci::Index& index);
std::string text_of(const oci::ImageConfig& config);

}  // namespace vmkit::fuzz
