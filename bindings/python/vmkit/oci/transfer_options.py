# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vmkit.base.types import GiB
from vmkit.oci.documents import Platform

if TYPE_CHECKING:
    from collections.abc import Callable

    from vmkit.base.types import Size
    from vmkit.oci.arriving_layers import ArrivingLayers
    from vmkit.oci.documents import Descriptor, Image
    from vmkit.oci.reference import Reference


@dataclass(kw_only=True, slots=True)
class PullOptions:
    """How an image is pulled.

    Example::

        PullOptions(platform=Platform.parse("linux/arm64"))
    """

    platform: Platform = field(default_factory=Platform.host)
    """Which of an image's variants; also an image for one platform only must fit it."""
    parallel_downloads: int = 4
    """How many layers at once, 1 to 16."""
    verify_existing: bool = False
    """Hash blobs that are in the store already, and fetch anew what is not as it should be."""
    inspect: Callable[[Image], object] | None = None
    """The host's policy: called once, in the calling thread, when manifest and configuration
    are here and verified, and before any layer is fetched, read or given to `consume`; also
    when the image is in the store already. Whatever it throws ends the pull and comes back
    unchanged. The image it sees has no name yet; signatures and the like are found by
    RegistryClient.referrers()."""
    consume: Callable[[Image, ArrivingLayers], object] | None = None
    """Called once, in the calling thread, to read the layers while they arrive (to unpack
    them, say: container.pull_and_unpack); the pull ends when both have. Whatever it throws
    ends the pull and comes back unchanged; so it should throw what a Source threw."""


@dataclass(kw_only=True, slots=True)
class PushOptions:
    """How an image is pushed.

    Example::

        PushOptions(parallel_uploads=8)
    """

    parallel_uploads: int = 4
    """How many layers at once, 1 to 16."""
    chunk_size: Size = 0
    """See BlobUploadOptions: 0 sends each layer in one request."""
    mount_from: Reference | str | None = None
    """A repository of the target's registry that may have some of the layers already."""


@dataclass(kw_only=True, slots=True)
class CopyOptions:
    """How an image is copied between registries.

    Example::

        CopyOptions(platform=Platform.host())
    """

    platform: Platform | None = None
    """Of an index, only the image for this platform; None: all of it, byte for byte. What is
    no index is copied as it is."""
    parallel_layers: int = 4
    """How many layers at once, 1 to 16."""
    chunk_size: Size = 0
    """See BlobUploadOptions: 0 sends each layer in one request."""


class ArchiveFormat(enum.Enum):
    """What an exported archive is.

    Example::

        ExportOptions(format=ArchiveFormat.docker_archive)
    """

    oci_layout = "oci_layout"
    """A folder: an OCI image layout."""
    oci_archive = "oci_archive"
    """A tar of one."""
    docker_archive = "docker_archive"
    """A tar for `docker load`: manifest.json, configurations, plain layers."""


@dataclass(kw_only=True, slots=True, frozen=True)
class ArchivedImage:
    """One name that an archive has for one of its images.

    Example::

        ImportOptions(name_rule=lambda archived: "localhost/" + archived.name)
    """

    name: str
    """As the archive writes it: "docker.io/library/alpine:3.22", "alpine:3.22", in a layout
    often only a tag ("3.22"); empty if the image has no name. Hostile text."""
    manifest: Descriptor
    """The one for the wanted platform."""
    platform: Platform


@dataclass(kw_only=True, slots=True)
class ImportOptions:
    """Which images of an archive are imported, and as what.

    Example::

        ImportOptions(reference=Reference("localhost/mine:1"))
    """

    platform: Platform = field(default_factory=Platform.host)
    """Which of an image's variants; also an image for one platform only must fit it."""
    images: list[str] = field(default_factory=list)
    """Which images: names as in the archive or in any other spelling of the same reference, or
    digests (of what the layout's index names; of the configuration in a docker-archive).
    Each must be there. Empty: all images."""
    reference: Reference | str | None = None
    """The name in the store for the image, which must be the only one that is imported."""
    name_rule: Callable[[ArchivedImage], Reference | str | None] | None = None
    """The rule for the names in the store, asked once for each name of each image (once with
    an empty one for an image without); None leaves that name out. What it throws comes back
    to the caller. Without a rule: reference_of, and a name that it does not know is an
    error."""
    size_limit: Size = 256 * GiB
    """More content than this, decompressed, is an error (resource_exhausted)."""


@dataclass(kw_only=True, slots=True)
class ExportOptions:
    """What an archive is written as.

    Example::

        ExportOptions(format=ArchiveFormat.oci_layout)
    """

    format: ArchiveFormat = ArchiveFormat.oci_archive
    platform: Platform = field(default_factory=Platform.host)
    """Where a name leads to an index that another tool stored: the manifest that is taken."""
