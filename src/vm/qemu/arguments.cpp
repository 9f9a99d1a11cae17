// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/arguments.hpp"

#include <algorithm>

#include "vm/qemu/accelerator.hpp"
#include "vm/qemu/disk_node.hpp"
#include "vm/qemu/network.hpp"

namespace vmkit::vm::qemu {
namespace {

std::size_t count_disks(const MachineConfig& config, DiskDevice device) {
  return static_cast<std::size_t>(
      std::count_if(config.disks.begin(), config.disks.end(),
                    [&](const Disk& disk) { return disk.device == device; }));
}

bool has_usb(const MachineConfig& config) {
  return config.usb_controller || config.keyboard || config.pointing_device ||
         count_disks(config, DiskDevice::usb) > 0;
}

/// Whether the machine is to be a PC, for devices that the small one has no place for.
bool is_pc(const MachineConfig& config) {
  return config.architecture == Architecture::x86_64 &&
         (has_usb(config) || count_disks(config, DiskDevice::nvme) > 0 || config.firmware ||
          config.graphics);
}

std::string machine_type(const MachineConfig& config, const ArgumentsPlan& plan) {
  switch (config.architecture) {
    case Architecture::x86_64:
      // Without the parts of a PC that nobody asked for.
      if (is_pc(config)) return "q35,sata=off,smbus=off,i8042=off,vmport=off";
      // Without ACPI a power-off only halts, and distribution kernels find no virtio-mmio device.
      return "microvm,acpi=on";
    case Architecture::arm64:
      return plan.accelerator == QemuAccelerator::kvm ? "virt,gic-version=host" : "virt";
  }
  return {};
}

std::string cpu_model(const MachineConfig& config, const ArgumentsPlan& plan) {
  if (plan.accelerator != QemuAccelerator::tcg) return "host";
  // "max" claims fast string instructions, so guests copy memory with `rep movsb`: a byte at a time
  // when translated, eight times slower than what they do otherwise. On arm64 it has pointer
  // authentication, which takes five times the boot time to translate.
  return config.architecture == Architecture::x86_64 ? "max,erms=off,fsrm=off" : "cortex-a72";
}

class Builder {
 public:
  Builder(const MachineConfig& config, const ArgumentsPlan& plan) : config_(config), plan_(plan) {}

  std::vector<std::string> run() {
    add_machine();
    add_console_and_control();
    add_ports();
    add_desktop();
    for (std::size_t i = 0; i < config_.disks.size(); ++i) {
      const std::string node = "disk" + std::to_string(i);
      add("-blockdev", disk_node_option(config_.disks[i], node));
      add_disk_device(config_.disks[i], node);
    }
    add_networks();
    add_shares();
    if (config_.entropy) {
      add("-object", "rng-builtin,id=rng0");
      add("-device", virtio("rng") + ",rng=rng0");
    }
    if (config_.balloon) add("-device", virtio("balloon"));
    if (config_.firmware) {
      add("-blockdev",
          "driver=raw,node-name=firmware,read-only=on,file.driver=file,file.filename=" +
              escape(plan_.firmware.native()));
      add("-blockdev", disk_node_option({.path = config_.firmware->variable_store}, "variables"));
    } else {
      add("-kernel", config_.boot.image.native());
      if (!plan_.initrd.empty()) add("-initrd", plan_.initrd.native());
      add("-append", kernel_command_line(config_, plan_));
    }
    if (plan_.saved_state >= 0) {
      add("-incoming", "fd:" + std::to_string(plan_.saved_state));
      arguments_.push_back("-S");  // halted when it is there
    }
    return std::move(arguments_);
  }

 private:
  void add(std::string option, std::string value) {
    arguments_.push_back(std::move(option));
    arguments_.push_back(std::move(value));
  }

  const char* transport() const { return is_pc(config_) ? "pci" : "device"; }
  std::string virtio(const std::string& what) const { return "virtio-" + what + "-" + transport(); }

  void add_networks() {
    for (std::size_t i = 0; i < config_.networks.size(); ++i) {
      const Network& network = config_.networks[i];
      add("-netdev", netdev_option(network, i, plan_.networks[i]));
      add("-device", virtio("net") + ",netdev=net" + std::to_string(i) +
                         ",mac=" + mac_address(config_, i) +
                         (network.mtu != 0 ? ",host_mtu=" + std::to_string(network.mtu) : "") +
                         (is_pc(config_) ? ",romfile=" : ""));  // nothing boots from it
    }
  }

