# SPDX-License-Identifier: Apache-2.0
"""Images from registry to store, back, and from registry to registry; in and out of archives; and
new ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.base.stop import ProgressCallback, Stop, call_options
from vmkit.oci.documents import Descriptor, Image, Layer, LayerCompression
from vmkit.oci.transfer_options import (
    CopyOptions,
    ExportOptions,
    ImportOptions,
    PullOptions,
    PushOptions,
)

if TYPE_CHECKING:
    from vmkit.base.streams import BinaryInput, BinaryOutput, SinkWriter
    from vmkit.base.types import Seconds, StrPath, datetime
    from vmkit.oci.reference import Reference
    from vmkit.oci.registry import RegistryClient
    from vmkit.oci.store import ImageStore


def pull(
    client: RegistryClient,
    store: ImageStore,
    reference: Reference | str,
    options: PullOptions | None = None,
    *,
    timeout: Seconds | None = None,
    stop: Stop | None = None,
    progress: ProgressCallback | None = None,
) -> Image:
    """Brings an image from its registry into the store, under the name `reference`. Only what the
    platform needs and the store does not have is fetched; every byte is verified.

    Example::

        image = vmkit.pull(client, store, "debian:12",
                           progress=lambda p: print(p.subject, p.done, p.total))
    """
    return _vmkit.pull(
        client, store, reference, options or PullOptions(), call_options(timeout, stop, progress)
    )


def push(
    client: RegistryClient,
    store: ImageStore,
    image: Reference | str,
    target: Reference | str | None = None,
    options: PushOptions | None = None,
    *,
    timeout: Seconds | None = None,
    stop: Stop | None = None,
    progress: ProgressCallback | None = None,
) -> Descriptor:
    """Sends what has the name `image` in the store to a registry, under the name `target` (or the
    same), and returns the descriptor of what is there then.

    Example::

        vmkit.push(client, store, "localhost/mine", "registry.example/me/mine:1")
    """
    return _vmkit.push(
        client,
        store,
        image,
        image if target is None else target,
        options or PushOptions(),
        call_options(timeout, stop, progress),
    )


def copy(
    source_client: RegistryClient,
    source: Reference | str,
    target_client: RegistryClient,
    target: Reference | str,
    options: CopyOptions | None = None,
    *,
    timeout: Seconds | None = None,
    stop: Stop | None = None,
    progress: ProgressCallback | None = None,
) -> Descriptor:
    """Copies an image from registry to registry, without a store.

    Example::

        vmkit.oci.copy(client, "debian:12", client, "registry.example/debian:12")
    """
    return _vmkit.copy_image(
        source_client,
        source,
        target_client,
        target,
        options or CopyOptions(),
        call_options(timeout, stop, progress),
    )


def import_images(
    store: ImageStore,
    archive: StrPath | BinaryInput,
    options: ImportOptions | None = None,
    *,
    timeout: Seconds | None = None,
    stop: Stop | None = None,
    progress: ProgressCallback | None = None,
) -> list[Image]:
    """Brings images from an archive (an OCI layout, a tar of one, or what `docker save` writes; a
    path or a binary file) into the store and names them.

    Example::

        for image in vmkit.import_images(store, "images.tar"):
            print(image.reference)
    """
    options = options or ImportOptions()
    call = call_options(timeout, stop, progress)
    if hasattr(archive, "read"):
        return _vmkit.import_images_from(store, archive, options, call)
    return _vmkit.import_images(store, archive, options, call)


def export_images(
    store: ImageStore,
    references: Iterable[Reference | str],
    target: StrPath | BinaryOutput,
    options: ExportOptions | None = None,
    *,
    timeout: Seconds | None = None,
    stop: Stop | None = None,
    progress: ProgressCallback | None = None,
) -> None:
    """Writes images of the store, with their names, to a new file or folder, or to a binary file.

    Example::

        vmkit.export_images(store, ["debian:12"], "debian.tar")
    """
    options = options or ExportOptions()
    call = call_options(timeout, stop, progress)
    if hasattr(target, "write"):
        _vmkit.export_images_to(store, list(references), target, options, call)
    else:
        _vmkit.export_images(store, list(references), target, options, call)


def add_layer(
    store: ImageStore,
    base: Image,
    name: Reference | str,
    write: Callable[[SinkWriter], bool],
    *,
    compression: LayerCompression = LayerCompression.gzip,
    created: datetime | None = None,
    created_by: str = "",
    author: str = "",
    comment: str = "",
    timeout: Seconds | None = None,
    stop: Stop | None = None,
    progress: ProgressCallback | None = None,
) -> Image:
    """Makes a new image out of `base` and one more layer, and gives it the name `name`. `write` is
    called once with a file for the layer's tar; False: there is nothing in it.

    Example::

        def write(target):
            with tarfile.open(fileobj=target, mode="w|") as tar:
                tar.add("app", arcname="opt/app")
            return True

        image = vmkit.oci.add_layer(store, base, "localhost/app", write)
    """
    return _vmkit.add_layer(
        store,
        base,
        name,
        write,
        compression,
        created,
        created_by,
        author,
        comment,
        call_options(timeout, stop, progress),
    )


def layers(image: Image) -> list[Layer]:
    """The layers of an image, the lowest first. Example: ``[l.diff_id for l in layers(image)]``."""
    return _vmkit.layers(image)


def document_type(json: str, what: str) -> str:
    """The media type of a manifest or index. Example: ``document_type(text, "my file")``."""
    return _vmkit.document_type(json, what)


def layer_compression(media_type: str) -> LayerCompression | None:
    """What the media type of a layer says; None for a type that is not a tar layer."""
    return _vmkit.layer_compression(media_type)
