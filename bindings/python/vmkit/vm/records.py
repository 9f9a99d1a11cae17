# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vmkit.base.types import LogSink, Path, Seconds, StrPath
    from vmkit.errors import Error


class MachineState(enum.Enum):
    """created → starting → running ⇄ paused → stopping → stopped; failed from any but stopped;
    from starting to paused if it is restored. The last two are final: a machine runs once,
    the next run is another Machine.

    Example::

        machine.state is MachineState.running
    """

    created = "created"
    starting = "starting"
    running = "running"
    paused = "paused"
    stopping = "stopping"
    stopped = "stopped"
    failed = "failed"


class MachineEventReason(enum.Enum):
    """Why an event came.

    Example::

        machine.wait().reason is MachineEventReason.guest_stopped
    """

    start_requested = "start_requested"
    started = "started"
    """The processors run; the guest's kernel may not have spoken yet."""
    restored = "restored"
    """It is paused where it was saved; resume() lets it go on."""
    adopted = "adopted"
    """It ran, or was paused, without an owner (Backend.adopt)."""
    paused = "paused"
    resumed = "resumed"
    stop_requested = "stop_requested"
    boot_retried = "boot_retried"
    """No sign of life from the first boot; it runs a second time now."""
    guest_stopped = "guest_stopped"
    """Final: the guest powered itself off, perhaps because it was asked to."""
    guest_crashed = "guest_crashed"
    """Final: the guest reset itself: a panic, or an (unsupported) reboot."""
    device_lost = "device_lost"
    """It runs on without a device that the host took away: see the error."""
    killed = "killed"
    """Final: by kill(), by stop() after its grace time, by the destructor."""
    failed = "failed"
    """Final: could not be started, or its process or framework broke down."""


@dataclass(kw_only=True, slots=True, frozen=True)
class MachineEvent:
    """Something that happened to a machine.

    Example::

        machine.wait().reason
    """

    state: MachineState
    """After the event."""
    reason: MachineEventReason
    error: Error | None = None
    """With guest_crashed, failed, device_lost and boot_retried: what was seen, with the last
    console lines. No sign of life is Errc.timeout."""


@dataclass(kw_only=True, slots=True, frozen=True)
class MachineStatistics:
    """What a machine takes of the host, at the time of asking.

    Example::

        machine.statistics().cpu_time
    """

    cpu_time: float = 0.0
    """Of all its processes: the guest's processors and what serves its devices."""
    resident_memory: int
    """What of their memory the host keeps in its own. Most of it is the guest's."""
    guest_memory: int | None = None
    """MachineConfig.memory less what the guest has given back; only with a balloon."""


@dataclass(kw_only=True, slots=True, frozen=True)
class MachineDiagnostics:
    """For diagnosis only.

    Example::

        machine.diagnostics.process_id
    """

    process_id: int | None
    """Of the process that runs the guest, if there is one."""
    accelerator: str
    boot_attempts: int = 0
    folder: Path | None = None
    """The private folder of a QEMU machine, while it is there: what Backend.adopt takes."""
    screen: Path | None = None
    """The unix socket on which a QEMU machine with MachineConfig.graphics serves its screen
    over VNC (RFC 6143), without a password: only this user gets there."""


class QemuAccelerator(enum.Enum):
    """What QEMU runs guests with.

    Example::

        QemuBackend(accelerator=QemuAccelerator.tcg)
    """

    automatic = "automatic"
    """The host's own where it can run an ordinary guest, else tcg."""
    kvm = "kvm"
    """Linux. Used even where automatic would not dare to."""
    hvf = "hvf"
    """macOS."""
    tcg = "tcg"
    """Translation in software: works everywhere."""


@dataclass(kw_only=True, slots=True)
class QemuOptions:
    """How QEMU is found and run: the arguments of QemuBackend.

    Example::

        QemuOptions(sandbox=False)
    """

    binary: StrPath | None = None
    """The program; empty: qemu-system-x86_64 or qemu-system-aarch64 in `search_path`."""
    search_path: list[StrPath] = field(
        default_factory=lambda: [
            "/usr/bin",
            "/usr/local/bin",
            "/opt/homebrew/bin",
            "/opt/local/bin",
        ]
    )
    accelerator: QemuAccelerator = QemuAccelerator.automatic
    sandbox: bool = True
    """Linux: QEMU gives up system calls it does not need, among them to start programs, so
    that a guest which breaks out of it gets little. A QEMU built without this cannot be
    started with it."""
    virtiofsd: StrPath | None = None
    """The daemon that serves shared folders over virtiofs: QEMU's own in C or the one in Rust.
    Empty: the first of `virtiofsd_search` that exists. Linux only."""
    virtiofsd_search: list[StrPath] = field(
        default_factory=lambda: [
            "/usr/libexec/virtiofsd",
            "/usr/lib/virtiofsd",
            "/usr/lib/qemu/virtiofsd",
            "/usr/lib/qemu/virtiofsd-rs",
            "/usr/local/libexec/virtiofsd",
        ]
    )
    firmware_search: list[StrPath] = field(
        default_factory=lambda: [
            "/etc/qemu/firmware",
            "/usr/share/qemu/firmware",
            "/usr/local/share/qemu/firmware",
            "/opt/homebrew/share/qemu/firmware",
        ]
    )
    """Where the firmware for MachineConfig.firmware is described, as QEMU's distributors do
    it: the first UEFI firmware without Secure Boot that fits counts."""
    runtime_directory: StrPath = "/tmp"
    """Each machine has a folder below this one (mode 0700, removed at its end) for its sockets
    and an initrd given as bytes. Keep it short: a socket's path may have 107 bytes (macOS:
    103)."""
    outlives_owner: bool = False
    """What becomes of a machine whose program ends without having ended it (a crash, SIGKILL).
    False: it ends too. True: it goes on, until somebody takes it with Backend.adopt. Shared
    folders are over 9p then, for nobody would look after a daemon; the configuration must
    be one that to_json can keep. A supervisor that ends all processes of a program, as
    systemd does, ends these too."""
    response_limit: Seconds = 10.0
    """How long QEMU may take to answer a command, and to come up, before it counts as hung."""
    log: LogSink | None = None


@dataclass(kw_only=True, slots=True)
class VzOptions:
    """How Apple's framework is used: the arguments of VzBackend.

    Example::

        VzOptions(response_limit=60)
    """

    runtime_directory: StrPath = "/tmp"
    """A machine whose initrd is given as bytes has a folder below this one (mode 0700, removed
    at its end) for it."""
    response_limit: Seconds = 30.0
    """How long the framework may take to start, pause, resume or stop a machine before it
    counts as hung: then the machine has failed, and is let go."""
    log: LogSink | None = None


@dataclass(kw_only=True, slots=True)
class HelperOptions:
    """Which helper it is, and what that makes its machines with: the arguments of HelperBackend.

    Example::

        HelperOptions(program="/opt/homebrew/libexec/vmkit-vz-host")
    """

    program: StrPath | None = None
    """The program vmkit-vz-host, signed with the entitlement that machines need."""
    vz: VzOptions = field(default_factory=VzOptions)
    qemu: QemuOptions | None = None
    """With a value, QEMU makes the machines."""
    response_limit: Seconds = 30.0
    """How long the helper may take to come up, and to answer what takes no time."""
