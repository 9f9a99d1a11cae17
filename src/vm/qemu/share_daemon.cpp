// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/share_daemon.hpp"

#include <unistd.h>

#include "os/process_platform.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::qemu {
namespace {

constexpr const char* way_out = "apt-get install virtiofsd, or name it in QemuOptions::virtiofsd";

FeatureStatus unavailable(Limitation limitation, std::string reason, std::string advice = {}) {
  return {Feature::virtiofs, limitation, std::move(reason), std::move(advice)};
}

/// In lists of options a comma ends one.
std::string escape(const std::string& path) {
  std::string escaped;
  for (const char c : path) {
    if (c == ',' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

/// A daemon that breaks out of its own sandbox is still nobody special: without root it is in a
/// user namespace that has one user.
os::SpawnOptions command(const std::filesystem::path& binary) {
  os::SpawnOptions spawn;
  spawn.arguments = {binary.string()};
  spawn.environment.emplace();
  spawn.private_mounts.emplace();
  return spawn;
}

}  // namespace

bool is_c_version(const std::string& output) {
  return output.find("FUSE kernel interface") != std::string::npos;
}

ShareDaemon probe_share_daemon(const QemuOptions& options, const CallOptions& call_options) {
  ShareDaemon daemon;
  if (!os::can_have_private_mounts) {
    daemon.status = unavailable(Limitation::unsupported_system, "virtiofsd is for Linux");
    return daemon;
  }
  const auto candidates = options.virtiofsd.empty()
                              ? options.virtiofsd_search
                              : std::vector{std::filesystem::absolute(options.virtiofsd)};
  std::string places;
  for (const auto& candidate : candidates) {
    if (auto found = os::find_program(candidate.string(), "")) {
      daemon.binary = std::move(*found);
      break;
    }
    places += (places.empty() ? "" : ", ") + candidate.string();
  }
  if (daemon.binary.empty()) {
    daemon.status =
        unavailable(Limitation::missing_program, "there is no virtiofsd at " + places, way_out);
    return daemon;
  }
  try {
    os::SpawnOptions spawn = command(daemon.binary);
    spawn.arguments.push_back("--version");
    const os::Output output = os::run(spawn, ByteSize(64 << 10), call_options);
    daemon.is_c = is_c_version(output.out);
    if (!output.status.success()) {
      daemon.status = unavailable(
          Limitation::missing_program,
          daemon.binary.string() + " does not say a version: it " + os::to_string(output.status),
          way_out);
    }
  } catch (const Error& error) {
    call_options.check("start " + daemon.binary.string());
    daemon.status = unavailable(
        Limitation::no_permission,
        daemon.binary.string() + " cannot be started in namespaces of its own: " + error.what(),
        ::geteuid() == 0 ? "allow this process to unshare its mount namespace (CAP_SYS_ADMIN)"
                         : "allow unprivileged user namespaces (sysctl "
                           "kernel.unprivileged_userns_clone, user.max_user_namespaces, "
                           "kernel.apparmor_restrict_unprivileged_userns)");
  }
  return daemon;
}

ShareTransport share_transport(const Share& share, const ShareDaemon& daemon) noexcept {
  if (share.transport != ShareTransport::automatic) return share.transport;
  return daemon.status.available() ? ShareTransport::virtiofs : ShareTransport::plan9;
}

os::SpawnOptions share_daemon_command(const ShareDaemon& daemon, const Share& share, int listener) {
  os::SpawnOptions spawn = command(daemon.binary);
  const auto folder = std::filesystem::canonical(share.path);
  if (share.read_only) spawn.private_mounts->read_only = folder;
  auto& arguments = spawn.arguments;
  arguments.push_back("--fd=" + std::to_string(listener));
  if (daemon.is_c) {
    for (const char* option : {"cache=auto", "sandbox=namespace", "log_level=warn"}) {
      arguments.insert(arguments.end(), {"-o", option});
    }
    arguments.insert(arguments.end(), {"-o", "source=" + escape(folder.string())});
  } else {
    arguments.insert(arguments.end(), {"--cache=auto", "--sandbox=namespace", "--log-level=warn",
                                       "--shared-dir=" + folder.string()});
  }
  spawn.inherited = {listener};
  spawn.die_with_parent_thread = os::can_die_with_parent;
  return spawn;
}

}  // namespace vmkit::vm::qemu
