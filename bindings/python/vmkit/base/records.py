# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from dataclasses import dataclass


class Architecture(enum.Enum):
    """The instruction sets that guests and agents are made for.

    Example::

        host_architecture() is Architecture.arm64
    """

    x86_64 = "x86_64"
    arm64 = "arm64"


class DigestAlgorithm(enum.Enum):
    """How a digest is computed.

    Example::

        digest_of(b"abc", DigestAlgorithm.sha512)
    """

    sha256 = "sha256"
    sha512 = "sha512"


class LogLevel(enum.Enum):
    """How important a record is.

    Example::

        record.level is LogLevel.warning
    """

    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


class ProgressUnit(enum.Enum):
    """What progress counts.

    Example::

        report.unit is ProgressUnit.bytes
    """

    bytes = "bytes"
    entries = "entries"


@dataclass(kw_only=True, slots=True, frozen=True)
class Progress:
    """How far a long call is, in absolute numbers: the last report of a subject is always the
    whole truth about it. The views are valid during the callback only.

    Example::

        print(report.phase, report.subject, report.done, report.total)
    """

    phase: str
    """What is being done: "pull", "unpack", …"""
    subject: str
    """To what: a layer's digest, a path; may be empty."""
    unit: ProgressUnit = ProgressUnit.bytes
    done: int = 0
    total: int = 0
    """0: not known."""
