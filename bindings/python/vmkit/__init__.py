# SPDX-License-Identifier: Apache-2.0
"""Linux containers, each in a virtual machine of its own, from your own program.

::

    import vmkit

    with vmkit.Container("docker.io/library/python:3.12-slim") as box:
        print(box.run("python3", "-V").stdout)

The modules are those of the C++ library, and names are the same: `vmkit.oci` (images, stores,
registries), `vmkit.disk`, `vmkit.ext4`, `vmkit.rootfs`, `vmkit.archive`, `vmkit.vm` (machines),
`vmkit.agent` (processes, files), `vmkit.container`; what is needed most stands here, too.
`vmkit.aio`, which is imported by its name, is the same for asyncio.

- **Sizes** are int, in bytes, or text as "512MiB"; the library gives int.
- **Times** are seconds as float, or datetime.timedelta; the library gives float. Points in time are
  datetime.datetime with a time zone.
- **Paths** of the host are text or os.PathLike; the library gives pathlib.Path, or None for none.
- **References** of images may be text, digests are text (`Digest` is a str).
- **Options** are dataclasses with keyword arguments and the library's defaults.
- **Long calls** take ``timeout``, ``stop`` (a StopSource or StopToken) and, where there is something
  to tell, ``progress``; other threads run meanwhile, and Ctrl-C works.
- **Errors** are `Error`, by subclasses that derive from the fitting built-in exception, too.
"""

import atexit

from vmkit import _vmkit, agent, archive, base, container, disk, errors, ext4, oci, rootfs, vm
from vmkit.agent import (
    AttachOptions,
    Endpoint,
    ExitStatus,
    Forward,
    Process,
    ResourceLimits,
    Stdio,
    TerminalSize,
)
from vmkit.base import (
    Architecture,
    Digest,
    GiB,
    KiB,
    LogLevel,
    LogRecord,
    MiB,
    Progress,
    ProgressUnit,
    StopSource,
    StopToken,
    TiB,
    format_size,
    log_to,
    parse_size,
)
from vmkit.container import (
    Container,
    ContainerEvent,
    ContainerOptions,
    ExecProbe,
    HostMount,
    HttpProbe,
    ImageOverrides,
    Isolation,
    Kernel,
    LogProbe,
    Probe,
    TcpProbe,
    VolumeMount,
    Volumes,
    commit,
    data_folder,
    default_backend,
    default_client,
    default_kernel,
    default_store,
    disk_cache,
    image_layers,
    list_containers,
    pull_and_unpack,
)
from vmkit.disk import (
    CloneMethod,
    CloneMode,
    Snapshots,
)
from vmkit.errors import (
    AlreadyExistsError,
    CancelledError,
    DataCorruptionError,
    Errc,
    Error,
    ErrorDomain,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    IoError,
    NotFoundError,
    PermissionDeniedError,
    ResourceExhaustedError,
    TimeoutError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from vmkit.oci import (
    Credential,
    Image,
    ImageStore,
    Platform,
    PullOptions,
    Reference,
    RegistryClient,
    RegistryHostOptions,
    export_images,
    import_images,
    pull,
    push,
)
from vmkit.vm import (
    Machine,
    MachineConfig,
    MachineState,
    QemuBackend,
    VzBackend,
)

__all__ = [
    "AlreadyExistsError",
    "Architecture",
    "AttachOptions",
    "CancelledError",
    "CloneMethod",
    "CloneMode",
    "Container",
    "ContainerEvent",
    "ContainerOptions",
    "Credential",
    "DataCorruptionError",
    "Digest",
    "Endpoint",
    "Errc",
    "Error",
    "ErrorDomain",
    "ExecProbe",
    "ExitStatus",
    "FailedPreconditionError",
    "Forward",
    "GiB",
    "HostMount",
    "HttpProbe",
    "Image",
    "ImageOverrides",
    "ImageStore",
    "InternalError",
    "InvalidArgumentError",
    "IoError",
    "Isolation",
    "Kernel",
    "KiB",
    "LogLevel",
    "LogProbe",
    "LogRecord",
    "Machine",
    "MachineConfig",
    "MachineState",
    "MiB",
    "NotFoundError",
    "PermissionDeniedError",
    "Platform",
    "Probe",
    "Process",
    "Progress",
    "ProgressUnit",
    "PullOptions",
    "QemuBackend",
    "Reference",
    "RegistryClient",
    "RegistryHostOptions",
    "ResourceExhaustedError",
    "ResourceLimits",
    "Snapshots",
    "Stdio",
    "StopSource",
    "StopToken",
    "TcpProbe",
    "TerminalSize",
    "TiB",
    "TimeoutError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnsupportedError",
    "VolumeMount",
    "Volumes",
    "VzBackend",
    "agent",
    "archive",
    "base",
    "commit",
    "container",
    "data_folder",
    "default_backend",
    "default_client",
    "default_kernel",
    "default_store",
    "disk",
    "disk_cache",
    "errors",
    "export_images",
    "ext4",
    "format_size",
    "image_layers",
    "import_images",
    "list_containers",
    "log_to",
    "oci",
    "parse_size",
    "pull",
    "pull_and_unpack",
    "push",
    "rootfs",
    "vm",
]

# Containers and machines that are left end before the interpreter does, while their threads can
# still call Python.
atexit.register(_vmkit.end_everything)
