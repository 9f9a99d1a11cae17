# SPDX-License-Identifier: Apache-2.0
"""Compression and tar, as the library does them: bounded, for hostile input."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from vmkit import _vmkit
from vmkit.archive.records import Compression, CompressOptions, DecompressOptions, EntryType
from vmkit.base.streams import reader

if TYPE_CHECKING:
    from vmkit.archive.records import TarEntry, TarPiece
    from vmkit.base.streams import BinaryInput, BinaryOutput


def detect_compression(head: bytes) -> Compression:
    """What the first four bytes of a file tell. Example: ``detect_compression(data[:4])``."""
    return _vmkit.detect_compression(head)


def decompress(
    compressed: BinaryInput, options: DecompressOptions | None = None
) -> io.BufferedReader:
    """The content of a gzip or zstd file (or of one that is neither), every checksum verified.

    Example::

        with open("layer.tar.zst", "rb") as file:
            content = decompress(file, DecompressOptions(output_limit="1GiB")).read()
    """
    return reader(_vmkit.decompress(compressed, options or DecompressOptions()))


class Compressor(io.RawIOBase):
    """Compresses what is written to it into a binary file. The same input gives the same bytes.

    Example::

        with open("a.zst", "wb") as file:
            with Compressor(file, CompressOptions(compression=Compression.zstd)) as target:
                target.write(b"hello")
    """

    def __init__(self, target: BinaryOutput, options: CompressOptions | None = None) -> None:
        self._handle = _vmkit.make_compressor(target, options or CompressOptions())

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """Compresses all of `data`; returns how many bytes that are."""
        view = memoryview(data).cast("B")
        self._handle.write(view)
        return view.nbytes

    def close(self) -> None:
        """Writes the end; the target stays open."""
        if not self.closed:
            try:
                if not self._handle.closed:
                    self._handle.finish()
            finally:
                self._handle.close()
                super().close()


class TarReader:
    """Reads a tar archive once, in order: an iterator over its entries.

    Example::

        for entry in TarReader(file):
            print(entry.path, entry.size)
    """

    __slots__ = ("_handle",)

    def __init__(self, source: BinaryInput) -> None:
        self._handle = _vmkit.make_tar_reader(source)

    def __iter__(self) -> Iterator[TarEntry]:
        return self

    def __next__(self) -> TarEntry:
        entry = self._handle.next()
        if entry is None:
            raise StopIteration
        return entry

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """The data of the current entry with offsets; what lies between two pieces is a hole."""
        while (block := self._handle.read_block()) is not None:
            yield block

    def read(self, entry: TarEntry) -> bytes:
        """All data of the current entry, holes as zeros; for those that fit into memory."""
        content = bytearray(entry.size if entry.type is EntryType.regular else 0)
        for offset, data in self.blocks():
            content[offset : offset + len(data)] = data
        return bytes(content)


class TarWriter:
    """Writes a tar archive, entry after entry. The bytes depend on nothing but the entries.

    Example::

        tar = TarWriter(file)
        tar.add(TarEntry(path="hello", size=5, permissions=0o644))
        tar.write(b"hello")
        tar.finish()
    """

    __slots__ = ("_handle",)

    def __init__(self, target: BinaryOutput) -> None:
        self._handle = _vmkit.make_tar_writer(target)

    def add(self, entry: TarEntry, pieces: Sequence[TarPiece] | None = None) -> None:
        """Begins an entry, whose data must follow: of a sparse file only that of `pieces`."""
        if pieces is None:
            self._handle.add(entry)
        else:
            self._handle.add_sparse(entry, list(pieces))

    def write(self, data: bytes) -> None:
        """More of the data."""
        self._handle.write(data)

    def finish(self) -> None:
        """Ends the archive."""
        self._handle.finish()
