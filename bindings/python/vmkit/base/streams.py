# SPDX-License-Identifier: Apache-2.0
"""Streams of the library as Python files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Protocol

from vmkit import _vmkit

if TYPE_CHECKING:
    from collections.abc import Callable

    from vmkit.base.types import Seconds


class BinaryInput(Protocol):
    """What the library can read from: any binary file. Example: ``open(path, "rb")``."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


class BinaryOutput(Protocol):
    """What the library can write to: any binary file. Example: ``io.BytesIO()``."""

    def write(self, data: bytes, /) -> object:
        """Takes all of `data`, or returns how much it took."""


class ByteStream(io.RawIOBase):
    """A stream of the library, unbuffered. One thread may read while another writes; `close` may
    be called from any, and ends what they wait for.

    Example::

        stream = machine.open_port("control")
        stream.write(b"hello\\n")
        line = io.BufferedReader(stream).readline()
    """

    timeout: Seconds | None
    """How long one read or write may take; None: any time."""

    def __init__(self, handle: _vmkit.ByteStream, *, readable: bool, writable: bool) -> None:
        self._handle = handle
        self._readable = readable
        self._writable = writable
        self.timeout = None

    def readable(self) -> bool:
        return self._readable

    def writable(self) -> bool:
        return self._writable

    def _call(self) -> tuple[Seconds | None, None, None] | None:
        return None if self.timeout is None else (self.timeout, None, None)

    def readinto(self, buffer: Any) -> int:
        """Waits for some bytes, and returns how many came; 0 is the end."""
        return self._handle.readinto(memoryview(buffer).cast("B"), self._call())

    def write(self, data: Any) -> int:
        """Writes all of `data`; returns how many bytes that are."""
        view = memoryview(data).cast("B")
        self._handle.write(view, self._call())
        return view.nbytes

    def close_write(self) -> None:
        """No more will be written; the peer reads the end. Reading goes on."""
        self._handle.close_write()

    def close(self) -> None:
        if not self.closed:
            if not self._handle.closed:
                self._handle.shut()
                self._handle.close()
            super().close()


def reader(handle: _vmkit.ByteStream) -> io.BufferedReader:
    """For the package: a stream to read from, with lines and a buffer."""
    return io.BufferedReader(ByteStream(handle, readable=True, writable=False), 65536)


def duplex(handle: _vmkit.ByteStream) -> ByteStream:
    """For the package: a stream in both directions."""
    return ByteStream(handle, readable=True, writable=True)


class NativeFunction:
    """A function of the library, in a record that it made: can be called, and goes back to it as it
    is. Example: ``image_layers(image, store)[0].open()``."""

    __slots__ = ("_call", "_capsule")

    def __init__(self, call: Callable[[], object], capsule: object) -> None:
        self._call = call
        self._capsule = capsule

    def __call__(self) -> Any:
        result = self._call()
        return reader(result) if isinstance(result, _vmkit.ByteStream) else result


class SinkWriter(io.RawIOBase):
    """What a layer's ``write`` callback gets: a file for its bytes, good during the call only.

    Example::

        def write(tar):
            with tarfile.open(fileobj=tar, mode="w|") as archive:
                archive.add("settings.json")
            return True
    """

    def __init__(self, handle: _vmkit.Sink) -> None:
        self._handle = handle

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """Gives all of `data` on; returns how many bytes that are."""
        view = memoryview(data).cast("B")
        self._handle.write(view)
        return view.nbytes
