// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include <vmkit/container/commit.hpp>

namespace cli {

/// Makes an image, of now, of what a container changed on its disk; returns a line about it.
std::string commit_disk(vmkit::oci::ImageStore& store, const vmkit::oci::Image& base,
                        const std::filesystem::path& disk, const vmkit::oci::Reference& name,
                        vmkit::container::CommitOptions options, const vmkit::CallOptions& call);

}  // namespace cli
