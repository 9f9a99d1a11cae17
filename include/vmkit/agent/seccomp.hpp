// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <vmkit/agent/isolation.hpp>
#include <vmkit/base/architecture.hpp>

namespace vmkit::agent {

/// For whom a filter of system calls is made.
struct SeccompTarget {
  Architecture architecture = host_architecture();  ///< Of the guest.
  /// The bounding set of the processes: profiles allow more to those who have more.
  std::vector<std::string> capabilities = default_capabilities();
};

/// Makes a filter from a profile in JSON: that of the OCI runtime specification (linux.seccomp)
/// with Docker's extensions (archMap; includes and excludes by capability and architecture).
///
/// Of several rules for a call the first that matches counts. Names that are no call of the
/// architecture are passed over. As runc does it, calls newer than any that the profile names end
/// with ENOSYS where its default is to fail, so that programs try the older ones. Calls of
/// architectures that the profile does not list end the process; those of x32 with ENOSYS always.
/// Throws invalid_argument, naming the field; unsupported for SCMP_ACT_NOTIFY.
SeccompFilter compile_seccomp(std::string_view profile, const SeccompTarget& target = {});

/// A filter that refuses (EPERM) what Docker's default refuses: mounting, namespaces, kernel
/// modules, the clock, keys, io_uring, ptrace-like access without its capability, …; each allowed
/// with the capability that it belongs to.
SeccompFilter default_seccomp_filter(const SeccompTarget& target = {});

}  // namespace vmkit::agent
