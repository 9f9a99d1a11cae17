// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace vmkit::agent {

/// The five sets of capabilities(7) of a process, as the OCI runtime specification has them. Names
/// are Linux's, with or without "CAP_", in either case; "ALL" is every capability that the guest's
/// kernel has.
///
/// What a program really gets follows the kernel's rules for execve: a program of root has its
/// bounding set and its inheritable set; one of any other user only its ambient set, and then
/// `effective` and `permitted` of this are of no use to it. A name in `ambient` must also be in
/// `permitted` and `inheritable`.
struct Capabilities {
  std::vector<std::string> bounding = {};
  std::vector<std::string> effective = {};
  std::vector<std::string> inheritable = {};
  std::vector<std::string> permitted = {};
  std::vector<std::string> ambient = {};

  /// The same names for bounding, effective and permitted.
  static Capabilities of(const std::vector<std::string>& names);

  friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

/// What Docker and containerd give by default: CHOWN, DAC_OVERRIDE, FSETID, FOWNER, MKNOD, NET_RAW,
/// SETGID, SETUID, SETFCAP, SETPCAP, NET_BIND_SERVICE, SYS_CHROOT, KILL and AUDIT_WRITE.
const std::vector<std::string>& default_capabilities();

/// `names` with others added and taken away, as `docker run --cap-add --cap-drop`: "ALL" in `drop`
/// takes all of `names`, "ALL" in `add` gives every one of Linux. Throws invalid_argument for a
/// name that is no capability.
std::vector<std::string> changed_capabilities(std::vector<std::string> names,
                                              const std::vector<std::string>& add,
                                              const std::vector<std::string>& drop);

/// A limit of setrlimit(2).
struct Rlimit {
  static constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

  /// "nofile", "RLIMIT_NOFILE": as, core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile,
  /// nproc, rss, rtprio, rttime, sigpending, stack.
  std::string name;
  std::uint64_t soft = unlimited;
  std::uint64_t hard = unlimited;

  friend bool operator==(const Rlimit&, const Rlimit&) = default;
};

/// A filter of system calls, as the kernel takes it: a classic BPF program, eight bytes for each
/// instruction in the guest's byte order. Made by compile_seccomp().
struct SeccompFilter {
  std::vector<std::byte> program = {};

  friend bool operator==(const SeccompFilter&, const SeccompFilter&) = default;
};

/// Which filter a process gets.
enum class SeccompMode {
  container,  ///< The container's, if it has one.
  own,        ///< ProcessSpec::seccomp.
  none,
};

}  // namespace vmkit::agent
