# SPDX-License-Identifier: Apache-2.0
"""Images to containers and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.base.stop import ProgressCallback, Stop, call_options
from vmkit.container.defaults import DEFAULT_DISK_SIZE
from vmkit.container.options import ImageOverrides
from vmkit.container.records import CommitOptions, CommittedImage, ContainerRecord, UnpackedImage
from vmkit.oci.transfer_options import PullOptions
from vmkit.rootfs.cache import Cache
from vmkit.rootfs.records import CacheOptions

if TYPE_CHECKING:
    from vmkit.base.types import Seconds, Size, StrPath
    from vmkit.container.options import PortMapping
    from vmkit.oci.documents import Image, ImageConfig
    from vmkit.oci.reference import Reference
    from vmkit.oci.registry import RegistryClient
    from vmkit.oci.store import ImageStore
    from vmkit.rootfs.records import CacheEntry, Layer


def pull_and_unpack(
    client: RegistryClient,
    store: ImageStore,
    reference: Reference | str,
    options: PullOptions | None = None,
    disk_size: Size = DEFAULT_DISK_SIZE,
    *,
    keep: bool = False,
    timeout: Seconds | None = None,
    stop: Stop | None = None,
    progress: ProgressCallback | None = None,
) -> UnpackedImage:
    """Pulls an image and unpacks its layers while they come: a Container then finds the disk.

    Example::

        image = vmkit.pull_and_unpack(client, store, "debian:12").image
    """
    return _vmkit.pull_and_unpack(
        client,
        store,
        reference,
        options or PullOptions(),
        disk_size,
        keep,
        call_options(timeout, stop, progress),
    )


def commit(
    store: ImageStore,
    base: Image,
    disk: StrPath,
    name: Reference | str,
    options: CommitOptions | None = None,
    *,
    timeout: Seconds | None = None,
    stop: Stop | None = None,
    progress: ProgressCallback | None = None,
) -> CommittedImage:
    """Makes an image out of `base` and what is different on `disk`, the disk of a container of it
    whose machine does not run, and names it `name` in the store.

    Example::

        box.stop()
        vmkit.commit(store, box.image, box.disk, "localhost/mine:1")
    """
    call = call_options(timeout, stop, progress)
    return _vmkit.commit(store, base, disk, name, options or CommitOptions(), call)


def image_layers(image: Image, store: ImageStore) -> list[Layer]:
    """The layers of an image in a store, as rootfs.unpack and rootfs.Cache take them.

    Example::

        rootfs.unpack(image_layers(image, store), "disk.ext4")
    """
    return _vmkit.image_layers(image, store)


def disk_cache(store: ImageStore, options: CacheOptions | None = None) -> Cache:
    """The disks that containers make of the images in a store.

    Example::

        disk_cache(store).prune(PruneOptions(unwanted=of_no_image(store)))
    """
    return Cache._of(_vmkit.disk_cache(store, options or CacheOptions()))


def of_no_image(store: ImageStore) -> Callable[[CacheEntry], bool]:
    """True for the disks that are of no image of the store: for PruneOptions.unwanted."""
    return lambda entry: _vmkit.of_no_image(store, entry)


def overridden(config: ImageConfig, overrides: ImageOverrides) -> ImageConfig:
    """`config` with `overrides` in it.

    Example::

        overridden(image.config, ImageOverrides(user="nobody"))
    """
    return _vmkit.overridden(config, overrides)


def command_of(config: ImageConfig, arguments: Sequence[str] = ()) -> list[str]:
    """The command of a process of the image: Entrypoint, then `arguments` or Cmd.

    Example::

        command_of(image.config, ["--help"])
    """
    return _vmkit.command_of(config, list(arguments))


def parse_port_mapping(text: str) -> PortMapping:
    """ "80", "8080:80", "0.0.0.0:8080:80/tcp" as `docker run -p` has them, on 127.0.0.1 if no
    address is given. Example: ``parse_port_mapping("8080:80").guest.port``."""
    return _vmkit.parse_port_mapping(text)


def list_containers(parent: StrPath) -> list[ContainerRecord]:
    """The containers whose folders are directly below `parent`, by name.

    Example::

        for record in vmkit.list_containers(store.root / "containers"): print(record.state)
    """
    return _vmkit.list_containers(parent)
