# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vmkit.base.types import MiB, host_architecture

if TYPE_CHECKING:
    from vmkit.base.records import Architecture
    from vmkit.base.types import Seconds, Size, StrPath


class DiskCaching(enum.Enum):
    """How the host caches a disk's blocks.

    Example::

        Disk(path="a.img", caching=DiskCaching.uncached)
    """

    automatic = "automatic"
    """What is known to be safe and fast on the backend: `cached` on both."""
    uncached = "uncached"
    """Past the host's page cache."""
    cached = "cached"
    """Through the host's page cache."""


class DiskSync(enum.Enum):
    """What the guest's flush of a disk's write cache does.

    Example::

        Disk(path="a.img", sync=DiskSync.none)
    """

    full = "full"
    """The data is on the medium (F_FULLFSYNC on macOS; elsewhere as fsync)."""
    fsync = "fsync"
    """The data has left the host's memory."""
    none = "none"
    """Nothing: fast, and lost when the host crashes. For disks that can be made anew."""


class DiskDevice(enum.Enum):
    """What the guest sees a disk as, and needs a driver for. With QEMU on x86-64 all but
    virtio need a PC with firmware and PCI, which boots a second later than the small
    machine without.

    Example::

        Disk(path="a.img", device=DiskDevice.nvme)
    """

    virtio = "virtio"
    """The quickest: vda, vdb, …"""
    nvme = "nvme"
    """NVM Express: nvme0n1, nvme1n1, … VZ: macOS 14."""
    usb = "usb"
    """USB mass storage: sda, sdb, …"""


class ShareTransport(enum.Enum):
    """How a shared folder reaches the guest, whose kernel needs the file system of that name.

    Example::

        Share(tag="work", path=".", transport=ShareTransport.plan9)
    """

    automatic = "automatic"
    """virtiofs where the host can do it (Feature.virtiofs), else plan9."""
    virtiofs = "virtiofs"
    """A daemon of its own, or the host's framework."""
    plan9 = "plan9"
    """9P2000.L, served by QEMU itself."""


class NetworkKind(enum.Enum):
    """Whom a guest reaches.

    Example::

        Network(kind=NetworkKind.nat)
    """

    nat = "nat"
    """The guest reaches what the host reaches; nobody reaches the guest."""
    host_only = "host_only"
    """The guest reaches the host, and no more. VZ: macOS 26."""
    bridged = "bridged"
    """The guest is in the network of one of the host's interfaces, as if it was there. VZ:
    with an entitlement that Apple grants (Feature.bridged_networks)."""
    tap = "tap"
    """A TAP device of the host's, which exists already and this user may use."""
    descriptor = "descriptor"
    """Ethernet frames, one a datagram, over a socket of the host application's."""


@dataclass(kw_only=True, slots=True)
class KernelBoot:
    """Boots a Linux kernel directly, without firmware.

    Example::

        KernelBoot(image="vmlinuz", initrd=build_initramfs())
    """

    image: StrPath | None = None
    """On x86-64 a bzImage or an ELF vmlinux with a PVH note, on arm64 an uncompressed Image:
    what every backend takes."""
    initrd: StrPath | bytes | None = None
    command_line: str = ""
    """Put after the backend's own parameters (console, log level, how to reboot, clocks), so
    that it has the last word; one line."""


@dataclass(kw_only=True, slots=True)
class Firmware:
    """Boots as a PC or a server does, with UEFI firmware, which looks for a boot loader on the
    disks.

    Example::

        MachineConfig(firmware=Firmware(variable_store="box.vars"))
    """

    variable_store: StrPath | None = None
    """The file that keeps the firmware's variables, in the backend's own format: one machine's
    at a time. Made if it is not there."""


