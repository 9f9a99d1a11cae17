// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <sys/types.h>

#include "os/descriptor.hpp"

// What child processes need and each kernel has its own call for.
namespace vmkit::os {

/// A descriptor that becomes readable when the process `pid` has ended (pidfd, kqueue).
Descriptor open_exit_event(pid_t pid);

/// Sends a signal to the process that `exit_event` was opened for, where the system can do it to no
/// other that may have its number by now.
void send_signal(int exit_event, pid_t pid, int signal) noexcept;

/// True if arm_death_with_parent works on this system.
extern const bool can_die_with_parent;

/// In the child, before exec: asks the kernel to kill it with the parent's thread; false if the
/// parent is gone already. Async-signal-safe.
bool arm_death_with_parent(pid_t parent) noexcept;

/// What enter_private_mounts needs, made before the fork.
struct PrivateMountsPlan {
  std::string user_map = {};   ///< For /proc/self/uid_map; empty: no user namespace.
  std::string group_map = {};  ///< For /proc/self/gid_map.
  std::string read_only = {};  ///< Empty: none.
};

/// True if enter_private_mounts may work on this system.
extern const bool can_have_private_mounts;

/// In the child, before exec: PrivateMounts. False with errno if the system does not allow it.
/// Async-signal-safe.
bool enter_private_mounts(const PrivateMountsPlan& plan) noexcept;

/// In the child: makes all descriptors from `first` on close-on-exec. Async-signal-safe.
void close_on_exec_from(int first) noexcept;

}  // namespace vmkit::os
