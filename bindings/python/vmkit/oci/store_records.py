# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vmkit.base.types import Digest, Path, Seconds
    from vmkit.oci.documents import Descriptor


@dataclass(kw_only=True, slots=True, frozen=True)
class ImageRecord:
    """One name in a store.

    Example::

        store.list()[0].name
    """

    name: str
    """A full reference, or whatever another tool wrote; may be empty."""
    manifest: Descriptor
    """Or, from another tool, an index."""
    source: Digest | None = None
    """What the name led to in the registry: the digest of the index that the manifest was
    chosen from, or the manifest's own. Missing for what another tool wrote."""


@dataclass(kw_only=True, slots=True, frozen=True)
class GarbageReportBlob:
    """A blob that nothing needs.

    Example::

        store.collect_garbage().blobs[0].digest
    """

    digest: Digest
    size: int


class BadBlobProblem(enum.Enum):
    """What is wrong with a blob.

    Example::

        store.verify().bad[0].problem is BadBlobProblem.missing
    """

    missing = "missing"
    """An image needs it, and it is not there."""
    damaged = "damaged"
    """Its content does not have its digest, or it is no regular file."""
    contested = "contested"
    """It is whole, but a document gives it another size: the document is wrong."""


@dataclass(kw_only=True, slots=True)
class GarbageOptions:
    """What counts as garbage.

    Example::

        store.collect_garbage(GarbageOptions(dry_run=True))
    """

    dry_run: bool = False
    """Only tell."""
    minimum_age: Seconds = 0.0
    """Spare blobs that were written so shortly ago: for stores into which tools write that
    know no leases (skopeo, umoci)."""
    partial_age: Seconds = 86400.0
    """Partial downloads that nobody has touched for so long go; younger ones may be resumed."""


@dataclass(kw_only=True, slots=True, frozen=True)
class GarbageReport:
    """What was garbage.

    Example::

        store.collect_garbage().freed
    """

    blobs: list[GarbageReportBlob]
    """Removed, or with dry_run to be removed; by digest."""
    partials: list[str]
    """The same of partial downloads, by file name."""
    freed: int
    """The size of all of them."""


@dataclass(kw_only=True, slots=True, frozen=True)
class ImageUsage:
    """What one image takes of a store.

    Example::

        store.usage().images[0].exclusive
    """

    image: ImageRecord
    exclusive: int
    """What removing this name alone would let collect_garbage() free."""
    shared: int
    """Blobs that other names need as well."""


@dataclass(kw_only=True, slots=True, frozen=True)
class StoreUsage:
    """What a store takes.

    Example::

        store.usage().unreferenced
    """

    blobs: int
    """All of them."""
    unreferenced: int
    """Of these, what no name needs; running pulls may."""
    partials: int
    """Partial downloads."""
    images: list[ImageUsage]


@dataclass(kw_only=True, slots=True, frozen=True)
class BadBlob:
    """A blob that is not as it should be.

    Example::

        store.verify().bad[0].images
    """

    digest: Digest
    problem: BadBlobProblem
    images: list[ImageRecord]
    """Those that need it and cannot be used without; of an index, for one of its platforms."""


@dataclass(kw_only=True, slots=True, frozen=True)
class OddEntry:
    """An entry of index.json that is not understood, and so is in no list.

    Example::

        store.verify().odd_entries[0].problem
    """

    position: int
    """In the array "manifests"."""
    name: str
    """May be empty."""
    problem: str


@dataclass(kw_only=True, slots=True, frozen=True)
class VerifyReport:
    """What is wrong with a store.

    Example::

        store.verify().clean
    """

    blobs: int = 0
    """How many were hashed."""
    bytes: int
    bad: list[BadBlob]
    """By digest."""
    odd_entries: list[OddEntry]

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.bad and not self.odd_entries


@dataclass(kw_only=True, slots=True)
class RepairOptions:
    """How far a repair may go.

    Example::

        store.repair(RepairOptions(remove_incomplete=True))
    """

    remove_incomplete: bool = False
    """Also remove the names of images that are not complete. Otherwise they stay, and the next
    pull of each fetches what is missing."""
    rebuild_index: bool = False
    """If index.json cannot be read, put it aside as "index.json.damaged-…" and write a new
    one. The names are lost: each image that the blobs still have becomes an entry without a
    name, so that collect_garbage() spares it and tag() can name it. Without this such a
    store is an error."""


@dataclass(kw_only=True, slots=True, frozen=True)
class RepairReport:
    """What a repair did.

    Example::

        store.repair().removed_blobs
    """

    found: VerifyReport
    removed_blobs: list[Digest]
    """Those that were damaged."""
    removed_images: list[ImageRecord]
    """Their names; with remove_incomplete."""
    damaged_index: Path
    """Where it is now, if one was put aside."""
