# SPDX-License-Identifier: Apache-2.0
"""Layers to disks and back."""

from vmkit.rootfs.cache import Cache
from vmkit.rootfs.functions import chain_id, diff, export_tar, unpack
from vmkit.rootfs.records import (
    CachedDisk,
    CacheEntry,
    CacheOptions,
    DiffOptions,
    DiffResult,
    ExportOptions,
    ExportResult,
    Layer,
    PruneOptions,
    PruneReport,
    UnpackLimits,
    UnpackOptions,
    UnpackResult,
)

__all__ = [
    "Cache",
    "CacheEntry",
    "CacheOptions",
    "CachedDisk",
    "DiffOptions",
    "DiffResult",
    "ExportOptions",
    "ExportResult",
    "Layer",
    "PruneOptions",
    "PruneReport",
    "UnpackLimits",
    "UnpackOptions",
    "UnpackResult",
    "chain_id",
    "diff",
    "export_tar",
    "unpack",
]
