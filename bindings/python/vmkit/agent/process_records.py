# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.agent.spec import Capabilities, SeccompFilter, SeccompMode
from vmkit.base.types import MiB

if TYPE_CHECKING:
    from vmkit.agent.spec import Rlimit
    from vmkit.base.types import Size


class Stdio(enum.Enum):
    """What a standard stream of a process is.

    Example::

        box.exec("cat", stdin=Stdio.pipe)
    """

    null = "null"
    """/dev/null"""
    pipe = "pipe"
    """Process.stdin_sink() and so on are its other end"""
    kept = "kept"
    """as pipe, but nobody is there at first: Client.attach() finds it"""


@dataclass(kw_only=True, slots=True, frozen=True)
class TerminalSize:
    """Of a terminal, in characters.

    Example::

        box.exec("bash", terminal=TerminalSize(rows=40, columns=120))
    """

    rows: int = 24
    columns: int = 80


@dataclass(kw_only=True, slots=True)
class OutputOptions:
    """What the guest keeps of an output. Bytes that a reader has not had yet are never dropped
    while it is there, or may come back: then the process waits. While nobody reads, the
    oldest go.

    Example::

        box.exec("make", kept_output=OutputOptions(after_reading=True))
    """

    bytes: Size = MiB
    """How much of standard output, and how much of standard error: 4 KiB to 64 MiB."""
    after_reading: bool = False
    """Keep what was read, too, so that it can be read again, and after the end of the process
    until Process.forget(). (256 ended processes are kept, with 16 MiB in all: then the
    oldest go.)"""


@dataclass(kw_only=True, slots=True)
class ProcessSpec:
    """What to start. Text must be UTF-8; all of it together may be about 1 MiB.

    Example::

        ProcessSpec(args=["/bin/sh", "-c", "true"])
    """

    args: list[str]
    """The program and its arguments. A program without '/' is looked for in the PATH of `env`,
    in the guest."""
    env: list[str] = field(default_factory=list)
    """ "NAME=value". HOME is added from the image's /etc/passwd if it is missing."""
    working_directory: str = "/"
    """Absolute; made if it is missing."""
    user: str = ""
    """ "user", "uid", "user:group", "uid:gid" or a mixture, as in an OCI image configuration;
    names are looked up in the image's own files. Empty: root."""
    groups: list[str] = field(default_factory=list)
    """Supplementary groups by name or number, besides those that the image gives the user."""
    umask: int = 0o22
    rlimits: list[Rlimit] = field(default_factory=list)
    """of two of one name the last counts"""
    capabilities: Capabilities = field(
        default_factory=lambda: Capabilities.of(_vmkit.default_capabilities())
    )
    no_new_privileges: bool = False
    oom_score_adj: int | None = None
    """-1000 to 1000."""
    seccomp_mode: SeccompMode = SeccompMode.container
    seccomp: SeccompFilter = field(default_factory=SeccompFilter)
    stdin_mode: Stdio = Stdio.null
    stdout_mode: Stdio = Stdio.pipe
    stderr_mode: Stdio = Stdio.pipe
    terminal: TerminalSize | None = None
    """Run it on a terminal of this size, in a session of its own. Standard output is then both
    outputs; stderr_mode does not count."""
    kept_output: OutputOptions = field(default_factory=OutputOptions)


@dataclass(kw_only=True, slots=True, frozen=True)
class ExitStatus:
    """How a process ended.

    Example::

        process.status.signal
    """

    code: int = 0
    """what it returned, if it exited"""
    signal: int = 0
    """what killed it; 0 if it exited"""

    @property
    def exited(self) -> bool:
        """Whether it ended by itself."""
        return self.signal == 0

    @property
    def returncode(self) -> int:
        """As subprocess has it: the code, or the negative signal."""
        return self.code if self.exited else -self.signal


@dataclass(kw_only=True, slots=True, frozen=True)
class ProcessInfo:
    """What runs in a guest, as Client.processes() tells it.

    Example::

        box.processes()[0].handle
    """

    handle: int = 0
    """for Client.attach()"""
    pid: int = 0
    program: str
    terminal: bool = False
    status: ExitStatus | None = None
    """once it has ended"""


@dataclass(kw_only=True, slots=True)
class AttachOptions:
    """Which of a process's standard streams are wanted, and from where on its outputs are
    read.

    Example::

        box.attach(handle, AttachOptions(tail="4KiB"))
    """

    stdin_sink: bool = False
    """takes the place of whoever writes it"""
    stdout_source: bool = True
    stderr_source: bool = True
    """ends at once if the process has none"""
    stdout_offset: int = 0
    """From the beginning. If that is not kept any more, from the first byte that is:
    ProcessOutput.offset() tells. invalid_argument if there was never so much."""
    stderr_offset: int = 0
    tail: Size | None = None
    """So many bytes of what there is of each, instead of the offsets."""
    follow: bool = True
    """Also what is still to come; otherwise the outputs end where they end now."""
