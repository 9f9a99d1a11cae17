# SPDX-License-Identifier: Apache-2.0
"""Registries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.base.stop import ProgressCallback, Stop, call_options
from vmkit.oci.registry_options import (
    BlobUpload,
    BlobUploadOptions,
    ManifestDocument,
    RegistryClientOptions,
    RegistryHostOptions,
    RetryOptions,
    TokenRealm,
)

if TYPE_CHECKING:
    from vmkit.base.streams import BinaryInput, BinaryOutput
    from vmkit.base.types import Digest, LogSink, Seconds
    from vmkit.oci.credentials import CredentialProvider
    from vmkit.oci.documents import Descriptor
    from vmkit.oci.reference import Reference


class RegistryClient:
    """Speaks the OCI distribution specification to any number of registries. Thread-safe: calls of
    several threads share connections and tokens.

    Example::

        local = RegistryHostOptions(plain_http=True)
        with vmkit.RegistryClient(hosts={"127.0.0.1:5000": local}) as client:
            print(client.list_tags("127.0.0.1:5000/debian"))
    """

    __slots__ = ("_handle",)

    def __init__(
        self,
        *,
        defaults: RegistryHostOptions | None = None,
        hosts: Mapping[str, RegistryHostOptions] | None = None,
        credentials: CredentialProvider | None = None,
        token_realm_policy: Callable[[TokenRealm], bool] | None = None,
        retry: RetryOptions | None = None,
        connect_timeout: Seconds = 15.0,
        stall_timeout: Seconds = 30.0,
        user_agent: str = "vmkit",
        log: LogSink | None = None,
    ) -> None:
        """See RegistryClientOptions. Without credentials everything is asked anonymously."""
        self._handle = _vmkit.make_registry_client(
            RegistryClientOptions(
                defaults=defaults or RegistryHostOptions(),
                hosts=dict(hosts or {}),
                credentials=credentials,
                token_realm_policy=token_realm_policy,
                retry=retry or RetryOptions(),
                connect_timeout=connect_timeout,
                stall_timeout=stall_timeout,
                user_agent=user_agent,
                log=log,
            )
        )

    def close(self) -> None:
        """Closes its connections when calls of other threads are over."""
        self._handle.close()

    def __enter__(self) -> RegistryClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # Reading

    def manifest_digest(
        self,
        reference: Reference | str,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> Digest | None:
        """Asks only which digest the registry has for `reference`, in one request; None if it does
        not tell or has no such manifest."""
        return self._handle.manifest_digest(reference, call_options(timeout, stop))

    def fetch_manifest(
        self,
        reference: Reference | str,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> ManifestDocument:
        """The manifest or index of `reference`, verified."""
        return self._handle.fetch_manifest(reference, call_options(timeout, stop))

    def fetch_blob(
        self,
        repository: Reference | str,
        descriptor: Descriptor,
        target: BinaryOutput,
        *,
        offset: int | None = None,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> None:
        """Writes the blob to a binary file, each byte once and in order; until this returns nothing
        is sure about the bytes. With an `offset`, from there on, and nothing is verified.

        Example::

            with open("layer.tar.gz", "wb") as file:
                client.fetch_blob("ghcr.io/me/app", layer, file)
        """
        call = call_options(timeout, stop, progress)
        if offset is None:
            self._handle.fetch_blob(repository, descriptor, target, call)
        else:
            self._handle.fetch_rest_of_blob(repository, descriptor, offset, target, call)

    def has_blob(
        self,
        repository: Reference | str,
        descriptor: Descriptor,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> bool:
        """Whether the repository has the blob."""
        return self._handle.has_blob(repository, descriptor, call_options(timeout, stop))

    def has_manifest(
        self,
        reference: Reference | str,
        digest: Digest | str,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> bool:
        """Whether `reference`, its tag if it has one, leads to the manifest `digest`."""
        return self._handle.has_manifest(reference, digest, call_options(timeout, stop))

    def list_tags(
        self,
        repository: Reference | str,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> list[str]:
        """All tags of a repository, in the registry's order."""
        return self._handle.list_tags(repository, call_options(timeout, stop))

    def catalog(
        self, registry: str, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> list[str]:
        """All repositories that a registry wants to show; few public ones do."""
        return self._handle.catalog(registry, call_options(timeout, stop))

    def referrers(
        self,
        subject: Reference | str,
        artifact_type: str = "",
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> list[Descriptor]:
        """What refers to the manifest with the digest of `subject`: signatures and the like."""
        return self._handle.referrers(subject, artifact_type, call_options(timeout, stop))

    # Writing

    def push_blob(
        self,
        repository: Reference | str,
        descriptor: Descriptor,
        open: Callable[[int], BinaryInput],
        options: BlobUploadOptions | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> BlobUpload:
        """Brings a blob into the repository, unless it is there. `open` gives its content from a
        byte on, more than once if the way breaks.

        Example::

            client.push_blob(name, descriptor, lambda offset: io.BytesIO(content[offset:]))
        """
        return self._handle.push_blob(
            repository,
            descriptor,
            open,
            options or BlobUploadOptions(),
            call_options(timeout, stop, progress),
        )

    def push_manifest(
        self,
        reference: Reference | str,
        media_type: str,
        content: bytes,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> Descriptor:
        """Stores a manifest or index, whose blobs and manifests are there already."""
        return self._handle.push_manifest(
            reference, media_type, content, call_options(timeout, stop)
        )

    def delete_manifest(
        self,
        reference: Reference | str,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Deletes the manifest with the digest of `reference`, and so all its tags."""
        self._handle.delete_manifest(reference, call_options(timeout, stop))

    def delete_tag(
        self,
        reference: Reference | str,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Deletes the tag of `reference` alone. Few registries can do that."""
        self._handle.delete_tag(reference, call_options(timeout, stop))

    def delete_blob(
        self,
        repository: Reference | str,
        digest: Digest | str,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Deletes a blob from a repository."""
        self._handle.delete_blob(repository, digest, call_options(timeout, stop))


def default_token_realm_policy(realm: TokenRealm) -> bool:
    """The policy of a client that was given none: for one of your own to ask first.

    Example::

        policy = lambda realm: default_token_realm_policy(realm) or realm.host == "auth.example"
    """
    return _vmkit.default_token_realm_policy(realm)
