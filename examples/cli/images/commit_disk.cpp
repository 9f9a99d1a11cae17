// SPDX-License-Identifier: Apache-2.0
#include "images/commit_disk.hpp"

#include <chrono>

namespace cli {

using namespace vmkit;

std::string commit_disk(oci::ImageStore& store, const oci::Image& base,
                        const std::filesystem::path& disk, const oci::Reference& name,
                        container::CommitOptions options, const CallOptions& call) {
  options.created = std::chrono::system_clock::now();
  const auto made = container::commit(store, base, disk, name, options, call);
  return made.image.reference.to_string() + ": " + std::to_string(made.changes.written) +
         " entries, " + std::to_string(made.changes.removed) + " removed, " +
         to_string(made.changes.content) + " of files";
}

}  // namespace cli