  // Keyboard and tablet before the disks: they fit fewer of the controller's ports.
  void add_desktop() {
    if (has_usb(config_)) {
      const std::string ports = std::to_string(most_usb_disks);
      add("-device", "qemu-xhci,id=usb,p2=" + ports + ",p3=" + ports);
    }
    if (config_.keyboard) add("-device", "usb-kbd,bus=usb.0");
    if (config_.pointing_device) add("-device", "usb-tablet,bus=usb.0");
    if (config_.graphics) {
      add("-device", virtio("gpu") + ",xres=" + std::to_string(config_.graphics->width) +
                         ",yres=" + std::to_string(config_.graphics->height));
      add("-vnc", "unix:" + escape(plan_.screen.native()));
    }
  }

  void add_disk_device(const Disk& disk, const std::string& node) {
    const std::string drive = ",drive=" + node;
    std::string serial = disk.identifier;
    std::string device;
    switch (disk.device) {
      case DiskDevice::virtio:
        // A full host disk is an error for the guest, as with other backends, not a silent pause.
        device = virtio("blk") + drive + ",werror=report,rerror=report";
        break;
      case DiskDevice::nvme:
        device = "nvme" + drive;
        if (serial.empty()) serial = node;  // it must have one
        break;
      case DiskDevice::usb:
        device = "usb-storage,bus=usb.0" + drive + ",werror=report,rerror=report";
        break;
    }
    if (!serial.empty()) device += ",serial=" + escape(serial);
    add("-device", device);
  }

  void add_machine() {
    arguments_.push_back(plan_.binary.native());
    add("-name", escape(config_.name));
    const std::string memory = std::to_string(config_.memory.bytes() >> 20) + "M";
    std::string machine = machine_type(config_, plan_);
    if (shares_memory()) {
      add("-object", "memory-backend-memfd,id=memory,share=on,size=" + memory);
      machine += ",memory-backend=memory";
    }
    if (config_.firmware) machine += ",pflash0=firmware,pflash1=variables";
    add("-machine", std::move(machine));
    add("-accel", std::string(to_string(plan_.accelerator)));
    add("-cpu", cpu_model(config_, plan_));
    add("-smp", std::to_string(config_.cpu_count));
    add("-m", memory);
    for (const char* flag : {"-nodefaults", "-no-user-config", "-no-reboot"}) {
      arguments_.push_back(flag);
    }
    add("-display", "none");
    if (!plan_.pid_file.empty()) add("-pidfile", plan_.pid_file.native());
    if (plan_.sandbox) add("-sandbox", sandbox_argument);
    add("-global", "virtio-mmio.force-legacy=false");
  }

  // A daemon reads and writes the guest's memory itself; QEMU does it for a share over 9p.
  void add_shares() {
    for (std::size_t i = 0; i < config_.shares.size(); ++i) {
      const Share& share = config_.shares[i];
      const std::string id = "share" + std::to_string(i);
      if (const auto& socket = plan_.share_sockets[i]; !socket.empty()) {
        add("-chardev", "socket,id=" + id + ",path=" + escape(socket.native()));
        add("-device",
            std::string("vhost-user-fs-") + transport() + ",chardev=" + id + ",tag=" + share.tag);
      } else {
        add("-fsdev", "local,id=" + id + ",path=" + escape(share.path.native()) +
                          ",security_model=none,multidevs=remap" +
                          (share.read_only ? ",readonly=on" : ""));
        add("-device", virtio("9p") + ",fsdev=" + id + ",mount_tag=" + share.tag);
      }
    }
  }

  bool shares_memory() const {
    return std::any_of(plan_.share_sockets.begin(), plan_.share_sockets.end(),
                       [](const auto& socket) { return !socket.empty(); });
  }

