# SPDX-License-Identifier: Apache-2.0
"""Layers to a disk, and a disk to a layer or an archive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.base.stop import ProgressCallback, Stop, call_options
from vmkit.disk.image_file import ImageFile
from vmkit.rootfs.records import (
    DiffOptions,
    DiffResult,
    ExportOptions,
    ExportResult,
    UnpackOptions,
    UnpackResult,
)

if TYPE_CHECKING:
    from vmkit.base.streams import BinaryOutput
    from vmkit.base.types import Digest, Seconds, StrPath
    from vmkit.ext4.reader import Reader
    from vmkit.rootfs.records import Layer


def unpack(
    layers: Sequence[Layer],
    target: StrPath | ImageFile,
    options: UnpackOptions | None = None,
    *,
    timeout: Seconds | None = None,
    stop: Stop | None = None,
    progress: ProgressCallback | None = None,
) -> UnpackResult:
    """Makes an ext4 disk with the layers of an image, the lowest first. The target appears whole or
    not at all; the same layers and options give the same bytes on every host.

    Example::

        rootfs.unpack(container.image_layers(image, store), "disk.ext4")
    """
    options = options or UnpackOptions()
    call = call_options(timeout, stop, progress)
    if isinstance(target, ImageFile):
        return _vmkit.unpack_onto(list(layers), target, options, call)
    return _vmkit.unpack(list(layers), target, options, call)


def diff(
    lower: Reader,
    upper: Reader,
    layer: BinaryOutput,
    options: DiffOptions | None = None,
    *,
    timeout: Seconds | None = None,
    stop: Stop | None = None,
    progress: ProgressCallback | None = None,
) -> DiffResult:
    """Writes what is different in the disk `upper` from `lower` as an uncompressed layer.

    Example::

        with open("layer.tar", "wb") as layer:
            rootfs.diff(before, after, layer)
    """
    call = call_options(timeout, stop, progress)
    return _vmkit.diff(lower, upper, layer, options or DiffOptions(), call)


def export_tar(
    disk: Reader,
    target: BinaryOutput,
    options: ExportOptions | None = None,
    *,
    timeout: Seconds | None = None,
    stop: Stop | None = None,
    progress: ProgressCallback | None = None,
) -> ExportResult:
    """Writes all that is in a disk as a tar archive.

    Example::

        with ext4.Reader("disk.ext4") as disk, open("disk.tar", "wb") as target:
            rootfs.export_tar(disk, target)
    """
    call = call_options(timeout, stop, progress)
    return _vmkit.export_tar(disk, target, options or ExportOptions(), call)


def chain_id(diff_ids: Sequence[Digest | str]) -> Digest:
    """The ChainID of the OCI image specification. Example: ``chain_id(image.config.diff_ids)``."""
    return _vmkit.chain_id(list(diff_ids))
