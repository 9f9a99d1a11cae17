// SPDX-License-Identifier: Apache-2.0
#include "monitor/statistics_json.hpp"

namespace cli {

using namespace vmkit;
using Json = nlohmann::json;

Json to_json(const agent::Statistics& statistics, const vm::MachineStatistics& machine,
             ByteSize memory) {
  // As docker stats: what can go at once does not count.
  const std::uint64_t usage = statistics.memory.usage.bytes();
  const std::uint64_t idle = statistics.memory.inactive_file.bytes();
  std::uint64_t read = 0, written = 0, received = 0, sent = 0;
  for (const auto& device : statistics.block) {
    read += device.read.bytes();
    written += device.written.bytes();
  }
  for (const auto& interface : statistics.network) {
    if (interface.interface == "lo") continue;
    received += interface.received.bytes();
    sent += interface.sent.bytes();
  }
  return {{"cpuMicroseconds", statistics.cpu.usage.count()},
          {"memory", usage > idle ? usage - idle : 0},
          {"memoryLimit", statistics.memory.limit.value_or(memory).bytes()},
          {"processes", statistics.pids.count},
          {"blockRead", read},
          {"blockWritten", written},
          {"networkReceived", received},
          {"networkSent", sent},
          {"outOfMemory", statistics.memory.killed},
          {"hostCpuMicroseconds", machine.cpu_time.count()},
          {"hostMemory", machine.resident_memory.bytes()}};
}

Json to_json(const agent::RunningProcess& process) {
  return {{"pid", process.pid},
          {"parent", process.parent},
          {"uid", process.uid},
          {"state", process.state},
          {"command", process.command},
          {"cpuMilliseconds", process.cpu_time.count()},
          {"resident", process.resident.bytes()}};
}

}  // namespace cli
