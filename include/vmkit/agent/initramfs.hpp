// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <vmkit/base/architecture.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::agent {

/// What the guest's first file system holds beside the agent.
struct InitramfsOptions {
  Architecture architecture = host_architecture();
  /// The kernel's modules, ".../lib/modules/<release>". Empty: the kernel has all drivers built in.
  /// Dependencies are read from modules.dep or, where depmod has not run, from the modules
  /// themselves (which then must not be compressed).
  std::filesystem::path modules_directory = {};
  /// More modules to load at boot, by name ("nf_tables"), with what they depend on.
  std::vector<std::string> extra_modules = {};
};

/// The initramfs of a machine: the agent as /init and the kernel modules that the machine needs to
/// reach its disks and the host, in an uncompressed cpio archive ("newc"). The same input gives the
/// same bytes.
///
/// Throws failed_precondition if the kernel lacks a driver that vmkit cannot do without (virtio
/// transport, virtio_blk, virtio_console, ext4) and not_found if an extra module does not exist;
/// unsupported if the library has no agent for the architecture; data_corruption if the module
/// index is not well-formed or leads out of the directory; io errors by errno. Thread-safe.
std::vector<std::byte> build_initramfs(const InitramfsOptions& options);

/// The same, written to `sink`. Nothing is written before all input has been checked.
void write_initramfs(const InitramfsOptions& options, Sink& sink);

}  // namespace vmkit::agent
