# SPDX-License-Identifier: Apache-2.0
"""Virtual machines."""

from vmkit.vm.backend import Backend, QemuBackend, VzBackend
from vmkit.vm.capabilities import Capabilities, Feature, FeatureStatus, HostResources, Limitation, MachineSize
from vmkit.vm.config import ConfigProblem, ConsoleLog, Disk, DiskCaching, DiskDevice, DiskSync, Firmware, Graphics, KernelBoot, MachineConfig, Network, NetworkAddresses, NetworkKind, Port, Share, ShareTransport, Sound
from vmkit.vm.functions import host_resources, memory_status, parse_machine_config, recommended_size, to_json, validate
from vmkit.vm.machine import Machine, VsockListener
from vmkit.vm.records import MachineDiagnostics, MachineEvent, MachineEventReason, MachineState, MachineStatistics, QemuAccelerator, QemuOptions, VzOptions

__all__ = [
    "Backend",
    "Capabilities",
    "ConfigProblem",
    "ConsoleLog",
    "Disk",
    "DiskCaching",
    "DiskDevice",
    "DiskSync",
    "Feature",
    "FeatureStatus",
    "Firmware",
    "Graphics",
    "HostResources",
    "KernelBoot",
    "Limitation",
    "Machine",
    "MachineConfig",
    "MachineDiagnostics",
    "MachineEvent",
    "MachineEventReason",
    "MachineSize",
    "MachineState",
    "MachineStatistics",
    "Network",
    "NetworkAddresses",
    "NetworkKind",
    "Port",
    "QemuAccelerator",
    "QemuBackend",
    "QemuOptions",
    "Share",
    "ShareTransport",
    "Sound",
    "VsockListener",
    "VzBackend",
    "VzOptions",
    "host_resources",
    "memory_status",
    "parse_machine_config",
    "recommended_size",
    "to_json",
    "validate",
]
