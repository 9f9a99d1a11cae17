# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.agent.process_records import OutputOptions, Stdio
from vmkit.agent.records import ForwardOptions
from vmkit.agent.spec import ResourceLimits
from vmkit.base.types import MiB
from vmkit.container.defaults import DEFAULT_DISK_SIZE
from vmkit.disk.records import CloneMethod, CloneMode
from vmkit.vm.config import Network, ShareTransport

if TYPE_CHECKING:
    from vmkit.agent.process_records import TerminalSize
    from vmkit.agent.records import Endpoint
    from vmkit.agent.spec import Capabilities, Device, Mount, Rlimit, WritableLayer
    from vmkit.base.types import LogSink, Seconds, Size, StrPath
    from vmkit.oci.documents import Healthcheck, Image
    from vmkit.oci.store import ImageStore
    from vmkit.vm.backend import Backend


@dataclass(kw_only=True, slots=True, frozen=True)
class ExtraHost:
    """A line for /etc/hosts.

    Example::

        ExtraHost(name="db", address="10.0.0.2")
    """

    name: str
    address: str
    """An address, or "host-gateway": where the container reaches its host."""


@dataclass(kw_only=True, slots=True)
class Names:
    """How a container names itself and others, and where it is. As with Docker, /etc/hostname
    and /etc/hosts, and with a network /etc/resolv.conf, are files in memory over those of
    the image: the container may change them, and they are not on its disk.

    Example::

        Names(dns=["1.1.1.1"], timezone="Europe/Berlin")
    """

    domain: str = ""
    """Makes the host name "hostname.domain" in /etc/hosts."""
    extra_hosts: list[ExtraHost] = field(default_factory=list)
    dns: list[str] = field(default_factory=list)
    """Servers for /etc/resolv.conf; empty: those of the machine's network."""
    dns_search: list[str] = field(default_factory=list)
    """Empty: `domain`, if there is one."""
    dns_options: list[str] = field(default_factory=list)
    """As "ndots:2"."""
    timezone: str | None = None
    """ "Europe/Berlin", looked up among the host's, or "host" for the host's own: TZ for all
    processes that have none of their own, as a rule that needs no zone files in the image."""
    machine_id: str | None = None
    """What /etc/machine-id says, in memory too: 32 lower-case hexadecimal digits, or "image"
    to leave there what the image has. Without a value the container's own, random, which
    one that is kept keeps."""


class ImageVolumes(enum.Enum):
    """What becomes of the paths that the image's configuration declares as Volumes and that
    nothing is mounted at.

    Example::

        Container("postgres", image_volumes=ImageVolumes.anonymous)
    """

    automatic = "automatic"
    """on_disk, or anonymous where the root is read-only."""
    on_disk = "on_disk"
    """Folders on the container's own disk, gone with it."""
    anonymous = "anonymous"
    """A volume each, filled from the image, gone with the container."""


@dataclass(kw_only=True, slots=True)
class HostMount:
    """A folder or a single file of the host; the container sees nothing of what is beside it,
    and neither does its machine.  A file is linked into the container's folder to be shared
    from there, so both must be on one file system (else failed_precondition), and the
    system must allow the host program to make that link (permission_denied). Container and
    host have the same file until one of them puts another in its place, as many editors do.

    Example::

        HostMount(path="src", target="/src", read_only=True)
    """

    path: StrPath
    target: str
    read_only: bool = False
    """Enforced by the host."""
    transport: ShareTransport = ShareTransport.automatic
    """automatic: what both the host and the container's kernel can do."""


@dataclass(kw_only=True, slots=True)
class VolumeMount:
    """A volume of ContainerOptions.volumes_folder, which outlives the container. Made at its
    first use. One that is empty is filled with what the image has at `target`, with its
    owner and permissions.

    Example::

        VolumeMount(volume="data", target="/data")
    """

    volume: str
    target: str
    read_only: bool = False
    """Then other containers may have it too, all read-only."""
    copy_image_content: bool = True


