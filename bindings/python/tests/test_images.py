# SPDX-License-Identifier: Apache-2.0
"""Stores, registries and archives."""

from __future__ import annotations

import io
import tarfile
import threading
from pathlib import Path

import pytest
import support
from conftest import Demo

import vmkit
from vmkit.oci import (
    BlobUpload,
    BlobUploadOptions,
    Credential,
    CredentialQuery,
    ExportOptions,
    GarbageOptions,
    GivenCredentials,
    ImportOptions,
    Lease,
    PullOptions,
    add_layer,
    copy,
    layers,
)


class Stop(Exception):
    """What callbacks raise."""


def test_pull_tells_progress(demo: Demo, tmp_path: Path) -> None:
    store = vmkit.ImageStore(tmp_path / "store")
    seen: dict[str, vmkit.Progress] = {}
    image = vmkit.pull(
        demo.client,
        store,
        demo.reference,
        progress=lambda report: seen.__setitem__(report.subject, report),
    )
    assert set(seen) == {str(layer.digest) for layer in image.manifest.layers}
    assert all(report.done == report.total > 0 for report in seen.values())
    assert {report.phase for report in seen.values()} == {"pull"}
    assert image == demo.image
    assert store.resolve(demo.reference) == image
    assert demo.reference in store and "other:1" not in store
    assert [record.manifest.digest for record in store] == [image.descriptor.digest]


def test_a_callback_raises(demo: Demo, tmp_path: Path) -> None:
    store = vmkit.ImageStore(tmp_path / "store")
    raised = Stop("enough")

    def progress(report: vmkit.Progress) -> None:
        raise raised

    with pytest.raises(Stop) as caught:
        vmkit.pull(demo.client, store, demo.reference, progress=progress)
    assert caught.value is raised
    assert store.list() == []

    def inspect(image: vmkit.Image) -> None:
        assert image.platform == vmkit.Platform.host()
        raise raised

    with pytest.raises(Stop) as caught:
        vmkit.pull(demo.client, store, demo.reference, PullOptions(inspect=inspect))
    assert caught.value is raised


def test_layers_while_they_arrive(demo: Demo, tmp_path: Path) -> None:
    store = vmkit.ImageStore(tmp_path / "store")
    sizes: list[int] = []
    kept: list[vmkit.oci.ArrivingLayers] = []

    def consume(image: vmkit.Image, arriving: vmkit.oci.ArrivingLayers) -> None:
        kept.append(arriving)
        for layer in image.manifest.layers:
            with arriving.open(layer) as file:
                sizes.append(len(file.read()))

    image = vmkit.pull(demo.client, store, demo.reference, PullOptions(consume=consume))
    assert sizes == [layer.size for layer in image.manifest.layers]
    with pytest.raises(vmkit.FailedPreconditionError, match="closed"):
        kept[0].open(image.manifest.layers[0])


def test_stop_and_timeout(demo: Demo, tmp_path: Path) -> None:
    store = vmkit.ImageStore(tmp_path / "store")
    source = vmkit.StopSource()
    source.request_stop()
    assert source.stop_requested and source.token().wait(10)
    with pytest.raises(vmkit.CancelledError):
        vmkit.pull(demo.client, store, demo.reference, stop=source)
    with pytest.raises(TimeoutError):
        vmkit.pull(demo.client, store, demo.reference, timeout=0)
    with pytest.raises(TypeError, match="timeout: expected seconds"):
        vmkit.pull(demo.client, store, demo.reference, timeout="1")  # type: ignore[arg-type]


def test_stop_callback() -> None:
    source = vmkit.StopSource()
    called = threading.Event()
    with source.token().on_stop(called.set):
        assert not called.is_set()
        source.request_stop()
        assert called.is_set()


def test_registry(demo: Demo, tmp_path: Path) -> None:
    client = demo.client
    assert client.list_tags(demo.reference) == ["demo"]
    assert "debian" in client.catalog(demo.address)
    document = client.fetch_manifest(demo.reference)
    assert document.descriptor.digest == client.manifest_digest(demo.reference)
    assert (
        vmkit.oci.document_type(document.content.decode(), "it") == document.descriptor.media_type
    )
    layer = demo.image.manifest.layers[-1]
    assert client.has_blob(demo.reference, layer)
    target = io.BytesIO()
    client.fetch_blob(demo.reference, layer, target)
    assert vmkit.base.digest_of(target.getvalue()) == layer.digest
    rest = io.BytesIO()
    client.fetch_blob(demo.reference, layer, rest, offset=10)
    assert rest.getvalue() == target.getvalue()[10:]
    with pytest.raises(vmkit.NotFoundError):
        client.fetch_manifest(f"{demo.address}/debian:none")
    with pytest.raises(Stop):
        client.fetch_blob(demo.reference, layer, Failing())


class Failing:
    def write(self, data: bytes) -> int:
        raise Stop


