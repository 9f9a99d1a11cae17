// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/plan.hpp"

#include <string_view>
#include <utility>

#include <vmkit/base/digest.hpp>

namespace vmkit::vm::vz {
namespace {

std::string macos_version(const MacFacts& mac) {
  return std::to_string(mac.macos_major) + "." + std::to_string(mac.macos_minor);
}

// The console speaks through the first virtio console. What follows it is as on the other backend,
// but for panics: the framework lets a guest that resets itself boot again, and so whatever it ran
// would run twice. It halts instead, and its last words end the machine (RestartWatch).
std::string kernel_command_line(const MachineConfig& config) {
  std::string line = "console=hvc0 quiet loglevel=6 panic=0 cryptomgr.notests";
  if (!config.boot.command_line.empty()) line += " " + config.boot.command_line;
  return line;
}

// All machines of a Mac share one network and so need different addresses, each its own at every
// start. Two machines that run at a time differ in their name, or at least in a disk.
std::string default_mac(const MachineConfig& config, std::size_t index) {
  std::string identity = config.name;
  for (const Disk& disk : config.disks) identity += '\n' + disk.path.native();
  identity += '\n' + std::to_string(index);
  const std::string hex = digest_of(identity).hex();
  std::string mac = "52:54:00";  // locally administered, of one station
  for (std::size_t i = 0; i < 6; i += 2) mac += ":" + hex.substr(i, 2);
  return mac;
}

class Planner {
 public:
  Planner(const MachineConfig& config, const MacFacts& mac) : config_(config), mac_(mac) {}

  PlanResult run() {
    result_.problems = vm::validate(config_);
    plan_machine();
    plan_boot();
    for (const Port& port : config_.ports) plan().ports.push_back(port.name);
    for (std::size_t i = 0; i < config_.disks.size(); ++i) plan_disk(i);
    for (std::size_t i = 0; i < config_.networks.size(); ++i) {
      const std::string& mac = config_.networks[i].mac;
      plan().networks.push_back(mac.empty() ? default_mac(config_, i) : mac);
    }
    plan_shares();
    plan_rosetta();
    plan().entropy = config_.entropy;
    plan().balloon = config_.balloon;
    plan().vsock = config_.vsock;
    refuse_what_is_not_there();
    return std::move(result_);
  }

 private:
  VzPlan& plan() { return result_.plan; }

  void add(std::string field, std::string message) {
    // What is wrong on every backend need not be told again.
    for (const ConfigProblem& known : result_.problems) {
      if (known.field == field) return;
    }
    result_.problems.push_back({std::move(field), std::move(message)});
  }

  /// What configurations may ask for and this backend does not do yet.
  void refuse_what_is_not_there() {
    const auto refuse = [&](bool asked, const std::string& field) {
      if (asked) add(field, "this backend does not offer it");
    };
    refuse(config_.firmware.has_value(), "firmware");
    for (std::size_t i = 0; i < config_.networks.size(); ++i) {
      const std::string field = "networks[" + std::to_string(i) + "].";
      refuse(config_.networks[i].kind != NetworkKind::nat, field + "kind");
      refuse(!config_.networks[i].subnet.empty(), field + "subnet");
      refuse(config_.networks[i].mtu != 0, field + "mtu");
    }
    refuse(config_.graphics.has_value(), "graphics");
    refuse(config_.keyboard, "keyboard");
    refuse(config_.pointing_device, "pointing_device");
    refuse(config_.sound.has_value(), "sound");
    refuse(config_.usb_controller, "usb_controller");
    refuse(config_.clipboard, "clipboard");
    refuse(!config_.machine_identifier.empty(), "machine_identifier");
  }

  void plan_machine() {
    if (config_.architecture != mac_.architecture) {
      add("architecture", "expected " + std::string(to_string(mac_.architecture)) +
                              ", the Mac's own, for Virtualization.framework translates nothing, "
                              "found " +
                              std::string(to_string(config_.architecture)) +
                              "; the QEMU backend emulates it");
    }
    if (config_.cpu_count < mac_.least_cpus || config_.cpu_count > mac_.most_cpus) {
      add("cpu_count", "expected " + std::to_string(mac_.least_cpus) + " to " +
                           std::to_string(mac_.most_cpus) + " on this Mac, found " +
                           std::to_string(config_.cpu_count));
    }
    if (config_.memory < mac_.least_memory || config_.memory > mac_.most_memory) {
      add("memory", "expected " + vmkit::to_string(mac_.least_memory) + " to " +
                        vmkit::to_string(mac_.most_memory) + " on this Mac, found " +
                        vmkit::to_string(config_.memory));
    }
    if (config_.nested_virtualization) plan_nested();
    plan().cpu_count = config_.cpu_count;
    plan().memory = config_.memory;
  }

  void plan_nested() {
    if (mac_.macos_major < 15) {
      add("nested_virtualization",
          "expected macOS 15 or later, found " + macos_version(mac_) + "; update macOS");
    } else if (!mac_.nested_virtualization) {
      add("nested_virtualization", "this Mac's processor cannot do it: expected an M3 or later");
    }
    plan().nested_virtualization = true;
  }