@dataclass(kw_only=True, slots=True)
class Disk:
    """A block device on a raw image file, or behind a server of the Network Block Device
    protocol. Its size must be a multiple of 512 bytes.

    Example::

        Disk(path="disk.ext4", identifier="root")
    """

    path: StrPath | None = None
    nbd: str = ""
    """Instead of `path`: an export of a server that is there when the machine starts, as
    "nbd://host[:port][/export]" or "nbd+unix://[/export]?socket=/path" (the NBD URI
    specification, without TLS). Who may write it beside this machine is for the server to
    say. VZ: macOS 14, and without caching of the host's."""
    device: DiskDevice = DiskDevice.virtio
    read_only: bool = False
    """Several machines may have the same file only if all have it read-only."""
    identifier: str = ""
    """What the guest sees as the device's serial number: at most 20 printable ASCII
    characters. VZ: of virtio disks only."""
    caching: DiskCaching = DiskCaching.automatic
    sync: DiskSync = DiskSync.fsync


@dataclass(kw_only=True, slots=True)
class Share:
    """A folder of the host that the guest can mount. Who owns a file there is what the host
    says: where the host program is not root, the guest cannot change owners, and over
    virtiofs the files of the host program's user are root's in the guest.

    Example::

        Share(tag="work", path="/srv/work", read_only=True)
    """

    tag: str = ""
    """What the guest mounts it by: as a port's name, at most 31."""
    path: StrPath | None = None
    """A folder."""
    read_only: bool = False
    """Enforced by the host."""
    transport: ShareTransport = ShareTransport.automatic


@dataclass(kw_only=True, slots=True)
class Port:
    """A named port of the virtio console device: a byte stream between guest and host. The
    guest finds it by /sys/class/virtio-ports/*/name, the host by Machine.open_port.

    Example::

        Port(name="control")
    """

    name: str = ""
    """1 to 63 of letters, digits, '.', '_', '-'."""


class Addressing(enum.Enum):
    """How the guest gets the addresses of its interface.

    Example::

        Network(addressing=Addressing.dhcp)
    """

    automatic = "automatic"
    """From the backend, where that decides them; else `dhcp`."""
    dhcp = "dhcp"
    """It asks, also where the backend could tell."""


@dataclass(kw_only=True, slots=True)
class Network:
    """A virtio network device.

    Example::

        Network(kind=NetworkKind.tap, interface="tap0")
    """

    kind: NetworkKind = NetworkKind.nat
    mac: str = ""
    """Its Ethernet address in lower case, as "52:54:00:12:34:56": of one station, not of a
    group. Empty: one that the backend gives it, the same each time."""
    interface: str = ""
    """Of the host's: what `bridged` and `tap` are about, as "en0". Else empty."""
    descriptor: int = -1
    """Of `descriptor`: one end of a pair of datagram sockets, borrowed until Machine.start
    returns. The larger its buffers (SO_RCVBUF, SO_SNDBUF), the fewer frames are lost."""
    subnet: str = ""
    """Of `nat` and `host_only`: the guest's network as "192.168.77.0/24"; empty: the
    backend's. VZ: macOS 26."""
    mtu: int = 0
    """The largest packet, in bytes; zero: 1500. VZ: of `descriptor`, at least 1500; on macOS
    26 also of `nat` and `host_only`."""
    addressing: Addressing = Addressing.automatic


@dataclass(kw_only=True, slots=True, frozen=True)
class NetworkAddresses:
    """What the guest is to give its interface of a network whose addresses the backend
    decides. IPv4.

    Example::

        backend.network_addresses(config)[0].address
    """

    mac: str
    """Of the interface, as "52:54:00:12:34:56"."""
    address: str
    prefix_length: int = 24
    gateway: str
    dns: list[str]
    """Servers that answer the guest."""


@dataclass(kw_only=True, slots=True)
class ConsoleLog:
    """Where the guest's console output goes. Its last lines are kept in memory in any case
    (Machine.console_tail).

    Example::

        ConsoleLog(file="console.log")
    """

    device: bool = True
    """Whether the guest has a console at all. Without one nothing tells why a kernel does not
    come up, and only an opened port is a sign of life: there is no boot watchdog unless it
    is asked for. The QEMU backend only."""
    file: StrPath | None = None
    """Written as output comes, replaced at start; empty: none."""
    limit: Size = 16 * MiB
    """When the file has this size, nothing more is written to it: guests are not trusted."""


