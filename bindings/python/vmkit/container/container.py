# SPDX-License-Identifier: Apache-2.0
"""Containers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Union, overload

from vmkit import _vmkit
from vmkit.agent.files import Files
from vmkit.agent.forward import Forward
from vmkit.agent.process import Process
from vmkit.agent.process_records import AttachOptions, OutputOptions, Stdio, TerminalSize
from vmkit.agent.records import Endpoint, ForwardOptions
from vmkit.base.events import EventStream, EventSubscription
from vmkit.base.stop import ProgressCallback, Stop, call_options
from vmkit.base.streams import ByteStream, duplex
from vmkit.base.types import MiB
from vmkit.container import defaults
from vmkit.container.options import (
    ContainerOptions,
    DiskMount,
    HostMount,
    ImageOverrides,
    ImageVolumes,
    Isolation,
    Kernel,
    Names,
    PortMapping,
    Probe,
    ProcessOptions,
    VolumeMount,
)
from vmkit.container.records import ContainerEvent
from vmkit.container.transfer import parse_port_mapping, pull_and_unpack
from vmkit.vm.config import Network
from vmkit.disk.records import CloneMethod, CloneMode
from vmkit.errors import NotFoundError
from vmkit.oci.documents import Image
from vmkit.vm.records import MachineState

if TYPE_CHECKING:
    from vmkit.agent.process_records import ProcessInfo
    from vmkit.agent.spec import Capabilities, ResourceLimits, Rlimit
    from vmkit.agent.statistics import RunningProcess, Statistics
    from vmkit.base.types import LogSink, Seconds, Size, StrPath
    from vmkit.container.options import Health, Timeline
    from vmkit.oci.reference import Reference
    from vmkit.oci.registry import RegistryClient
    from vmkit.oci.store import ImageStore
    from vmkit.vm.backend import Backend
    from vmkit.vm.records import MachineDiagnostics, MachineEvent, MachineStatistics

PullPolicy = Literal["missing", "always", "never"]
Environment = Union[Mapping[str, str], Sequence[str]]


def _environment(env: Environment) -> list[str]:
    if isinstance(env, Mapping):
        return [f"{name}={value}" for name, value in env.items()]
    return list(env)


def _as_text(result: subprocess.CompletedProcess[bytes]) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess(
        result.args,
        result.returncode,
        result.stdout.decode(errors="replace"),
        result.stderr.decode(errors="replace"),
    )


def _is_last(event: ContainerEvent) -> bool:
    return event.type == "ended"


class Container:
    """One Linux container in a virtual machine of its own: an image's disk, a machine that boots from
    it, and the agent inside that starts processes.

    Runs once: made, `start`, any number of `run` and `exec`, `stop`. As a ``with`` block it is
    started at the beginning, unless it was before. At the block's end a container that leaves nothing
    behind is ended at once, and its folder removed; one that is kept, or that has volumes, disks or
    folders of the host, is stopped in order before. Thread-safe.

    Example::

        with vmkit.Container("docker.io/library/python:3.12-slim") as box:
            print(box.run("python3", "-V").stdout)
    """

    __slots__ = ("__weakref__", "_handle", "_leaves_data", "folder", "image")

    def __init__(
        self,
        image: Image | Reference | str,
        *,
        store: ImageStore | None = None,
        client: RegistryClient | None = None,
        pull: PullPolicy = "missing",
        folder: StrPath | None = None,
        backend: Backend | None = None,
        kernel: Kernel | None = None,
        overrides: ImageOverrides | None = None,
        hostname: str = "",
        cpu_count: int = 1,
        memory: Size = 512 * MiB,
        console: bool = True,
        balloon: bool = False,
        disk_size: Size = defaults.DEFAULT_DISK_SIZE,
        clone_mode: CloneMode = CloneMode.prefer_cow,
        isolation: Isolation | None = None,
        keep: bool = False,
        ports: Sequence[PortMapping | str] = (),
        health: Probe | None = None,
        check_health: bool = True,
        host_mounts: Sequence[HostMount] = (),
        volume_mounts: Sequence[VolumeMount] = (),
        volumes_folder: StrPath | None = None,
        disk_mounts: Sequence[DiskMount] = (),
        image_volumes: ImageVolumes = ImageVolumes.automatic,
        network: bool = False,
        network_device: Network | None = None,
        names: Names | None = None,
        stop_signal: str | None = None,
        clock_interval: Seconds = 30.0,
        boot_limit: Seconds = 60.0,
        log: LogSink | None = None,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> None:
        """Makes the container's folder and disk; no machine yet. An image that is given by its name
        is taken from the store, or pulled into it if it is missing (`pull`: "always", "never").
        Defaults: `vmkit.container.defaults`. All other arguments: see ContainerOptions."""
        if store is None:
            store = defaults.default_store()
        if not isinstance(image, Image):
            call = (timeout, stop, progress)
            image = _resolve(image, store, client, pull, disk_size, keep, call)
        options = ContainerOptions(
            image=image,
            store=store,
            folder=defaults.default_folder(store) if folder is None else folder,
            backend=backend or defaults.default_backend(),
            kernel=kernel or defaults.default_kernel_for(image),
            overrides=overrides or ImageOverrides(),
            hostname=hostname,
            cpu_count=cpu_count,
            memory=memory,
            console=console,
            balloon=balloon,
            disk_size=disk_size,
            clone_mode=clone_mode,
            isolation=isolation or Isolation(),
            keep=keep,
            ports=[parse_port_mapping(port) if isinstance(port, str) else port for port in ports],
            health=health,
            check_health=check_health,
            host_mounts=list(host_mounts),
            volume_mounts=list(volume_mounts),
            volumes_folder=(
                store.root / "volumes"
                if volume_mounts and volumes_folder is None
                else volumes_folder
            ),
            disk_mounts=list(disk_mounts),
            image_volumes=image_volumes,
            network=network,
            network_device=network_device or Network(),
            names=names or Names(),
            stop_signal=stop_signal,
            clock_interval=clock_interval,
            boot_limit=boot_limit,
            log=log,
        )
        self._adopt(
            _vmkit.create_container(options, call_options(timeout, stop, progress)), options
        )

    def _adopt(self, handle: _vmkit.Container, options: ContainerOptions) -> None:
        self._handle = handle
        self._leaves_data = bool(
            options.keep or options.volume_mounts or options.disk_mounts or options.host_mounts
        )
        self.image = options.image
        self.folder = Path(options.folder)

    @classmethod
    def create(
        cls,
        options: ContainerOptions,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> Container:
        """Of options, without any default of the package's.

        Example::

            box = Container.create(options)
        """
        self = cls.__new__(cls)
        self._adopt(
            _vmkit.create_container(options, call_options(timeout, stop, progress)), options
        )
        return self

    @classmethod
    def open(cls, options: ContainerOptions) -> Container:
        """A container that was kept, by its folder, to be started again.

        Example::

            with Container.open(ContainerOptions(folder="boxes/one", keep=True, …)) as box: ...
        """
        self = cls.__new__(cls)
        self._adopt(_vmkit.open_container(options), options)
        return self

    @staticmethod
    def remove_abandoned(parent: StrPath) -> int:
        """Removes what killed programs left of their containers directly below `parent`, and returns
        how many that were. Example: ``Container.remove_abandoned(store.root / "containers")``."""
        return _vmkit.remove_abandoned(parent)

    def __repr__(self) -> str:
        state = "closed" if self.closed else self.state.name
        return f"<vmkit container {str(self.folder)!r} {state}>"

    # Life

    def start(
        self,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> None:
        """Boots the machine and returns when processes can be started in it."""
        self._handle.start(call_options(timeout, stop, progress))

    def stop(
        self, grace: Seconds = 10.0, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> None:
        """Asks each process to end, kills what still runs after `grace`, unmounts the disks and
        powers the machine off. Nothing happens if it has ended."""
        self._handle.stop(grace, call_options(timeout, stop))

    def kill(self) -> None:
        """Ends the machine at once."""
        self._handle.kill()

    def pause(self, *, timeout: Seconds | None = None, stop: Stop | None = None) -> None:
        """Halts the machine's processors."""
        self._handle.pause(call_options(timeout, stop))

    def resume(self, *, timeout: Seconds | None = None, stop: Stop | None = None) -> None:
        """Lets them go on."""
        self._handle.resume(call_options(timeout, stop))

    def wait(self, *, timeout: Seconds | None = None, stop: Stop | None = None) -> MachineEvent:
        """Waits until the machine has ended, however, and returns its last event."""
        return self._handle.wait(call_options(timeout, stop))

    def remove(self) -> None:
        """Ends the machine at once and removes the folder, though the container was to be kept."""
        self._handle.remove()
        self.close()

    def close(self) -> None:
        """Ends the machine at once if it still runs, and removes the folder unless it is kept. May be
        called again; every other call raises FailedPreconditionError then."""
        if not self._handle.closed:
            self._handle.kill()
            self._handle.close()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._handle.closed

    def __enter__(self) -> Container:
        if self.state is MachineState.created:
            try:
                self.start()
            except BaseException:
                self.close()
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            # What is to stay has to be written back.
            if self._leaves_data and not self.closed:
                self.stop(10.0 if kind is None else 0.0)
        finally:
            self.close()

    # Processes

    def exec(
        self,
        *args: str,
        env: Environment = (),
        working_directory: str | None = None,
        user: str | None = None,
        groups: Sequence[str] = (),
        umask: int = 0o022,
        rlimits: Sequence[Rlimit] = (),
        privileged: bool = False,
        capabilities: Capabilities | None = None,
        no_new_privileges: bool | None = None,
        oom_score_adj: int | None = None,
        stdin: Stdio = Stdio.null,
        stdout: Stdio = Stdio.pipe,
        stderr: Stdio = Stdio.pipe,
        terminal: TerminalSize | None = None,
        kept_output: OutputOptions | None = None,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> Process:
        """Starts a process and returns when its program runs; without arguments the image's own. See
        ProcessOptions.

        Example::

            server = box.exec("python3", "-m", "http.server", env={"PYTHONUNBUFFERED": "1"})
        """
        options = ProcessOptions(
            args=list(args),
            env=_environment(env),
            working_directory=working_directory,
            user=user,
            groups=list(groups),
            umask=umask,
            rlimits=list(rlimits),
            privileged=privileged,
            capabilities=capabilities,
            no_new_privileges=no_new_privileges,
            oom_score_adj=oom_score_adj,
            stdin_mode=stdin,
            stdout_mode=stdout,
            stderr_mode=stderr,
            terminal=terminal,
            kept_output=kept_output or OutputOptions(),
        )
        handle = self._handle.exec(options, call_options(timeout, stop))
        return Process(
            handle,
            args,
            stdin=stdin is Stdio.pipe,
            stdout=stdout is Stdio.pipe,
            stderr=stderr is Stdio.pipe and terminal is None,
        )

    @overload
    def run(
        self,
        *args: str,
        input: str | bytes | None = None,
        check: bool = False,
        text: Literal[True] = True,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        **options: Any,
    ) -> subprocess.CompletedProcess[str]: ...

    @overload
    def run(
        self,
        *args: str,
        input: str | bytes | None = None,
        check: bool = False,
        text: Literal[False],
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        **options: Any,
    ) -> subprocess.CompletedProcess[bytes]: ...

    def run(
        self,
        *args: str,
        input: str | bytes | None = None,
        check: bool = False,
        text: bool = True,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        **options: Any,
    ) -> subprocess.CompletedProcess[str] | subprocess.CompletedProcess[bytes]:
        """Runs a program to its end, as subprocess.run does: its output is captured, as text (UTF-8)
        or, with ``text=False``, as bytes. With `check` a `returncode` other than 0 raises
        subprocess.CalledProcessError. After `timeout` it is killed and TimeoutError raised. The other
        arguments: see `exec`.

        Example::

            box.run("sort", input="b\\na\\n", check=True).stdout == "a\\nb\\n"
        """
        if isinstance(input, str):
            input = input.encode()
        stdin = Stdio.null if input is None else Stdio.pipe
        process = self.exec(*args, stdin=stdin, stop=stop, **options)
        try:
            output, errors = process.communicate(input, timeout, stop=stop)
            returncode = process.wait()
        except BaseException:
            if not self.closed:
                process.kill()
            raise
        finally:
            process.close()
        raw = subprocess.CompletedProcess(process.args, returncode, output, errors)
        if check:
            (_as_text(raw) if text else raw).check_returncode()
        return _as_text(raw) if text else raw

    def processes(
        self, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> list[ProcessInfo]:
        """The processes of `exec` that the guest knows, the oldest first."""
        return self._handle.processes(call_options(timeout, stop))

    def attach(
        self,
        process: int | ProcessInfo,
        options: AttachOptions | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> Process:
        """A process that was started before, by its `handle`; its output again, as far as it is kept.

        Example::

            for line in box.attach(handle, AttachOptions(follow=False)).lines(): print(line)
        """
        options = options or AttachOptions()
        number = process if isinstance(process, int) else process.handle
        handle = self._handle.attach(number, options, call_options(timeout, stop))
        return Process(
            handle,
            stdin=options.stdin_sink,
            stdout=options.stdout_source,
            stderr=options.stderr_source,
        )

    def top(
        self, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> list[RunningProcess]:
        """All processes in the container, whoever started them."""
        return self._handle.top(call_options(timeout, stop))

    # Files and connections

    @property
    def files(self) -> Files:
        """The container's files, while it runs. Example: ``box.files.read("/etc/os-release")``."""
        return Files(lambda: self._handle.files())

    def forward(
        self,
        listen: Endpoint,
        target: Endpoint,
        options: ForwardOptions | None = None,
    ) -> Forward:
        """Passes connections on that come to a place on the host to one in the container.

        Example::

            forward = box.forward(Endpoint.tcp(0), Endpoint.tcp(5432))
            print(forward.listening.port)
        """
        return Forward(self._handle.forward(listen, target, options or ForwardOptions()))

    def forward_from_guest(
        self,
        listen: Endpoint,
        target: Endpoint,
        options: ForwardOptions | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> Forward:
        """The other way: connections to `listen` in the container go to `target` on the host."""
        call = call_options(timeout, stop)
        return Forward(
            self._handle.forward_from_guest(listen, target, options or ForwardOptions(), call)
        )

    def open_connection(
        self, target: Endpoint, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> ByteStream:
        """A connection to something in the container: a raw binary stream."""
        return duplex(self._handle.open_connection(target, call_options(timeout, stop)))

    @property
    def ports(self) -> list[PortMapping]:
        """What the argument `ports` has become, with the ports that were picked."""
        return self._handle.ports()

    # Health and events

    def wait_ready(
        self, probe: Probe, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> None:
        """Returns when a try of `probe` has succeeded.

        Example::

            box.wait_ready(Probe(action=TcpProbe(port=5432)), timeout=30)
        """
        self._handle.wait_ready(probe, call_options(timeout, stop))

    @property
    def health(self) -> Health:
        """As far as it is checked. Changes are events too."""
        return self._handle.health()

    def on_event(self, handler: Callable[[ContainerEvent], object]) -> EventSubscription:
        """Calls `handler`, in a thread of the library's, for every event from now on. It must not
        close the container or the subscription; what it raises goes to sys.unraisablehook.

        Example::

            with box.on_event(lambda event: print(event.type)): ...
        """
        return EventSubscription(self._handle.on_event(handler))

    def events(self) -> EventStream[ContainerEvent]:
        """The events from now on, to iterate over; the last is "ended".

        Example::

            for event in box.events(): print(event.type)
        """
        return EventStream(self.on_event, _is_last)

    # What it uses, and what it may use

    def statistics(self, *, timeout: Seconds | None = None, stop: Stop | None = None) -> Statistics:
        """What the container uses. Example: ``box.statistics().memory.usage``."""
        return self._handle.statistics(call_options(timeout, stop))

    def set_limits(
        self, limits: ResourceLimits, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> None:
        """Changes limits while it runs; those without a value stay.

        Example::

            box.set_limits(ResourceLimits(pids_max=100))
        """
        self._handle.set_limits(limits, call_options(timeout, stop))

    def machine_statistics(
        self, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> MachineStatistics:
        """What the machine takes of the host."""
        return self._handle.machine_statistics(call_options(timeout, stop))

    def set_memory_target(
        self, target: Size, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> None:
        """Gives memory back to the host, or takes it again; needs the argument `balloon`."""
        self._handle.set_memory_target(target, call_options(timeout, stop))

    def clone_disk(
        self,
        target: StrPath,
        mode: CloneMode = CloneMode.prefer_cow,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> CloneMethod:
        """Copies the container's disk while it runs; the copy needs no repair.

        Example::

            box.clone_disk("snapshot.ext4")
        """
        return self._handle.clone_disk(target, mode, call_options(timeout, stop, progress))

    def snapshot_disk(
        self,
        name: str,
        mode: CloneMode = CloneMode.prefer_cow,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> CloneMethod:
        """The same into the disk's named snapshots (vmkit.disk.Snapshots), of which it can be
        given one again when the machine has ended.

        Example::

            box.snapshot_disk("before-upgrade")
        """
        return self._handle.snapshot_disk(name, mode, call_options(timeout, stop, progress))

    def trim(self, *, timeout: Seconds | None = None, stop: Stop | None = None) -> int:
        """Gives what its disks do not use back to the host; returns how many bytes that were."""
        return self._handle.trim(call_options(timeout, stop))

    # What is known of it

    @property
    def state(self) -> MachineState:
        """What its machine does now."""
        return self._handle.state()

    @property
    def timeline(self) -> Timeline:
        """How long the steps took."""
        return self._handle.timeline()

    @property
    def kernel_release(self) -> str:
        """The guest's `uname -r`, once started."""
        return self._handle.kernel_release()

    def console_tail(self, lines: int = 100) -> list[str]:
        """The last lines of the guest's console."""
        return self._handle.console_tail(lines)

    @property
    def diagnostics(self) -> MachineDiagnostics:
        """What the machine runs as on the host."""
        return self._handle.diagnostics()

    @property
    def disk(self) -> Path:
        """The container's disk, for `commit`, snapshots and ext4.Reader when it does not run."""
        return self.folder / "disk.ext4"


def _resolve(
    name: Reference | str,
    store: ImageStore,
    client: RegistryClient | None,
    pull: PullPolicy,
    disk_size: Size,
    keep: bool,
    call: tuple[Seconds | None, Stop | None, ProgressCallback | None],
) -> Image:
    """The image of a name, from the store or a registry."""
    if pull != "always":
        image = store.resolve(name)
        if image is not None:
            return image
        if pull == "never":
            raise NotFoundError(f"{name} is not in the store {store.root}")
    timeout, stop, progress = call
    own = client or defaults.default_client()
    try:
        return pull_and_unpack(
            own,
            store,
            name,
            disk_size=disk_size,
            keep=keep,
            timeout=timeout,
            stop=stop,
            progress=progress,
        ).image
    finally:
        if client is None:
            own.close()
