# SPDX-License-Identifier: Apache-2.0
"""Snapshots of a disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.base.stop import ProgressCallback, Stop, call_options
from vmkit.disk.records import CloneMethod, CloneOptions

if TYPE_CHECKING:
    from vmkit.base.types import Seconds, StrPath
    from vmkit.disk.records import Snapshot


class Snapshots:
    """The named snapshots of one disk whose machine is stopped. Each call is atomic. Thread-safe.

    Example::

        snapshots = vmkit.Snapshots(box.disk)
        snapshots.create("clean")
        snapshots.restore("clean")
    """

    __slots__ = ("disk",)

    def __init__(self, disk: StrPath) -> None:
        """Of the disk image at `disk`. Touches nothing."""
        self.disk = Path(disk)

    def list(self, *, timeout: Seconds | None = None, stop: Stop | None = None) -> list[Snapshot]:
        """Oldest first."""
        return _vmkit.list_snapshots(self.disk, call_options(timeout, stop))

    def __iter__(self) -> Iterator[Snapshot]:
        return iter(self.list())

    @property
    def current(self) -> str | None:
        """The one that the disk's present content stems from."""
        return _vmkit.current_snapshot(self.disk, None) or None

    def create(
        self,
        name: str,
        options: CloneOptions | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> CloneMethod:
        """Saves the disk's present content."""
        call = call_options(timeout, stop, progress)
        return _vmkit.create_snapshot(self.disk, name, options or CloneOptions(), call)

    def restore(
        self,
        name: str,
        options: CloneOptions | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> CloneMethod:
        """Gives the disk the content it had; what it has now is lost."""
        call = call_options(timeout, stop, progress)
        return _vmkit.restore_snapshot(self.disk, name, options or CloneOptions(), call)

    def fork(
        self,
        name: str,
        target: StrPath,
        options: CloneOptions | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> CloneMethod:
        """A new disk, independent of this one, with the content of the snapshot."""
        call = call_options(timeout, stop, progress)
        return _vmkit.fork_snapshot(self.disk, name, target, options or CloneOptions(), call)

    def remove(
        self, name: str, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> None:
        """Removes one; those that have it as parent get its parent."""
        _vmkit.remove_snapshot(self.disk, name, call_options(timeout, stop))
