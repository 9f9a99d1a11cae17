// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <vmkit/base/architecture.hpp>

namespace vmkit::vm::vz {

/// What is wrong with a kernel that begins with `start` (as much of 1 KiB as there is) for a boot
/// loader of the framework's, which itself only hangs or says that there was an internal error.
/// Empty if nothing is. The headers are those of Linux: arch/arm64/booting.rst, arch/x86/boot.rst.
std::string kernel_image_problem(std::string_view start, Architecture architecture);

/// Throws invalid_argument with that, naming the file.
void check_kernel_image(const std::filesystem::path& image, Architecture architecture);

}  // namespace vmkit::vm::vz
