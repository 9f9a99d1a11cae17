# SPDX-License-Identifier: Apache-2.0
"""Volumes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.base.stop import Stop, call_options
from vmkit.container.defaults import DEFAULT_VOLUME_SIZE

if TYPE_CHECKING:
    from vmkit.base.types import Seconds, Size, StrPath
    from vmkit.container.records import VolumeInfo


class Volumes:
    """A folder of volumes, which outlive the containers that mount them.

    Example::

        volumes = vmkit.Volumes("volumes")
        volumes.create("data", "1GiB")
        mount = VolumeMount(volume="data", target="/data")
        vmkit.Container("debian", volume_mounts=[mount], volumes_folder=volumes.folder)
    """

    __slots__ = ("folder",)

    def __init__(self, folder: StrPath) -> None:
        self.folder = Path(folder)
        """Made when the first volume is."""

    def create(
        self,
        name: str,
        size: Size = DEFAULT_VOLUME_SIZE,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> VolumeInfo:
        """A new, empty volume; whole or not there."""
        return _vmkit.create_volume(self.folder, name, size, call_options(timeout, stop))

    def list(self) -> list[VolumeInfo]:
        """All, by name."""
        return _vmkit.list_volumes(self.folder)

    def __iter__(self) -> Iterator[VolumeInfo]:
        return iter(self.list())

    def find(self, name: str) -> VolumeInfo | None:
        """None if there is none."""
        return _vmkit.find_volume(self.folder, name)

    def remove(self, name: str) -> None:
        """Removes a volume with all that is in it."""
        _vmkit.remove_volume(self.folder, name)

    def image(self, name: str) -> Path:
        """Where the image is, whether it exists or not."""
        return _vmkit.volume_image(self.folder, name)