@dataclass(kw_only=True, slots=True)
class DiskMount:
    """A raw disk, an image file or behind a server, with a file system that the container's
    kernel knows.

    Example::

        DiskMount(path="data.ext4", target="/data")
    """

    path: StrPath | None = None
    nbd: str = ""
    """Instead of `path`: as vm.Disk.nbd."""
    target: str
    read_only: bool = False
    fs_type: str = "ext4"


@dataclass(kw_only=True, slots=True)
class Isolation:
    """What the processes of a container may do within their machine. The defaults are
    Docker's. The machine is a border of its own: this one is for programs that expect it,
    and for those who want two.

    Example::

        Isolation(read_only_root=True)
    """

    privileged: bool = False
    """All capabilities and devices, nothing hidden or read-only, no filter of system calls;
    what is said below of those does not count then."""
    capabilities: list[str] = field(default_factory=_vmkit.default_capabilities)
    """Of root, and the bounding set of all; see agent.Capabilities."""
    no_new_privileges: bool = False
    seccomp_profile: str | None = None
    """The filter of system calls as an OCI or Docker profile in JSON; without a value the
    default of agent.default_seccomp_filter(), "" for none."""
    init: bool = True
    """PID 1 of the container reaps orphans and passes signals on."""
    read_only_root: bool = False
    writable_layer: WritableLayer | None = None
    """Puts what the container changes there: its disk is the unpacked image itself, which is
    neither cloned nor changed."""
    writable_disk: Size | None = None
    """The same with a disk of so much in the container's folder, which is kept with it; of
    `writable_layer` nothing counts then."""
    mounts: list[Mount] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)
    sysctls: dict[str, str] = field(default_factory=dict)
    masked_paths: list[str] = field(default_factory=_vmkit.default_masked_paths)
    readonly_paths: list[str] = field(default_factory=_vmkit.default_readonly_paths)
    limits: ResourceLimits = field(default_factory=ResourceLimits)
    rlimits: list[Rlimit] = field(default_factory=list)
    """Of all processes, if they have none of their own."""


@dataclass(kw_only=True, slots=True)
class ImageOverrides:
    """What is to count in place of what the image's configuration says; without a value that
    stays. The signal to stop by is ContainerOptions.stop_signal.

    Example::

        ImageOverrides(user="nobody", env=["DEBUG=1"])
    """

    entrypoint: list[str] | None = None
    """As `docker run --entrypoint`: the image's Cmd belongs to its own Entrypoint and goes
    with it, unless `cmd` has a value. Empty: no Entrypoint."""
    cmd: list[str] | None = None
    env: list[str] = field(default_factory=list)
    """ "NAME=value": added to the image's, or in their place."""
    user: str | None = None
    working_dir: str | None = None
    exposed_ports: list[str] | None = None
    volumes: list[str] | None = None
    labels: dict[str, str] = field(default_factory=dict)
    """Added to the image's, or in their place."""
    healthcheck: Healthcheck | None = None


@dataclass(kw_only=True, slots=True)
class ProcessOptions:
    """A process to start; what is not given is the image's.

    Example::

        ProcessOptions(args=["id"], user="nobody")
    """

    args: list[str] = field(default_factory=list)
    """The program and its arguments. Empty: the image's Entrypoint and Cmd."""
    env: list[str] = field(default_factory=list)
    """ "NAME=value": added to the image's, or in their place."""
    working_directory: str | None = None
    user: str | None = None
    """ "user", "uid", "user:group", "uid:gid"."""
    groups: list[str] = field(default_factory=list)
    """Supplementary ones besides the image's."""
    umask: int = 0o22
    rlimits: list[Rlimit] = field(default_factory=list)
    """In place of the container's of the same name."""
    privileged: bool = False
    """All capabilities and no filter of system calls, whatever the container has."""
    capabilities: Capabilities | None = None
    """In place of the container's."""
    no_new_privileges: bool | None = None
    oom_score_adj: int | None = None
    stdin_mode: Stdio = Stdio.null
    stdout_mode: Stdio = Stdio.pipe
    stderr_mode: Stdio = Stdio.pipe
    terminal: TerminalSize | None = None
    """Run it on a terminal of this size; TERM is "xterm" unless `env` or the image say
    otherwise."""
    kept_output: OutputOptions = field(default_factory=OutputOptions)


