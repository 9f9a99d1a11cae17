// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "adapters.hpp"
#include "base_records.hpp"

#include <vmkit/vm/capabilities.hpp>
#include <vmkit/vm/config.hpp>
#include <vmkit/vm/helper_backend.hpp>
#include <vmkit/vm/host.hpp>
#include <vmkit/vm/machine.hpp>
#include <vmkit/vm/qemu_backend.hpp>
#include <vmkit/vm/vz_backend.hpp>

VMKIT_ENUM(vmkit::vm::Feature, "vm.Feature", machines, hardware_acceleration, sandbox,
           dies_with_owner, virtiofs, plan9, memory, vsock, vsock_listen, save, statistics,
           firmware, network_disks, bridged_networks, host_only_networks, subnets, graphics,
           disk_hotplug, share_change);
VMKIT_ENUM(vmkit::vm::Limitation, "vm.Limitation", none, missing_program, too_old, missing_device,
           no_permission, cpu_without_virtualization, other_architecture, not_built_in,
           disabled_by_option, too_little_memory, unsupported_system);
VMKIT_RECORD(vmkit::vm::FeatureStatus, "vm.FeatureStatus", feature, limitation, reason, way_out);
VMKIT_RECORD(vmkit::vm::Capabilities, "vm.Capabilities", backend, architecture, version,
             accelerator, features);
VMKIT_RECORD(vmkit::vm::KernelBoot, "vm.KernelBoot", image, initrd, command_line);
VMKIT_RECORD(vmkit::vm::Firmware, "vm.Firmware", variable_store);
VMKIT_ENUM(vmkit::vm::DiskCaching, "vm.DiskCaching", automatic, uncached, cached);
VMKIT_ENUM(vmkit::vm::DiskSync, "vm.DiskSync", full, fsync, none);
VMKIT_ENUM(vmkit::vm::DiskDevice, "vm.DiskDevice", virtio, nvme, usb);
VMKIT_RECORD(vmkit::vm::Disk, "vm.Disk", path, nbd, device, read_only, identifier, caching, sync);
VMKIT_ENUM(vmkit::vm::ShareTransport, "vm.ShareTransport", automatic, virtiofs, plan9);
VMKIT_RECORD(vmkit::vm::Share, "vm.Share", tag, path, read_only, transport);
VMKIT_RECORD(vmkit::vm::Port, "vm.Port", name);
VMKIT_ENUM(vmkit::vm::NetworkKind, "vm.NetworkKind", nat, host_only, bridged, tap, descriptor);
VMKIT_ENUM(vmkit::vm::Addressing, "vm.Addressing", automatic, dhcp);
VMKIT_RECORD(vmkit::vm::Network, "vm.Network", kind, mac, interface, descriptor, subnet, mtu,
             addressing);
VMKIT_RECORD(vmkit::vm::NetworkAddresses, "vm.NetworkAddresses", mac, address, prefix_length,
             gateway, dns);
VMKIT_RECORD(vmkit::vm::ConsoleLog, "vm.ConsoleLog", device, file, limit);
VMKIT_RECORD(vmkit::vm::Graphics, "vm.Graphics", width, height);
VMKIT_RECORD(vmkit::vm::Sound, "vm.Sound", output, input);
VMKIT_RECORD(vmkit::vm::MachineConfig, "vm.MachineConfig", name, architecture, cpu_count, memory,
             boot, firmware, disks, shares, ports, networks, entropy, balloon, vsock,
             nested_virtualization, rosetta, graphics, keyboard, pointing_device, sound,
             usb_controller, clipboard, machine_identifier, console, boot_watchdog);
VMKIT_RECORD(vmkit::vm::ConfigProblem, "vm.ConfigProblem", field, message);
VMKIT_RECORD(vmkit::vm::HostResources, "vm.HostResources", processors, memory, available_memory);
VMKIT_RECORD(vmkit::vm::MachineSize, "vm.MachineSize", cpu_count, memory);
VMKIT_ENUM(vmkit::vm::MachineState, "vm.MachineState", created, starting, running, paused, stopping,
           stopped, failed);
VMKIT_ENUM(vmkit::vm::MachineEventReason, "vm.MachineEventReason", start_requested, started,
           restored, adopted, paused, resumed, stop_requested, boot_retried, guest_stopped,
           guest_crashed, device_lost, killed, failed);
VMKIT_RECORD(vmkit::vm::MachineEvent, "vm.MachineEvent", state, reason, error);
VMKIT_RECORD(vmkit::vm::MachineStatistics, "vm.MachineStatistics", cpu_time, resident_memory,
             guest_memory);
VMKIT_RECORD(vmkit::vm::MachineDiagnostics, "vm.MachineDiagnostics", process_id, accelerator,
             boot_attempts, folder, screen);
VMKIT_ENUM(vmkit::vm::QemuAccelerator, "vm.QemuAccelerator", automatic, kvm, hvf, tcg);
VMKIT_RECORD(vmkit::vm::QemuOptions, "vm.QemuOptions", binary, search_path, accelerator, sandbox,
             virtiofsd, virtiofsd_search, firmware_search, runtime_directory, outlives_owner,
             response_limit, log);
VMKIT_RECORD(vmkit::vm::VzOptions, "vm.VzOptions", runtime_directory, response_limit, log);
VMKIT_RECORD(vmkit::vm::HelperOptions, "vm.HelperOptions", program, vz, qemu, response_limit);
