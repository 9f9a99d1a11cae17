# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.base.types import host_architecture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vmkit.base.records import Architecture
    from vmkit.base.types import Seconds, Size, StrPath

UNLIMITED = 2**64 - 1


class SeccompMode(enum.Enum):
    """Which filter a process gets.

    Example::

        ProcessSpec(args=["sh"], seccomp_mode=SeccompMode.none)
    """

    container = "container"
    """The container's, if it has one."""
    own = "own"
    """ProcessSpec.seccomp."""
    none = "none"


@dataclass(kw_only=True, slots=True)
class Capabilities:
    """The five sets of capabilities(7) of a process, as the OCI runtime specification has
    them. Names are Linux's, with or without "CAP_", in either case; "ALL" is every
    capability that the guest's kernel has.  What a program really gets follows the kernel's
    rules for execve: a program of root has its bounding set and its inheritable set; one of
    any other user only its ambient set, and then `effective` and `permitted` of this are of
    no use to it. A name in `ambient` must also be in `permitted` and `inheritable`.

    Example::

        Capabilities.of(["NET_ADMIN"])
    """

    bounding: list[str] = field(default_factory=list)
    effective: list[str] = field(default_factory=list)
    inheritable: list[str] = field(default_factory=list)
    permitted: list[str] = field(default_factory=list)
    ambient: list[str] = field(default_factory=list)

    @staticmethod
    def of(names: Sequence[str]) -> Capabilities:
        """The same names for bounding, effective and permitted."""
        return Capabilities(bounding=list(names), effective=list(names), permitted=list(names))


@dataclass(kw_only=True, slots=True, frozen=True)
class Rlimit:
    """A limit of setrlimit(2).

    Example::

        Rlimit(name="nofile", soft=1024, hard=4096)
    """

    name: str
    """ "nofile", "RLIMIT_NOFILE": as, core, cpu, data, fsize, locks, memlock, msgqueue, nice,
    nofile, nproc, rss, rtprio, rttime, sigpending, stack."""
    soft: int = UNLIMITED
    hard: int = UNLIMITED


@dataclass(kw_only=True, slots=True, frozen=True)
class SeccompFilter:
    """A filter of system calls, as the kernel takes it: a classic BPF program, eight bytes for
    each instruction in the guest's byte order. Made by compile_seccomp().

    Example::

        default_seccomp_filter().program
    """

    program: bytes = b""


@dataclass(kw_only=True, slots=True)
class SeccompTarget:
    """For whom a filter of system calls is made.

    Example::

        SeccompTarget(architecture=Architecture.arm64)
    """

    architecture: Architecture = field(default_factory=host_architecture)
    """Of the guest."""
    capabilities: list[str] = field(default_factory=_vmkit.default_capabilities)
    """The bounding set of the processes: profiles allow more to those who have more."""


@dataclass(kw_only=True, slots=True)
class IoLimit:
    """Limits of one block device; zero: none.

    Example::

        IoLimit(serial="root", read_bytes_per_second=1 << 20)
    """

    serial: str
    """Of the virtio block device."""
    read_bytes_per_second: int = 0
    write_bytes_per_second: int = 0
    reads_per_second: int = 0
    writes_per_second: int = 0


@dataclass(kw_only=True, slots=True)
class ResourceLimits:
    """What all processes of the container may use together: cgroup v2, whose documentation
    says what each means (Documentation/admin-guide/cgroup-v2.rst). What has no value is not
    limited, beyond what the machine has. A limit that the guest's kernel cannot keep is an
    error, unsupported.

    Example::

        ResourceLimits(cpu_quota=0.15, memory_max="256MiB")
    """

    cpu_quota: Seconds | None = None
    """Processor time within each `cpu_period`: 150 ms of 100 ms are one processor and a half."""
    cpu_period: Seconds = 0.1
    cpu_weight: int | None = None
    """1 to 10000, 100 by default."""
    cpus: str = ""
    """ "0-1,3": cpuset.cpus."""
    memory_max: Size | None = None
    """Beyond it the kernel kills (OOM)."""
    memory_high: Size | None = None
    """Beyond it the kernel slows down and reclaims."""
    memory_low: Size | None = None
    swap_max: Size | None = None
    pids_max: int | None = None
    io_weight: int | None = None
    """1 to 10000."""
    io: list[IoLimit] = field(default_factory=list)


class MountType(enum.Enum):
    """What is mounted.

    Example::

        Mount(type=MountType.tmpfs, target="/tmp")
    """

    disk = "disk"
    """A virtio block device, found by its serial number."""
    virtiofs = "virtiofs"
    """A shared folder, found by its tag."""
    plan9 = "plan9"
    """The same over 9p."""
    tmpfs = "tmpfs"
    bind = "bind"
    """A path that is in the container already, under another one."""
    file = "file"
    """A file in memory with `source` as its content, at most 64 KiB."""


class DeviceType(enum.Enum):
    """What a device node is.

    Example::

        Device(path="/dev/fuse", major=10, minor=229)
    """

    character = "character"
    block = "block"


