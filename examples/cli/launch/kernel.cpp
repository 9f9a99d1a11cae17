// SPDX-License-Identifier: Apache-2.0
#include "launch/kernel.hpp"

#include <string>
#include <vector>

#include "paths.hpp"

#include <vmkit/base/error.hpp>

namespace cli {
namespace {

using namespace vmkit;

/// `folder`, or the one folder in it that has modules: "modules" for "modules/6.1.0-cloud".
std::filesystem::path modules_in(const std::filesystem::path& folder) {
  const auto has_modules = [](const std::filesystem::path& path) {
    return std::filesystem::exists(path / "modules.dep") ||
           std::filesystem::is_directory(path / "kernel");
  };
  if (has_modules(folder)) return folder;
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (has_modules(entry.path())) found.push_back(entry.path());
  }
  if (found.size() == 1) return found.front();
  throw Error(Errc::not_found, folder.string() +
                                   ": expected the modules of one kernel (a folder with "
                                   "modules.dep), found " +
                                   std::to_string(found.size()) + "; give --modules DIR");
}

}  // namespace

container::Kernel find_kernel(Architecture architecture, const std::filesystem::path& image,
                              const std::filesystem::path& modules) {
  container::Kernel kernel;
  kernel.image = image.empty() ? default_kernel(architecture) : image;
  if (!std::filesystem::exists(kernel.image)) {
    throw Error(Errc::not_found, "no kernel at " + kernel.image.string() +
                                     ": get one with scripts/fetch-kernel, or name one with "
                                     "--kernel FILE [--modules DIR]");
  }
  const auto beside = kernel.image.parent_path() / "modules";
  if (!modules.empty()) {
    kernel.modules = modules_in(modules);
  } else if (std::filesystem::is_directory(beside)) {
    kernel.modules = modules_in(beside);
  }
  return kernel;
}

}  // namespace cli
