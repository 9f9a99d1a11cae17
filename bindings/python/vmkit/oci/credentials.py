# SPDX-License-Identifier: Apache-2.0
"""Where a registry client gets credentials from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from vmkit import _vmkit
from vmkit.oci.registry_options import CredentialHelperOptions

if TYPE_CHECKING:
    from vmkit.base.types import StrPath
    from vmkit.oci.registry_options import Credential, CredentialQuery


class CredentialProvider(Protocol):
    """Anything with this method. Called from any thread; what it raises ends the call that needed
    the credential, and comes back from there.

    Example::

        class Vault:
            def find(self, query):
                return Credential(username="me", password=read_secret(query.registry))
    """

    def find(self, query: CredentialQuery, /) -> Credential | None:
        """None: there is none; with no other, the registry is spoken to anonymously."""


class _NativeProvider:
    __slots__ = ("_handle",)

    _handle: _vmkit.CredentialProvider

    def find(self, query: CredentialQuery, /) -> Credential | None:
        return self._handle.find(query, None)


class GivenCredentials(_NativeProvider):
    """Credentials given by the caller, by registry.

    Example::

        GivenCredentials({"ghcr.io": Credential(username="me", password="secret")})
    """

    def __init__(self, by_registry: Mapping[str, Credential]) -> None:
        self._handle = _vmkit.given_credentials(dict(by_registry))


class ChainedCredentials(_NativeProvider):
    """Asks several providers in their order. Example: ``ChainedCredentials([mine, docker])``."""

    def __init__(self, providers: Sequence[CredentialProvider]) -> None:
        self._handle = _vmkit.chained_credentials(list(providers))


class DockerConfigCredentials(_NativeProvider):
    """The credentials in a Docker config.json, its helpers included.

    Example::

        DockerConfigCredentials(Path.home() / ".docker" / "config.json")
    """

    def __init__(self, file: StrPath, helpers: CredentialHelperOptions | None = None) -> None:
        self._handle = _vmkit.docker_config_credentials(file, helpers or CredentialHelperOptions())


class NetrcCredentials(_NativeProvider):
    """The credentials in a netrc file. Example: ``NetrcCredentials(Path.home() / ".netrc")``."""

    def __init__(self, file: StrPath) -> None:
        self._handle = _vmkit.netrc_credentials(file)


class KeychainCredentials(_NativeProvider):
    """The internet passwords in the macOS Keychain.

    Example::

        if KeychainCredentials.available(): provider = KeychainCredentials()
    """

    def __init__(self) -> None:
        self._handle = _vmkit.keychain_credentials()

    @staticmethod
    def available() -> bool:
        """Whether this build has a Keychain to ask."""
        return _vmkit.keychain_available()
