# SPDX-License-Identifier: Apache-2.0
"""The names of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.oci.documents import ReferenceDefaults

if TYPE_CHECKING:
    from vmkit.base.types import Digest


class Reference:
    """The name of an image: REGISTRY/REPOSITORY[:TAG][@DIGEST], well-formed and complete. What is
    left out is Docker Hub's, or what `defaults` say. Wherever a Reference is wanted, text will do.

    Example::

        reference = vmkit.Reference("debian")
        str(reference) == "docker.io/library/debian:latest"
    """

    __slots__ = ("_parts",)

    _parts: tuple[str, str, str | None, Digest | None]

    def __init__(self, text: str, *, defaults: ReferenceDefaults | None = None) -> None:
        """Raises InvalidArgumentError, saying which part is wrong and why."""
        if not isinstance(text, str):
            raise TypeError(f"expected str, found {type(text).__name__}")
        made = _vmkit.parse_reference(text, defaults or ReferenceDefaults())
        object.__setattr__(self, "_parts", made._parts)

    @classmethod
    def _of(
        cls, registry: str, repository: str, tag: str | None, digest: Digest | None
    ) -> Reference:
        self = cls.__new__(cls)
        object.__setattr__(self, "_parts", (registry, repository, tag, digest))
        return self

    @classmethod
    def try_parse(cls, text: str, *, defaults: ReferenceDefaults | None = None) -> Reference | None:
        """The reference, or None where the constructor would raise InvalidArgumentError."""
        try:
            return cls(text, defaults=defaults)
        except ValueError:
            return None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Reference does not change: {name}")

    @property
    def registry(self) -> str:
        """ "docker.io", "ghcr.io", "[::1]:5000"."""
        return self._parts[0]

    @property
    def repository(self) -> str:
        """ "library/alpine"."""
        return self._parts[1]

    @property
    def tag(self) -> str | None:
        """ "latest", or None."""
        return self._parts[2]

    @property
    def digest(self) -> Digest | None:
        """The digest it was given with, or None."""
        return self._parts[3]

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    @property
    def manifest_name(self) -> str:
        """What a manifest is asked by: the digest if there is one, else the tag."""
        return self.digest or self.tag or ""

    @property
    def registry_host(self) -> str:
        """Where the registry is spoken to: `registry`, but for Docker Hub."""
        return _vmkit.registry_host(self)

    @property
    def familiar(self) -> str:
        """The short form that people type."""
        return _vmkit.familiar(self)

    def with_tag(self, tag: str) -> Reference:
        """The same with another tag. Example: ``reference.with_tag("12")``."""
        return _vmkit.with_tag(self, tag)

    def with_digest(self, digest: Digest | str) -> Reference:
        """The same with a digest. Example: ``reference.with_digest(image.descriptor.digest)``."""
        return _vmkit.with_digest(self, digest)

    def __str__(self) -> str:
        text = self.name
        if self.tag is not None:
            text += f":{self.tag}"
        if self.digest is not None:
            text += f"@{self.digest}"
        return text

    def __repr__(self) -> str:
        return f"Reference({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(self._parts)

    def __lt__(self, other: Reference) -> bool:
        return str(self) < str(other)

    def __copy__(self) -> Reference:
        return self

    def __deepcopy__(self, memo: object) -> Reference:
        return self

    def __reduce__(self) -> tuple[object, tuple[str, str, str | None, Digest | None]]:
        return (Reference._of, self._parts)


def reference_of(archived_name: str) -> Reference | None:
    """The reference that a name in an archive clearly is, short names read as Docker's; None for
    one word that may be only a tag, and for what is no reference at all.

    Example::

        reference_of("alpine:3.22")
    """
    return _vmkit.reference_of(archived_name)
