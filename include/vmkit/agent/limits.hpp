// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <vmkit/base/byte_size.hpp>

namespace vmkit::agent {

/// Limits of one block device; zero: none.
struct IoLimit {
  std::string serial;  ///< Of the virtio block device.
  std::uint64_t read_bytes_per_second = 0;
  std::uint64_t write_bytes_per_second = 0;
  std::uint64_t reads_per_second = 0;
  std::uint64_t writes_per_second = 0;

  friend bool operator==(const IoLimit&, const IoLimit&) = default;
};

/// What all processes of the container may use together: cgroup v2, whose documentation says what
/// each means (Documentation/admin-guide/cgroup-v2.rst). What has no value is not limited, beyond
/// what the machine has. A limit that the guest's kernel cannot keep is an error, unsupported.
struct ResourceLimits {
  /// Processor time within each `cpu_period`: 150 ms of 100 ms are one processor and a half.
  std::optional<std::chrono::microseconds> cpu_quota = {};
  std::chrono::microseconds cpu_period = std::chrono::milliseconds(100);
  std::optional<unsigned> cpu_weight = {};   ///< 1 to 10000, 100 by default.
  std::string cpus = {};                     ///< "0-1,3": cpuset.cpus.
  std::optional<ByteSize> memory_max = {};   ///< Beyond it the kernel kills (OOM).
  std::optional<ByteSize> memory_high = {};  ///< Beyond it the kernel slows down and reclaims.
  std::optional<ByteSize> memory_low = {};
  std::optional<ByteSize> swap_max = {};
  std::optional<std::uint64_t> pids_max = {};
  std::optional<unsigned> io_weight = {};  ///< 1 to 10000.
  std::vector<IoLimit> io = {};

  friend bool operator==(const ResourceLimits&, const ResourceLimits&) = default;
};

}  // namespace vmkit::agent
