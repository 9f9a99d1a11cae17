// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <vmkit/base/byte_size.hpp>

namespace vmkit::agent {

/// How much of the time processes had to wait for something: the kernel's pressure stall
/// information. Averages in percent of the last 10, 60 and 300 seconds; the total since the start.
struct PressureShare {
  double average_10 = 0;
  double average_60 = 0;
  double average_300 = 0;
  std::chrono::microseconds total{0};
};

/// How long processes waited for a resource: the kernel's pressure stall information.
struct Pressure {
  PressureShare some;  ///< At least one process waited.
  PressureShare full;  ///< All that wanted to run waited.
};

/// Processor time since the container's start.
struct CpuStatistics {
  std::chrono::microseconds usage{0};
  std::chrono::microseconds user{0};
  std::chrono::microseconds system{0};
  // With ResourceLimits::cpu_quota:
  std::uint64_t periods = 0;
  std::uint64_t throttled_periods = 0;
  std::chrono::microseconds throttled{0};
  std::optional<Pressure> pressure = {};
};

/// Memory that the container takes inside its machine.
struct MemoryStatistics {
  ByteSize usage;  ///< All that is charged to the container, the cache of its files included.
  std::optional<ByteSize> limit = {};
  std::optional<ByteSize> peak = {};  ///< Where the kernel counts it.
  std::optional<ByteSize> swap = {};
  ByteSize anonymous;      ///< Of processes, without files behind it.
  ByteSize file;           ///< Cache of files.
  ByteSize inactive_file;  ///< What of that can go at once: `docker stats` takes it off the usage.
  ByteSize kernel;
  ByteSize slab;
  ByteSize shared;
  std::uint64_t page_faults = 0;
  std::uint64_t major_page_faults = 0;
  std::uint64_t reached_high = 0;
  std::uint64_t reached_max = 0;
  std::uint64_t out_of_memory = 0;
  std::uint64_t killed = 0;  ///< Processes that the kernel has killed for want of memory.
  std::optional<Pressure> pressure = {};
};

/// Processes and threads of the container.
struct PidStatistics {
  std::uint64_t count = 0;
  std::optional<std::uint64_t> limit = {};
  std::uint64_t refused = 0;  ///< How often the limit was met.
};

/// What the container has read from and written to one disk.
struct BlockStatistics {
  std::string device;  ///< As the guest calls it: "vda".
  std::string serial;
  ByteSize read;
  ByteSize written;
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
};

/// What went through one of the machine's interfaces.
struct NetworkStatistics {
  std::string interface;
  ByteSize received;
  ByteSize sent;
  std::uint64_t packets_received = 0;
  std::uint64_t packets_sent = 0;
  std::uint64_t errors = 0;
  std::uint64_t dropped = 0;
};

/// What the container uses, as the guest's kernel counts it (cgroup v2; the network is the
/// machine's). Told by the guest: do not trust it. Without cgroups in its kernel all is zero but
/// the network.
struct Statistics {
  CpuStatistics cpu;
  MemoryStatistics memory;
  PidStatistics pids;
  std::vector<BlockStatistics> block;
  std::optional<Pressure> io_pressure = {};
  std::vector<NetworkStatistics> network;
};

/// A process in the container, whoever started it.
struct RunningProcess {
  std::int64_t pid = 0;        ///< In the container.
  std::int64_t parent = 0;     ///< The same; 0: started from outside.
  std::int64_t guest_pid = 0;  ///< In the machine, as Process::pid() tells.
  std::uint32_t uid = 0;
  std::string state;                 ///< "R", "S", "D", "Z", …
  std::vector<std::string> command;  ///< Its arguments; of a kernel thread or zombie its name.
  std::chrono::milliseconds cpu_time{0};
  ByteSize resident;
  std::chrono::milliseconds started{0};  ///< After the machine's start.
};

}  // namespace vmkit::agent
