// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "os/child_process.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/vm/capabilities.hpp>
#include <vmkit/vm/config.hpp>
#include <vmkit/vm/qemu_backend.hpp>

namespace vmkit::vm::qemu {

/// The virtiofsd of this host.
struct ShareDaemon {
  std::filesystem::path binary = {};
  /// QEMU's own, in C, whose options are others than those of its successor.
  bool is_c = false;
  FeatureStatus status = {Feature::virtiofs};
};

/// Looks for the daemon and starts it once for its version, as it would be started for a share:
/// without root that takes a user namespace, which a system may forbid (20 ms).
ShareDaemon probe_share_daemon(const QemuOptions& options, const CallOptions& call_options);

/// How `share` will reach the guest: `automatic` resolved. Pure.
ShareTransport share_transport(const Share& share, const ShareDaemon& daemon) noexcept;

/// How to start it for `share`, with `listener` as its socket. It serves one QEMU and ends with it.
os::SpawnOptions share_daemon_command(const ShareDaemon& daemon, const Share& share, int listener);

/// True for what QEMU's own virtiofsd prints for --version. Pure.
bool is_c_version(const std::string& output);

}  // namespace vmkit::vm::qemu
