# SPDX-License-Identifier: Apache-2.0
"""Clones, and what disks take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.base.stop import ProgressCallback, Stop, call_options
from vmkit.disk.records import CloneMethod, CloneOptions

if TYPE_CHECKING:
    from vmkit.base.types import Seconds, Size, StrPath
    from vmkit.disk.records import UsageReport


def clone(
    source: StrPath,
    target: StrPath,
    options: CloneOptions | None = None,
    *,
    timeout: Seconds | None = None,
    stop: Stop | None = None,
    progress: ProgressCallback | None = None,
) -> CloneMethod:
    """Makes `target` a disk with the content of `source`, sharing its blocks where the file system
    can. It appears whole or not at all.

    Example::

        if disk.clone("base.ext4", "one.ext4") is CloneMethod.cow: print("no space taken")
    """
    call = call_options(timeout, stop, progress)
    return _vmkit.clone_disk(source, target, options or CloneOptions(), call)


def usage(
    disks: Sequence[StrPath], *, timeout: Seconds | None = None, stop: Stop | None = None
) -> UsageReport:
    """What disks take of their file system: exclusive and shared bytes.

    Example::

        print(disk.usage(["one.ext4", "two.ext4"]).total)
    """
    return _vmkit.disk_usage(list(disks), call_options(timeout, stop))


def require_free_space(path: StrPath, needed: Size) -> None:
    """Raises ResourceExhaustedError if there is no room.

    Example::

        require_free_space(".", "1GiB")
    """
    _vmkit.require_free_space(path, needed)


def exclude_from_backup(path: StrPath) -> bool:
    """Tells the system's backup to leave out a file or folder; False where there is none.

    Example::

        exclude_from_backup("disks")
    """
    return _vmkit.exclude_from_backup(path)
