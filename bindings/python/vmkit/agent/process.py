# SPDX-License-Identifier: Apache-2.0
"""Processes in a guest."""

from __future__ import annotations

import io
import signal as signals
import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.agent.process_records import ExitStatus, TerminalSize
from vmkit.base.stop import Stop, call_options
from vmkit.base.streams import ByteStream, reader
from vmkit.errors import FailedPreconditionError, TimeoutError

if TYPE_CHECKING:
    from vmkit.base.types import Seconds


def signal_number(name: str) -> int | None:
    """The number of a signal in the guest (Linux): "KILL", "SIGKILL", "9", "SIGRTMIN+3".

    Example::

        signal_number("TERM") == 15
    """
    return _vmkit.signal_number(name)


class Process:
    """A process in a guest, made by `Container.exec` and `attach`; used as subprocess.Popen.

    Its end neither kills nor closes anything: the process runs on until the machine ends, and can be
    attached to again by its `handle`. A ``with`` block closes the streams and waits.

    Example::

        with box.exec("sh", "-c", "read x; echo got $x", stdin=Stdio.pipe) as process:
            output, errors = process.communicate(b"this\\n")
    """

    def __init__(
        self,
        handle: _vmkit.Process,
        args: Sequence[str] = (),
        *,
        stdin: bool = False,
        stdout: bool = True,
        stderr: bool = True,
    ) -> None:
        self._handle = handle
        self.args = list(args)
        """The program and its arguments, as they were given."""
        self.stdin: io.BufferedWriter | None = None
        """A binary file, if the process was started with ``stdin=Stdio.pipe``."""
        self.stdout: io.BufferedReader | None = None
        """A binary file, if standard output is a pipe (or a terminal)."""
        self.stderr: io.BufferedReader | None = None
        """A binary file, if standard error is a pipe."""
        self._status: ExitStatus | None = None
        if stdin:
            raw = ByteStream(handle.stdin(), readable=False, writable=True)
            self.stdin = io.BufferedWriter(raw, 65536)
        if stdout:
            self.stdout = reader(handle.stdout())
        if stderr:
            self.stderr = reader(handle.stderr())

    def __repr__(self) -> str:
        return f"<vmkit process {self.args!r}>"

    @property
    def handle(self) -> int:
        """Names it for `Container.attach`, also of another host process."""
        return self._handle.handle()

    @property
    def pid(self) -> int:
        """The number that the guest's kernel gave it."""
        return self._handle.pid()

    @property
    def status(self) -> ExitStatus | None:
        """How it has ended, as far as `wait` or `poll` know."""
        return self._status

    @property
    def returncode(self) -> int | None:
        """As subprocess has it: the code, or the negative signal; None: see `status`."""
        return None if self._status is None else self._status.returncode

    def wait(self, timeout: Seconds | None = None, *, stop: Stop | None = None) -> int:
        """Waits for the end of the process itself and returns its `returncode`. Raises TimeoutError.

        Example::

            process.wait(timeout=5)
        """
        if self._status is None:
            self._status = self._handle.wait(call_options(timeout, stop))
        return self._status.returncode

    def poll(self) -> int | None:
        """The `returncode` if it has ended, else None."""
        try:
            return self.wait(timeout=0.05)
        except TimeoutError:
            return None

    def send_signal(
        self,
        signal: int | str,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Sends a signal by its number or by its Linux name, "HUP" or "SIGHUP".

        Example::

            process.send_signal("HUP")
        """
        call = call_options(timeout, stop)
        if isinstance(signal, str):
            self._handle.signal_name(signal, call)
        else:
            self._handle.signal(signal, call)

    def terminate(self) -> None:
        """SIGTERM; nothing if it has ended."""
        self._signal_if_running(signals.SIGTERM)

    def kill(self) -> None:
        """SIGKILL; nothing if it has ended."""
        self._signal_if_running(signals.SIGKILL)

    def _signal_if_running(self, number: int) -> None:
        try:
            self.send_signal(int(number))
        except FailedPreconditionError:
            pass

    def lines(self, encoding: str = "utf-8", errors: str = "replace") -> Iterator[str]:
        """The lines of standard output as text, as they come, without their ends.

        Example::

            for line in box.exec("tail", "-f", "/var/log/app").lines():
                print(line)
        """
        if self.stdout is None:
            raise FailedPreconditionError("the standard output of the process is no pipe")
        for line in self.stdout:
            yield line.decode(encoding, errors).rstrip("\r\n")

    def communicate(
        self,
        input: bytes | None = None,
        timeout: Seconds | None = None,
        *,
        stop: Stop | None = None,
    ) -> tuple[bytes, bytes]:
        """Writes `input`, reads all output, and waits: standard output and error. When that is not
        over after `timeout`, raises TimeoutError; the process runs on, and its output is lost.

        Example::

            output, errors = process.communicate(b"data", timeout=30)
        """
        outputs = [b"", b""]
        failures: list[BaseException] = []

        def collect(index: int, file: io.BufferedReader) -> None:
            try:
                outputs[index] = file.read()
            except (OSError, ValueError, RuntimeError) as error:
                failures.append(error)

        files = [(0, self.stdout), (1, self.stderr)]
        threads = [
            threading.Thread(target=collect, args=(index, file), daemon=True)
            for index, file in files
            if file is not None
        ]
        for thread in threads:
            thread.start()
        try:
            if self.stdin is not None:
                self._feed(input)
            self.wait(timeout, stop=stop)
        except BaseException:
            self._close_outputs()
            raise
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return outputs[0], outputs[1]

    def _feed(self, input: bytes | None) -> None:
        assert self.stdin is not None
        try:
            if input:
                self.stdin.write(input)
            self.stdin.close()
        except ConnectionError:
            pass  # it does not want to read it all, as in subprocess

    def _close_outputs(self) -> None:
        for file in (self.stdout, self.stderr):
            if file is not None:
                file.raw.close()

    def resize(self, rows: int, columns: int) -> None:
        """Changes the size of its terminal."""
        self._handle.resize(TerminalSize(rows=rows, columns=columns), None)

    @property
    def stdout_offset(self) -> int:
        """How many bytes of standard output have come from the guest: for AttachOptions."""
        return self._handle.stdout_offset()

    @property
    def stderr_offset(self) -> int:
        """The same of standard error."""
        return self._handle.stderr_offset()

    def close_stdout(self) -> None:
        """Nobody will read standard output any more: the process gets SIGPIPE if it writes."""
        self._handle.close_stdout(None)

    def close_stderr(self) -> None:
        """The same of standard error."""
        self._handle.close_stderr(None)

    def forget(self) -> None:
        """Its output is of no more interest: when it has ended, the guest forgets it."""
        self._handle.forget(None)

    def close(self) -> None:
        """Closes the streams and lets go of the process, which runs on. May be called again."""
        if self._handle.closed:
            return
        if self.stdin is not None:
            try:
                self.stdin.close()
            except ConnectionError:
                pass  # it does not read any more
        self._close_outputs()
        self._handle.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                if self.stdin is not None:
                    self._feed(None)
                self.wait()
        finally:
            self.close()
