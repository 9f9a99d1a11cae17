// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "agent/capability_names.hpp"
#include "agent/seccomp/profile.hpp"

namespace vmkit::agent::seccomp {
namespace {

/// What only those who have the capability may call.
struct Gate {
  const char* capability;
  std::vector<std::string_view> names;
};

const std::vector<Gate>& gates() {
  static const std::vector<Gate> all{
      {"SYS_ADMIN",
       {"bpf",           "clone3",          "fanotify_init",  "fsconfig", "fsmount",
        "fsopen",        "fspick",          "lookup_dcookie", "mount",    "mount_setattr",
        "move_mount",    "open_tree",       "open_tree_attr", "quotactl", "quotactl_fd",
        "setdomainname", "perf_event_open", "sethostname",    "setns",    "syslog",
        "umount",        "umount2",         "unshare"}},
      {"BPF", {"bpf"}},
      {"PERFMON", {"perf_event_open"}},
      {"SYSLOG", {"syslog"}},
      {"DAC_READ_SEARCH", {"open_by_handle_at"}},
      {"SYS_BOOT", {"reboot"}},
      {"SYS_CHROOT", {"chroot"}},
      {"SYS_MODULE", {"delete_module", "init_module", "finit_module"}},
      {"SYS_PACCT", {"acct"}},
      {"SYS_PTRACE", {"kcmp", "pidfd_getfd", "process_madvise"}},
      {"SYS_RAWIO", {"iopl", "ioperm"}},
      {"SYS_TIME", {"settimeofday", "stime", "clock_settime", "clock_settime64"}},
      {"SYS_TTY_CONFIG", {"vhangup"}},
      {"SYS_NICE", {"get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"}}};
  return all;
}

/// For nobody: what reaches past the container or is of no use to any program of today.
const std::vector<std::string_view>& never() {
  static const std::vector<std::string_view> names{"_sysctl",
                                                   "add_key",
                                                   "afs_syscall",
                                                   "bdflush",
                                                   "create_module",
                                                   "get_kernel_syms",
                                                   "getpmsg",
                                                   "io_uring_enter",
                                                   "io_uring_register",
                                                   "io_uring_setup",
                                                   "kexec_file_load",
                                                   "kexec_load",
                                                   "keyctl",
                                                   "lsm_set_self_attr",
                                                   "migrate_pages",
                                                   "move_pages",
                                                   "nfsservctl",
                                                   "pivot_root",
                                                   "putpmsg",
                                                   "query_module",
                                                   "request_key",
                                                   "security",
                                                   "swapoff",
                                                   "swapon",
                                                   "sysfs",
                                                   "tuxcall",
                                                   "userfaultfd",
                                                   "uselib",
                                                   "ustat",
                                                   "vm86",
                                                   "vm86old",
                                                   "vserver"};
  return names;
}

bool holds(std::uint64_t held, const char* capability) {
  return (held & capability_mask("", {capability})) != 0;
}

}  // namespace

Profile default_profile(const SeccompTarget& target) {
  const std::uint64_t held = capability_mask("seccomp: capabilities", target.capabilities);
  std::set<std::string_view> refused(never().begin(), never().end());
  for (const Gate& gate : gates()) refused.insert(gate.names.begin(), gate.names.end());
  for (const Gate& gate : gates()) {
    if (!holds(held, gate.capability)) continue;
    for (const std::string_view name : gate.names) refused.erase(name);
  }
  const bool administrator = holds(held, "SYS_ADMIN");
  for (const char* name : {"personality", "socket", "clone"}) refused.insert(name);
  if (administrator) refused.erase("clone");

  Profile profile;
  if (target.architecture == Architecture::x86_64) profile.other_abis = {Abi::x86};
  std::set<std::string_view> allowed;
  for (const Abi abi : {Abi::x86_64, Abi::x86, Abi::arm64}) {
    for (const SystemCall& call : system_calls(abi)) {
      if (!refused.contains(call.name)) allowed.insert(call.name);
    }
  }
  profile.rules.push_back({{allowed.begin(), allowed.end()}, allow, {}});
  if (!administrator) {
    // Its flags are in memory, where a filter cannot look: libc then takes clone.
    profile.rules.push_back({{"clone3"}, fail | errno_enosys, {}});
    constexpr std::uint64_t new_namespaces =
        0x7e020000;  // CLONE_NEW…, but NEWTIME, which it has not
    profile.rules.push_back({{"clone"}, allow, {{0, Comparison::masked_equal, new_namespaces, 0}}});
  }
  constexpr std::uint64_t address_family_vsock = 40;  // the way to the host
  profile.rules.push_back(
      {{"socket"}, allow, {{0, Comparison::not_equal, address_family_vsock, 0}}});
  // PER_LINUX, PER_LINUX32, both with UNAME26, and asking what it is.
  for (const std::uint64_t persona : {0x0U, 0x8U, 0x20000U, 0x20008U, 0xffffffffU}) {
    profile.rules.push_back({{"personality"}, allow, {{0, Comparison::equal, persona, 0}}});
  }
  return profile;
}

}  // namespace vmkit::agent::seccomp
