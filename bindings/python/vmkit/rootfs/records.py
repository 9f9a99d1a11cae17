# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vmkit.base.types import GiB
from vmkit.disk.image_file import ImageFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from vmkit.archive.records import Compression
    from vmkit.base.streams import BinaryInput
    from vmkit.base.types import Digest, Path, Size, datetime


@dataclass(kw_only=True, slots=True)
class UnpackLimits:
    """Bounds for images that are not trusted; more is resource_exhausted. What is written is
    bounded by the size of the disk.

    Example::

        UnpackOptions(limits=UnpackLimits(layer_content="4GiB"))
    """

    layer_content: Size | None = None
    """Of each uncompressed layer."""
    entries: int | None = 4_000_000
    """In all layers that are read, together. Each takes some 200 bytes of memory; the images
    that people use have some hundred thousand."""


@dataclass(kw_only=True, slots=True)
class UnpackOptions:
    """How a disk is made of layers.

    Example::

        UnpackOptions(size="4GiB", journal="64MiB")
    """

    size: Size = 64 * GiB
    """Of the disk. Only what is used takes room, so that it may be generous."""
    journal: Size | None = None
    """A clean ext4 journal of this size; none without."""
    limits: UnpackLimits = field(default_factory=UnpackLimits)


@dataclass(kw_only=True, slots=True, frozen=True)
class UnpackResult:
    """What unpacking did.

    Example::

        unpack(layers, "disk.ext4").content
    """

    chain_id: Digest
    reused_layers: int = 0
    """How many of the layers were on the disk it started from (Cache), and so were not read.
    What follows is about the others."""
    entries: int = 0
    """Tar members of all layers, whiteouts included."""
    compressed: int = 0
    """Read from the layers."""
    content: int = 0
    """Of the files written, holes not counted."""
    skipped_xattrs: int = 0
    """Extended attributes that ext4 has no place for (such as com.apple.…) and that were left
    out."""
    layers_time: float = 0.0
    """Reading, verifying and writing the layers."""
    commit_time: float = 0.0
    """Writing the metadata, after each layer."""
    publish_time: float = 0.0
    """Flushing to stable storage and renaming."""


@dataclass(kw_only=True, slots=True)
class Layer:
    """One layer of an image: a tar archive, perhaps compressed.

    Example::

        Layer(diff_id=digest, open=lambda: open("layer.tar", "rb"))
    """

    diff_id: Digest
    """Of the uncompressed archive, as the image's configuration lists it; verified."""
    open: Callable[[], BinaryInput]
    """Opens the (compressed) archive; called at most once for each unpack, on a thread of the
    library, while other layers are read. A Source whose reads may block long needs
    `abandon`."""
    abandon: Callable[[], object] | None = None
    """Called when no more of the archive is wanted, from another thread than reads it: a read
    that waits must then end, in whatever way."""
    compression: Compression | None = None
    """Without it the first bytes tell."""
    compressed_size: Size = 0
    """Of what `open` gives, for progress; zero if unknown."""
    name: str = ""
    """For messages and as progress subject, such as the blob's digest; the diffID if empty."""


@dataclass(kw_only=True, slots=True, frozen=True)
class CachedDisk:
    """A disk of a Cache, kept there while its lease is open.

    Example::

        cache.get_or_unpack(layers).path
    """

    path: Path
    unpacked: UnpackResult | None
    """How it was made, if this call made it."""
    lease: ImageFile
    """As long as a copy of it lives, prune() leaves the disk alone, in any process. Ends with
    the process however that ends. Keep it until the disk is cloned, or while a machine has
    it."""

    def __post_init__(self) -> None:
        # The extension gives its handle.
        if not isinstance(self.lease, ImageFile):
            object.__setattr__(self, "lease", ImageFile._of(self.lease))


@dataclass(kw_only=True, slots=True)
class CacheOptions:
    """How large a cache may become.

    Example::

        Cache("disks", CacheOptions(limit="20GiB"))
    """

    limit: Size | None = None
    """When a disk is added, the least recently used ones go that exceed it; see Cache.prune()."""


@dataclass(kw_only=True, slots=True, frozen=True)
class CacheEntry:
    """A disk of a Cache.

    Example::

        cache.list()[0].last_used
    """

    path: Path
    chain_id: Digest
    last_used: datetime


@dataclass(kw_only=True, slots=True)
class PruneOptions:
    """Which disks of a cache go.

    Example::

        cache.prune(PruneOptions(limit="10GiB", dry_run=True))
    """

    limit: Size | None = None
    """What the disks may take together, what they share counted once."""
    unwanted: Callable[[CacheEntry], bool] | None = None
    """Disks that go whatever the limit; without it, those only that no version of now would
    use."""
    dry_run: bool = False
    """Removes nothing, tells what would be."""


@dataclass(kw_only=True, slots=True, frozen=True)
class PruneReport:
    """What pruning removed.

    Example::

        cache.prune(options).freed
    """

    removed: list[CacheEntry]
    freed: int


@dataclass(kw_only=True, slots=True)
class DiffOptions:
    """How two disks are compared.

    Example::

        diff(lower, upper, file, DiffOptions(upper_is_clone=True))
    """

    upper_is_clone: bool = False
    """The upper disk is a clone of the lower one to which only kernels have written since: a
    file with the same inode number, times of modification and change, size and blocks is
    then taken as unchanged without being read. Without it the content of all files decides."""


@dataclass(kw_only=True, slots=True, frozen=True)
class DiffResult:
    """What a difference holds.

    Example::

        diff(lower, upper, file).written
    """

    written: int = 0
    """Entries for what is new or changed, and the folders they are in."""
    removed: int = 0
    """Whiteouts."""
    content: int = 0
    """Of the files written, holes not counted."""
    skipped_sockets: int = 0
    """A layer cannot hold them."""


@dataclass(kw_only=True, slots=True)
class ExportOptions:
    """What goes into an exported archive.

    Example::

        export_tar(disk, file, ExportOptions(all_times=False))
    """

    all_times: bool = True
    """Whether access and change times are written too. Archives for layers have mtimes only."""


@dataclass(kw_only=True, slots=True, frozen=True)
class ExportResult:
    """What an exported archive holds.

    Example::

        export_tar(disk, file).entries
    """

    entries: int = 0
    content: int = 0
    """Of the files, holes not counted."""
    skipped_sockets: int = 0
    """A tar cannot hold them."""
