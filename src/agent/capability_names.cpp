// SPDX-License-Identifier: Apache-2.0
#include "agent/capability_names.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include <vmkit/agent/isolation.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::agent {
namespace {

// In the order of their numbers in linux/capability.h.
constexpr std::string_view names_by_number[] = {"CHOWN",
                                                "DAC_OVERRIDE",
                                                "DAC_READ_SEARCH",
                                                "FOWNER",
                                                "FSETID",
                                                "KILL",
                                                "SETGID",
                                                "SETUID",
                                                "SETPCAP",
                                                "LINUX_IMMUTABLE",
                                                "NET_BIND_SERVICE",
                                                "NET_BROADCAST",
                                                "NET_ADMIN",
                                                "NET_RAW",
                                                "IPC_LOCK",
                                                "IPC_OWNER",
                                                "SYS_MODULE",
                                                "SYS_RAWIO",
                                                "SYS_CHROOT",
                                                "SYS_PTRACE",
                                                "SYS_PACCT",
                                                "SYS_ADMIN",
                                                "SYS_BOOT",
                                                "SYS_NICE",
                                                "SYS_RESOURCE",
                                                "SYS_TIME",
                                                "SYS_TTY_CONFIG",
                                                "MKNOD",
                                                "LEASE",
                                                "AUDIT_WRITE",
                                                "AUDIT_CONTROL",
                                                "SETFCAP",
                                                "MAC_OVERRIDE",
                                                "MAC_ADMIN",
                                                "SYSLOG",
                                                "WAKE_ALARM",
                                                "BLOCK_SUSPEND",
                                                "AUDIT_READ",
                                                "PERFMON",
                                                "BPF",
                                                "CHECKPOINT_RESTORE"};

constexpr std::string_view all = "ALL";

std::string without_prefix(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  if (name.starts_with("CAP_")) name.erase(0, 4);
  return name;
}

std::vector<std::string> checked(const std::vector<std::string>& names) {
  std::vector<std::string> result;
  for (const std::string& name : names) {
    capability_mask("capabilities", {name});
    result.push_back(without_prefix(name));
  }
  return result;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::uint64_t capability_mask(const std::string& field, const std::vector<std::string>& names) {
  std::uint64_t mask = 0;
  for (const std::string& given : names) {
    const std::string name = without_prefix(given);
    if (name == all) return ~std::uint64_t{0};
    const auto found = std::find(std::begin(names_by_number), std::end(names_by_number), name);
    if (found == std::end(names_by_number)) {
      throw Error(Errc::invalid_argument, field + ": \"" + given + "\" is no capability of Linux");
    }
    mask |= std::uint64_t{1} << (found - std::begin(names_by_number));
  }
  return mask;
}

Capabilities Capabilities::of(const std::vector<std::string>& names) {
  return {.bounding = names, .effective = names, .permitted = names};
}

const std::vector<std::string>& default_capabilities() {
  static const std::vector<std::string> names{
      "CHOWN",   "DAC_OVERRIDE", "FSETID",           "FOWNER",
      "MKNOD",   "NET_RAW",      "SETGID",           "SETUID",
      "SETFCAP", "SETPCAP",      "NET_BIND_SERVICE", "SYS_CHROOT",
      "KILL",    "AUDIT_WRITE"};
  return names;
}

std::vector<std::string> changed_capabilities(std::vector<std::string> names,
                                              const std::vector<std::string>& add,
                                              const std::vector<std::string>& drop) {
  names = checked(names);
  const auto added = checked(add);
  const auto dropped = checked(drop);
  if (contains(added, all)) names.assign(std::begin(names_by_number), std::end(names_by_number));
  if (contains(dropped, all)) names.clear();
  for (const std::string& name : added) {
    if (name != all && !contains(names, name)) names.push_back(name);
  }
  std::erase_if(names, [&](const std::string& name) { return contains(dropped, name); });
  return names;
}

}  // namespace vmkit::agent
