# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vmkit import _vmkit

if TYPE_CHECKING:
    from vmkit.base.types import Seconds


class EndpointKind(enum.Enum):
    """What an endpoint is.

    Example::

        Endpoint.tcp(80).kind is EndpointKind.tcp
    """

    tcp = "tcp"
    udp = "udp"
    unix_socket = "unix_socket"


@dataclass(kw_only=True, slots=True, frozen=True)
class Endpoint:
    """Where connections are accepted or made, on the host or in the guest.

    Example::

        Endpoint.tcp(8080)
    """

    kind: EndpointKind = EndpointKind.tcp
    address: str = "127.0.0.1"
    """Numeric, IPv4 or IPv6; "localhost" is 127.0.0.1. No names are looked up."""
    port: int = 0
    """To listen at: 0 picks a free one."""
    path: str = ""
    """Of a unix socket: in the guest absolute, and resolved in the container's root."""

    @staticmethod
    def tcp(port: int, address: str = "127.0.0.1") -> Endpoint:
        """Example: ``Endpoint.tcp(8080)``."""
        return Endpoint(kind=EndpointKind.tcp, address=address, port=port)

    @staticmethod
    def udp(port: int, address: str = "127.0.0.1") -> Endpoint:
        """Example: ``Endpoint.udp(53)``."""
        return Endpoint(kind=EndpointKind.udp, address=address, port=port)

    @staticmethod
    def unix_socket(path: str) -> Endpoint:
        """Example: ``Endpoint.unix_socket("/run/app.sock")``."""
        return Endpoint(kind=EndpointKind.unix_socket, address="", path=path)

    def __str__(self) -> str:
        return _vmkit.endpoint_text(self)


@dataclass(kw_only=True, slots=True)
class ForwardOptions:
    """Bounds of one forward.

    Example::

        ForwardOptions(max_connections=4)
    """

    max_connections: int = 64
    """Connections at once; others wait until one has ended. Of UDP: senders, others are not
    heard."""
    idle_limit: Seconds = 60.0
    """UDP only: how long a sender may be silent before its answers find no way back."""
    permissions: int | None = None
    """Of a unix socket that is made: by default 0600 on the host and 0666 in the guest."""


@dataclass(kw_only=True, slots=True, frozen=True)
class GuestEvent:
    """Something that happened in the guest; docs/formats/agent-protocol.md lists the types.
    Told by the guest: do not trust it.

    Example::

        client.on_event(lambda event: print(event.type))
    """

    type: str
    """ "lost": the host did not keep up, and attribute "count" says how many events are
    missing."""
    attributes: dict[str, str] = field(default_factory=dict)
    """What else is known, by name: text as it is, everything else as JSON."""

    def number(self, name: str) -> int | None:
        """An attribute as a whole number; None if it is missing or is none."""
        try:
            return int(self.attributes[name])
        except (KeyError, ValueError):
            return None


@dataclass(kw_only=True, slots=True, frozen=True)
class AgentInfo:
    """What the agent says of itself and its machine. Told by the guest: do not trust it.

    Example::

        client.info.kernel_release
    """

    protocol_version: int = 0
    agent_version: str
    kernel_release: str
    """as `uname -r`"""
    architecture: str
    """as `uname -m`"""
    root_mounted: bool = False
    """by an earlier client"""


@dataclass(kw_only=True, slots=True)
class GuestSettings:
    """Settings of the running machine; what is not set stays as it is.

    Example::

        GuestSettings(hostname="box")
    """

    hostname: str | None = None
    set_clock: bool = True
    """Sets the guest's clock to the host's if they are more than a second apart."""
    seed_random: bool = True
    """Gives the guest's random number generator 32 bytes of the host's: needed after a
    restore, where two machines would otherwise draw the same numbers."""


@dataclass(kw_only=True, slots=True)
class PowerOff:
    """How a machine ends.

    Example::

        PowerOff(signal=15, grace=5)
    """

    signal: int = 0
    """Sent to each process that was started by a client and still runs; 0: none."""
    grace: Seconds = 0.0
    """How long these may take to end. What runs after that, or was started by them, is killed."""


@dataclass(kw_only=True, slots=True)
class ReconnectOptions:
    """How long a lost connection is tried again.

    Example::

        Client(machine, ReconnectOptions(limit=5), timeout=60)
    """

    limit: Seconds = 30.0
    """How long it is tried to make a lost connection again. The guest keeps what is needed for
    that for 30 s."""
