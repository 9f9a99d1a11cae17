# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vmkit.base.records import Architecture


class Feature(enum.Enum):
    """What a backend may or may not be able to do on this host.

    Example::

        backend.capabilities().can(Feature.vsock)
    """

    machines = "machines"
    """Anything at all."""
    hardware_acceleration = "hardware_acceleration"
    """KVM, hvf, VZ; without it machines run, about ten times slower."""
    sandbox = "sandbox"
    """The machine's process gives up system calls it does not need."""
    dies_with_owner = "dies_with_owner"
    """No machine outlives the process that started it, even after SIGKILL."""
    virtiofs = "virtiofs"
    """Shared folders over virtiofs."""
    plan9 = "plan9"
    """Shared folders over 9p."""
    memory = "memory"
    """Enough is available for a small machine, of 128 MiB."""
    vsock = "vsock"
    """MachineConfig.vsock, and Machine.connect_vsock."""
    vsock_listen = "vsock_listen"
    """Machine.listen_vsock."""
    save = "save"
    """Machine.save and Machine.restore."""
    statistics = "statistics"
    """Machine.statistics."""
    firmware = "firmware"
    """MachineConfig.firmware."""
    network_disks = "network_disks"
    """Disk.nbd."""
    bridged_networks = "bridged_networks"
    """NetworkKind.bridged."""
    host_only_networks = "host_only_networks"
    """NetworkKind.host_only."""
    subnets = "subnets"
    """Network.subnet."""
    graphics = "graphics"
    """MachineConfig.graphics, and what goes with a screen."""
    disk_hotplug = "disk_hotplug"
    """Machine.attach_disk and Machine.detach_disk."""
    share_change = "share_change"
    """Machine.set_share."""


class Limitation(enum.Enum):
    """Why not. The texts may change, the codes do not.

    Example::

        status.limitation is Limitation.missing_program
    """

    none = "none"
    missing_program = "missing_program"
    too_old = "too_old"
    missing_device = "missing_device"
    no_permission = "no_permission"
    cpu_without_virtualization = "cpu_without_virtualization"
    other_architecture = "other_architecture"
    """The guest's instruction set is not the host's."""
    not_built_in = "not_built_in"
    """The program is there, but made without it."""
    disabled_by_option = "disabled_by_option"
    """The host application asked for it not to be used."""
    too_little_memory = "too_little_memory"
    unsupported_system = "unsupported_system"
    """This operating system has no such thing."""


@dataclass(kw_only=True, slots=True, frozen=True)
class FeatureStatus:
    """Whether a backend can do something, and why not.

    Example::

        capabilities.status(Feature.save).reason
    """

    feature: Feature
    limitation: Limitation = Limitation.none
    reason: str = ""
    """Empty if available; else one line for people."""
    way_out: str = ""
    """What to do about it; may be empty: nothing."""

    @property
    def available(self) -> bool:
        """Whether there is no limitation."""
        return self.limitation is Limitation.none


@dataclass(kw_only=True, slots=True, frozen=True)
class Capabilities:
    """What one backend can do here, for guests of one architecture.

    Example::

        backend.capabilities().accelerator
    """

    backend: str
    """ "qemu", "vz" """
    architecture: Architecture
    """The guests'."""
    version: str
    """The backend's program or framework; empty if missing."""
    accelerator: str
    """What machines will use: "kvm", "hvf", "tcg", "vz"."""
    features: list[FeatureStatus]
    """Each Feature once."""

    def status(self, feature: Feature) -> FeatureStatus:
        """What is known of one. Example: ``capabilities.status(Feature.virtiofs).reason``."""
        return next(status for status in self.features if status.feature is feature)

    def can(self, feature: Feature) -> bool:
        """Whether it is available. Example: ``capabilities.can(Feature.save)``."""
        return self.status(feature).available


@dataclass(kw_only=True, slots=True, frozen=True)
class HostResources:
    """What of this computer this process may use for machines.

    Example::

        host_resources().available_memory
    """

    processors: int = 1
    memory: int
    """On Linux also limited by the process's control groups."""
    available_memory: int
    """Of that, what is free now or could be without swapping."""


@dataclass(kw_only=True, slots=True, frozen=True)
class MachineSize:
    """How large a machine may be without being in the way of what else the host does.

    Example::

        recommended_size().cpu_count
    """

    cpu_count: int = 1
    memory: int
    """In whole MiB."""
