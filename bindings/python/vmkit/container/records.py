# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vmkit.base.types import EPOCH
from vmkit.oci.documents import LayerCompression
from vmkit.rootfs.records import DiffOptions

if TYPE_CHECKING:
    from vmkit.base.types import Path, datetime
    from vmkit.oci.documents import Image
    from vmkit.rootfs.records import CachedDisk, DiffResult


@dataclass(kw_only=True, slots=True, frozen=True)
class ContainerEvent:
    """Something that happened to a container or in it: `type`, and by it `attributes`.

    - starting, started, paused, resumed, stopping, boot_retried: the machine
    - ready: processes can be started
    - ended: the machine has ended; the last event. reason (MachineEventReason), message
    - exit: a process of exec() has ended. process, pid, and code or signal
    - oom: the kernel has killed for want of memory. killed: how many
    - thawed: disks were frozen for too long
    - network: an interface is not as it was. interface, state (up, down, gone), addresses
    - health: the health has changed. status: starting, healthy, unhealthy
    - connection_lost, connection_restored: the channel to the guest's agent. message
    - lost: the handlers were too slow. count: events that are missing

    What a newer agent tells besides comes as it is. Attributes of things in the guest are told by
    the guest: do not trust them.

    Example::

        if event.type == "exit": print(event.attributes["process"])
    """

    time: datetime = EPOCH
    """When the host learnt of it."""
    type: str
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True, slots=True)
class CommitOptions:
    """What a committed image is told to be.

    Example::

        CommitOptions(author="me", comment="tools added")
    """

    compression: LayerCompression = LayerCompression.gzip
    created: datetime | None = None
    """See oci.NewLayer; without a time the same changes give the same image."""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    diff: DiffOptions = field(default_factory=DiffOptions)


@dataclass(kw_only=True, slots=True, frozen=True)
class CommittedImage:
    """A new image, and what was different.

    Example::

        commit(store, base, disk, "localhost/mine").image
    """

    image: Image
    changes: DiffResult


class RecordState(enum.Enum):
    """How a container stands.

    Example::

        record.state is RecordState.abandoned
    """

    created = "created"
    """A Container has it, and has not started it."""
    running = "running"
    """A Container has it, and it was started."""
    ended = "ended"
    """Its machine has ended; ContainerRecord.reason tells how."""
    abandoned = "abandoned"
    """Its process has ended without ending it, and its machine with that."""


@dataclass(kw_only=True, slots=True, frozen=True)
class ContainerRecord:
    """What a container's folder tells of it.

    Example::

        list_containers(folder)[0].state
    """

    folder: Path
    name: str
    """ContainerOptions.hostname."""
    image: str
    """The digest of the image's manifest."""
    created: datetime = EPOCH
    kept: bool = False
    """ContainerOptions.keep."""
    in_use: bool = False
    """Some Container has the folder now, in this process or another."""
    state: RecordState = RecordState.created
    reason: str = ""
    """How the machine ended, as vm.MachineEventReason is spelt, with what was seen of a crash;
    empty before that."""


@dataclass(kw_only=True, slots=True, frozen=True)
class VolumeInfo:
    """What is known of a volume.

    Example::

        volumes.list()[0].disk_used
    """

    name: str
    size: int
    """What a container sees."""
    disk_used: int
    """What it takes on the host."""
    in_use: bool = False


@dataclass(kw_only=True, slots=True, frozen=True)
class UnpackedImage:
    """An image that was pulled, and its disk.

    Example::

        pull_and_unpack(client, store, "debian:12").disk.path
    """

    image: Image
    disk: CachedDisk
