# SPDX-License-Identifier: Apache-2.0
"""Tar archives and compression, as the library reads and writes them."""

from vmkit.archive.records import (
    Compression,
    CompressOptions,
    DecompressOptions,
    EntryType,
    TarEntry,
    TarPiece,
    Timestamp,
    Xattr,
)
from vmkit.archive.streams import Compressor, TarReader, TarWriter, decompress, detect_compression

__all__ = [
    "CompressOptions",
    "Compression",
    "Compressor",
    "DecompressOptions",
    "EntryType",
    "TarEntry",
    "TarPiece",
    "TarReader",
    "TarWriter",
    "Timestamp",
    "Xattr",
    "decompress",
    "detect_compression",
]
