// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/arguments.hpp"

#include <doctest/doctest.h>

#include "vm/qemu/network.hpp"

using namespace vmkit;
using namespace vmkit::vm;
using namespace vmkit::vm::qemu;

namespace {

/// One option with its value a line, as in a shell script.
std::string lines(const std::vector<std::string>& arguments) {
  std::string text = arguments[0];
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    text += (arguments[i][0] == '-' ? "\n" : " ") + arguments[i];
  }
  return text + "\n";
}

}  // namespace

TEST_CASE("arguments: the smallest x86-64 machine") {
  MachineConfig config;
  config.architecture = Architecture::x86_64;
  config.boot.image = "/k/vmlinuz";
  config.entropy = false;
  ArgumentsPlan plan;
  plan.binary = "/usr/bin/qemu-system-x86_64";
  plan.qmp_listener = 5;
  CHECK(lines(build_arguments(config, plan)) == R"(/usr/bin/qemu-system-x86_64
-name machine
-machine microvm,acpi=on
-accel tcg
-cpu max,erms=off,fsrm=off
-smp 1
-m 512M
-nodefaults
-no-user-config
-no-reboot
-display none
-global virtio-mmio.force-legacy=false
-chardev stdio,id=console,signal=off
-serial chardev:console
-chardev socket,id=qmp,fd=5,server=on,wait=off
-mon chardev=qmp,mode=control
-kernel /k/vmlinuz
-append console=ttyS0 quiet loglevel=6 panic=-1 reboot=t no_timer_check noreplace-smp cryptomgr.notests
)");
}

TEST_CASE("arguments: without a console the guest has no serial port, and looks for none") {
  MachineConfig config;
  config.boot.image = "/k/vmlinuz";
  config.console.device = false;
  for (const auto architecture : {Architecture::x86_64, Architecture::arm64}) {
    config.architecture = architecture;
    const std::string text = lines(build_arguments(config, {}));
    CHECK(text.find("-serial") == std::string::npos);
    CHECK(text.find("-append console=null quiet") != std::string::npos);
  }
}

TEST_CASE("arguments: machines of one name in one network differ by their disks") {
  MachineConfig config;
  config.networks = {{.kind = NetworkKind::tap, .interface = "tap0"}};
  const auto mac_with = [&](const char* disk) {
    config.disks = {{.path = disk}};
    return mac_address(config, 0);
  };
  CHECK(mac_with("/a") == mac_with("/a"));
  CHECK(mac_with("/a") != mac_with("/b"));
  CHECK(mac_with("/a").starts_with("52:54:00:"));
}

