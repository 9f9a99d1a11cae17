# SPDX-License-Identifier: Apache-2.0
"""The types that all modules use."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Union

from vmkit import _vmkit

if TYPE_CHECKING:
    from vmkit.base.records import Architecture, LogLevel

__all__ = [
    "EPOCH",
    "Digest",
    "GiB",
    "KiB",
    "LogRecord",
    "LogSink",
    "MiB",
    "Path",
    "Seconds",
    "Size",
    "StrPath",
    "TiB",
    "datetime",
    "format_size",
    "host_architecture",
    "parse_size",
    "timedelta",
]

StrPath = Union[str, "os.PathLike[str]"]
"""A path of the host: text or a ``pathlib.Path``. The library gives ``pathlib.Path`` back."""

Size = Union[int, str]
"""A number of bytes, or text as "512MiB" and "2GiB" (powers of 1024). The library gives int back."""

Seconds = Union[float, timedelta]
"""A duration: seconds as float, or a ``datetime.timedelta``. The library gives float back."""

KiB = 1 << 10
MiB = 1 << 20
GiB = 1 << 30
TiB = 1 << 40

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Digest(str):
    """A content digest as "sha256:…": text that is always well-formed.

    Example::

        Digest("sha256:" + "0" * 64).hex
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Digest:
        return super().__new__(cls, _vmkit.check_digest(text))

    @property
    def algorithm(self) -> str:
        """ "sha256" or "sha512"."""
        return self.partition(":")[0]

    @property
    def hex(self) -> str:
        """The hex digits alone."""
        return self.partition(":")[2]


@dataclass(slots=True, frozen=True)
class LogRecord:
    """One event in the library, for a ``log=`` callable. No secret is ever in it.

    Example::

        backend = vmkit.QemuBackend(log=lambda record: print(record.message, record.fields))
    """

    level: LogLevel
    module: str
    """ "oci", "vm", …"""
    message: str
    fields: Mapping[str, str]


LogSink = Callable[[LogRecord], object]
"""Called from any thread; what it raises is reported through ``sys.unraisablehook``."""


def parse_size(text: str) -> int:
    """The number of bytes of "4GiB", "512M", "1.5G" or "4096".

    Example::

        parse_size("2GiB") == 2 * vmkit.GiB
    """
    return _vmkit.parse_size(text)


def format_size(size: Size) -> str:
    """For people: "512 B", "1.5 MiB". Example: ``format_size(store.usage().blobs)``."""
    return _vmkit.format_size(size)


def host_architecture() -> Architecture:
    """The architecture that this process runs on. Example: ``host_architecture().name``."""
    return _vmkit.host_architecture()
