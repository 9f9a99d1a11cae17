// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>

#include <vmkit/base/log.hpp>
#include <vmkit/vm/backend.hpp>

namespace vmkit::vm {

/// How the backend of Virtualization.framework treats its machines.
struct VzOptions {
  /// A machine whose initrd is given as bytes has a folder below this one (mode 0700, removed at
  /// its end) for it.
  std::filesystem::path runtime_directory = "/tmp";
  /// How long the framework may take to start, pause, resume or stop a machine before it counts as
  /// hung: then the machine has failed, and is let go.
  std::chrono::milliseconds response_limit = std::chrono::seconds(30);
  std::shared_ptr<LogSink> log = {};
};

/// Machines of Apple's Virtualization.framework, on macOS 13 or later, Apple silicon and Intel, for
/// guests of the Mac's own architecture. The program must be signed with the entitlement
/// com.apple.security.virtualization (docs/macos.md). No run loop is needed.
///
/// Each machine is a process of the system's, which ends with the program. A guest's addresses come
/// by DHCP (Backend::network_addresses has none), but for networks with a subnet of their own. What
/// a machine takes of the host is not known (Feature::statistics), nor how much memory a guest has
/// given back. A guest that panics or reboots is noticed by what its kernel says on the console.
///
/// There on every system, so that one program can ask: elsewhere than on macOS capabilities() and
/// Machine::start say `unsupported`.
std::shared_ptr<Backend> make_vz_backend(VzOptions options = {});

}  // namespace vmkit::vm
