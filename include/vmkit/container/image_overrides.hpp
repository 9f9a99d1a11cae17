// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <vmkit/oci/image_config.hpp>

namespace vmkit::container {

/// What is to count in place of what the image's configuration says; without a value that stays.
/// The signal to stop by is ContainerOptions::stop_signal.
struct ImageOverrides {
  /// As `docker run --entrypoint`: the image's Cmd belongs to its own Entrypoint and goes with it,
  /// unless `cmd` has a value. Empty: no Entrypoint.
  std::optional<std::vector<std::string>> entrypoint = {};
  std::optional<std::vector<std::string>> cmd = {};
  std::vector<std::string> env = {};  ///< "NAME=value": added to the image's, or in their place.
  std::optional<std::string> user = {};
  std::optional<std::string> working_dir = {};
  std::optional<std::vector<std::string>> exposed_ports = {};
  std::optional<std::vector<std::string>> volumes = {};
  std::map<std::string, std::string> labels = {};  ///< Added to the image's, or in their place.
  std::optional<oci::Healthcheck> healthcheck = {};

  friend bool operator==(const ImageOverrides&, const ImageOverrides&) = default;
};

/// `config` with `overrides` in it. Throws invalid_argument for a variable that is not NAME=value.
oci::ImageConfig overridden(oci::ImageConfig config, const ImageOverrides& overrides);

}  // namespace vmkit::container
