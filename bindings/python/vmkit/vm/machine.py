# SPDX-License-Identifier: Apache-2.0
"""Virtual machines."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from vmkit.base.events import EventStream, EventSubscription
from vmkit.base.stop import ProgressCallback, Stop, call_options
from vmkit.base.streams import ByteStream, duplex
from vmkit.vm.records import MachineEvent, MachineState

if TYPE_CHECKING:
    from vmkit import _vmkit
    from vmkit.base.types import Seconds, Size, StrPath
    from vmkit.vm.config import Disk, MachineConfig, Share
    from vmkit.vm.records import MachineDiagnostics, MachineStatistics


def _is_over(event: MachineEvent) -> bool:
    return event.state in (MachineState.stopped, MachineState.failed)


class VsockListener:
    """Takes the connections that programs in a guest make to one vsock port of its host.

    Example::

        with machine.listen_vsock(1024) as listener:
            stream = listener.accept(timeout=10)
    """

    __slots__ = ("_handle",)

    def __init__(self, handle: _vmkit.VsockListener) -> None:
        self._handle = handle

    def accept(self, *, timeout: Seconds | None = None, stop: Stop | None = None) -> ByteStream:
        """The next connection; waits until there is one."""
        return duplex(self._handle.accept(call_options(timeout, stop)))

    def close(self) -> None:
        """Refuses those that come later."""
        self._handle.close()

    def __enter__(self) -> VsockListener:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Machine:
    """One run of one virtual machine, made by `Backend.create`. Its end (``close``, the ``with``
    block's, the garbage collector's) kills it.

    Example::

        with backend.create(config) as machine:
            machine.start()
            print(machine.wait(timeout=60).reason)
    """

    __slots__ = ("__weakref__", "_handle")

    def __init__(self, handle: _vmkit.Machine) -> None:
        self._handle = handle

    def close(self) -> None:
        """Kills the machine if it still runs, and lets go of it. May be called again."""
        if not self._handle.closed:
            self._handle.kill()
            self._handle.close()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._handle.closed

    def __enter__(self) -> Machine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def config(self) -> MachineConfig:
        """What it was made of: a copy."""
        return self._handle.config()

    @property
    def state(self) -> MachineState:
        """What it does now."""
        return self._handle.state()

    def start(self, *, timeout: Seconds | None = None, stop: Stop | None = None) -> None:
        """Starts the machine and returns as soon as its processors run: it does not wait for the
        guest."""
        self._handle.start(call_options(timeout, stop))

    def restore(
        self, file: StrPath, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> None:
        """Instead of `start`: brings the machine to where `save` left one, paused."""
        self._handle.restore(file, call_options(timeout, stop))

    def save(
        self,
        file: StrPath,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
        progress: ProgressCallback | None = None,
    ) -> None:
        """Writes a paused machine's memory, processors and devices into a file.

        Example::

            machine.pause()
            machine.save("memory.state")
        """
        self._handle.save(file, call_options(timeout, stop, progress))

    def stop(
        self, grace: Seconds = 10.0, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> None:
        """Presses the guest's power button and waits for the end; after `grace` kills it."""
        self._handle.stop(grace, call_options(timeout, stop))

    def kill(self) -> None:
        """Ends the machine at once, as if its plug was pulled."""
        self._handle.kill()

    def pause(self, *, timeout: Seconds | None = None, stop: Stop | None = None) -> None:
        """Halts the processors."""
        self._handle.pause(call_options(timeout, stop))

    def resume(self, *, timeout: Seconds | None = None, stop: Stop | None = None) -> None:
        """Lets the processors go on."""
        self._handle.resume(call_options(timeout, stop))

    def wait(self, *, timeout: Seconds | None = None, stop: Stop | None = None) -> MachineEvent:
        """Waits for the end and returns the final event."""
        return self._handle.wait(call_options(timeout, stop))

    def on_event(self, handler: Callable[[MachineEvent], object]) -> EventSubscription:
        """Calls `handler`, in a thread of the library's, for every event from now on. It must not
        start, stop, kill, pause, resume or wait for this machine."""
        return EventSubscription(self._handle.on_event(handler))

    def events(self) -> EventStream[MachineEvent]:
        """The events from now on, to iterate over. Example: ``for e in machine.events(): ...``"""
        return EventStream(self.on_event, _is_over)

    def open_port(
        self, name: str, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> ByteStream:
        """Connects to the port of that name of the configuration: one connection at a time."""
        return duplex(self._handle.open_port(name, call_options(timeout, stop)))

    def connect_vsock(
        self, port: int, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> ByteStream:
        """Connects to the program in the guest that listens on this vsock port."""
        return duplex(self._handle.connect_vsock(port, call_options(timeout, stop)))

    def listen_vsock(
        self, port: int, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> VsockListener:
        """Has the connections taken that programs in the guest make to this vsock port."""
        return VsockListener(self._handle.listen_vsock(port, call_options(timeout, stop)))

    def set_share(
        self, share: Share, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> None:
        """Gives the guest another folder where it has mounted ``share.tag``."""
        self._handle.set_share(share, call_options(timeout, stop))

    def attach_disk(
        self, disk: Disk, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> None:
        """Plugs a USB disk into the guest."""
        self._handle.attach_disk(disk, call_options(timeout, stop))

    def detach_disk(
        self, identifier: str, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> None:
        """Pulls a disk that `attach_disk` has plugged in."""
        self._handle.detach_disk(identifier, call_options(timeout, stop))

    def console_tail(self, lines: int = 100) -> list[str]:
        """The last lines of the guest's console."""
        return self._handle.console_tail(lines)

    def statistics(
        self, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> MachineStatistics:
        """What the machine takes of the host."""
        return self._handle.statistics(call_options(timeout, stop))

    def set_memory_target(
        self, target: Size, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> None:
        """Asks the guest to do with so much memory; it follows in its own time."""
        self._handle.set_memory_target(target, call_options(timeout, stop))

    @property
    def diagnostics(self) -> MachineDiagnostics:
        """For diagnosis only: process, accelerator, folder, screen."""
        return self._handle.diagnostics()
