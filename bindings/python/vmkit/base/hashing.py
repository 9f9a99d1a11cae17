# SPDX-License-Identifier: Apache-2.0
"""Digests of bytes."""

from __future__ import annotations

from vmkit import _vmkit
from vmkit.base.records import DigestAlgorithm
from vmkit.base.types import Digest


class Hasher:
    """Computes a Digest over bytes given piece by piece.

    Example::

        hasher = Hasher()
        hasher.update(b"abc")
        digest = hasher.finish()
    """

    __slots__ = ("_handle",)

    def __init__(self, algorithm: DigestAlgorithm = DigestAlgorithm.sha256) -> None:
        self._handle = _vmkit.make_hasher(algorithm)

    def update(self, data: bytes) -> None:
        """Adds bytes."""
        self._handle.update(data)

    def finish(self) -> Digest:
        """The digest of all bytes so far. Afterwards the Hasher starts anew."""
        return self._handle.finish()


def digest_of(data: bytes, algorithm: DigestAlgorithm = DigestAlgorithm.sha256) -> Digest:
    """The digest of `data`. Example: ``digest_of(b"abc")``."""
    hasher = Hasher(algorithm)
    hasher.update(data)
    return hasher.finish()
