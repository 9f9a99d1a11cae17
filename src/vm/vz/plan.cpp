// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "vm/vz/planning.hpp"

namespace vmkit::vm::vz {
namespace {

// The console speaks through the first virtio console. What follows it is as on the other backend,
// but for panics: the framework lets a guest that resets itself boot again, and so whatever it ran
// would run twice. It halts instead, and its last words end the machine (RestartWatch).
std::string kernel_command_line(const MachineConfig& config) {
  std::string line = "console=hvc0 quiet loglevel=6 panic=0 cryptomgr.notests";
  if (!config.boot.command_line.empty()) line += " " + config.boot.command_line;
  return line;
}

class Planner : private Planning {
 public:
  Planner(const MachineConfig& its_config, const MacFacts& its_mac)
      : Planning{its_config, its_mac} {}

  PlanResult run() {
    result.problems = vm::validate(config);
    plan_machine();
    if (config.firmware) {
      plan().variable_store = config.firmware->variable_store;
    } else {
      plan_boot();
    }
    for (const Port& port : config.ports) plan().ports.push_back(port.name);
    for (std::size_t i = 0; i < config.disks.size(); ++i) {
      const std::string field = "disks[" + std::to_string(i) + "]";
      if (config.disks[i].device != DiskDevice::virtio && !config.disks[i].identifier.empty()) {
        add(field + ".identifier", "Virtualization.framework has one for virtio disks only");
      }
      plan().disks.push_back(plan_disk(*this, config.disks[i], field));
    }
    plan_networks(*this);
    plan_shares();
    plan_rosetta();
    plan_desktop();
    plan().entropy = config.entropy;
    plan().balloon = config.balloon;
    plan().vsock = config.vsock;
    return std::move(result);
  }

 private:
  void plan_machine() {
    if (config.architecture != mac.architecture) {
      add("architecture", "expected " + std::string(to_string(mac.architecture)) +
                              ", the Mac's own, for Virtualization.framework translates nothing, "
                              "found " +
                              std::string(to_string(config.architecture)) +
                              "; the QEMU backend emulates it");
    }
    if (config.cpu_count < mac.least_cpus || config.cpu_count > mac.most_cpus) {
      add("cpu_count", "expected " + std::to_string(mac.least_cpus) + " to " +
                           std::to_string(mac.most_cpus) + " on this Mac, found " +
                           std::to_string(config.cpu_count));
    }
    if (config.memory < mac.least_memory || config.memory > mac.most_memory) {
      add("memory", "expected " + vmkit::to_string(mac.least_memory) + " to " +
                        vmkit::to_string(mac.most_memory) + " on this Mac, found " +
                        vmkit::to_string(config.memory));
    }
    if (config.nested_virtualization) plan_nested();
    plan().machine_identifier = config.machine_identifier;
    plan().cpu_count = config.cpu_count;
    plan().memory = config.memory;
  }

  void plan_nested() {
    require_macos(15, "nested_virtualization");
    if (mac.macos_major >= 15 && !mac.nested_virtualization) {
      add("nested_virtualization", "this Mac's processor cannot do it: expected an M3 or later");
    }
    plan().nested_virtualization = true;
  }

  void plan_boot() {
    plan().kernel = config.boot.image;
    if (const auto* path = std::get_if<std::filesystem::path>(&config.boot.initrd)) {
      plan().initrd = *path;
    }
    plan().initrd_is_bytes = std::holds_alternative<std::vector<std::byte>>(config.boot.initrd);
    plan().command_line = kernel_command_line(config);
  }

  void plan_shares() {
    for (std::size_t i = 0; i < config.shares.size(); ++i) {
      const Share& share = config.shares[i];
      if (share.transport == ShareTransport::plan9) {
        add("shares[" + std::to_string(i) + "].transport",
            "Virtualization.framework has no 9p; expected virtiofs or automatic");
      }
      plan().shares.push_back({share.tag, share.path, share.read_only});
    }
  }

  void plan_rosetta() {
    if (!config.rosetta) return;
    plan().rosetta = true;
    if (mac.architecture != Architecture::arm64) {
      add("rosetta",
          "expected a Mac with Apple silicon, found an Intel one, which runs such "
          "programs itself");
    } else if (mac.rosetta == Rosetta::not_supported) {
      add("rosetta", "this Mac has no Rosetta for Linux guests");
    } else if (mac.rosetta == Rosetta::not_installed) {
      add("rosetta", "Rosetta is not installed; run: softwareupdate --install-rosetta");
    }
  }

  void plan_desktop() {
    plan().graphics = config.graphics;
    plan().keyboard = config.keyboard;
    plan().pointing_device = config.pointing_device;
    plan().sound = config.sound;
    if (config.usb_controller) require_macos(15, "usb_controller");
    plan().usb_controller = config.usb_controller;
    plan().clipboard = config.clipboard;
  }
};

}  // namespace

std::string macos_version(const MacFacts& mac) {
  return std::to_string(mac.macos_major) + "." + std::to_string(mac.macos_minor);
}

void Planning::add(const std::string& field, std::string message) {
  for (const ConfigProblem& known : result.problems) {
    if (known.field == field) return;
  }
  result.problems.push_back({field, std::move(message)});
}

void Planning::require_macos(unsigned major, const std::string& field, std::string_view what) {
  if (mac.macos_major >= major) return;
  add(field, "expected macOS " + std::to_string(major) + " or later" +
                 (what.empty() ? "" : " for " + std::string(what)) + ", found " +
                 macos_version(mac) + "; update macOS");
}

PlanResult make_plan(const MachineConfig& config, const MacFacts& mac) {
  return Planner(config, mac).run();
}

}  // namespace vmkit::vm::vz
