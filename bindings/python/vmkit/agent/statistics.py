# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass


@dataclass(kw_only=True, slots=True, frozen=True)
class PressureShare:
    """How much of the time processes had to wait for something: the kernel's pressure stall
    information. Averages in percent of the last 10, 60 and 300 seconds; the total since the
    start.

    Example::

        pressure.some.average_10
    """

    average_10: float = 0
    average_60: float = 0
    average_300: float = 0
    total: float = 0.0


@dataclass(kw_only=True, slots=True, frozen=True)
class Pressure:
    """How much processes had to wait for something.

    Example::

        box.statistics().cpu.pressure
    """

    some: PressureShare
    """At least one process waited."""
    full: PressureShare
    """All that wanted to run waited."""


@dataclass(kw_only=True, slots=True, frozen=True)
class CpuStatistics:
    """Processor time, in seconds.

    Example::

        box.statistics().cpu.usage
    """

    usage: float = 0.0
    user: float = 0.0
    system: float = 0.0
    periods: int = 0
    throttled_periods: int = 0
    throttled: float = 0.0
    pressure: Pressure | None = None


@dataclass(kw_only=True, slots=True, frozen=True)
class MemoryStatistics:
    """Memory, in bytes.

    Example::

        box.statistics().memory.usage
    """

    usage: int
    """All that is charged to the container, the cache of its files included."""
    limit: int | None = None
    peak: int | None = None
    """Where the kernel counts it."""
    swap: int | None = None
    anonymous: int
    """Of processes, without files behind it."""
    file: int
    """Cache of files."""
    inactive_file: int
    """What of that can go at once: `docker stats` takes it off the usage."""
    kernel: int
    slab: int
    shared: int
    page_faults: int = 0
    major_page_faults: int = 0
    reached_high: int = 0
    reached_max: int = 0
    out_of_memory: int = 0
    killed: int = 0
    """Processes that the kernel has killed for want of memory."""
    pressure: Pressure | None = None


@dataclass(kw_only=True, slots=True, frozen=True)
class PidStatistics:
    """How many processes there are.

    Example::

        box.statistics().pids.count
    """

    count: int = 0
    limit: int | None = None
    refused: int = 0
    """How often the limit was met."""


@dataclass(kw_only=True, slots=True, frozen=True)
class BlockStatistics:
    """What was read from and written to a disk.

    Example::

        box.statistics().block[0].read
    """

    device: str
    """As the guest calls it: "vda"."""
    serial: str
    read: int
    written: int
    reads: int = 0
    writes: int = 0


@dataclass(kw_only=True, slots=True, frozen=True)
class NetworkStatistics:
    """What went through a network interface.

    Example::

        box.statistics().network[0].received
    """

    interface: str
    received: int
    sent: int
    packets_received: int = 0
    packets_sent: int = 0
    errors: int = 0
    dropped: int = 0


@dataclass(kw_only=True, slots=True, frozen=True)
class Statistics:
    """What the container uses, as the guest's kernel counts it (cgroup v2; the network is the
    machine's). Told by the guest: do not trust it. Without cgroups in its kernel all is
    zero but the network.

    Example::

        box.statistics().memory.usage
    """

    cpu: CpuStatistics
    memory: MemoryStatistics
    pids: PidStatistics
    block: list[BlockStatistics]
    io_pressure: Pressure | None = None
    network: list[NetworkStatistics]


@dataclass(kw_only=True, slots=True, frozen=True)
class RunningProcess:
    """A process in the container, whoever started it.

    Example::

        box.top()[0].command
    """

    pid: int = 0
    """In the container."""
    parent: int = 0
    """The same; 0: started from outside."""
    guest_pid: int = 0
    """In the machine, as Process.pid() tells."""
    uid: int = 0
    state: str
    """ "R", "S", "D", "Z", …"""
    command: list[str]
    """Its arguments; of a kernel thread or zombie its name."""
    cpu_time: float = 0.0
    resident: int
    started: float = 0.0
    """After the machine's start."""
