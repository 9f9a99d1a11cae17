# SPDX-License-Identifier: Apache-2.0
"""What a Container takes where nothing is said. The library has no policy: this is the package's,
the same as that of the `vmkit` program, and each of it is overridden by an argument."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from vmkit.base.types import GiB
from vmkit.errors import NotFoundError

if TYPE_CHECKING:
    from vmkit.base.records import Architecture
    from vmkit.base.types import StrPath
    from vmkit.container.options import Kernel
    from vmkit.oci.documents import Image
    from vmkit.oci.registry import RegistryClient
    from vmkit.oci.store import ImageStore
    from vmkit.vm.backend import Backend

DEFAULT_DISK_SIZE = 16 * GiB
"""Of a container's disk; its file takes only what is used."""

DEFAULT_VOLUME_SIZE = 16 * GiB
"""Of a volume; its file takes only what is used."""


def data_folder() -> Path:
    """Where images and kernels are: $XDG_DATA_HOME/vmkit, or ~/.local/share/vmkit; on macOS
    ~/Library/Application Support/vmkit. Example: ``data_folder() / "kernel"``."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "vmkit"
    given = Path(os.environ.get("XDG_DATA_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".local" / "share") / "vmkit"


def runtime_folder() -> Path:
    """For machines' sockets, whose paths must be short: $XDG_RUNTIME_DIR or the temporary folder.
    Example: ``QemuBackend(runtime_directory=runtime_folder())``."""
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    return Path(given if given and os.path.isdir(given) else tempfile.gettempdir())


def default_store() -> ImageStore:
    """The store in `data_folder`. Example: ``vmkit.default_store().list()``."""
    from vmkit.oci.store import ImageStore

    return ImageStore(data_folder() / "store")


def default_backend() -> Backend:
    """Virtualization.framework on macOS, else QEMU. Example: ``default_backend().name``."""
    from vmkit.vm.backend import QemuBackend, VzBackend

    if sys.platform == "darwin":
        return VzBackend(runtime_directory=runtime_folder())
    return QemuBackend(runtime_directory=runtime_folder())


def default_client() -> RegistryClient:
    """Registries over https, with the credentials of the user's Docker configuration, its helpers
    included. Example: ``vmkit.pull(vmkit.default_client(), store, "debian:12")``."""
    from vmkit.oci.credentials import DockerConfigCredentials
    from vmkit.oci.registry import RegistryClient
    from vmkit.oci.registry_options import CredentialHelperOptions

    folder = os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker"
    helpers = CredentialHelperOptions(
        environment=[f"{name}={value}" for name, value in os.environ.items()]
    )
    if "PATH" in os.environ:
        helpers.path = os.environ["PATH"]
    return RegistryClient(
        credentials=DockerConfigCredentials(Path(folder) / "config.json", helpers)
    )


def _modules_in(folder: Path) -> Path:
    """`folder`, or the one folder in it that has modules."""

    def has_modules(path: Path) -> bool:
        return (path / "modules.dep").exists() or (path / "kernel").is_dir()

    if has_modules(folder):
        return folder
    found = [path for path in folder.iterdir() if has_modules(path)]
    if len(found) != 1:
        raise NotFoundError(
            f"{folder}: expected the modules of one kernel (a folder with modules.dep), "
            f"found {len(found)}; give kernel=Kernel(image=…, modules=…)"
        )
    return found[0]


def default_kernel(
    architecture: Architecture | None = None, image: StrPath | None = None
) -> Kernel:
    """The kernel that scripts/fetch-kernel puts into `data_folder`: kernel/ARCH/vmlinuz, or the one
    at `image`; its modules are in modules/ beside it, if that exists.

    Example::

        vmkit.Container("debian", kernel=default_kernel(image="kernels/vmlinuz"))
    """
    from vmkit.base.records import Architecture
    from vmkit.base.types import host_architecture
    from vmkit.container.options import Kernel

    if image is None:
        arm = (architecture or host_architecture()) is Architecture.arm64
        image = data_folder() / "kernel" / ("arm64" if arm else "amd64") / "vmlinuz"
    path = Path(image)
    if not path.exists():
        raise NotFoundError(
            f"no kernel at {path}: get one with vmkit's scripts/fetch-kernel, or name one with "
            "kernel=Kernel(image=…, modules=…)"
        )
    beside = path.parent / "modules"
    return Kernel(image=path, modules=_modules_in(beside) if beside.is_dir() else None)


def default_kernel_for(image: Image) -> Kernel:
    """`default_kernel` for the architecture of an image. Example: ``default_kernel_for(image)``."""
    from vmkit.base.records import Architecture

    arm = image.platform.normalized().architecture == "arm64"
    return default_kernel(Architecture.arm64 if arm else Architecture.x86_64)


def default_folder(store: ImageStore) -> Path:
    """A folder for a new container, below the store: on one file system with the unpacked images,
    so that its disk is a copy-on-write clone where that can be. Example:
    ``vmkit.Container("debian", folder=default_folder(store))``."""
    return store.root / "containers" / secrets.token_hex(8)
