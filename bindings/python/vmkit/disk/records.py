# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vmkit.base.types import Path, datetime


class CloneMode(enum.Enum):
    """Whether a clone has to share blocks.

    Example::

        CloneOptions(mode=CloneMode.require_cow)
    """

    prefer_cow = "prefer_cow"
    """Share blocks where the file system can, copy otherwise."""
    require_cow = "require_cow"
    """Share blocks, or fail with unsupported."""


class CloneMethod(enum.Enum):
    """What clone() did.

    Example::

        clone("a", "b") is CloneMethod.cow
    """

    cow = "cow"
    """Source and target share their blocks until one is written."""
    sparse_copy = "sparse_copy"
    """The data was copied; holes stayed holes."""


@dataclass(kw_only=True, slots=True)
class CloneOptions:
    """How a disk is cloned.

    Example::

        clone("a", "b", CloneOptions(durable=False))
    """

    mode: CloneMode = CloneMode.prefer_cow
    durable: bool = True
    """Whether the target must outlive a crash of the host. If not, nothing is synced, so that
    nobody waits for the storage: for disks that go when their machine does."""
    source_rests: bool = False
    """The source rests though a machine has it, because its file system is frozen or its
    machine is paused: it is cloned all the same. Without that the target would be torn."""


class ImageFileAccess(enum.Enum):
    """Whether an image is written.

    Example::

        ImageFile("disk.img", ImageFileAccess.read_write)
    """

    read_only = "read_only"
    read_write = "read_write"


@dataclass(kw_only=True, slots=True, frozen=True)
class Snapshot:
    """A named state of a disk.

    Example::

        snapshots.list()[0].created
    """

    name: str
    parent: str
    """The snapshot that the disk was last saved to or restored from before."""
    created: datetime
    size: int
    """Of the image. What it takes of the file system: usage() of its path."""
    path: Path
    """To be read only: clones and machines with read-only disks."""


@dataclass(kw_only=True, slots=True, frozen=True)
class DiskUsage:
    """What one disk takes of its file system.

    Example::

        usage(["disk.ext4"]).disks[0].exclusive
    """

    path: Path
    size: int
    """Of the image, holes included."""
    exclusive: int
    """Only this disk has it: what removing the disk gives back."""
    shared: int
    """Others have it too, those looked at or, where the system tells, any."""
    added: int
    """What it takes beyond the disks before it in the list."""


@dataclass(kw_only=True, slots=True, frozen=True)
class UsageReport:
    """What several disks take.

    Example::

        usage(paths).total
    """

    disks: list[DiskUsage]
    """In the order asked for."""
    total: int
    """What all of them take together: what several have counts once. (Adding up st_blocks
    counts it again for each clone.)"""
