# SPDX-License-Identifier: Apache-2.0
"""Connections between host and guest."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.agent.records import ForwardOptions

if TYPE_CHECKING:
    from vmkit.agent.records import Endpoint


class HostListener:
    """A place on the host that is taken for a forward before the guest is there: connections wait.

    Example::

        listener = HostListener(Endpoint.tcp(8080))
        forward = client.forward_listener(listener, Endpoint.tcp(80))
    """

    __slots__ = ("_handle",)

    def __init__(self, endpoint: Endpoint, options: ForwardOptions | None = None) -> None:
        self._handle = _vmkit.listen_on_host(endpoint, options or ForwardOptions())

    @property
    def endpoint(self) -> Endpoint:
        """With the port that was picked."""
        return self._handle.endpoint()

    def close(self) -> None:
        """Gives the place back. May be called again."""
        self._handle.close()


class Forward:
    """Passes connections on for as long as it lives; made by `Container.forward`.

    Example::

        with box.forward(Endpoint.tcp(0), Endpoint.tcp(80)) as forward:
            urllib.request.urlopen(f"http://127.0.0.1:{forward.listening.port}")
    """

    __slots__ = ("_handle",)

    def __init__(self, handle: _vmkit.Forward) -> None:
        self._handle = handle

    @property
    def listening(self) -> Endpoint:
        """Where it listens, with the port that was picked."""
        return self._handle.listening()

    @property
    def target(self) -> Endpoint:
        """Where it connects to."""
        return self._handle.target()

    @property
    def connections(self) -> int:
        """How many there are now."""
        return self._handle.connections()

    def close(self) -> None:
        """Ends it and its connections. May be called again."""
        self._handle.close()

    def __enter__(self) -> Forward:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