class HealthState(enum.Enum):
    """How a container is, as far as it is checked.

    Example::

        box.health.state is HealthState.healthy
    """

    none = "none"
    starting = "starting"
    healthy = "healthy"
    unhealthy = "unhealthy"


@dataclass(kw_only=True, slots=True)
class TcpProbe:
    """Somebody listens: a connection is accepted.

    Example::

        Probe(action=TcpProbe(port=5432))
    """

    port: int
    address: str = "127.0.0.1"
    """In the guest, numeric."""


@dataclass(kw_only=True, slots=True)
class HttpProbe:
    """A GET is answered with one of these statuses. HTTP/1.1 without TLS; redirects are not
    followed.

    Example::

        Probe(action=HttpProbe(port=80, path="/health"))
    """

    port: int
    path: str = "/"
    host: str = "localhost"
    """Of the Host field."""
    address: str = "127.0.0.1"
    """In the guest, numeric."""
    least_status: int = 200
    most_status: int = 399


@dataclass(kw_only=True, slots=True)
class ExecProbe:
    """A process exits with 0.

    Example::

        Probe(action=ExecProbe(process=ProcessOptions(args=["pg_isready"])))
    """

    process: ProcessOptions


@dataclass(kw_only=True, slots=True)
class LogProbe:
    """A process has written a line, to its output or its error output, since it began. Its
    output has to be kept (OutputOptions.after_reading, or nobody reads it).

    Example::

        Probe(action=LogProbe(process=server.handle, text="ready"))
    """

    process: int
    """Process.handle()."""
    text: str
    """Somewhere in a line; a line counts up to 64 KiB."""
    regex: bool = False
    """`text` is an ECMAScript regular expression."""


@dataclass(kw_only=True, slots=True)
class Probe:
    """How to find out whether what runs in a container works.

    Example::

        Probe(action=TcpProbe(port=80), interval=0.5)
    """

    action: TcpProbe | HttpProbe | ExecProbe | LogProbe
    interval: Seconds = 0.25
    """Between the end of a try and the next."""
    timeout: Seconds = 5.0
    """A try that takes longer has failed."""
    start_period: Seconds = 0.0
    """At the beginning failures do not count."""
    retries: int = 0
    """So many failures in a row are a result too; 0: any number may come before a success."""


@dataclass(kw_only=True, slots=True, frozen=True)
class Health:
    """What is known of a container's health.

    Example::

        box.health.last_failure
    """

    state: HealthState = HealthState.none
    """none: nothing is checked."""
    failures: int = 0
    """In a row."""
    last_failure: str = ""
    """Why the last try failed; empty if it did not."""


@dataclass(kw_only=True, slots=True, frozen=True)
class PortMapping:
    """A port of the container that can be reached on the host.

    Example::

        PortMapping(host=Endpoint.tcp(8080), guest=Endpoint.tcp(80))
    """

    host: Endpoint
    guest: Endpoint
    options: ForwardOptions = field(default_factory=ForwardOptions)


@dataclass(kw_only=True, slots=True)
class Kernel:
    """The kernel that a container's machine boots. Any Linux with virtio works; Debian's cloud
    kernel does, with its modules.

    Example::

        Kernel(image="vmlinuz", modules="modules/6.1.0-cloud")
    """

    image: StrPath
    """For the image's architecture, which may not be the host's."""
    modules: StrPath | None = None
    """The folder that has the kernel's modules.dep; empty: all drivers are built in."""
    extra_modules: list[str] = field(default_factory=list)
    """More of them to load at boot, by name ("nf_tables", "tun"), with what they depend on."""
    command_line: str = ""
    """Added to the kernel's command line; one line."""


