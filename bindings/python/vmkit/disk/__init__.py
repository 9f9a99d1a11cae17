# SPDX-License-Identifier: Apache-2.0
"""Disk images in files: clones, snapshots, what they take."""

from vmkit.disk.functions import clone, exclude_from_backup, require_free_space, usage
from vmkit.disk.image_file import ImageFile, ImageFolder, ImageFolderLock
from vmkit.disk.records import (
    CloneMethod,
    CloneMode,
    CloneOptions,
    DiskUsage,
    ImageFileAccess,
    Snapshot,
    UsageReport,
)
from vmkit.disk.snapshots import Snapshots

__all__ = [
    "CloneMethod",
    "CloneMode",
    "CloneOptions",
    "DiskUsage",
    "ImageFile",
    "ImageFileAccess",
    "ImageFolder",
    "ImageFolderLock",
    "Snapshot",
    "Snapshots",
    "UsageReport",
    "clone",
    "exclude_from_backup",
    "require_free_space",
    "usage",
]
