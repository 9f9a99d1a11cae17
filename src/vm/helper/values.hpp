// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include <vmkit/vm/backend.hpp>
#include <vmkit/vm/helper_backend.hpp>
#include <vmkit/vm/machine.hpp>

// What a helper program and its owner tell each other, as JSON. All that reads throws Error
// data_corruption, or Json::exception, for what the other end cannot have meant.
namespace vmkit::vm::helper {

using Json = nlohmann::json;

Json write_error(const Error& error);
Error read_error(const Json& json);

Json write_event(const MachineEvent& event);
MachineEvent read_event(const Json& json);

Json write_capabilities(const Capabilities& capabilities);
Capabilities read_capabilities(const Json& json);

Json write_problems(const std::vector<ConfigProblem>& problems);
std::vector<ConfigProblem> read_problems(const Json& json);

Json write_addresses(const std::vector<std::optional<NetworkAddresses>>& addresses);
std::vector<std::optional<NetworkAddresses>> read_addresses(const Json& json);

Json write_statistics(const MachineStatistics& statistics);
MachineStatistics read_statistics(const Json& json);

Json write_diagnostics(const MachineDiagnostics& diagnostics);
MachineDiagnostics read_diagnostics(const Json& json);

Json write_progress(const Progress& progress);
/// The views are into `json`.
Progress read_progress(const Json& json);

/// Without what no text can be: an initrd's bytes and networks' descriptors, which travel by
/// themselves. "initrd_bytes" and "descriptors" say that they are to be expected.
Json write_config(const MachineConfig& config);
/// With `initrd` and `descriptors` in their places.
struct Accompanied {
  MachineConfig config;
  bool initrd_bytes = false;
  std::vector<std::size_t> descriptors;  ///< The networks that have one.
};
Accompanied read_config(const Json& json);

Json write_share(const Share& share);
Share read_share(const Json& json);
Json write_disk(const Disk& disk);
Disk read_disk(const Json& json);

/// What the helper's backend is made with, but for the log.
Json write_options(const HelperOptions& options);
std::shared_ptr<Backend> make_served_backend(const Json& options, std::shared_ptr<LogSink> log);

}  // namespace vmkit::vm::helper