  void plan_boot() {
    plan().kernel = config_.boot.image;
    if (const auto* path = std::get_if<std::filesystem::path>(&config_.boot.initrd)) {
      plan().initrd = *path;
    }
    plan().initrd_is_bytes = std::holds_alternative<std::vector<std::byte>>(config_.boot.initrd);
    plan().command_line = kernel_command_line(config_);
  }

  void plan_disk(std::size_t index) {
    const Disk& disk = config_.disks[index];
    const std::string field = "disks[" + std::to_string(index) + "]";
    if (!disk.nbd.empty()) {
      add(field + ".nbd", "this backend has no network block devices; the QEMU backend has");
    }
    if (disk.device == DiskDevice::nvme && mac_.macos_major < 14) {
      add(field + ".device",
          "expected macOS 14 or later for nvme, found " + macos_version(mac_) + "; update macOS");
    }
    if (disk.device != DiskDevice::virtio && !disk.identifier.empty()) {
      add(field + ".identifier", "Virtualization.framework has one for virtio disks only");
    }
    // What the framework chooses by itself has corrupted file systems of Linux guests.
    const bool automatic = disk.caching == DiskCaching::automatic;
    plan().disks.push_back({disk.device, disk.path, disk.read_only,
                            automatic ? DiskCaching::cached : disk.caching, disk.sync,
                            disk.identifier});
  }

  void plan_shares() {
    for (std::size_t i = 0; i < config_.shares.size(); ++i) {
      const Share& share = config_.shares[i];
      if (share.transport == ShareTransport::plan9) {
        add("shares[" + std::to_string(i) + "].transport",
            "Virtualization.framework has no 9p; expected virtiofs or automatic");
      }
      plan().shares.push_back({share.tag, share.path, share.read_only});
    }
  }

  void plan_rosetta() {
    if (!config_.rosetta) return;
    plan().rosetta = true;
    if (mac_.architecture != Architecture::arm64) {
      add("rosetta",
          "expected a Mac with Apple silicon, found an Intel one, which runs such "
          "programs itself");
    } else if (mac_.rosetta == Rosetta::not_supported) {
      add("rosetta", "this Mac has no Rosetta for Linux guests");
    } else if (mac_.rosetta == Rosetta::not_installed) {
      add("rosetta", "Rosetta is not installed; run: softwareupdate --install-rosetta");
    }
  }

  const MachineConfig& config_;
  const MacFacts& mac_;
  PlanResult result_;
};

FeatureStatus machines(const MacFacts& mac, Architecture architecture) {
  if (!mac.is_mac) {
    return {Feature::machines, Limitation::unsupported_system,
            "Virtualization.framework is a part of macOS", "use the QEMU backend"};
  }
  if (architecture != mac.architecture) {
    return {Feature::machines, Limitation::other_architecture,
            "Virtualization.framework runs guests of the Mac's own architecture only, " +
                std::string(to_string(mac.architecture)),
            "the QEMU backend emulates others"};
  }
  if (mac.macos_major < 13) {
    return {Feature::machines, Limitation::too_old,
            "macOS is " + macos_version(mac) + ", expected 13 or later", "update macOS"};
  }
  if (!mac.runs_machines) {
    return {Feature::machines, Limitation::cpu_without_virtualization,
            "this Mac cannot run virtual machines: its processor has no support for them, or it is "
            "a virtual machine itself, without nested virtualization"};
  }
  if (!mac.entitled) {
    return {Feature::machines, Limitation::no_permission,
            "the program lacks the entitlement com.apple.security.virtualization",
            "sign it, the program and not the library: codesign --force --sign - --entitlements "
            "vmkit.entitlements PROGRAM (docs/macos.md)"};
  }
  return {Feature::machines};
}

}  // namespace

PlanResult make_plan(const MachineConfig& config, const MacFacts& mac) {
  return Planner(config, mac).run();
}

Capabilities describe(const MacFacts& mac, Architecture architecture) {
  const FeatureStatus any = machines(mac, architecture);
  // What every machine of the framework has: it runs in a process of the system's, which has a
  // sandbox and ends with the program.
  const auto like_any = [&](Feature feature) {
    FeatureStatus status = any;
    status.feature = feature;
    return status;
  };
  const FeatureStatus plan9 = {Feature::plan9, Limitation::unsupported_system,
                               "Virtualization.framework has no 9p", "share folders over virtiofs"};
  const FeatureStatus statistics = {
      Feature::statistics, Limitation::unsupported_system,
      "Virtualization.framework does not tell which process runs a machine"};
  const FeatureStatus save = {Feature::save, Limitation::unsupported_system,
                              "this backend does not save machines"};
  const auto not_offered = [](Feature feature) {
    return FeatureStatus{feature, Limitation::unsupported_system, "this backend does not offer it"};
  };
  return {"vz",
          architecture,
          mac.is_mac ? macos_version(mac) : "",
          any.available() ? "vz" : "",
          {any, like_any(Feature::hardware_acceleration), like_any(Feature::sandbox),
           like_any(Feature::dies_with_owner), like_any(Feature::virtiofs), plan9,
           like_any(Feature::vsock), save, statistics, not_offered(Feature::vsock_listen),
           not_offered(Feature::firmware), not_offered(Feature::network_disks),
           not_offered(Feature::bridged_networks), not_offered(Feature::subnets),
           not_offered(Feature::graphics), not_offered(Feature::disk_hotplug),
           not_offered(Feature::share_change)}};
}

}  // namespace vmkit::vm::vz