def test_push_blob_and_manifest(demo: Demo) -> None:
    content = b"{}"
    descriptor = vmkit.oci.Descriptor(
        media_type="application/vnd.oci.empty.v1+json",
        digest=vmkit.base.digest_of(content),
        size=len(content),
    )
    name = f"{demo.address}/other:1"
    opened: list[int] = []

    def opener(offset: int) -> io.BytesIO:
        opened.append(offset)
        return io.BytesIO(content[offset:])

    for expected in (BlobUpload.uploaded, BlobUpload.existed):
        assert demo.client.push_blob(name, descriptor, opener, BlobUploadOptions()) is expected
    assert opened == [0]
    copied = copy(demo.client, demo.reference, demo.client, name)
    assert copied.digest == demo.image.descriptor.digest
    assert demo.client.has_manifest(name, copied.digest)
    demo.client.delete_manifest(f"{demo.address}/other@{copied.digest}")
    assert demo.client.manifest_digest(name) is None


def test_credentials_of_python(demo: Demo) -> None:
    asked: list[CredentialQuery] = []

    class Provider:
        def find(self, query: CredentialQuery) -> Credential | None:
            asked.append(query)
            return Credential(username="me", password="secret")

    chained = vmkit.oci.ChainedCredentials([GivenCredentials({}), Provider()])
    query = CredentialQuery(registry="registry.example", repository="a")
    assert chained.find(query) == Credential(username="me", password="secret")
    assert asked == [query]

    class Broken:
        def find(self, query: CredentialQuery) -> Credential | None:
            raise Stop("no vault")

    with pytest.raises(Stop, match="no vault"):
        vmkit.oci.ChainedCredentials([Broken()]).find(query)


def test_archives(demo: Demo, tmp_path: Path) -> None:
    target = tmp_path / "image.tar"
    vmkit.export_images(demo.store, [demo.reference], target)
    written = io.BytesIO()
    vmkit.export_images(demo.store, [demo.reference], written, ExportOptions())
    assert written.getvalue() == target.read_bytes()
    store = vmkit.ImageStore(tmp_path / "store")
    [image] = vmkit.import_images(store, target)
    assert image.descriptor == demo.image.descriptor
    renamed = ImportOptions(name_rule=lambda archived: "localhost/renamed:1")
    with target.open("rb") as file:
        [image] = vmkit.import_images(store, file, renamed)
    assert str(image.reference) == "localhost/renamed:1"
    assert [layer.diff_id for layer in layers(image)] == image.config.diff_ids


def test_store(demo: Demo, tmp_path: Path) -> None:
    store = vmkit.ImageStore(tmp_path / "store")
    [image] = vmkit.import_images(
        store, support.demo_layout(), ImportOptions(reference=vmkit.Reference("localhost/a:1"))
    )
    with store.open_blob(image.manifest.config) as blob:
        content = blob.read()
    assert content == store.read_blob(image.manifest.config)
    assert store.blob_path(image.manifest.config.digest).read_bytes() == content
    assert store.verify_blob(image.descriptor) and store.has_blob(image.descriptor)
    store.tag("localhost/b:1", image.descriptor)
    store.rename("localhost/b:1", "localhost/c:1")
    assert store.usage().images[0].shared > 0
    assert store.verify().clean and store.repair().found.clean
    with Lease(store) as lease:
        descriptor = store.put_blob("text/plain", b"kept")
        lease.add([descriptor.digest])
        store.collect_garbage()
        assert store.has_blob(descriptor)
    assert store.collect_garbage(GarbageOptions(dry_run=True)).freed == 4
    assert [blob.digest for blob in store.collect_garbage().blobs] == [descriptor.digest]
    assert store.remove("localhost/c:1") and not store.remove("localhost/c:1")
    assert store.remove(store.list()[0])
    assert store.list() == []
    assert store.find("localhost/a:1") is None and store.resolve("localhost/a:1") is None


def test_a_new_layer(demo: Demo) -> None:
    def write(target: vmkit.base.SinkWriter) -> bool:
        with tarfile.open(fileobj=target, mode="w|") as tar:
            entry = tarfile.TarInfo("hello")
            entry.size = 3
            tar.addfile(entry, io.BytesIO(b"abc"))
        return True

    image = add_layer(demo.store, demo.image, "localhost/layered:1", write, author="me")
    assert len(image.manifest.layers) == len(demo.image.manifest.layers) + 1
    assert image.config.history[-1].author == "me"

    def fail(target: vmkit.base.SinkWriter) -> bool:
        raise Stop

    with pytest.raises(Stop):
        add_layer(demo.store, demo.image, "localhost/failed:1", fail)
    assert demo.store.find("localhost/failed:1") is None
    demo.store.remove("localhost/layered:1")


def test_log(demo: Demo, tmp_path: Path) -> None:
    records: list[vmkit.LogRecord] = []
    client = vmkit.RegistryClient(
        defaults=vmkit.RegistryHostOptions(plain_http=True),
        retry=vmkit.oci.RetryOptions(attempts=2, first_pause=0.001),
        log=records.append,
    )
    with pytest.raises(ConnectionError):
        client.list_tags("127.0.0.1:1/none")
    assert records and records[0].module == "oci"
    client.close()
    client.close()
    with pytest.raises(vmkit.FailedPreconditionError, match="RegistryClient is closed"):
        client.list_tags(demo.reference)
