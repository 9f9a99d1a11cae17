// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "monitor/channel.hpp"
#include "monitor/supervisor.hpp"

// What a client of a container's monitor may ask for, by the member "do" of its request.
namespace cli {

/// Does it, and sends what there is to tell. Throws what went wrong.
void operate(Supervisor& supervisor, Channel& channel, const nlohmann::json& request);

// For the operations that are files of their own.
void do_exec(Supervisor& supervisor, Channel& channel, const nlohmann::json& request);
void do_attach(Supervisor& supervisor, Channel& channel, const nlohmann::json& request);
void do_events(Supervisor& supervisor, Channel& channel, const nlohmann::json& request);

}  // namespace cli
