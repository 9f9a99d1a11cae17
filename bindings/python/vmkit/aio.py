# SPDX-License-Identifier: Apache-2.0
"""vmkit for asyncio.

Calls run in threads, so that the event loop goes on; a task that is cancelled stops its call, and
waits until that has ended (within about 0.1 s), so that nothing is half done::

    async def main():
        async with await vmkit.aio.Container.create("docker.io/library/debian:12") as box:
            result = await box.run("uname", "-r")
            print(result.stdout)

    asyncio.run(main())

What has no class here goes through :func:`call`, which runs any function of vmkit that takes
``stop``::

    image = await vmkit.aio.call(vmkit.pull, client, store, "debian:12")
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import subprocess
import threading
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, overload

from vmkit.agent.process import Process as _Process
from vmkit.base.events import EventStream
from vmkit.base.stop import StopSource
from vmkit.container.container import Container as _Container
from vmkit.errors import CancelledError, TimeoutError

if TYPE_CHECKING:
    from vmkit.agent.files import Files
    from vmkit.agent.forward import Forward
    from vmkit.agent.records import Endpoint, ForwardOptions
    from vmkit.agent.statistics import Statistics
    from vmkit.base.types import Seconds
    from vmkit.container.options import Probe
    from vmkit.container.records import ContainerEvent
    from vmkit.oci.documents import Image
    from vmkit.oci.reference import Reference
    from vmkit.vm.records import MachineEvent

__all__ = ["Container", "Process", "call"]

P = ParamSpec("P")
T = TypeVar("T")


async def call(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs a function of vmkit in a thread of its own and awaits its result. Cancelling the task
    stops the function, if it takes ``stop`` (and was given none).

    Example::

        report = await vmkit.aio.call(store.verify)
    """
    source: StopSource | None = None
    if "stop" in inspect.signature(function).parameters and kwargs.get("stop") is None:
        source = StopSource()
        kwargs["stop"] = source
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is None:
            future.set_result(result)  # type: ignore[arg-type]
        elif isinstance(error, StopIteration):
            # A future cannot hold one.
            future.set_exception(RuntimeError("the iterator has ended"))
        else:
            future.set_exception(error)

    def work() -> None:
        try:
            result = context.run(functools.partial(function, *args, **kwargs))
        except BaseException as error:
            outcome: tuple[T | None, BaseException | None] = (None, error)
        else:
            outcome = (result, None)
        try:
            loop.call_soon_threadsafe(settle, *outcome)
        except RuntimeError:
            pass  # the loop is closed: nobody waits

    # Not the loop's executor: a call may wait for hours, and must not be in the way of others.
    threading.Thread(target=work, name="vmkit.aio", daemon=True).start()
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if source is not None:
            source.request_stop()
            try:
                await asyncio.shield(future)
            except CancelledError:
                pass
            except Exception:
                pass  # it failed meanwhile: the task was cancelled all the same
        raise


class Process:
    """A process in a guest; see `vmkit.Process`, which is ``sync``.

    Example::

        process = await box.exec("tail", "-f", "/var/log/app")
        async for line in process.lines():
            print(line)
    """

    __slots__ = ("sync",)

    def __init__(self, sync: _Process) -> None:
        self.sync = sync

    @property
    def pid(self) -> int:
        """The number that the guest's kernel gave it."""
        return self.sync.pid

    async def wait(self, timeout: Seconds | None = None) -> int:
        """Waits for its end and returns its `returncode`."""
        return await call(self.sync.wait, timeout)

    async def send_signal(self, signal: int | str) -> None:
        """Sends a signal by its number or by its Linux name."""
        await call(self.sync.send_signal, signal)

    async def communicate(
        self, input: bytes | None = None, timeout: Seconds | None = None
    ) -> tuple[bytes, bytes]:
        """Writes `input`, reads all output, and waits."""
        return await call(self.sync.communicate, input, timeout)

    async def lines(self, encoding: str = "utf-8", errors: str = "replace") -> AsyncIterator[str]:
        """The lines of standard output as text, as they come."""
        lines = self.sync.lines(encoding, errors)

        def following() -> str | None:
            return next(lines, None)

        try:
            while (line := await call(following)) is not None:
                yield line
        except asyncio.CancelledError:
            self.sync.close()  # ends the thread that reads
            raise


class Container:
    """A container; see `vmkit.Container`, which is ``sync``. As ``async with`` block it is started at
    the beginning.

    Example::

        async with await vmkit.aio.Container.create("debian:12") as box:
            print((await box.run("id")).stdout)
    """

    __slots__ = ("sync",)

    def __init__(self, sync: _Container) -> None:
        self.sync = sync

    @classmethod
    async def create(cls, image: Image | Reference | str, **options: Any) -> Container:
        """With the arguments of `vmkit.Container`."""
        return cls(await call(_Container, image, **options))

    async def __aenter__(self) -> Container:
        try:
            await call(self.sync.start)
        except BaseException:
            await call(self.sync.close)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await call(self.sync.__exit__, kind, error, traceback)

    async def start(self) -> None:
        """Boots the machine and returns when processes can be started in it."""
        await call(self.sync.start)

    async def stop(self, grace: Seconds = 10.0) -> None:
        """Asks each process to end, and powers the machine off."""
        await call(self.sync.stop, grace)

    async def close(self) -> None:
        """Ends the machine at once if it still runs."""
        await call(self.sync.close)

    async def wait(self) -> MachineEvent:
        """Waits until the machine has ended."""
        return await call(self.sync.wait)

    async def exec(self, *args: str, **options: Any) -> Process:
        """Starts a process, with the arguments of `vmkit.Container.exec`."""
        return Process(await call(self.sync.exec, *args, **options))

    @overload
    async def run(
        self, *args: str, text: Literal[True] = True, **options: Any
    ) -> subprocess.CompletedProcess[str]: ...

    @overload
    async def run(
        self, *args: str, text: Literal[False], **options: Any
    ) -> subprocess.CompletedProcess[bytes]: ...

    async def run(
        self, *args: str, text: bool = True, **options: Any
    ) -> subprocess.CompletedProcess[str] | subprocess.CompletedProcess[bytes]:
        """Runs a program to its end, with the arguments of `vmkit.Container.run`. A task that is
        cancelled kills it."""
        if text:
            return await call(self.sync.run, *args, text=True, **options)
        return await call(self.sync.run, *args, text=False, **options)

    async def wait_ready(self, probe: Probe, timeout: Seconds | None = None) -> None:
        """Returns when a try of `probe` has succeeded."""
        await call(self.sync.wait_ready, probe, timeout=timeout)

    async def statistics(self) -> Statistics:
        """What the container uses."""
        return await call(self.sync.statistics)

    def forward(
        self, listen: Endpoint, target: Endpoint, options: ForwardOptions | None = None
    ) -> Forward:
        """Passes connections on; waits for nothing."""
        return self.sync.forward(listen, target, options)

    @property
    def files(self) -> Files:
        """The container's files. Example: ``await vmkit.aio.call(box.files.read, "/etc/motd")``."""
        return self.sync.files

    async def events(self) -> AsyncIterator[ContainerEvent]:
        """The events from now on; the last is "ended"."""
        stream: EventStream[ContainerEvent] = self.sync.events()

        def following() -> ContainerEvent | None:
            while True:
                try:
                    return stream.next(timeout=3600)
                except TimeoutError:
                    continue
                except StopIteration:
                    return None

        try:
            while (event := await call(following)) is not None:
                yield event
        finally:
            stream.close()