  // The sockets are made by us and inherited: connecting needs no waiting for QEMU to make them,
  // and they outlast a QEMU that is replaced.
  void add_console_and_control() {
    if (config_.console.device) {
      add("-chardev", plan_.console_listener < 0
                          ? "stdio,id=console,signal=off"
                          : "socket,id=console,fd=" + std::to_string(plan_.console_listener) +
                                ",server=on,wait=off");
      add("-serial", "chardev:console");
    }
    add("-chardev",
        "socket,id=qmp,fd=" + std::to_string(plan_.qmp_listener) + ",server=on,wait=off");
    add("-mon", "chardev=qmp,mode=control");
  }

  void add_ports() {
    const std::size_t count = config_.ports.size() + (config_.clipboard ? 1 : 0);
    if (count == 0) return;
    // The guest's driver sets up two queues for each port that there could be, 31 unless told; the
    // first number is the console port's, which is not used here.
    add("-device", virtio("serial") + ",max_ports=" + std::to_string(count + 1));
    for (std::size_t i = 0; i < config_.ports.size(); ++i) {
      const std::string id = port_device_id(i);
      add("-chardev", "socket,id=" + id + "-socket,fd=" + std::to_string(plan_.port_listeners[i]) +
                          ",server=on,wait=off");
      add("-device", "virtserialport,id=" + id + ",chardev=" + id +
                         "-socket,name=" + escape(config_.ports[i].name));
    }
    if (config_.clipboard) {
      add("-chardev", "qemu-vdagent,id=clipboard,name=vdagent,clipboard=on,mouse=off");
      add("-device", std::string("virtserialport,chardev=clipboard,name=") + clipboard_port);
    }
  }

  const MachineConfig& config_;
  const ArgumentsPlan& plan_;
  std::vector<std::string> arguments_;
};

}  // namespace

const char* const sandbox_argument =
    "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";

std::string port_device_id(std::size_t index) {
  return "port" + std::to_string(index);
}

std::size_t usb_disk_count(const MachineConfig& config) {
  return count_disks(config, DiskDevice::usb);
}

std::size_t device_count(const MachineConfig& config) {
  const std::size_t usb_disks = usb_disk_count(config);
  return config.disks.size() - usb_disks + (has_usb(config) ? 1 : 0) + config.networks.size() +
         config.shares.size() + (config.ports.empty() && !config.clipboard ? 0 : 1) +
         (config.entropy ? 1 : 0) + (config.balloon ? 1 : 0) + (config.graphics ? 1 : 0);
}

std::size_t most_devices(const MachineConfig& config) {
  if (is_pc(config)) return 29;  // slots of its bus that the board leaves
  // microvm has 24 virtio-mmio slots with ACPI, but a device in the last one hangs the guest.
  return config.architecture == Architecture::x86_64 ? 23 : 32;
}

std::string kernel_command_line(const MachineConfig& config, const ArgumentsPlan& plan) {
  const bool x86 = config.architecture == Architecture::x86_64;
  // "quiet" is for the boot code before the kernel; the level lets the kernel's banner and notices
  // through: a sign of life and a little to go by, for 1.4 KiB of slow serial line.
  const char* console = x86 ? "ttyS0" : "ttyAMA0";
  if (!config.console.device) console = "null";  // or the kernel looks for one by itself
  std::string line = std::string("console=") + console + " quiet loglevel=6 panic=-1";
  if (x86) {
    // A reset by triple fault is the only one that microvm does at once.
    line += " reboot=t";
    // Without this microvm's kernels calibrate against a timer that misses interrupts under load,
    // and one boot in ten hangs.
    if (plan.tsc_khz) line += " tsc_early_khz=" + std::to_string(*plan.tsc_khz);
    if (plan.accelerator == QemuAccelerator::tcg) {
      line += " no_timer_check noreplace-smp";
      // The counter is the host's and sound; what the kernel would check it against are timer
      // interrupts that come late on a busy host, and it would keep time by those instead.
      if (plan.tsc_khz) line += " tsc=reliable";
    }
  }
  // Self-tests of the kernel's cryptography, which take a fifth of a translated boot.
  line += " cryptomgr.notests";
  if (!config.boot.command_line.empty()) line += " " + config.boot.command_line;
  return line;
}

std::vector<std::string> build_arguments(const MachineConfig& config, const ArgumentsPlan& plan) {
  return Builder(config, plan).run();
}

}  // namespace vmkit::vm::qemu