TEST_CASE("arguments: everything, with KVM, and commas where options end") {
  MachineConfig config;
  config.name = "web";
  config.architecture = Architecture::x86_64;
  config.cpu_count = 4;
  config.memory = 2_GiB;
  config.boot.image = "/k,1/vmlinuz";
  config.boot.command_line = "root=/dev/vda loglevel=7";
  config.disks = {
      {.path = "/d/a,b.img", .identifier = "x,y"},
      {.path = "/d/c.img",
       .read_only = true,
       .caching = DiskCaching::uncached,
       .sync = DiskSync::full},
      {.path = "/d/t.img", .caching = DiskCaching::cached, .sync = DiskSync::none},
  };
  config.ports = {{"vmkit.control"}, {"log"}};
  config.networks = {{NetworkKind::nat}, {.mac = "02:00:00:00:00:01"}};
  config.balloon = true;
  ArgumentsPlan plan;
  plan.networks = {-1, -1};
  plan.binary = "/q";
  plan.accelerator = QemuAccelerator::kvm;
  plan.sandbox = true;
  plan.tsc_khz = 2299998;
  plan.initrd = "/r/initrd";
  plan.qmp_listener = 7;
  plan.port_listeners = {8, 9};
  CHECK(lines(build_arguments(config, plan)) == R"(/q
-name web
-machine microvm,acpi=on
-accel kvm
-cpu host
-smp 4
-m 2048M
-nodefaults
-no-user-config
-no-reboot
-display none
-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
-global virtio-mmio.force-legacy=false
-chardev stdio,id=console,signal=off
-serial chardev:console
-chardev socket,id=qmp,fd=7,server=on,wait=off
-mon chardev=qmp,mode=control
-device virtio-serial-device,max_ports=3
-chardev socket,id=port0-socket,fd=8,server=on,wait=off
-device virtserialport,id=port0,chardev=port0-socket,name=vmkit.control
-chardev socket,id=port1-socket,fd=9,server=on,wait=off
-device virtserialport,id=port1,chardev=port1-socket,name=log
-blockdev driver=raw,node-name=disk0,read-only=off,discard=unmap,cache.direct=off,cache.no-flush=off,file.driver=file,file.filename=/d/a,,b.img
-device virtio-blk-device,drive=disk0,werror=report,rerror=report,serial=x,,y
-blockdev driver=raw,node-name=disk1,read-only=on,discard=unmap,cache.direct=on,cache.no-flush=off,file.driver=file,file.filename=/d/c.img
-device virtio-blk-device,drive=disk1,werror=report,rerror=report
-blockdev driver=raw,node-name=disk2,read-only=off,discard=unmap,cache.direct=off,cache.no-flush=on,file.driver=file,file.filename=/d/t.img
-device virtio-blk-device,drive=disk2,werror=report,rerror=report
-netdev user,id=net0,net=10.0.2.0/24,host=10.0.2.2,dns=10.0.2.3
-device virtio-net-device,netdev=net0,mac=52:54:00:12:34:56
-netdev user,id=net1,net=10.0.3.0/24,host=10.0.3.2,dns=10.0.3.3
-device virtio-net-device,netdev=net1,mac=02:00:00:00:00:01
-object rng-builtin,id=rng0
-device virtio-rng-device,rng=rng0
-device virtio-balloon-device
-kernel /k,1/vmlinuz
-initrd /r/initrd
-append console=ttyS0 quiet loglevel=6 panic=-1 reboot=t tsc_early_khz=2299998 cryptomgr.notests root=/dev/vda loglevel=7
)");
}

