# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vmkit import _vmkit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vmkit.base.types import Digest
    from vmkit.oci.reference import Reference


@dataclass(kw_only=True, slots=True, frozen=True)
class Platform:
    """What an image runs on, in the words of the OCI image specification (and of Go): "linux",
    "arm64", "v8". A value.

    Example::

        Platform(architecture="arm64")
    """

    os: str = "linux"
    architecture: str
    variant: str = ""
    """Empty: none, or the one that the architecture implies."""
    os_version: str = ""
    """Only kept; Linux images have none."""

    @staticmethod
    def parse(text: str) -> Platform:
        """Reads OS/ARCHITECTURE[/VARIANT]. Example: ``Platform.parse("linux/arm64")``."""
        return _vmkit.parse_platform(text)

    @staticmethod
    def host() -> Platform:
        """Linux on the processor architecture of this machine. Example: ``Platform.host()``."""
        return _vmkit.host_platform()

    def normalized(self) -> Platform:
        """One spelling for each platform: x86_64 is amd64, aarch64 is arm64, …"""
        return _vmkit.normalized_platform(self)

    def match_distance(self, offered: Platform) -> int | None:
        """How well a machine of this platform runs images for `offered`: None if not at all,
        otherwise the smaller the better."""
        return _vmkit.match_distance(self, offered)

    def best_match(self, offered: Sequence[Platform | None]) -> int | None:
        """The index of the best of `offered`, the first among equals; None if none fits."""
        return _vmkit.best_match(self, offered)

    def __str__(self) -> str:
        parts = [self.os, self.architecture, self.variant]
        return "/".join(part for part in parts if part)


class LayerCompression(enum.Enum):
    """How a layer's tar is packed.

    Example::

        layer_compression(media_type) is LayerCompression.gzip
    """

    none = "none"
    gzip = "gzip"
    zstd = "zstd"


@dataclass(kw_only=True, slots=True, frozen=True)
class Descriptor:
    """Points to a blob: what it is, how long, and its digest. Sizes are below 2^63.

    Example::

        image.manifest.layers[0].digest
    """

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = None
    """Normalised. In an index."""
    artifact_type: str = ""
    annotations: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True, slots=True, frozen=True)
class Index:
    """An image index (OCI) or manifest list (Docker): the manifests of one image for several
    platforms.

    Example::

        Index.parse(text, "index.json").manifests
    """

    media_type: str
    manifests: list[Descriptor]
    annotations: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def parse(json: str, what: str, media_type: str = "") -> Index:
        """Reads hostile JSON; `what` names the document in errors."""
        return _vmkit.parse_index(json, what, media_type)


@dataclass(kw_only=True, slots=True, frozen=True)
class Manifest:
    """An image manifest: one configuration and the layers, the lowest first.

    Example::

        image.manifest.config
    """

    media_type: str
    config: Descriptor
    layers: list[Descriptor]
    artifact_type: str = ""
    subject: Descriptor | None = None
    annotations: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def parse(json: str, what: str, media_type: str = "") -> Manifest:
        """Reads hostile JSON; `what` names the document in errors."""
        return _vmkit.parse_manifest(json, what, media_type)


@dataclass(kw_only=True, slots=True, frozen=True)
class HistoryEntry:
    """One step of how an image was made.

    Example::

        image.config.history[-1].created_by
    """

    created: str = ""
    """RFC 3339, as it stands in the image; may be empty, as all here."""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False
    """The step made no layer."""


@dataclass(kw_only=True, slots=True, frozen=True)
class Healthcheck:
    """How to find out whether a container works: Docker's extension of the configuration. A
    time of zero and no retries mean that the image leaves it to whoever runs it.

    Example::

        Healthcheck(test=["CMD", "true"], interval=5.0)
    """

    test: list[str]
    """{"NONE"}: no check, also where the base image has one. {"CMD", program, arguments…}.
    {"CMD-SHELL", line}: for the image's shell. Never empty."""
    interval: float = 0.0
    """Between the end of a check and the next."""
    timeout: float = 0.0
    """A check that takes longer has failed."""
    start_period: float = 0.0
    """At the beginning failures do not count."""
    start_interval: float = 0.0
    """The interval meanwhile."""
    retries: int = 0
    """So many failures in a row, and it is unhealthy."""


@dataclass(kw_only=True, slots=True, frozen=True)
class ImageConfig:
    """The configuration of an image: OCI's or Docker's, which differ in nothing that is read
    here. All strings are free of NUL characters; nothing else about their content is
    promised.

    Example::

        image.config.entrypoint
    """

    platform: Platform
    """Normalised; os and architecture are empty if the image does not say."""
    created: str = ""
    """RFC 3339 or empty."""
    author: str = ""
    user: str = ""
    """"", "user", "uid", "user:group", "uid:gid", …"""
    env: list[str] = field(default_factory=list)
    """ "NAME=value"."""
    entrypoint: list[str] = field(default_factory=list)
    cmd: list[str] = field(default_factory=list)
    working_dir: str = ""
    stop_signal: str = ""
    """ "SIGTERM", "15", or empty."""
    exposed_ports: list[str] = field(default_factory=list)
    """ "80", "53/udp". Sorted."""
    volumes: list[str] = field(default_factory=list)
    """Paths. Sorted."""
    labels: dict[str, str] = field(default_factory=dict)
    healthcheck: Healthcheck | None = None
    diff_ids: list[Digest] = field(default_factory=list)
    """Of the layers' uncompressed tars, the lowest first."""
    history: list[HistoryEntry] = field(default_factory=list)

    @staticmethod
    def parse(json: str, what: str) -> ImageConfig:
        """Reads hostile JSON; `what` names the document in errors."""
        return _vmkit.parse_image_config(json, what)


@dataclass(kw_only=True, slots=True, frozen=True)
class Image:
    """An image in a store: its documents, read and verified. A value; the blobs stay in the
    store.

    Example::

        store.resolve("debian:12").config.env
    """

    reference: Reference
    descriptor: Descriptor
    """Of the manifest; its digest identifies the image."""
    manifest: Manifest
    config: ImageConfig
    platform: Platform
    """The configuration's."""


@dataclass(kw_only=True, slots=True, frozen=True)
class Layer:
    """One layer: what is needed to unpack it. ImageStore.open_blob(descriptor) gives its
    bytes.

    Example::

        layers(image)[0].diff_id
    """

    descriptor: Descriptor
    diff_id: Digest
    """Of the uncompressed tar."""
    compression: LayerCompression


@dataclass(kw_only=True, slots=True)
class ReferenceDefaults:
    """What Reference.parse adds to a name that leaves something out. The defaults are Docker
    Hub's, which people mean by "alpine". A host application with other rules passes its
    own; an empty `registry` refuses names without a registry, an empty `tag` adds none. A
    `registry` must be one that reads as such: see Reference.

    Example::

        Reference("tools", defaults=ReferenceDefaults(registry="registry.example"))
    """

    registry: str = "docker.io"
    docker_hub_namespace: str = "library"
    """Put before a one-part repository, on the registry "docker.io" only: "library/alpine"."""
    tag: str = "latest"
