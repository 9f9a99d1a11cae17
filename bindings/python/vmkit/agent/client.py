# SPDX-License-Identifier: Apache-2.0
"""The agent in a machine, for those who build machines themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.agent.files import Files
from vmkit.agent.forward import Forward, HostListener
from vmkit.agent.process import Process
from vmkit.agent.process_records import AttachOptions, ProcessSpec, Stdio
from vmkit.agent.records import (
    Endpoint,
    ForwardOptions,
    GuestEvent,
    GuestSettings,
    PowerOff,
    ReconnectOptions,
)
from vmkit.agent.spec import (
    ContainerSpec,
    InitramfsOptions,
    ConfiguredInterface,
    InterfaceConfig,
    ResourceLimits,
    SeccompFilter,
    SeccompTarget,
)
from vmkit.base.stop import Stop, call_options
from vmkit.base.streams import ByteStream, duplex

if TYPE_CHECKING:
    from vmkit.agent.process_records import ProcessInfo
    from vmkit.agent.records import AgentInfo
    from vmkit.agent.statistics import RunningProcess, Statistics
    from vmkit.base.types import Seconds, Size
    from vmkit.errors import Error
    from vmkit.vm.machine import Machine

PORT_NAME = "vmkit.ctl"
"""The port that a machine with an agent needs."""


class Client:
    """Talks to the agent of one machine, whose initrd is `build_initramfs`. A lost connection is made
    again. Thread-safe.

    Example::

        with Client(machine, timeout=60) as client:
            client.create_container(ContainerSpec(root=RootMount(serial="root")))
            with client.spawn(ProcessSpec(args=["/bin/true"])) as process: ...
            client.power_off()
    """

    __slots__ = ("_handle",)

    def __init__(
        self,
        machine: Machine,
        reconnect: ReconnectOptions | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Greets the agent and waits until it answers. Give a timeout: a machine that does not boot
        never does."""
        self._handle = _vmkit.connect_agent(
            machine._handle, reconnect or ReconnectOptions(), call_options(timeout, stop)
        )

    @property
    def info(self) -> AgentInfo:
        """What the agent says of itself and its machine."""
        return self._handle.info()

    def create_container(
        self, spec: ContainerSpec, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> None:
        """Makes the container: its namespaces, its cgroup, its root. Once in a machine's life."""
        self._handle.create_container(spec, call_options(timeout, stop))

    def set_limits(
        self, limits: ResourceLimits, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> None:
        """Changes the container's limits while it runs."""
        self._handle.set_limits(limits, call_options(timeout, stop))

    def statistics(self, *, timeout: Seconds | None = None, stop: Stop | None = None) -> Statistics:
        """What the container uses, since it was made."""
        return self._handle.statistics(call_options(timeout, stop))

    def top(
        self, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> list[RunningProcess]:
        """All processes in the container."""
        return self._handle.top(call_options(timeout, stop))

    def configure(
        self,
        settings: GuestSettings | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Settings of the running machine: host name, clock, random numbers."""
        self._handle.configure(settings or GuestSettings(), call_options(timeout, stop))

    def configure_network(
        self,
        interfaces: Sequence[InterfaceConfig],
        *,
        dhcp_limit: Seconds = 10.0,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> list[ConfiguredInterface]:
        """Gives the machine's network interfaces their addresses, and returns what they have got.
        Those that ask for theirs may take `dhcp_limit`, all together."""
        call = call_options(timeout, stop)
        return self._handle.configure_network(list(interfaces), call, dhcp_limit)

    def spawn(
        self, spec: ProcessSpec, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> Process:
        """Starts a process in the root and returns when its program runs."""
        return Process(
            self._handle.spawn(spec, call_options(timeout, stop)),
            spec.args,
            stdin=spec.stdin_mode is Stdio.pipe,
            stdout=spec.stdout_mode is Stdio.pipe,
            stderr=spec.stderr_mode is Stdio.pipe and spec.terminal is None,
        )

    def processes(
        self, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> list[ProcessInfo]:
        """The processes that the guest knows, the oldest first."""
        return self._handle.processes(call_options(timeout, stop))

    def attach(
        self,
        handle: int,
        options: AttachOptions | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> Process:
        """A process that was started before, by whichever client."""
        options = options or AttachOptions()
        return Process(
            self._handle.attach(handle, options, call_options(timeout, stop)),
            stdin=options.stdin_sink,
            stdout=options.stdout_source,
            stderr=options.stderr_source,
        )

    @property
    def files(self) -> Files:
        """The files in the root."""
        return Files(lambda: self._handle.files())

    def forward(
        self, listen: Endpoint, target: Endpoint, options: ForwardOptions | None = None
    ) -> Forward:
        """Passes connections on that come to `listen` on the host to `target` in the guest."""
        return Forward(self._handle.forward(listen, target, options or ForwardOptions()))

    def forward_listener(self, listener: HostListener, target: Endpoint) -> Forward:
        """The same where the place was taken before; the listener goes over to the forward."""
        forward = Forward(self._handle.forward_listener(listener, target))
        listener.close()
        return forward

    def forward_from_guest(
        self,
        listen: Endpoint,
        target: Endpoint,
        options: ForwardOptions | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> Forward:
        """The other way: connections to `listen` in the guest go to `target` on the host."""
        call = call_options(timeout, stop)
        return Forward(
            self._handle.forward_from_guest(listen, target, options or ForwardOptions(), call)
        )

    def open_connection(
        self, target: Endpoint, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> ByteStream:
        """A connection to something in the guest."""
        return duplex(self._handle.open_connection(target, call_options(timeout, stop)))

    def on_event(self, handler: Callable[[GuestEvent], object]) -> None:
        """From now on `handler` is told what happens in the guest, in a thread of the client's. It
        must not close the client; replaces an earlier handler."""
        self._handle.on_event(handler)

    def freeze(
        self, limit: Seconds, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> None:
        """Brings the file systems on all disks to a consistent state and holds everybody up who
        writes, until `thaw` or for `limit`."""
        self._handle.freeze(limit, call_options(timeout, stop))

    def thaw(self, *, timeout: Seconds | None = None, stop: Stop | None = None) -> None:
        """Ends `freeze`."""
        self._handle.thaw(call_options(timeout, stop))

    def trim(self, *, timeout: Seconds | None = None, stop: Stop | None = None) -> int:
        """Gives what the file systems do not use back to the host."""
        return self._handle.trim(call_options(timeout, stop))

    def power_off(
        self,
        how: PowerOff | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Ends all processes, unmounts the disks and switches the machine off; returns when the agent
        has begun."""
        self._handle.power_off(how or PowerOff(), call_options(timeout, stop))

    def probe(
        self,
        to_guest: Size,
        from_guest: Size,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> int:
        """Sends so many bytes each way: what the channel can do. Returns the agent's memory."""
        return self._handle.probe(to_guest, from_guest, call_options(timeout, stop))

    @property
    def failure(self) -> Error | None:
        """Why the session has ended for good; None while it goes on."""
        return self._handle.failure()

    def close(self) -> None:
        """Leaves the session; the machine and its processes run on. May be called again."""
        if not self._handle.closed:
            self._handle.end()
            self._handle.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def build_initramfs(options: InitramfsOptions | None = None) -> bytes:
    """The initramfs of a machine: the agent as /init and the kernel modules that it needs.

    Example::

        boot = KernelBoot(image="vmlinuz", initrd=build_initramfs())
    """
    return _vmkit.build_initramfs(options or InitramfsOptions())


def compile_seccomp(profile: str, target: SeccompTarget | None = None) -> SeccompFilter:
    """A filter from a profile in JSON, OCI's or Docker's. Example: ``compile_seccomp(text)``."""
    return SeccompFilter(program=_vmkit.compile_seccomp(profile, target or SeccompTarget()))


def default_seccomp_filter(target: SeccompTarget | None = None) -> SeccompFilter:
    """A filter that refuses what Docker's does. Example: ``default_seccomp_filter().program``."""
    return SeccompFilter(program=_vmkit.default_seccomp_filter(target or SeccompTarget()))


def default_capabilities() -> list[str]:
    """What Docker gives by default. Example: ``"CHOWN" in default_capabilities()``."""
    return _vmkit.default_capabilities()


def changed_capabilities(
    names: Sequence[str], add: Sequence[str] = (), drop: Sequence[str] = ()
) -> list[str]:
    """`names` with others added and taken away, as `docker run --cap-add --cap-drop`.

    Example::

        Isolation(capabilities=changed_capabilities(default_capabilities(), add=["NET_ADMIN"]))
    """
    return _vmkit.changed_capabilities(list(names), list(add), list(drop))


def check(spec: ContainerSpec) -> None:
    """Raises InvalidArgumentError for what no guest could do. Example: ``check(spec)``."""
    _vmkit.check_container_spec(spec)
