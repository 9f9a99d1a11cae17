// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <vector>

#include <vmkit/base/log.hpp>
#include <vmkit/vm/backend.hpp>

namespace vmkit::vm {

enum class QemuAccelerator {
  automatic,  ///< The host's own where it can run an ordinary guest, else tcg.
  kvm,        ///< Linux. Used even where automatic would not dare to.
  hvf,        ///< macOS.
  tcg,        ///< Translation in software: works everywhere.
};

/// How the QEMU backend finds its programs and treats its machines.
struct QemuOptions {
  /// The program; empty: qemu-system-x86_64 or qemu-system-aarch64 in `search_path`.
  std::filesystem::path binary = {};
  std::vector<std::filesystem::path> search_path = {"/usr/bin", "/usr/local/bin",
                                                    "/opt/homebrew/bin", "/opt/local/bin"};
  QemuAccelerator accelerator = QemuAccelerator::automatic;
  /// Linux: QEMU gives up system calls it does not need, among them to start programs, so that a
  /// guest which breaks out of it gets little. A QEMU built without this cannot be started with it.
  bool sandbox = true;
  /// The daemon that serves shared folders over virtiofs: QEMU's own in C or the one in Rust.
  /// Empty: the first of `virtiofsd_search` that exists. Linux only.
  std::filesystem::path virtiofsd = {};
  std::vector<std::filesystem::path> virtiofsd_search = {
      "/usr/libexec/virtiofsd", "/usr/lib/virtiofsd", "/usr/lib/qemu/virtiofsd",
      "/usr/lib/qemu/virtiofsd-rs", "/usr/local/libexec/virtiofsd"};
  /// Where the firmware for MachineConfig::firmware is described, as QEMU's distributors do it: the
  /// first UEFI firmware without Secure Boot that fits counts.
  std::vector<std::filesystem::path> firmware_search = {
      "/etc/qemu/firmware", "/usr/share/qemu/firmware", "/usr/local/share/qemu/firmware",
      "/opt/homebrew/share/qemu/firmware"};
  /// Each machine has a folder below this one (mode 0700, removed at its end) for its sockets and
  /// an initrd given as bytes. Keep it short: a socket's path may have 107 bytes (macOS: 103).
  std::filesystem::path runtime_directory = "/tmp";
  /// What becomes of a machine whose program ends without having ended it (a crash, SIGKILL).
  /// False: it ends too. True: it goes on, until somebody takes it with Backend::adopt. Shared
  /// folders are over 9p then, for nobody would look after a daemon; the configuration must be one
  /// that to_json can keep. A supervisor that ends all processes of a program, as systemd does,
  /// ends these too.
  bool outlives_owner = false;
  /// How long QEMU may take to answer a command, and to come up, before it counts as hung.
  std::chrono::milliseconds response_limit = std::chrono::seconds(10);
  std::shared_ptr<LogSink> log = {};
};

/// Machines as child processes, one each, driven over QMP: QEMU 7.2 or later. On x86-64 the
/// machine type is microvm, with virtio-mmio devices, but for machines with firmware, graphics, USB
/// or NVMe, which are PCs (q35); on arm64 it is virt. A screen is served over VNC, on a unix socket
/// (MachineDiagnostics::screen). Looks at nothing before the first call.
std::shared_ptr<Backend> make_qemu_backend(QemuOptions options = {});

}  // namespace vmkit::vm
