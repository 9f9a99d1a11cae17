// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boxes.hpp"
#include "profile.hpp"

namespace devbox {

/// Starts the box, its services and proxies, and keeps them up until SIGINT or SIGTERM, or until
/// the machine ends. The signals must be blocked in the caller's thread. Returns 0 if it was asked
/// to stop, 1 if the machine ended by itself.
int up(Boxes& boxes, const Definition& definition, const Profile& profile);

/// Runs one command in a box that is not up, as its user. Returns its status as a shell tells it.
int run(Boxes& boxes, const Definition& definition, const std::vector<std::string>& command);

}  // namespace devbox
