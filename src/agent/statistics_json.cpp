// SPDX-License-Identifier: Apache-2.0
#include "agent/statistics_json.hpp"

#include <algorithm>
#include <limits>

namespace vmkit::agent {
namespace {

using std::chrono::microseconds;

const Json& member(const Json& object, const char* name) {
  static const Json nothing = Json::object();
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nothing : *found;
}

std::uint64_t count(const Json& object, const char* name) {
  return object.value(name, std::uint64_t{0});
}

ByteSize bytes(const Json& object, const char* name) {
  return ByteSize(count(object, name));
}

/// A time that fits the type, whatever the guest says.
template <class Duration>
Duration time(const Json& object, const char* name) {
  return Duration(static_cast<std::int64_t>(
      std::min<std::uint64_t>(count(object, name), std::numeric_limits<std::int64_t>::max())));
}

std::optional<ByteSize> optional_bytes(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::nullopt;
  return ByteSize(found->get<std::uint64_t>());
}

PressureShare share(const Json& object) {
  return {object.value("avg10", 0.0), object.value("avg60", 0.0), object.value("avg300", 0.0),
          time<microseconds>(object, "total")};
}

std::optional<Pressure> pressure(const Json& answer, const char* name) {
  const Json& object = member(answer, name);
  if (object.empty()) return std::nullopt;
  return Pressure{share(member(object, "some")), share(member(object, "full"))};
}

}  // namespace

Statistics parse_statistics(const Json& answer) {
  Statistics result;
  const Json& cpu = member(answer, "cpu");
  result.cpu = {.usage = time<microseconds>(cpu, "usage_usec"),
                .user = time<microseconds>(cpu, "user_usec"),
                .system = time<microseconds>(cpu, "system_usec"),
                .periods = count(cpu, "nr_periods"),
                .throttled_periods = count(cpu, "nr_throttled"),
                .throttled = time<microseconds>(cpu, "throttled_usec"),
                .pressure = pressure(answer, "cpu_pressure")};
  const Json& memory = member(answer, "memory");
  const Json& events = member(answer, "memory_events");
  result.memory = {.usage = bytes(answer, "memory_usage"),
                   .limit = optional_bytes(answer, "memory_limit"),
                   .peak = optional_bytes(answer, "memory_peak"),
                   .swap = optional_bytes(answer, "swap_usage"),
                   .anonymous = bytes(memory, "anon"),
                   .file = bytes(memory, "file"),
                   .inactive_file = bytes(memory, "inactive_file"),
                   .kernel = bytes(memory, "kernel"),
                   .slab = bytes(memory, "slab"),
                   .shared = bytes(memory, "shmem"),
                   .page_faults = count(memory, "pgfault"),
                   .major_page_faults = count(memory, "pgmajfault"),
                   .reached_high = count(events, "high"),
                   .reached_max = count(events, "max"),
                   .out_of_memory = count(events, "oom"),
                   .killed = count(events, "oom_kill"),
                   .pressure = pressure(answer, "memory_pressure")};
  result.pids.count = count(answer, "pids");
  if (const auto limit = optional_bytes(answer, "pids_limit")) result.pids.limit = limit->bytes();
  result.pids.refused = count(member(answer, "pids_events"), "max");
  for (const Json& device : member(answer, "block")) {
    result.block.push_back({device.at("device").get<std::string>(),
                            device.at("serial").get<std::string>(), bytes(device, "rbytes"),
                            bytes(device, "wbytes"), count(device, "rios"), count(device, "wios")});
  }
  result.io_pressure = pressure(answer, "io_pressure");
  for (const Json& interface : member(answer, "network")) {
    result.network.push_back({interface.at("name").get<std::string>(), bytes(interface, "rx_bytes"),
                              bytes(interface, "tx_bytes"), count(interface, "rx_packets"),
                              count(interface, "tx_packets"),
                              count(interface, "rx_errors") + count(interface, "tx_errors"),
                              count(interface, "rx_dropped") + count(interface, "tx_dropped")});
  }
  return result;
}

std::vector<RunningProcess> parse_top(const Json& answer) {
  std::vector<RunningProcess> processes;
  for (const Json& process : answer.at("processes")) {
    processes.push_back({.pid = process.at("pid").get<std::int64_t>(),
                         .parent = process.at("parent").get<std::int64_t>(),
                         .guest_pid = process.at("guest_pid").get<std::int64_t>(),
                         .uid = process.at("uid").get<std::uint32_t>(),
                         .state = process.at("state").get<std::string>(),
                         .command = process.at("command").get<std::vector<std::string>>(),
                         .cpu_time = time<std::chrono::milliseconds>(process, "cpu_ms"),
                         .resident = bytes(process, "rss"),
                         .started = time<std::chrono::milliseconds>(process, "start_ms")});
  }
  return processes;
}

}  // namespace vmkit::agent
