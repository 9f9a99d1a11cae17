# SPDX-License-Identifier: Apache-2.0
"""Cancelling calls from other threads, and what every long call takes."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Optional, Union

from vmkit import _vmkit

if TYPE_CHECKING:
    from vmkit.base.records import Progress
    from vmkit.base.types import Seconds

ProgressCallback = Callable[["Progress"], object]
"""Called by one thread at a time, about ten times a second for each subject and once at its end.
What it raises stops the call and comes back to the caller unchanged."""


class StopToken:
    """The asking side of cancellation. Made by :meth:`StopSource.token`.

    Example::

        while not token.stop_requested: work()
    """

    __slots__ = ("_handle",)

    def __init__(self, handle: _vmkit.StopToken) -> None:
        self._handle = handle

    @property
    def stop_requested(self) -> bool:
        """Whether a stop has been requested."""
        return self._handle.stop_requested()

    def wait(self, duration: Seconds) -> bool:
        """Sleeps so long, or until a stop is requested; True if one is."""
        return self._handle.wait_for(duration, None)

    def on_stop(self, callback: Callable[[], object]) -> StopCallback:
        """See :class:`StopCallback`. Example: ``with token.on_stop(socket.close): ...``"""
        return StopCallback(self, callback)


class StopSource:
    """Requests a stop, once and for good, of every call that was given it as ``stop=``.

    Example::

        source = vmkit.StopSource()
        threading.Timer(5, source.request_stop).start()
        vmkit.pull(client, store, "debian:12", stop=source)
    """

    __slots__ = ("_handle",)

    def __init__(self) -> None:
        self._handle = _vmkit.make_stop_source()

    def token(self) -> StopToken:
        """What to give to those who only ask."""
        return StopToken(self._handle.token())

    @property
    def stop_requested(self) -> bool:
        """Whether :meth:`request_stop` was called."""
        return self.token().stop_requested

    def request_stop(self) -> None:
        """Stops the calls: they raise CancelledError within about 0.1 s."""
        self._handle.request_stop()


class StopCallback:
    """While it lives, `callback` runs when a stop is requested: at once, if one already was.

    Example::

        with StopCallback(source.token(), lambda: print("stopping")):
            work()
    """

    __slots__ = ("_handle",)

    def __init__(self, token: StopToken, callback: Callable[[], object]) -> None:
        self._handle = _vmkit.make_stop_callback(token, callback)

    def close(self) -> None:
        """Ends it, after a callback that is running in another thread."""
        self._handle.close()

    def __enter__(self) -> StopCallback:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


Stop = Union[StopToken, StopSource]

Call = Optional[tuple[Optional["Seconds"], Optional[StopToken], Optional[ProgressCallback]]]


def call_options(
    timeout: Seconds | None,
    stop: Stop | None,
    progress: ProgressCallback | None = None,
) -> Call:
    """For the extension: what every long call takes."""
    if timeout is None and stop is None and progress is None:
        return None
    return (timeout, stop.token() if isinstance(stop, StopSource) else stop, progress)
