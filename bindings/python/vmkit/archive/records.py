# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vmkit.base.types import Size


class Compression(enum.Enum):
    """How data is packed.

    Example::

        detect_compression(head) is Compression.zstd
    """

    none = "none"
    gzip = "gzip"
    zstd = "zstd"


@dataclass(kw_only=True, slots=True)
class DecompressOptions:
    """What data is, and how large it may be.

    Example::

        DecompressOptions(output_limit="1GiB")
    """

    compression: Compression | None = None
    """What the data is; without it the first bytes decide."""
    output_limit: Size | None = None
    """More content than this is an error (resource_exhausted): a decompression bomb."""


@dataclass(kw_only=True, slots=True)
class CompressOptions:
    """How data is packed.

    Example::

        CompressOptions(compression=Compression.zstd, level=9)
    """

    compression: Compression = Compression.gzip
    level: int | None = None
    """gzip: 1 to 9, by default 6; zstd: 1 to 19, by default 3."""


class EntryType(enum.Enum):
    """What a member of an archive is.

    Example::

        entry.type is EntryType.symlink
    """

    regular = "regular"
    directory = "directory"
    symlink = "symlink"
    hardlink = "hardlink"
    character_device = "character_device"
    block_device = "block_device"
    fifo = "fifo"


@dataclass(kw_only=True, slots=True, frozen=True)
class Timestamp:
    """Since 1970.

    Example::

        Timestamp(seconds=0)
    """

    seconds: int = 0
    nanoseconds: int = 0


@dataclass(kw_only=True, slots=True, frozen=True)
class Xattr:
    """An extended attribute of a member.

    Example::

        Xattr(name="user.x", value=b"1")
    """

    name: str
    """As for setxattr(2): "user.x", "security.capability"."""
    value: bytes
    """Any bytes."""


@dataclass(kw_only=True, slots=True, frozen=True)
class TarEntry:
    """One member of a tar archive. All names are bytes exactly as the archive has them, in no
    particular encoding: they may be absolute, empty, hold "..", and end in slashes.

    Example::

        TarEntry(path="hello", size=5, permissions=0o644)
    """

    path: str
    type: EntryType = EntryType.regular
    link_target: str = ""
    """Of symlinks, and the path of the member a hardlink shares."""
    permissions: int = 0
    """The low 12 bits of the mode."""
    uid: int = 0
    gid: int = 0
    mtime: Timestamp = field(default_factory=Timestamp)
    atime: Timestamp | None = None
    ctime: Timestamp | None = None
    size: int = 0
    """Of a regular file, holes included."""
    device_major: int = 0
    device_minor: int = 0
    xattrs: list[Xattr] = field(default_factory=list)
    """From SCHILY.xattr and LIBARCHIVE.xattr records; SCHILY.acl records (POSIX ACLs as text)
    as system.posix_acl_access and _default in the encoding of setxattr(2). An ACL that
    names its users without numbers is left out: who they are is not known here."""


@dataclass(kw_only=True, slots=True, frozen=True)
class TarPiece:
    """Where data of a sparse file stands; what is between two pieces is a hole.

    Example::

        TarPiece(offset=4096, length=5)
    """

    offset: int = 0
    length: int = 0