TEST_CASE("arguments: shares, of which only those with a daemon need memory that is shared") {
  MachineConfig config;
  config.boot.image = "/k/vmlinuz";
  config.shares = {{.tag = "code", .path = "/a,b"},
                   {.tag = "docs", .path = "/d", .read_only = true}};
  ArgumentsPlan plan;
  plan.binary = "/q";
  plan.share_sockets = {"", ""};
  const std::string plan9 = lines(build_arguments(config, plan));
  CHECK(plan9.find("memory-backend") == std::string::npos);
  CHECK(plan9.find(R"(
-fsdev local,id=share0,path=/a,,b,security_model=none,multidevs=remap
-device virtio-9p-device,fsdev=share0,mount_tag=code
-fsdev local,id=share1,path=/d,security_model=none,multidevs=remap,readonly=on
-device virtio-9p-device,fsdev=share1,mount_tag=docs
)") != std::string::npos);
  plan.share_sockets = {"/r/share0", ""};
  const std::string virtiofs = lines(build_arguments(config, plan));
  CHECK(virtiofs.find(R"(
-object memory-backend-memfd,id=memory,share=on,size=512M
-machine microvm,acpi=on,memory-backend=memory
)") != std::string::npos);
  CHECK(virtiofs.find(R"(
-chardev socket,id=share0,path=/r/share0
-device vhost-user-fs-device,chardev=share0,tag=code
-fsdev local,id=share1)") != std::string::npos);
  CHECK(device_count(config) == 3);  // and entropy
}

TEST_CASE("arguments: a PC for NVMe and USB disks, and its virtio devices are PCI ones") {
  MachineConfig config;
  config.architecture = Architecture::x86_64;
  config.boot.image = "/k";
  config.disks = {{.path = "/a", .device = DiskDevice::nvme},
                  {.path = "/b", .device = DiskDevice::usb, .identifier = "x,y"},
                  {.path = "/c", .identifier = "z"}};
  config.networks = {{}};
  ArgumentsPlan plan;
  plan.networks = {-1};
  plan.binary = "/usr/bin/qemu-system-x86_64";
  const std::string text = lines(build_arguments(config, plan));
  for (const char* line :
       {"-machine q35,sata=off,smbus=off,i8042=off,vmport=off\n",
        "-device qemu-xhci,id=usb,p2=15,p3=15\n", "-device nvme,drive=disk0,serial=disk0\n",
        "-device usb-storage,bus=usb.0,drive=disk1,werror=report,"
        "rerror=report,serial=x,,y\n",
        "-device virtio-blk-pci,drive=disk2,werror=report,rerror=report,"
        "serial=z\n",
        "-device virtio-net-pci,netdev=net0,mac=52:54:00:12:34:56,romfile=\n",
        "-device virtio-rng-pci,rng=rng0\n"}) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
  CHECK(device_count(config) == 5);
  config.disks = {{.nbd = "nbd://host:99/a,b"}, {.nbd = "nbd+unix:///x?socket=/run/s"}};
  const std::string far = lines(build_arguments(config, plan));
  CHECK(far.find(",file.driver=nbd,file.export=a,,b,file.server.type=inet,file.server.host=host,"
                 "file.server.port=99\n") != std::string::npos);
  CHECK(far.find(",file.driver=nbd,file.export=x,file.server.type=unix,"
                 "file.server.path=/run/s\n") != std::string::npos);
  config.disks = {{.path = "/a", .device = DiskDevice::nvme}, {.path = "/c", .identifier = "z"}};
  CHECK(most_devices(config) == 29);
  config.architecture = Architecture::arm64;  // where the one machine has both
  const std::string arm = lines(build_arguments(config, plan));
  CHECK(arm.find("-machine virt\n") != std::string::npos);
  CHECK(arm.find("-device nvme,") != std::string::npos);
  CHECK(arm.find("-device virtio-blk-device,") != std::string::npos);
}

TEST_CASE("arguments: arm64, translated and accelerated") {
  MachineConfig config;
  config.architecture = Architecture::arm64;
  config.memory = 256_MiB;
  config.boot.image = "/k/Image";
  ArgumentsPlan plan;
  plan.binary = "/usr/bin/qemu-system-aarch64";
  plan.qmp_listener = 3;
  plan.tsc_khz = 1;  // of no use there
  CHECK(lines(build_arguments(config, plan)) == R"(/usr/bin/qemu-system-aarch64
-name machine
-machine virt
-accel tcg
-cpu cortex-a72
-smp 1
-m 256M
-nodefaults
-no-user-config
-no-reboot
-display none
-global virtio-mmio.force-legacy=false
-chardev stdio,id=console,signal=off
-serial chardev:console
-chardev socket,id=qmp,fd=3,server=on,wait=off
-mon chardev=qmp,mode=control
-object rng-builtin,id=rng0
-device virtio-rng-device,rng=rng0
-kernel /k/Image
-append console=ttyAMA0 quiet loglevel=6 panic=-1 cryptomgr.notests
)");
  plan.accelerator = QemuAccelerator::kvm;
  const std::string kvm = lines(build_arguments(config, plan));
  CHECK(kvm.find("-machine virt,gic-version=host\n-accel kvm\n-cpu host\n") != std::string::npos);
  plan.accelerator = QemuAccelerator::hvf;
  const std::string hvf = lines(build_arguments(config, plan));
  CHECK(hvf.find("-machine virt\n-accel hvf\n-cpu host\n") != std::string::npos);
}
