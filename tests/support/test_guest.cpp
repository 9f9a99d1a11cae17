// SPDX-License-Identifier: Apache-2.0
#include "support/test_guest.hpp"

#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <unistd.h>
#include <vector>

#include "os/file.hpp"

namespace vmkit::test {
namespace {

// In the order in which they can be loaded.
const std::vector<std::string> common_modules = {
    "drivers/virtio/virtio_ring",
    "drivers/virtio/virtio",
    "drivers/virtio/virtio_mmio",
    "drivers/virtio/virtio_pci_modern_dev",
    "drivers/virtio/virtio_pci_legacy_dev",
    "drivers/virtio/virtio_pci",
    "drivers/block/virtio_blk",
    "drivers/char/virtio_console",
    "drivers/input/evdev",
    "drivers/acpi/button",
    "drivers/virtio/virtio_balloon",
};
const std::vector<std::string> network_modules = {
    "net/core/failover",
    "drivers/net/net_failover",
    "drivers/net/virtio_net",
};
const std::vector<std::string> usb_modules = {
    "drivers/scsi/scsi_common",
    "drivers/scsi/scsi_mod",
    "crypto/crct10dif_common",
    "lib/crc-t10dif",
    "lib/crc64",
    "lib/crc64-rocksoft",
    "block/t10-pi",
    "drivers/scsi/sd_mod",
    "drivers/usb/common/usb-common",
    "drivers/usb/core/usbcore",
    "drivers/usb/host/xhci-hcd",
    "drivers/usb/host/xhci-pci",
    "drivers/usb/storage/usb-storage",
};

/// A cpio archive in the "newc" form that the kernel unpacks.
class Cpio {
 public:
  void add(const std::string& name, unsigned mode, const std::string& content) {
    char header[111];
    std::snprintf(header, sizeof header,
                  "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", ++inode_, mode,
                  0U, 0U, 1U, 0U, content.size(), 0U, 0U, 0U, 0U, name.size() + 1, 0U);
    archive_ += header + name + '\0';
    pad();
    archive_ += content;
    pad();
  }

  std::vector<std::byte> finish() {
    add("TRAILER!!!", 0, "");
    const auto* bytes = reinterpret_cast<const std::byte*>(archive_.data());
    return {bytes, bytes + archive_.size()};
  }

 private:
  void pad() { archive_.append((4 - archive_.size() % 4) % 4, '\0'); }

  std::string archive_;
  unsigned inode_ = 0;
};

std::vector<std::byte> make_initrd(const std::filesystem::path& kernel,
                                   const std::vector<std::string>& modules) {
  constexpr ByteSize limit(16 << 20);
  Cpio cpio;
  cpio.add("init", 0100755, os::read_file(VMKIT_TEST_INIT, limit));
  cpio.add("dev", 0040755, "");
  cpio.add("modules", 0040755, "");
  const auto releases = std::filesystem::directory_iterator(kernel / "modules");
  const std::filesystem::path folder = begin(releases)->path() / "kernel";
  int number = 10;
  for (const std::string& module : modules) {
    const auto file = folder / (module + ".ko");
    const std::string order = std::to_string(number++);
    cpio.add("modules/" + order + "-" + file.filename().string(), 0100644,
             os::read_file(file, limit));
  }
  return cpio.finish();
}

}  // namespace

std::filesystem::path kernel_folder() {
  return VMKIT_TEST_KERNEL_DIR;
}

bool have_guest() {
  return std::filesystem::exists(kernel_folder() / "vmlinuz") &&
         ::access("/usr/bin/qemu-system-x86_64", X_OK) == 0;
}

vm::MachineConfig guest_config(const std::string& name, const std::string& action) {
  static const std::vector<std::byte> initrd = make_initrd(kernel_folder(), common_modules);
  vm::MachineConfig config;
  config.name = name;
  config.memory = ByteSize(128 << 20);
  config.boot.image = kernel_folder() / "vmlinuz";
  config.boot.initrd = initrd;
  config.boot.command_line = "vmkit.test=" + action;
  config.ports = {{"vmkit.test"}};
  return config;
}

vm::MachineConfig network_guest_config(const std::string& name) {
  std::vector<std::string> modules = common_modules;
  modules.insert(modules.end(), network_modules.begin(), network_modules.end());
  vm::MachineConfig config = guest_config(name, "echo");
  config.boot.initrd = make_initrd(kernel_folder(), modules);
  return config;
}

vm::MachineConfig usb_guest_config(const std::string& name, const std::string& action) {
  const std::filesystem::path kernel = kernel_folder().string() + "-generic";
  std::vector<std::string> modules = common_modules;
  modules.insert(modules.end(), usb_modules.begin(), usb_modules.end());
  vm::MachineConfig config = guest_config(name, action);
  config.boot.image = kernel / "vmlinuz";
  config.boot.initrd = make_initrd(kernel, modules);
  return config;
}

}  // namespace vmkit::test
