// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include "cgroup.hpp"
#include "container_spec.hpp"
#include "fd.hpp"

namespace vmkit::guest {

/// The container in this machine: its root, its namespaces and its cgroup.
class Container {
 public:
  /// Makes all of it. Throws RpcError, and then nothing stays.
  explicit Container(ContainerSpec spec);

  /// The container's root folder in its own mount namespace (O_PATH): paths that are resolved
  /// within it (openat2 with RESOLVE_IN_ROOT) are the container's.
  int root_fd() const { return root_.get(); }
  const Cgroup& cgroup() const { return cgroup_; }
  const SeccompProgram& seccomp() const { return spec_.seccomp; }

  /// Throws RpcError.
  void set_hostname(const std::string& name) const;

  /// As fork(2), for a process of the container: the child is in its pid namespace and its cgroup,
  /// and must call enter() before it does anything else. Throws RpcError.
  pid_t fork();
  /// The program of a child could not be started. Without an init the next one may be process 1.
  void start_failed(pid_t pid);
  /// In the child: its other namespaces, and their root. Throws RpcError.
  void enter() const;

  /// Joins the container's mount namespace, and no other: for a child that works on its files.
  void enter_mounts() const;

  /// Of the built-in init, as the agent sees it; 0 if there is none.
  pid_t init_pid() const { return init_pid_; }

 private:
  void set_up(const std::vector<std::string>& sources);

  ContainerSpec spec_;
  Cgroup cgroup_;
  Fd own_pid_namespace_;
  Fd root_;
  Fd mounts_, names_, ipc_, cgroups_;
  Fd pids_;             ///< none yet if there is no init and no process
  bool first_ = false;  ///< in the child: it is PID 1 without our init
  pid_t init_pid_ = 0;
  pid_t first_pid_ = 0;  ///< without our init: of process 1
};

}  // namespace vmkit::guest
