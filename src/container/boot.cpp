// SPDX-License-Identifier: Apache-2.0
#include "container/boot.hpp"

#include <chrono>
#include <string>
#include <utility>

#include "container/machine_end.hpp"
#include "vm/network.hpp"

#include <vmkit/agent/initramfs.hpp>
#include <vmkit/agent/port.hpp>

namespace vmkit::container {
namespace {

constexpr auto end_notice = std::chrono::milliseconds(300);

/// Also makes a connection again that was lost while the machine runs. A boot that is retried (vm's
/// watchdog) closes the channel of the first.
agent::Client connect(vm::Machine& machine, const CallOptions& options) {
  const auto dial = [&machine](const CallOptions& call) {
    try {
      if (!is_over(machine.state())) return machine.open_port(agent::port_name, call);
    } catch (const Error&) {
      // The port goes a little before the machine's end is noticed.
      call.stop.wait_for(call.remaining(end_notice));
      if (!is_over(machine.state())) throw;
    }
    throw Error(Errc::failed_precondition, machine_ended(machine).what());
  };
  try {
    return agent::Client::connect(dial, {}, options);
  } catch (const Error& error) {
    if (error.code() == Errc::failed_precondition && is_over(machine.state())) {
      throw machine_ended(machine);
    }
    throw;
  }
}

}  // namespace

Architecture architecture_of(const oci::Platform& platform) {
  const std::string name = platform.normalized().architecture;
  if (name == "amd64") return Architecture::x86_64;
  if (name == "arm64") return Architecture::arm64;
  throw Error(Errc::unsupported,
              "machines run images for amd64 and arm64; this one is for " + platform.to_string());
}

vm::MachineConfig machine_config(const ContainerOptions& options, const Folder& folder) {
  vm::MachineConfig config;
  config.name = options.hostname;
  config.architecture = architecture_of(options.image.platform);
  config.cpu_count = options.cpu_count;
  config.memory = options.memory;
  config.balloon = options.balloon;
  config.boot.image = options.kernel.image;
  config.boot.initrd = agent::build_initramfs({.architecture = config.architecture,
                                               .modules_directory = options.kernel.modules,
                                               .extra_modules = options.kernel.extra_modules});
  config.boot.command_line = options.kernel.command_line;
  // Where the disk goes with the container, nothing is gained by making it survive a host's crash.
  config.disks = {{.path = folder.disk(),
                   .read_only = options.isolation.writable_layer.has_value(),
                   .identifier = root_disk_identifier,
                   .sync = options.keep ? vm::DiskSync::fsync : vm::DiskSync::none}};
  config.ports = {{.name = std::string(agent::port_name)}};
  if (options.network) {
    config.networks = {options.network_device};
    // The agent finds the interface by it.
    config.networks[0].mac = vm::detail::mac_address(config, 0);
  }
  config.console = {.device = options.console, .file = folder.console_log()};
  return config;
}

agent::Client boot(vm::Machine& machine, const ContainerOptions& options,
                   const CallOptions& call_options) {
  const CallOptions limited = call_options.with_timeout(options.boot_limit);
  const auto limit = std::chrono::ceil<std::chrono::milliseconds>(
      call_options.remaining(options.boot_limit));  // the caller's deadline may be nearer
  const std::string context = "container " + options.hostname;
  try {
    // Leaves nothing running when it fails; and if it fails because the machine runs already, then
    // that one is not ours to end.
    machine.start(limited);
  } catch (const Error& error) {
    throw error.with_context(context);
  }
  try {
    return connect(machine, limited);
  } catch (const Error& error) {
    const bool was_running = !is_over(machine.state());
    machine.kill();
    if (error.code() == Errc::timeout && was_running) {
      throw Error(Errc::timeout, context + ": expected its agent to answer within " +
                                     std::to_string(limit.count()) + " ms" +
                                     console_excerpt(machine));
    }
    throw error.with_context(context);
  } catch (...) {
    machine.kill();
    throw;
  }
}

}  // namespace vmkit::container
