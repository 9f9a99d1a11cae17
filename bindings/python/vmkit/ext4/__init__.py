# SPDX-License-Identifier: Apache-2.0
"""ext4 images, read and written without a kernel."""

from vmkit.ext4.filesystem import Filesystem, FileWriter
from vmkit.ext4.reader import Reader
from vmkit.ext4.records import (
    Attributes,
    CommitMode,
    DeviceNumber,
    FileExtent,
    FileExtentKind,
    FileStatus,
    FileType,
    FormatOptions,
    ImageInfo,
    LastSymlink,
    ReaderOptions,
    Timestamp,
    Xattr,
)

__all__ = [
    "Attributes",
    "CommitMode",
    "DeviceNumber",
    "FileExtent",
    "FileExtentKind",
    "FileStatus",
    "FileType",
    "FileWriter",
    "Filesystem",
    "FormatOptions",
    "ImageInfo",
    "LastSymlink",
    "Reader",
    "ReaderOptions",
    "Timestamp",
    "Xattr",
]