@dataclass(kw_only=True, slots=True)
class Mount:
    """Something mounted into the container besides its root and what every container has.
    Mounts are made in the order of the depth of their targets, so that one can be within
    another; those of the same depth in the order given. What is missing of a target is made
    in what is mounted there.

    Example::

        Mount(type=MountType.tmpfs, target="/cache", size="64MiB")
    """

    type: MountType = MountType.disk
    source: str = ""
    """The serial, the tag, for a bind the path in the container, a file's content; of no use
    for a tmpfs."""
    target: str = ""
    """Absolute, and resolved within the container's root: symbolic links cannot lead out of
    it."""
    subpath: str = ""
    """A folder or a single file in the disk or share, to mount instead of all of it; resolved
    within it. The container sees nothing else of the source."""
    fs_type: str = "ext4"
    """Of a disk."""
    read_only: bool = False
    nosuid: bool = False
    nodev: bool = False
    noexec: bool = False
    size: Size | None = None
    """Of a tmpfs; nothing: half of the machine's memory."""
    mode: int = 0o1777
    """Permissions of a tmpfs."""
    options: str = ""
    """More options for the file system, as mount(8) -o passes them on."""


@dataclass(kw_only=True, slots=True)
class WritableLayer:
    """A writable layer over a root that is mounted read-only (overlayfs): what the container
    changes goes there, and the root's disk stays as it is.

    Example::

        Isolation(writable_layer=WritableLayer(size="64MiB"))
    """

    serial: str = ""
    """A disk for it, by its serial number; empty: memory (a tmpfs)."""
    fs_type: str = "ext4"
    size: Size | None = None
    """How much of the memory it may take; nothing: half of it."""


@dataclass(kw_only=True, slots=True)
class Device:
    """A device node to make in the container, and to allow there.

    Example::

        Device(path="/dev/fuse", major=10, minor=229)
    """

    path: str
    """Absolute, as "/dev/fuse"."""
    type: DeviceType = DeviceType.character
    major: int = 0
    minor: int = 0
    mode: int = 0o666
    uid: int = 0
    gid: int = 0


@dataclass(kw_only=True, slots=True)
class RootMount:
    """The disk that becomes the root of all processes.

    Example::

        RootMount(serial="root")
    """

    serial: str
    """Of the virtio block device, as the machine was configured."""
    fs_type: str = "ext4"
    read_only: bool = False
    """Mounts the disk read-only. Without a writable layer, so is the container's root."""


@dataclass(kw_only=True, slots=True)
class ContainerSpec:
    """What the container in the machine is: its own namespaces (mount, pid, uts, ipc, cgroup;
    the network is the machine's), its root and what is mounted in it, and its cgroup.

    Example::

        ContainerSpec(root=RootMount(serial="root"))
    """

    root: RootMount
    writable_layer: WritableLayer | None = None
    read_only_root: bool = False
    """Nothing may be written to the container's root; disks, shares and tmpfs in it have their
    own."""
    hostname: str = ""
    """Empty: the machine's."""
    init: bool = True
    """PID 1 of the container is an init of ours, which reaps orphans and passes signals on to
    the process that was started first. Otherwise the first process is PID 1, and its end is
    the end of all; so is each one that is started when none is left."""
    mounts: list[Mount] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)
    masked_paths: list[str] = field(default_factory=_vmkit.default_masked_paths)
    readonly_paths: list[str] = field(default_factory=_vmkit.default_readonly_paths)
    writable_sys: bool = False
    """/sys, /proc/sys' neighbours and the cgroups may be written, for privileged containers."""
    all_devices: bool = False
    """All devices may be opened, for privileged containers; otherwise only those that every
    container has, and `devices`."""
    sysctls: dict[str, str] = field(default_factory=dict)
    """ "net.ipv4.ip_forward" to "1". Those of the network and the machine hold for the machine."""
    limits: ResourceLimits = field(default_factory=ResourceLimits)
    seccomp: SeccompFilter | None = None


@dataclass(kw_only=True, slots=True, frozen=True)
class InterfaceConfig:
    """What one network interface of the guest gets. Addresses are IPv4, as "10.0.2.15".

    Example::

        InterfaceConfig(mac="52:54:00:12:34:56", address="10.0.2.15")
    """

    mac: str
    """Which interface: "52:54:00:12:34:56", in lower case."""
    address: str = ""
    """Empty: the guest asks for it by DHCP, and for all else but `mtu`."""
    prefix_length: int = 24
    gateway: str = ""
    """Of the default route; empty: none through this interface."""
    mtu: int = 0
    """0: as it is, or as the DHCP server says."""
    hostname: str = ""
    """Told to the DHCP server; empty: none."""


@dataclass(kw_only=True, slots=True, frozen=True)
class ConfiguredInterface:
    """What an interface has got. Told by the guest: its form is right, nothing else is sure.

    Example::

        client.configure_network([InterfaceConfig(mac=mac)])[0].address
    """

    name: str = ""
    """As "eth0"."""
    mac: str = ""
    address: str = ""
    prefix_length: int = 24
    gateway: str = ""
    """Empty: no default route."""
    dns: list[str] = field(default_factory=list)
    """Addresses: at most 3, by DHCP only."""
    search: list[str] = field(default_factory=list)
    """Domains: at most 6, by DHCP only."""
    mtu: int = 0


@dataclass(kw_only=True, slots=True)
class InitramfsOptions:
    """What an initramfs is made of.

    Example::

        build_initramfs(InitramfsOptions(extra_modules=["tun"]))
    """

    architecture: Architecture = field(default_factory=host_architecture)
    modules_directory: StrPath | None = None
    """The kernel's modules, ".../lib/modules/<release>". Empty: the kernel has all drivers
    built in. Dependencies are read from modules.dep or, where depmod has not run, from the
    modules themselves (which then must not be compressed)."""
    extra_modules: list[str] = field(default_factory=list)
    """More modules to load at boot, by name ("nf_tables"), with what they depend on."""
