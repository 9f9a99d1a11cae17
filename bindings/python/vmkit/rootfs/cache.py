# SPDX-License-Identifier: Apache-2.0
"""Disks of images, unpacked once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.base.stop import ProgressCallback, Stop, call_options
from vmkit.rootfs.records import CacheOptions, PruneOptions, UnpackOptions

if TYPE_CHECKING:
    from vmkit.base.types import Digest, Seconds, StrPath
    from vmkit.disk.records import UsageReport
    from vmkit.rootfs.records import CachedDisk, CacheEntry, Layer, PruneReport


class Cache:
    """A folder of unpacked images, one disk for each chain ID, size and journal. The disks are
    read-only for their users: clone them to write. Thread-safe.

    Example::

        cache = rootfs.Cache("disks")
        disk = cache.get_or_unpack(image_layers(image, store))
    """

    __slots__ = ("_handle",)

    def __init__(self, folder: StrPath, options: CacheOptions | None = None) -> None:
        self._handle = _vmkit.open_cache(folder, options or CacheOptions())

    @classmethod
    def _of(cls, handle: _vmkit.Cache) -> Cache:
        self = cls.__new__(cls)
        self._handle = handle
        return self

    def find(
        self, chain_id: Digest | str, options: UnpackOptions | None = None
    ) -> CachedDisk | None:
        """The disk if there is one."""
        return self._handle.find(chain_id, options or UnpackOptions())

    def get_or_unpack(
        self,
        layers: Sequence[Layer],
        options: UnpackOptions | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> CachedDisk:
        """The disk of these layers, unpacked now if it is not there."""
        call = call_options(timeout, stop, progress)
        return self._handle.get_or_unpack(list(layers), options or UnpackOptions(), call)

    def list(self) -> list[CacheEntry]:
        """All disks, the most recently used first."""
        return self._handle.list()

    def __iter__(self) -> Iterator[CacheEntry]:
        return iter(self.list())

    def usage(self, *, timeout: Seconds | None = None, stop: Stop | None = None) -> UsageReport:
        """What the disks take, in the order of `list`."""
        return self._handle.usage(call_options(timeout, stop))

    def prune(
        self,
        options: PruneOptions | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> PruneReport:
        """Removes disks that are unwanted, and those that exceed the limit."""
        return self._handle.prune(options or PruneOptions(), call_options(timeout, stop))
