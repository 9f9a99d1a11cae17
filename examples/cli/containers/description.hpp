// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "containers/search.hpp"

namespace cli {

/// How a container stands, its monitor asked if it has one.
struct Description {
  std::string state;    ///< created, starting, running, paused, exited, dead, …
  std::string status;   ///< For people: "Up 3 minutes (healthy)".
  nlohmann::json live;  ///< What the monitor says; null if there is none.

  /// "127.0.0.1:8080->80/tcp, …".
  std::string ports_text() const;
};

Description describe(const Found& found);

/// What `ps --json` and `inspect` tell.
nlohmann::json to_json(const Found& found, const Description& description);

/// The image's name as people type it.
std::string familiar_image(const Entry& entry);

}  // namespace cli
