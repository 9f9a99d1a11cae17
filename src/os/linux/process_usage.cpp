// SPDX-License-Identifier: Apache-2.0
#include "os/process_usage.hpp"

#include <charconv>
#include <string>
#include <unistd.h>

#include "os/file.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::os {
namespace {

/// The field of that number, from 0, of a line with a blank between fields.
std::uint64_t field(std::string_view line, std::size_t number) {
  for (; number > 0 && !line.empty(); --number) {
    line.remove_prefix(std::min(line.find(' '), line.size() - 1) + 1);
  }
  std::uint64_t value = 0;
  std::from_chars(line.data(), line.data() + line.size(), value);
  return value;
}

}  // namespace

// proc(5): /proc/PID/stat, /proc/PID/statm.
ProcessUsage process_usage(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  const std::string stat = read_file(folder + "/stat", 4_KiB);
  const std::string memory = read_file(folder + "/statm", 4_KiB);
  // After the name in brackets, which may contain anything, comes the third field.
  const std::string_view fields = std::string_view(stat).substr(stat.rfind(')') + 2);
  const std::uint64_t ticks = field(fields, 14 - 3) + field(fields, 15 - 3);
  const auto ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  const auto page_size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return {std::chrono::microseconds(ticks * 1'000'000 / ticks_per_second),
          ByteSize(field(memory, 1) * page_size)};
}

}  // namespace vmkit::os
