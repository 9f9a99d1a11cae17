// SPDX-License-Identifier: Apache-2.0
#include "os/host_resources.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <sched.h>
#include <string>
#include <string_view>
#include <thread>

#include "os/file.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::os {
namespace {

std::optional<std::uint64_t> leading_number(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data() + start, text.data() + text.size(), value);
  if (result.ec != std::errc()) return std::nullopt;  // "max", for one
  return value;
}

/// A line of /proc/meminfo (proc_meminfo(5)), which has KiB.
ByteSize meminfo(std::string_view text, std::string_view label) {
  const std::size_t line = text.find(label);
  if (line == std::string_view::npos) return ByteSize(0);
  return ByteSize(leading_number(text.substr(line + label.size())).value_or(0) * 1024);
}

std::optional<std::uint64_t> number_in(const std::filesystem::path& file) {
  try {
    const auto text = read_file_if_exists(file, 4_KiB);
    return text ? leading_number(*text) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;  // not ours to see: as if it was not there
  }
}

/// Where this process is in the unified hierarchy (cgroups(7)): the line "0::/path".
std::filesystem::path control_group() {
  const auto text = read_file_if_exists("/proc/self/cgroup", 64_KiB);
  constexpr std::string_view unified = "0::/";
  const std::size_t start = text ? text->find(unified) : std::string::npos;
  if (start == std::string::npos || (start > 0 && (*text)[start - 1] != '\n')) return {};
  const std::size_t name = start + unified.size();
  return text->substr(name, text->find('\n', name) - name);
}

void limit_by_control_groups(HostResources& resources) {
  const std::filesystem::path root = "/sys/fs/cgroup";
  for (std::filesystem::path group = control_group();; group = group.parent_path()) {
    if (const auto limit = number_in(root / group / "memory.max")) {
      const std::uint64_t used = number_in(root / group / "memory.current").value_or(0);
      resources.memory = std::min(resources.memory, ByteSize(*limit));
      resources.available_memory =
          std::min(resources.available_memory, ByteSize(*limit - std::min(used, *limit)));
    }
    if (group.empty()) return;
  }
}

}  // namespace

HostResources host_resources() {
  HostResources resources;
  cpu_set_t usable;
  resources.processors = ::sched_getaffinity(0, sizeof usable, &usable) == 0
                             ? static_cast<unsigned>(CPU_COUNT(&usable))
                             : std::max(1U, std::thread::hardware_concurrency());
  const std::string text = read_file("/proc/meminfo", 64_KiB);
  resources.memory = meminfo(text, "MemTotal:");
  resources.available_memory = meminfo(text, "MemAvailable:");
  limit_by_control_groups(resources);
  return resources;
}

}  // namespace vmkit::os