@dataclass(kw_only=True, slots=True)
class ContainerOptions:
    """What a container is made of. The members without a default must be given.

    Example::

        Container.create(ContainerOptions(image=image, store=store, …))
    """

    image: Image
    """In `store`, complete."""
    store: ImageStore
    """Unpacked images are cached in its folder rootfs/."""
    folder: StrPath
    """The container's own folder: its disk, its console log. Made with the container (it must
    not exist, its parent is made if missing) and removed with it, unless it is kept."""
    backend: Backend
    kernel: Kernel
    overrides: ImageOverrides = field(default_factory=ImageOverrides)
    """Of the image's configuration, for this container."""
    hostname: str = ""
    """Empty: twelve random hexadecimal digits, which a container that is kept keeps."""
    cpu_count: int = 1
    memory: Size = 512 * MiB
    console: bool = True
    """vm.ConsoleLog.device."""
    balloon: bool = False
    """Memory can be taken back while it runs: set_memory_target()."""
    disk_size: Size = DEFAULT_DISK_SIZE
    """What the guest sees."""
    clone_mode: CloneMode = CloneMode.prefer_cow
    isolation: Isolation = field(default_factory=Isolation)
    keep: bool = False
    """The container outlives the object and the process, and Container.open() goes on with it:
    its disk has a journal, and what the guest writes back is written back on the host too.
    Whatever crashes (guest, backend, host application, host), the next start finds a
    consistent disk."""
    ports: list[PortMapping] = field(default_factory=list)
    """Published by start(), which takes the places on the host before it boots anything: a
    port that is taken is an error (already_exists) of its own."""
    health: Probe | None = None
    """Checked from start() on, told by Container.health(). Without a value the image's
    Healthcheck, if it has one."""
    check_health: bool = True
    """False: nothing is checked, whatever the image says."""
    host_mounts: list[HostMount] = field(default_factory=list)
    volume_mounts: list[VolumeMount] = field(default_factory=list)
    volumes_folder: StrPath | None = None
    """Of `volume_mounts`: see Volumes."""
    disk_mounts: list[DiskMount] = field(default_factory=list)
    image_volumes: ImageVolumes = ImageVolumes.automatic
    network: bool = False
    """A virtio network device that reaches what the host reaches; the host itself is there
    too, at the gateway's address ("host-gateway")."""
    network_device: Network = field(default_factory=Network)
    """What `network` is, if it is to be another one. Its addresses come from the backend or,
    where that does not decide them, from a DHCP server, before anything runs in the container."""
    names: Names = field(default_factory=Names)
    stop_signal: str | None = None
    """What stop() asks processes to end with: a name or number, as in an image's
    configuration. Without a value the image's StopSignal or, if it has none, SIGTERM."""
    clock_interval: Seconds = 30.0
    """How often the guest's clock is compared with the host's and set if it is more than a
    second off, besides at the start and on resume; zero: never."""
    boot_limit: Seconds = 60.0
    """How long the machine may take from its start until its agent answers."""
    log: LogSink | None = None
    """Of the container's own steps; the backend has its own."""


@dataclass(kw_only=True, slots=True, frozen=True)
class Timeline:
    """How long the steps took; zero for those that have not been done, or were not needed.

    Example::

        box.timeline.boot
    """

    unpack: float = 0.0
    """Layers to a disk; zero if it was cached."""
    clone: float = 0.0
    """The cached disk to the container's own."""
    boot: float = 0.0
    """Machine start to the agent's first answer."""
    mount: float = 0.0
    """The root mounted and the guest configured."""
    clone_method: CloneMethod = CloneMethod.sparse_copy
