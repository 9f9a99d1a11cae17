// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace vmkit::container {

/// The symbols of a kernel configuration that are y or m: "CONFIG_PSI" to 'y'.
using KernelSymbols = std::map<std::string, char, std::less<>>;

/// Lines of "CONFIG_PSI=y"; everything else is left out.
KernelSymbols parse_kernel_config(std::string_view text);

struct KernelImage {
  std::string release;                  ///< Empty if it was not found.
  std::optional<std::string> embedded;  ///< The configuration that is in it, as text.
};

/// What an image tells of itself: a bzImage in its header, any other kernel in the string that it
/// prints first. Takes no offset on trust.
KernelImage inspect_kernel_image(std::string_view image);

}  // namespace vmkit::container