@dataclass(kw_only=True, slots=True)
class Graphics:
    """A virtio graphics device with one screen. QEMU serves it over VNC
    (MachineDiagnostics.screen); with VZ nothing shows it yet.

    Example::

        Graphics(width=1920, height=1080)
    """

    width: int = 1280
    """In pixels."""
    height: int = 800


@dataclass(kw_only=True, slots=True)
class Sound:
    """A sound device: the guest's sound comes out of, and goes into, what the host's user has
    chosen.

    Example::

        Sound(input=False)
    """

    output: bool = True
    input: bool = False
    """The microphone: macOS asks the user first."""


@dataclass(kw_only=True, slots=True)
class MachineConfig:
    """A machine as any backend can make it. Plain values: nothing happens before
    Backend.create.

    Example::

        MachineConfig(memory="1GiB", boot=KernelBoot(image="vmlinuz"))
    """

    name: str = "machine"
    """For messages and logs: as a port's name."""
    architecture: Architecture = field(default_factory=host_architecture)
    cpu_count: int = 1
    memory: Size = 512 * MiB
    """A multiple of 1 MiB."""
    boot: KernelBoot = field(default_factory=KernelBoot)
    firmware: Firmware | None = None
    """Instead of `boot`, which is empty then."""
    disks: list[Disk] = field(default_factory=list)
    """In the guest in this order, each kind of device for itself."""
    shares: list[Share] = field(default_factory=list)
    ports: list[Port] = field(default_factory=list)
    networks: list[Network] = field(default_factory=list)
    entropy: bool = True
    """A virtio random number device fed by the host."""
    balloon: bool = False
    """A virtio memory balloon, for Machine.set_memory_target; the guest needs its driver."""
    vsock: bool = False
    """A virtio socket device: byte streams by number between guest and host, as many as
    wanted, for Machine.connect_vsock (Feature.vsock). The QEMU backend refuses it."""
    nested_virtualization: bool = False
    """The guest can run machines with hardware acceleration itself. On macOS from 15 and an M3
    on. The QEMU backend refuses it."""
    rosetta: bool = False
    """A share with Apple's translator, tag `rosetta_tag`, by which an arm64 guest runs
    programs for x86-64 as soon as it has mounted it and told its kernel (binfmt_misc). On
    Macs with Apple silicon where Rosetta is installed. The QEMU backend refuses it."""
    graphics: Graphics | None = None
    keyboard: bool = False
    """A USB keyboard."""
    pointing_device: bool = False
    """A USB tablet, which points to places on the screen."""
    sound: Sound | None = None
    usb_controller: bool = False
    """An XHCI controller, for Machine.attach_disk. VZ: macOS 15."""
    clipboard: bool = False
    """The guest shares the clipboard of the host's user: it needs the SPICE agent, for whose
    port `clipboard_port` no other port may be named then."""
    machine_identifier: str = ""
    """Who the machine is for its guest, in base64, the same each time that it runs: see
    Backend.new_machine_identifier. Two machines that run must not have the same. Empty: a
    new one each time."""
    console: ConsoleLog = field(default_factory=ConsoleLog)
    boot_watchdog: Seconds | None = None
    """How long a machine may run without a sign of life (console output, a port that the guest
    opened) before it is killed and started a second time, and after that fails. Zero: for
    ever. Without a value 5 s with hardware acceleration, 15 s without; for ever with
    firmware, whose guest may say nothing on this console."""


@dataclass(kw_only=True, slots=True, frozen=True)
class ConfigProblem:
    """One thing that is wrong with a configuration.

    Example::

        validate(config)[0].message
    """

    field: str
    """As in C++: "memory", "disks[1].identifier"."""
    message: str
    """Expected and found."""
