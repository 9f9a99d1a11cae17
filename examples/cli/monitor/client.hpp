// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "containers/search.hpp"
#include "monitor/channel.hpp"
#include "terminal/interrupt.hpp"

namespace cli {

/// A connection to the monitor of a running container. failed_precondition if it does not run;
/// unavailable if it does, and does not answer.
Channel connect(const Found& found);

/// Sends a request and returns the answer; throws the error that is one.
nlohmann::json ask(Channel& channel, const nlohmann::json& request,
                   std::span<const int> descriptors = {});
/// The next answer.
nlohmann::json next_answer(Channel& channel);
/// The whole conversation with a running container.
nlohmann::json ask(const Found& found, const nlohmann::json& request);
/// The same; nothing if it cannot be asked now.
std::optional<nlohmann::json> try_ask(const Found& found, const nlohmann::json& request);

/// Has a running container stop, as `vmkit stop`, and waits until it has, and its folder is free.
void stop(const Found& found, double seconds, const std::optional<std::string>& signal = {});

/// Gives our standard streams to the container and waits for {"exit": STATUS}, which is returned;
/// signals are passed on. Where the first answer says that it is on a terminal, ours becomes that.
int converse(Channel& channel, const nlohmann::json& request, const Interrupt& interrupt);

/// Where a new monitor finds its end of a channel to whoever started it.
inline constexpr int monitor_channel = 3;

/// Starts a container that is kept in a monitor of its own, and returns when its process runs.
/// Throws what went wrong there.
void start_monitor(const Entry& entry, const std::filesystem::path& store,
                   const Interrupt& interrupt);

}  // namespace cli
