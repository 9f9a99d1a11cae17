# SPDX-License-Identifier: Apache-2.0
"""Images on disk."""

from __future__ import annotations

import io
from types import TracebackType
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.base.stop import ProgressCallback, Stop, call_options
from vmkit.base.streams import reader
from vmkit.base.types import Digest, MiB, Path, Seconds, Size, StrPath
from vmkit.oci.documents import Descriptor, Image, Platform
from vmkit.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vmkit.oci.store_records import (
        GarbageOptions,
        GarbageReport,
        ImageRecord,
        RepairOptions,
        RepairReport,
        StoreUsage,
        VerifyReport,
    )

LONGEST_DOCUMENT = 4 * MiB
"""The longest manifest, index or configuration that is read."""


class ImageStore:
    """Images on disk, as an OCI image layout that other tools can read at any time. Every change is
    atomic; any number of objects, threads and processes may use one folder.

    Example::

        store = vmkit.ImageStore("images")
        for record in store:
            print(record.name, record.manifest.digest)
    """

    __slots__ = ("_handle",)

    def __init__(
        self, root: StrPath, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> None:
        """Opens the store in `root`, made if there is none, and clears away what killed processes
        left."""
        self._handle = _vmkit.open_store(root, call_options(timeout, stop))

    def __repr__(self) -> str:
        return f"ImageStore({str(self.root)!r})"

    @property
    def root(self) -> Path:
        """The folder."""
        return self._handle.root()

    def list(self) -> list[ImageRecord]:
        """All names, in the order of the index. Example: ``[r.name for r in store.list()]``."""
        return self._handle.list()

    def __iter__(self) -> Iterator[ImageRecord]:
        return iter(self.list())

    def __contains__(self, name: Reference | str) -> bool:
        return self.find(name) is not None

    def find(self, name: Reference | str) -> ImageRecord | None:
        """The record of a reference or, of text, what a person means by it: a name, or at least
        four of a digest's hex digits. None if there is none.

        Example::

            store.find("debian:12")
        """
        if isinstance(name, str):
            return self._handle.find_text(name)
        return self._handle.find(name)

    def resolve(self, name: Reference | str, platform: Platform | None = None) -> Image | None:
        """The image of a name, as `find` takes it; of an index, for `platform` (the host's).

        Example::

            image = store.resolve("debian:12")
        """
        platform = platform or Platform.host()
        if isinstance(name, str):
            return self._handle.resolve_text(name, platform)
        return self._handle.resolve(name, platform)

    def load(self, reference: Reference | str, manifest: Descriptor) -> Image:
        """Reads the documents of an image that has no name (yet)."""
        return self._handle.load(reference, manifest)

    def tag(
        self,
        reference: Reference | str,
        manifest: Descriptor,
        *,
        source: Digest | None = None,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> Image:
        """Makes the name lead to `manifest`, durably, whatever it led to before.

        Example::

            store.tag("localhost/mine:1", image.descriptor)
        """
        return self._handle.tag(reference, manifest, source, call_options(timeout, stop))

    def rename(
        self,
        old: Reference | str,
        new: Reference | str,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Gives what is named `old` the name `new` instead."""
        self._handle.rename(old, new, call_options(timeout, stop))

    def remove(
        self,
        name: Reference | str | ImageRecord,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> bool:
        """Removes the name; False if there is none. Its blobs stay until `collect_garbage`.

        Example::

            store.remove("debian:12") and store.collect_garbage()
        """
        call = call_options(timeout, stop)
        if isinstance(name, (str, Reference)):
            return self._handle.remove(name, call)
        return self._handle.remove_record(name, call)

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Whether a blob of this digest and size is there. Reads nothing."""
        return self._handle.has_blob(descriptor)

    def open_blob(self, descriptor: Descriptor) -> io.BufferedReader:
        """The bytes of a blob; the read of its end raises DataCorruptionError if size or digest
        were not the descriptor's.

        Example::

            with store.open_blob(image.manifest.layers[0]) as blob:
                magic = blob.read(4)
        """
        return reader(self._handle.open_blob(descriptor))

    def read_blob(self, descriptor: Descriptor, limit: Size = LONGEST_DOCUMENT) -> bytes:
        """A whole blob of at most `limit`, verified."""
        return self._handle.read_blob(descriptor, limit)

    def verify_blob(
        self, descriptor: Descriptor, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> bool:
        """Hashes a blob anew; False if it is missing or not what it should be."""
        return self._handle.verify_blob(descriptor, call_options(timeout, stop))

    def put_blob(
        self,
        media_type: str,
        content: bytes,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> Descriptor:
        """Adds a blob from memory, durably. Until an image that needs it is tagged only a Lease
        keeps it."""
        return self._handle.put_blob(media_type, content, call_options(timeout, stop))

    def blob_path(self, digest: Digest | str) -> Path:
        """Where the blob of this digest is or would be. Never write there."""
        return self._handle.blob_path(digest)

    def collect_garbage(
        self,
        options: GarbageOptions | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> GarbageReport:
        """Removes blobs that nothing needs, and old partial downloads.

        Example::

            print(store.collect_garbage(GarbageOptions(dry_run=True)).freed)
        """
        from vmkit.oci.store_records import GarbageOptions

        return _vmkit.collect_garbage(
            self, options or GarbageOptions(), call_options(timeout, stop, progress)
        )

    def usage(self, *, timeout: Seconds | None = None, stop: Stop | None = None) -> StoreUsage:
        """What the store takes, and each image of it. Example: ``store.usage().blobs``."""
        return _vmkit.store_usage(self, call_options(timeout, stop))

    def verify(
        self,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> VerifyReport:
        """Hashes every blob anew and follows every name. Example: ``store.verify().clean``."""
        return _vmkit.verify_store(self, call_options(timeout, stop, progress))

    def repair(
        self,
        options: RepairOptions | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> RepairReport:
        """Verifies, and removes damaged blobs, so that a pull fetches them again."""
        from vmkit.oci.store_records import RepairOptions

        return _vmkit.repair_store(
            self, options or RepairOptions(), call_options(timeout, stop, progress)
        )


class Lease:
    """Keeps blobs in a store from `collect_garbage` while they have no name yet, or might lose it.

    Example::

        with vmkit.oci.Lease(store) as lease:
            lease.add(digests)
            store.put_blob(media_type, content)
            store.tag("localhost/mine", manifest)
    """

    __slots__ = ("_handle",)

    def __init__(
        self,
        store: ImageStore,
        image: Image | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Empty, or of an image's manifest, configuration and layers, all of which are there."""
        call = call_options(timeout, stop)
        if image is None:
            self._handle = _vmkit.begin_lease(store, call)
        else:
            self._handle = _vmkit.lease_of(store, image, call)

    def add(
        self,
        blobs: Iterable[Digest | str] | Image,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> None:
        """When it returns, what is there of these blobs stays, and so does what comes later."""
        call = call_options(timeout, stop)
        if isinstance(blobs, Image):
            self._handle.add_image(blobs, call)
        else:
            self._handle.add_digests(list(blobs), call)

    def close(self) -> None:
        """Ends the lease."""
        self._handle.close()

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
