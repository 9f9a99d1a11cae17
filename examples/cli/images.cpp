// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands.hpp"

#include <vmkit/oci/image_store.hpp>

namespace cli {

using namespace vmkit;

int images(const ImagesOptions& options) {
  const auto store = oci::ImageStore::open(options.store);
  const auto records = store.list();
  if (options.json) {
    nlohmann::json list = nlohmann::json::array();
    for (const auto& record : records) {
      list.push_back({{"name", record.name},
                      {"digest", record.manifest.digest.to_string()},
                      {"mediaType", record.manifest.media_type}});
    }
    // Names may come from another tool: bytes that are no UTF-8 are replaced, not an error.
    std::printf("%s\n", list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return 0;
  }
  for (const auto& record : records) {
    std::printf("%s  %s\n", record.manifest.digest.to_string().c_str(),
                record.name.empty() ? "(no name)" : record.name.c_str());
  }
  return 0;
}

}  // namespace cli
