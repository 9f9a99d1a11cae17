# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from vmkit.base.types import LogSink, Seconds, Size, StrPath
    from vmkit.oci.credentials import CredentialProvider
    from vmkit.oci.documents import Descriptor
    from vmkit.oci.reference import Reference


@dataclass(kw_only=True, slots=True, frozen=True)
class Credential:
    """What a registry or its token server is shown: user name and password, or an identity
    token. Never logged, never part of an error.

    Example::

        Credential(username="me", password="secret")
    """

    username: str = ""
    password: str = ""
    """Or an access token, where a registry takes those in its place."""
    identity_token: str = ""
    """An OAuth2 refresh token, which a token server takes in the place of a password. Where it
    is given it is the one that is used; registries that ask for basic credentials do not
    take it."""


@dataclass(kw_only=True, slots=True, frozen=True)
class CredentialQuery:
    """For what a credential is wanted.

    Example::

        CredentialQuery(registry="ghcr.io")
    """

    registry: str = ""
    """As Reference.registry() spells it: "docker.io", "localhost:5000"."""
    repository: str = ""
    """ "library/alpine"; empty: none in particular."""


@dataclass(kw_only=True, slots=True)
class CredentialHelperOptions:
    """How credential helpers are found and run. Nothing of it is taken from this process's own
    environment: the host application decides.

    Example::

        CredentialHelperOptions(path="/opt/bin")
    """

    path: str = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin"
    """Folders where docker-credential-NAME is looked for, in this order, separated by ":"."""
    environment: list[str] = field(default_factory=list)
    """The helpers' whole environment, "NAME=value". Most need HOME; those that speak to a
    desktop's key ring or to an agent need more. Empty: a PATH with the folders above, and
    nothing else."""
    time_limit: Seconds = 30.0
    """A helper that has not ended by then is killed, with all processes it started."""


@dataclass(kw_only=True, slots=True, frozen=True)
class TokenRealm:
    """Where a registry wants a token to be fetched, and what would be shown there.

    Example::

        realm.host == "auth.example"
    """

    registry: str = ""
    """Host, with its port if it was given: "localhost:5000"."""
    registry_plain_http: bool = False
    """It is spoken to without TLS."""
    url: str = ""
    scheme: str = ""
    """ "https" or "http"."""
    host: str = ""
    """In lower case, without the port."""
    port: str = ""
    """Always there."""
    with_credential: bool = False
    """The request would carry the registry's credential."""


@dataclass(kw_only=True, slots=True)
class RegistryHostOptions:
    """How one registry is reached.

    Example::

        RegistryHostOptions(plain_http=True)
    """

    plain_http: bool = False
    """Speak HTTP without TLS, passwords included."""
    accept_any_certificate: bool = False
    """Believe whoever answers in the registry's place. Other hosts, those of redirects and
    token realms, must prove who they are all the same."""
    ca_file: StrPath | None = None
    """Certificates (PEM) of the authorities to trust; empty: the system's."""
    proxy: str = ""
    """URL of a proxy; empty: none. The environment is never asked."""
    client_certificate: StrPath | None = None
    """PEM files that show the registry, and nobody else, who we are; empty: none. An empty
    key: it is in the file of the certificate."""
    client_key: StrPath | None = None
    mirrors: list[str] = field(default_factory=list)
    """Registries, by host and port, that are asked for this one's manifests and blobs first,
    in this order, under the same repository name; each is reached by its own options and
    shown its own credentials. What a mirror does not have or gives wrongly the next one is
    asked for, and at last the registry itself. Their own mirrors are not asked."""


@dataclass(kw_only=True, slots=True)
class RetryOptions:
    """What happens after a transport error, a stall, or one of the statuses 408, 429 and 5xx.

    Example::

        RegistryClient(retry=RetryOptions(attempts=2))
    """

    attempts: int = 5
    """In all, not counting those that brought a blob on by 1 MiB or more."""
    first_pause: Seconds = 0.25
    """Doubles with each attempt, up to the longest; of each pause a random half is left out."""
    longest_pause: Seconds = 10.0
    longest_retry_after: Seconds = 60.0
    """A registry that asks for more patience (Retry-After) than this is given up at once."""


@dataclass(kw_only=True, slots=True)
class RegistryClientOptions:
    """How registries are spoken to: the arguments of RegistryClient.

    Example::

        RegistryClientOptions(user_agent="mine/1")
    """

    defaults: RegistryHostOptions = field(default_factory=RegistryHostOptions)
    hosts: dict[str, RegistryHostOptions] = field(default_factory=dict)
    """Replaces the defaults for a registry, by its host and port as in a Reference."""
    credentials: CredentialProvider | None = None
    """Empty: anonymous."""
    token_realm_policy: Callable[[TokenRealm], bool] | None = None
    """Empty: default_token_realm_policy."""
    retry: RetryOptions = field(default_factory=RetryOptions)
    connect_timeout: Seconds = 15.0
    stall_timeout: Seconds = 30.0
    """A transfer that brings or takes less than 1 KiB in so long is stalled."""
    user_agent: str = "vmkit"
    log: LogSink | None = None


class BlobUpload(enum.Enum):
    """How a blob came to be in a repository.

    Example::

        client.push_blob(name, descriptor, open) is BlobUpload.existed
    """

    existed = "existed"
    mounted = "mounted"
    uploaded = "uploaded"


@dataclass(kw_only=True, slots=True, frozen=True)
class ManifestDocument:
    """A manifest or index as a registry gave it, verified.

    Example::

        client.fetch_manifest("debian:12").content
    """

    descriptor: Descriptor
    content: bytes


@dataclass(kw_only=True, slots=True)
class BlobUploadOptions:
    """How a blob is uploaded.

    Example::

        BlobUploadOptions(chunk_size="16MiB")
    """

    chunk_size: Size = 0
    """Send pieces of this size, each in a request of its own, for registries or proxies that
    take no longer requests; 0: all in one. A registry that wants larger pieces gets those."""
    mount_from: Reference | str | None = None
    """A repository of the same registry that may have the blob, to be mounted from there."""
