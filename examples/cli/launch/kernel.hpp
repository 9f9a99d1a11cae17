// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include <vmkit/base/architecture.hpp>
#include <vmkit/container/options.hpp>

namespace cli {

/// The kernel that scripts/fetch-kernel puts there by default, ARCH/vmlinuz, or the one at `image`;
/// its modules are at `modules`, or in modules/ beside it if that exists. Throws not_found.
vmkit::container::Kernel find_kernel(vmkit::Architecture architecture,
                                     const std::filesystem::path& image,
                                     const std::filesystem::path& modules);

}  // namespace cli
