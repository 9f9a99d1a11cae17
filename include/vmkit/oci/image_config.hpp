// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmkit/base/digest.hpp>
#include <vmkit/oci/platform.hpp>

namespace vmkit::oci {

/// One step of how an image was made.
struct HistoryEntry {
  std::string created = {};  ///< RFC 3339, as it stands in the image; may be empty, as all here.
  std::string created_by = {};
  std::string author = {};
  std::string comment = {};
  bool empty_layer = false;  ///< The step made no layer.
};

/// How to find out whether a container works: Docker's extension of the configuration. A time of
/// zero and no retries mean that the image leaves it to whoever runs it.
struct Healthcheck {
  /// {"NONE"}: no check, also where the base image has one. {"CMD", program, arguments…}.
  /// {"CMD-SHELL", line}: for the image's shell. Never empty.
  std::vector<std::string> test;
  std::chrono::nanoseconds interval{0};        ///< Between the end of a check and the next.
  std::chrono::nanoseconds timeout{0};         ///< A check that takes longer has failed.
  std::chrono::nanoseconds start_period{0};    ///< At the beginning failures do not count.
  std::chrono::nanoseconds start_interval{0};  ///< The interval meanwhile.
  unsigned retries = 0;                        ///< So many failures in a row, and it is unhealthy.

  friend bool operator==(const Healthcheck&, const Healthcheck&) = default;
};

/// The configuration of an image: OCI's or Docker's, which differ in nothing that is read here. All
/// strings are free of NUL characters; nothing else about their content is promised.
struct ImageConfig {
  Platform platform;  ///< Normalised; os and architecture are empty if the image does not say.
  std::string created = {};  ///< RFC 3339 or empty.
  std::string author = {};

  // How a process of this image is run by default.
  std::string user = {};              ///< "", "user", "uid", "user:group", "uid:gid", …
  std::vector<std::string> env = {};  ///< "NAME=value".
  std::vector<std::string> entrypoint = {};
  std::vector<std::string> cmd = {};
  std::string working_dir = {};
  std::string stop_signal = {};                 ///< "SIGTERM", "15", or empty.
  std::vector<std::string> exposed_ports = {};  ///< "80", "53/udp". Sorted.
  std::vector<std::string> volumes = {};        ///< Paths. Sorted.
  std::map<std::string, std::string> labels = {};
  std::optional<Healthcheck> healthcheck = {};

  std::vector<Digest> diff_ids = {};  ///< Of the layers' uncompressed tars, the lowest first.
  std::vector<HistoryEntry> history = {};

  /// Reads hostile JSON, as Manifest::parse does. Throws data_corruption.
  static ImageConfig parse(std::string_view json, std::string_view what);
};

}  // namespace vmkit::oci
