// SPDX-License-Identifier: Apache-2.0
#include "images/description.hpp"

#include <vmkit/base/error.hpp>

namespace cli {

using namespace vmkit;

nlohmann::json to_json(const oci::Image& image) {
  return {{"name", image.reference.to_string()},
          {"digest", image.descriptor.digest.to_string()},
          {"platform", image.platform.to_string()}};
}

oci::ImageRecord find_record(const oci::ImageStore& store, const std::string& text) {
  if (auto record = store.find(text)) return std::move(*record);
  throw Error(Errc::not_found, "there is no image " + text + "; `vmkit images` lists them");
}

}  // namespace cli
