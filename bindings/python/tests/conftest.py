# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import support

import vmkit


@dataclass(frozen=True)
class Demo:
    """The demo image in a real registry, pulled from there into a store."""

    folder: Path
    address: str
    reference: str
    client: vmkit.RegistryClient
    store: vmkit.ImageStore
    image: vmkit.Image
    backend: vmkit.QemuBackend

    def container(self, **options: Any) -> vmkit.Container:
        """A container of the image, not started."""
        given: dict[str, Any] = {
            "store": self.store,
            "backend": self.backend,
            "kernel": support.kernel(),
            **options,
        }
        return vmkit.Container(self.image, **given)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    with support.registry(tmp_path_factory.mktemp("registry")) as address:
        client = support.plain_client(address)
        reference = f"{address}/debian:demo"
        source = vmkit.ImageStore(folder / "source")
        [image] = vmkit.import_images(
            source,
            support.demo_layout(),
            vmkit.oci.ImportOptions(reference=vmkit.Reference(reference)),
        )
        vmkit.push(client, source, reference)
        store = vmkit.ImageStore(folder / "store")
        pulled = vmkit.pull_and_unpack(client, store, reference)
        assert pulled.image.descriptor.digest == image.descriptor.digest
        backend = vmkit.QemuBackend(runtime_directory=vmkit.container.runtime_folder())
        yield Demo(folder, address, reference, client, store, pulled.image, backend)
        client.close()


@pytest.fixture(scope="session")
def box(demo: Demo) -> Iterator[vmkit.Container]:
    """A container that runs, for tests that leave it as it was."""
    with demo.container() as running:
        yield running
