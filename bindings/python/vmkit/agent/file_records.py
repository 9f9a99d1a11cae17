# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vmkit.base.types import Size


class FileKind(enum.Enum):
    """What a file is.

    Example::

        box.files.stat("/etc").kind is FileKind.directory
    """

    regular = "regular"
    directory = "directory"
    symlink = "symlink"
    hard_link = "hard_link"
    """In streams only: another name of an earlier entry."""
    character_device = "character_device"
    block_device = "block_device"
    fifo = "fifo"
    socket = "socket"


@dataclass(kw_only=True, slots=True, frozen=True)
class FileTime:
    """Since 1970.

    Example::

        AttributeChange(modified=FileTime(seconds=0))
    """

    seconds: int = 0
    nanoseconds: int = 0


@dataclass(kw_only=True, slots=True, frozen=True)
class FileXattr:
    """An extended attribute.

    Example::

        FileXattr(name="user.x", value=b"1")
    """

    name: str
    """As for setxattr(2): "user.x"."""
    value: bytes
    """Any bytes."""


@dataclass(kw_only=True, slots=True, frozen=True)
class TreeEntry:
    """One file of a tree. Names are bytes, in no particular encoding.

    Example::

        box.files.stat("/etc/passwd").size
    """

    path: str
    """From the root of the tree, parts separated by '/'; the root's own is empty. A TreeReader
    gives no other parts than names: none is empty, "." or ".."."""
    kind: FileKind = FileKind.regular
    link_target: str = ""
    """Of symlinks, any text; of hard links, the path of an earlier entry."""
    permissions: int = 0o644
    """The low 12 bits of the mode."""
    uid: int = 0
    gid: int = 0
    modified: FileTime = field(default_factory=FileTime)
    accessed: FileTime = field(default_factory=FileTime)
    size: int = 0
    """Of a regular file, holes included."""
    device_major: int = 0
    device_minor: int = 0
    xattrs: list[FileXattr] = field(default_factory=list)


@dataclass(kw_only=True, slots=True, frozen=True)
class CopyNotice:
    """Something that could not be copied as it is. Fit to be shown: control characters are
    "?".

    Example::

        result.notices.list[0].what
    """

    path: str
    """From the root of the tree."""
    what: str
    """For people."""


@dataclass(kw_only=True, slots=True, frozen=True)
class CopyNotices:
    """The notices of one copy: the first thousand, and how many more there were.

    Example::

        result.notices.left_out
    """

    list: list[CopyNotice] = field(default_factory=list)
    left_out: int = 0


class OwnershipKind(enum.Enum):
    """Whose numbers a copy gets.

    Example::

        Ownership(kind=OwnershipKind.keep)
    """

    receiver = "receiver"
    """Root in the guest; on the host the user that runs this program."""
    keep = "keep"
    """The numbers that the files have at their source."""
    fixed = "fixed"
    """`uid` and `gid`."""


@dataclass(kw_only=True, slots=True)
class Ownership:
    """Who owns what a copy makes.

    Example::

        CopyOptions(owner=Ownership(kind=OwnershipKind.fixed, uid=1000))
    """

    kind: OwnershipKind = OwnershipKind.receiver
    uid: int = 0
    gid: int = 0


@dataclass(kw_only=True, slots=True)
class CopyOptions:
    """How to copy. Without `keep`, extended attributes other than "user." are not taken along.

    Example::

        CopyOptions(create_parents=True)
    """

    owner: Ownership = field(default_factory=Ownership)
    follow_source: bool = False
    """The source may be a symlink to what is meant. Symlinks within a tree are always copied
    as such."""
    create_parents: bool = False
    """Missing folders above the destination are made (0755)."""
    max_bytes: Size | None = None
    """Ends the copy with resource_exhausted when the data is more, or the files are."""
    max_entries: int | None = None


@dataclass(kw_only=True, slots=True, frozen=True)
class CopyResult:
    """What was copied.

    Example::

        box.files.copy_in("src", "/srv/project").bytes
    """

    entries: int = 0
    bytes: int = 0
    """Of data, without holes."""
    notices: CopyNotices = field(default_factory=CopyNotices)
    """What could not be copied as it is: nothing is dropped in silence."""


@dataclass(kw_only=True, slots=True)
class RemoveOptions:
    """How a path is removed: arguments of Files.remove.

    Example::

        RemoveOptions(recursive=True)
    """

    recursive: bool = False
    """A folder with everything in it."""
    ignore_missing: bool = False


@dataclass(kw_only=True, slots=True)
class WriteOptions:
    """How a file is written into.

    Example::

        WriteOptions(append=True)
    """

    permissions: int = 0o644
    """Of a new file."""
    offset: int = 0
    """Where to write in a file that exists; made if it is missing."""
    append: bool = False
    """At its end instead."""
    truncate: bool = False
    """Nothing remains behind what is written."""


@dataclass(kw_only=True, slots=True)
class AttributeChange:
    """What of a file is to be changed.

    Example::

        AttributeChange(permissions=0o600)
    """

    permissions: int | None = None
    uid: int | None = None
    gid: int | None = None
    modified: FileTime | None = None
    follow: bool = True
    """Of what a symlink points to; permissions need that."""
