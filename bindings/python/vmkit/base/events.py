# SPDX-License-Identifier: Apache-2.0
"""Events, as calls of a function or one after another."""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Generic, TypeVar

from vmkit.errors import TimeoutError

if TYPE_CHECKING:
    from vmkit import _vmkit
    from vmkit.base.types import Seconds

Event = TypeVar("Event")


class EventSubscription:
    """While it lives, a function is called for every event; its end waits for a call that is running
    in another thread.

    Example::

        with box.on_event(print):
            box.run("true")
    """

    __slots__ = ("_handle",)

    def __init__(self, handle: _vmkit.EventSubscription) -> None:
        self._handle = handle

    def close(self) -> None:
        """Ends it. May be called again."""
        self._handle.close()

    def __enter__(self) -> EventSubscription:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class EventStream(Generic[Event]):
    """Events one after another: an iterator that waits for the next, and ends after the last there
    can be, or with `close`. If nobody asks, the latest thousand are kept; `lost` counts the others.

    Example::

        with box.events() as events:
            for event in events:
                print(event.type, event.attributes)
    """

    LIMIT = 1000

    def __init__(
        self,
        subscribe: Callable[[Callable[[Event], object]], EventSubscription],
        is_last: Callable[[Event], bool],
    ) -> None:
        self.lost = 0
        """How many events were dropped because nobody took them in time."""
        self._is_last = is_last
        self._events: collections.deque[Event] = collections.deque()
        self._changed = threading.Condition()
        self._ended = False
        self._subscription = subscribe(self._add)

    def _add(self, event: Event) -> None:
        with self._changed:
            if len(self._events) == self.LIMIT:
                self._events.popleft()
                self.lost += 1
            self._events.append(event)
            self._ended = self._ended or self._is_last(event)
            self._changed.notify_all()

    def next(self, timeout: Seconds | None = None) -> Event:
        """The next event. Raises TimeoutError, and StopIteration at the end."""
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self._events) or self._ended, seconds):
                raise TimeoutError(f"no event within {seconds} s")
            if not self._events:
                raise StopIteration
            return self._events.popleft()

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        return self.next()

    def close(self) -> None:
        """No more events come; what waits for one ends."""
        self._subscription.close()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def __enter__(self) -> EventStream[Event]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
