# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vmkit.base.types import Size


class FileType(enum.Enum):
    """What an inode is.

    Example::

        filesystem.type(inode) is FileType.regular
    """

    regular = "regular"
    directory = "directory"
    symlink = "symlink"
    character_device = "character_device"
    block_device = "block_device"
    fifo = "fifo"
    socket = "socket"


class LastSymlink(enum.Enum):
    """What becomes of a symlink that is the last component of a path.

    Example::

        reader.resolve("/link", LastSymlink.keep)
    """

    follow = "follow"
    keep = "keep"


@dataclass(kw_only=True, slots=True, frozen=True)
class Timestamp:
    """A point in time as ext4 stores it: seconds since 1970 (1901 to 2446), and nanoseconds. A
    time that ext4 cannot hold becomes the nearest one that it can; so do those from April
    2310 to April 2378, whose bits e2fsck takes for a known mistake of old kernels.

    Example::

        Timestamp(seconds=1_700_000_000)
    """

    seconds: int = 0
    nanoseconds: int = 0


@dataclass(kw_only=True, slots=True, frozen=True)
class DeviceNumber:
    """The number of a device.

    Example::

        DeviceNumber(major=1, minor=3)
    """

    major: int = 0
    """Below 4096."""
    minor: int = 0
    """Below 2^20."""


@dataclass(kw_only=True, slots=True, frozen=True)
class Attributes:
    """What stat(2) tells of an inode beyond its type, size and links.

    Example::

        Attributes(permissions=0o600, uid=1000)
    """

    permissions: int = 0
    """The low 12 bits of st_mode: set-uid, set-gid, sticky, rwx."""
    uid: int = 0
    gid: int = 0
    mtime: Timestamp = field(default_factory=Timestamp)
    atime: Timestamp = field(default_factory=Timestamp)
    ctime: Timestamp = field(default_factory=Timestamp)


@dataclass(kw_only=True, slots=True, frozen=True)
class Xattr:
    """An extended attribute as the xattr system calls name it: "user.x",
    "security.capability", "system.posix_acl_access" (its value in the encoding of the
    system call). Any bytes as value.

    Example::

        Xattr(name="user.x", value=b"1")
    """

    name: str
    value: bytes


class CommitMode(enum.Enum):
    """How commit() changes an image.

    Example::

        filesystem.commit(CommitMode.in_place)
    """

    atomic = "atomic"
    """Whatever fails, the image is as it was or as it became: for images that others may open."""
    in_place = "in_place"
    """Without a journal and without flushing the device: for an image that nobody else can see
    yet, which is lost if the commit fails."""


@dataclass(kw_only=True, slots=True)
class FormatOptions:
    """How a new file system is made. The same options and the same calls give the same bytes.

    Example::

        FormatOptions(size="1GiB", hash_seed=os.urandom(16))
    """

    size: Size
    """Of the whole image: 1 MiB to 16 TiB. It also bounds the inodes, to one for each 4 KiB."""
    uuid: bytes = bytes(16)
    """Of the file system."""
    hash_seed: bytes = bytes(16)
    """Of the htree directories; not all zero."""
    label: str = ""
    """At most 16 bytes."""
    created: Timestamp = field(default_factory=Timestamp)
    """Of the superblock, "/" and lost+found."""
    journal: Size | None = None
    """The size of a clean journal, 4 MiB to half the image; none without."""


class FileExtentKind(enum.Enum):
    """What a piece of a file is.

    Example::

        reader.extents(file)[0].kind is FileExtentKind.hole
    """

    data = "data"
    unwritten = "unwritten"
    """Has its place, but reads as zeros."""
    hole = "hole"
    """Has none and reads as zeros."""
    in_inode = "in_inode"
    """A small file whose data stands in its inode."""


@dataclass(kw_only=True, slots=True)
class ReaderOptions:
    """How an image is read.

    Example::

        Reader(path, ReaderOptions(replay_journal=False))
    """

    replay_journal: bool = True
    """What a machine that was killed has left in the journal is applied, in memory only.
    Without, an image that has something there is refused (failed_precondition)."""


@dataclass(kw_only=True, slots=True, frozen=True)
class ImageInfo:
    """What the superblock tells.

    Example::

        reader.info.features
    """

    size: int
    """Of the file system; the device may be larger."""
    block_size: int
    """1, 2 or 4 KiB."""
    uuid: bytes = bytes(16)
    label: str
    features: list[str]
    """As dumpe2fs spells them."""
    inodes: int = 0
    """In use or not."""
    free_blocks: int = 0
    """As last counted: a machine that was killed may have left them behind the truth."""
    free_inodes: int = 0
    journal_replayed: bool = False
    clean: bool = True
    """It was unmounted, or has a journal that makes up for that. If not, its machine was
    killed before all was written: what it had synced is there, the rest may be missing or
    contradict itself."""


@dataclass(kw_only=True, slots=True, frozen=True)
class FileStatus:
    """What stat(2) tells of an inode, and its creation time.

    Example::

        reader.stat(inode).size
    """

    type: FileType = FileType.regular
    attributes: Attributes
    size: int = 0
    """Bytes; of a symlink: of its target."""
    links: int = 0
    """As stored: 1 for a folder with more than 65,000 subfolders."""
    allocated: int
    """On the disk, with what the file's own metadata takes."""
    device: DeviceNumber
    """Of devices only."""
    created: Timestamp | None


@dataclass(kw_only=True, slots=True, frozen=True)
class FileExtent:
    """A piece of a regular file; pieces follow one another without a gap, up to the file's
    size.

    Example::

        reader.extents(file)[0].length
    """

    kind: FileExtentKind = FileExtentKind.data
    offset: int = 0
    """Bytes, as all here; in the file."""
    length: int = 0
    physical: int = 0
    """On the device; of data and unwritten only."""
