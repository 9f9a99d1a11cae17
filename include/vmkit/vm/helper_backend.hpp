// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

#include <vmkit/vm/backend.hpp>
#include <vmkit/vm/qemu_backend.hpp>
#include <vmkit/vm/vz_backend.hpp>

namespace vmkit::vm {

/// Which helper it is, and what that makes its machines with.
struct HelperOptions {
  /// The program `vmkit-vz-host`, which vmkit installs: signed with the entitlement that machines
  /// need, where this program cannot be.
  std::filesystem::path program = {};
  /// What the helper makes its machines with: Virtualization.framework or, with a value here, QEMU.
  /// The log of either gets what the helper's backend says.
  VzOptions vz = {};
  std::optional<QemuOptions> qemu = {};
  /// How long the helper may take to come up, and to answer what takes no time, before it counts as
  /// hung. Calls that may take long (start, stop, save, restore) have the limits of their backend.
  std::chrono::milliseconds response_limit = std::chrono::seconds(30);
};

/// Machines of another backend that live in helper processes, one each: for programs that cannot
/// carry the entitlement for Virtualization.framework, such as the Python interpreter, and for
/// those that are not to go down with it. One more process answers what is asked of the backend
/// itself.
///
/// Machines are as those of the helper's backend: its states, events, errors and capabilities. A
/// helper has no name in any file system, and nobody else can reach it; it ends with its owner, and
/// its machine with it. A helper that dies or says what makes no sense is the end of its machine
/// (`failed`, unavailable or data_corruption), and of no other. Each stream goes through the
/// helper, which costs a copy. Paths must be UTF-8. QemuOptions::outlives_owner is refused:
/// invalid_argument.
///
/// Errors of its own: not_found (no such program), unavailable (it ended, or is no helper),
/// timeout.
std::shared_ptr<Backend> make_helper_backend(HelperOptions options);

}  // namespace vmkit::vm
